"""What operators and balancers ask: liveness, readiness, metrics."""

from fastapi import APIRouter, Request, Response, status
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway import health, models

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it do its work?", responses={503: {"model": models.Readiness}})
async def readyz(request: Request, response: Response) -> models.Readiness:
    """Ready when the orchestrator and the stages named in the settings answer that they serve; 503 otherwise."""
    ready = await health.readiness(request.app.state.dependencies)
    if not ready.ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return ready


@router.get("/metrics", summary="Prometheus metrics", response_class=Response, include_in_schema=False)
async def metrics() -> Response:
    """All metrics of this process in Prometheus' text form."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

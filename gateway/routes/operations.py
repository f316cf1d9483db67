"""What operators and balancers ask: liveness, readiness, metrics."""

from fastapi import Request, Response, status
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import etude
from etude.client.json_form import to_json
from gateway import health, models
from gateway.callers import client_of
from gateway.routing import api_router

router = api_router("operations")


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "ok"}


@router.get("/health", summary="Is the gateway alive?")
async def get_health() -> models.Health:
    """Answers as long as the process does, with its version."""
    return models.Health(status="ok", version=etude.__version__)


@router.get(
    "/health/detailed",
    summary="How is everything it stands on?",
    responses={503: {"description": "Something is not serving.", "model": models.SystemHealth}},
)
async def get_detailed_health(request: Request, response: Response) -> models.SystemHealth:
    """Asks the database, the object store and each stage now, and says how long each took; 503 when one fails."""
    found = models.SystemHealth.model_validate(to_json(await client_of(request).system_health()))
    if not found.healthy:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return found


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

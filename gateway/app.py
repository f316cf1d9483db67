"""The HTTP application: its routes, what surrounds them, and how errors look."""

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any

import grpc
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

import etude
from gateway.body_limit import BodyLimit
from gateway.context import RequestContext
from gateway.errors import install_error_handlers
from gateway.limits import RateLimits
from gateway.local_user import LocalUserGuard
from gateway.pages import install_pages
from gateway.rate_limit import Limiter, MemoryLimiter
from gateway.routes import artifacts, auth, catalogue, jobs, operations
from gateway.routing import install_routers
from gateway.settings import GatewaySettings

DESCRIPTION = """Sheet music in, a fingered piano score out.

Send a PDF, picture, MusicXML or MIDI file to `POST /api/v1/jobs`, watch `GET /api/v1/jobs/{job_id}/events`, and
download the artifacts of the job. Every error has the same envelope:
`{"error": {"code", "reason", "message", "details", "trace_id"}}`. Every answer has an `X-Request-ID`; send your own to
find a request again in the logs.
"""

_MULTIPART_OVERHEAD = 1 << 20
"""Room for the form fields and boundaries around a document of the largest size."""

# They are asked in turn for each request, so those asked for most come first.
_ROUTERS = (jobs.router, artifacts.router, auth.public, auth.router, catalogue.router, operations.router)

_UNTRACED = frozenset({"/health", "/healthz", "/readyz", "/metrics"})

_CORS_ASKED = (
    "Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Range", "Last-Event-ID", "Range",
    "X-Request-ID", "traceparent", "tracestate",
)  # fmt: skip
_CORS_TOLD = (
    "Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After", "X-Request-ID",
    "X-Trace-ID",
)  # fmt: skip
"""Headers a page of another origin may send, and may read."""


def create_app(
    settings: GatewaySettings,
    channel: grpc.aio.Channel,
    dependencies: Mapping[str, grpc.aio.Channel],
    limiter: Limiter | None = None,
) -> FastAPI:
    """The application.

    Args:
        settings: Its settings.
        channel: To the orchestrator.
        dependencies: Channels to all that must serve for the gateway to be ready, by name.
        limiter: Counts requests; in memory when not given. The caller closes it.
    """
    app = FastAPI(
        title="Étude",
        version=etude.__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry={"operation_spans": False, "metrics": False, "logs": False, "exclude": _is_probe},
    )
    app.state.settings = settings
    app.state.channel = channel
    app.state.dependencies = dependencies
    app.state.closing = asyncio.Event()
    install_routers(app, _ROUTERS)
    install_pages(app)
    install_error_handlers(app, settings.max_upload_bytes)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.max_upload_bytes + _MULTIPART_OVERHEAD)
    app.add_middleware(LocalUserGuard, http_address=settings.http_address, origins=settings.cors_origins)
    app.add_middleware(RateLimits, settings=settings, limiter=limiter or MemoryLimiter())
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=_CORS_ASKED,
            expose_headers=_CORS_TOLD,
            max_age=3600,
        )
    app.add_middleware(RequestContext)
    return app


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in _UNTRACED

"""What surrounds every HTTP request: its id, security headers, its metrics, and its line in the log."""

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from prometheus_client import Histogram
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etude.mesh.logging import bound_context, get_logger
from etude.mesh.telemetry import current_trace_id, extract_trace
from gateway.errors import error_response, fault

_log = get_logger(__name__)
_ACCEPTABLE_ID = re.compile(r"[\x21-\x7e]{1,128}")

_IDS = RandomIdGenerator()

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""Sent with every answer that does not set them itself."""

REQUEST_SECONDS = Histogram(
    "etude_http_request_duration_seconds",
    "Seconds from the first byte of a request to the last byte of its answer",
    ("method", "route", "status"),
)


class RequestContext:
    """ASGI middleware that gives each request its id and each answer its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers_in = Headers(scope=scope)
        given = headers_in.get("x-request-id", "")
        request_id = given if _ACCEPTABLE_ID.fullmatch(given) else str(uuid.uuid4())
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", ()))
                given = {name.lower() for name, _ in headers}
                headers += ((b"x-request-id", request_id.encode()), (b"x-trace-id", current_trace_id().encode()))
                headers += (header for header in _SECURITY_HEADERS if header[0] not in given)
                message = {**message, "headers": headers}
            await send(message)

        started = time.perf_counter()
        with bound_context(request_id=request_id), _some_trace(headers_in):
            try:
                await self.app(scope, receive, send_with_headers)
            except HTTPException:
                raise
            except Exception:
                _log.exception("unhandled error", path=scope["path"])
                if status:
                    raise
                await error_response(fault())(scope, receive, send_with_headers)
            finally:
                seconds = time.perf_counter() - started
                # The template, not the path: ids in labels would make a time series per job.
                route = getattr(scope.get("route"), "path", "unmatched")
                REQUEST_SECONDS.labels(scope["method"], route, str(status or 500)).observe(seconds)
                log = _log.debug if route in ("/health", "/healthz", "/readyz", "/metrics") else _log.info
                log("http request", method=scope["method"], route=route, status=status, seconds=round(seconds, 4))


@contextmanager
def _some_trace(headers: Headers) -> Iterator[None]:
    """Makes sure that there is a trace id: the one of the exported span, of the caller, or a new one.

    Where no spans are exported, the id still goes to all services, so that it finds a request in all their logs.
    """
    if trace.get_current_span().get_span_context().is_valid:
        yield
        return
    found = extract_trace(headers)
    if not trace.get_current_span(found).get_span_context().is_valid:
        new = trace.SpanContext(_IDS.generate_trace_id(), _IDS.generate_span_id(), is_remote=False)
        found = trace.set_span_in_context(trace.NonRecordingSpan(new), found)
    token = context.attach(found)
    try:
        yield
    finally:
        context.detach(token)

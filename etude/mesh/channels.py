"""The one place that opens channels, and deadlines handed down.

A channel retries calls that ended UNAVAILABLE, with backoff, spreads calls over the replicas a `dns:///` name resolves
to, leaves out those that are not healthy, and carries the caller's trace, request id and job id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from etude.mesh.limits import KEEPALIVE_SECONDS, KEEPALIVE_TIMEOUT_SECONDS, MAX_MESSAGE_BYTES
from etude.mesh.logging import context_value
from etude.mesh.metadata import JOB_ID_KEY, REQUEST_ID_KEY
from etude.mesh.telemetry import TRACER_NAME

CallT = TypeVar("CallT", bound=grpc.aio.Call)

# Four attempts within about a second: enough for a replica that is replaced, not enough to hide one that is gone.
_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 3,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


class ChannelSettings(BaseSettings):
    """How channels are secured."""

    model_config = SettingsConfigDict(env_prefix="ETUDE_CHANNEL_", extra="ignore", frozen=True, env_ignore_empty=True)

    tls: bool = Field(default=False, description="Speak TLS to servers.")
    tls_ca: Path | None = Field(
        default=None, description="PEM roots servers are checked against; not set: the system's."
    )
    tls_certificate: Path | None = Field(default=None, description="PEM certificate chain shown to servers (mTLS).")
    tls_key: Path | None = Field(default=None, description="PEM private key of tls_certificate.")

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Credentials for a channel; None for one without TLS."""
        if not (self.tls or self.tls_ca or self.tls_certificate):
            return None
        read: Callable[[Path | None], bytes | None] = lambda path: path.read_bytes() if path else None  # noqa: E731
        return grpc.ssl_channel_credentials(read(self.tls_ca), read(self.tls_key), read(self.tls_certificate))


def open_channel(
    target: str,
    *,
    health_service: str | None = None,
    retry_buffer_bytes: int = MAX_MESSAGE_BYTES,
    settings: ChannelSettings | None = None,
) -> grpc.aio.Channel:
    """A channel to a server; close it, or use it as an asynchronous context manager.

    Args:
        target: "host:port", "unix:/path", or "dns:///name:port" to spread calls over all addresses of the name.
        health_service: Full service name whose health decides whether a replica gets calls. "" asks for the server as a
            whole; None does not ask (for servers of unknown make).
        retry_buffer_bytes: What a call has sent is kept in memory up to this size, and a call that has sent more is not
            retried. The default is enough for the largest Score; who begins failed uploads anew asks for little.
        settings: TLS; read from the environment when not given.
    """
    credentials = (settings or ChannelSettings()).credentials()
    interceptors: list[Any] = [_UnaryUnary(), _UnaryStream(), _StreamUnary(), _StreamStream()]
    options = _channel_options(health_service, retry_buffer_bytes)
    if credentials is None or target.startswith("unix"):
        return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    return grpc.aio.secure_channel(target, credentials, options=options, interceptors=interceptors)


@contextmanager
def cancelled_on_exit(call: CallT) -> Iterator[CallT]:
    """Cancels a streaming call when the block is left, whatever the reason; harmless once it has ended.

    Use it around `async for response in call`: a loop that is left early drops the call, but gRPC's objects refer to
    each other in a circle, so the server would work on until the garbage collector comes by.
    """
    try:
        yield call
    finally:
        call.cancel()


def remaining_timeout(
    context: grpc.aio.ServicerContext[Any, Any], *, limit_s: float | None = None, reserve_s: float = 0.0
) -> float | None:
    """The `timeout=` for a call made while handling one: the time the caller still waits, in seconds.

    Always hand it over explicitly; a timeout in a service config fires early and the server never hears of it.

    Args:
        context: Of the call being handled.
        limit_s: The most this call may take whatever the caller would wait.
        reserve_s: What is kept back to answer the caller.

    Returns:
        None when neither the caller nor `limit_s` bounds it. At least a millisecond, so that a late call fails as such.
    """
    remaining = context.time_remaining()
    bounds = [bound for bound in (remaining and remaining - reserve_s, limit_s) if bound is not None]
    return max(min(bounds), 0.001) if bounds else None


def _channel_options(health_service: str | None, retry_buffer_bytes: int) -> list[tuple[str, Any]]:
    config: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [{"name": [{}], "retryPolicy": _RETRY_POLICY}],
    }
    if health_service is not None:
        config["healthCheckConfig"] = {"serviceName": health_service}
    return [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.enable_retries", 1),
        ("grpc.per_rpc_retry_buffer_size", retry_buffer_bytes),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # A server that was restarted is found again within a second instead of gRPC's two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        # Without this, channels with equal options share one connection and its fate.
        ("grpc.use_local_subchannel_pool", 1),
    ]


class _CallerInterceptor:
    """Adds trace, request id and job id to outgoing calls and spans them, whatever their kind."""

    async def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        service, _, name = method.lstrip("/").partition("/")
        span = trace.get_tracer(TRACER_NAME).start_span(
            method.lstrip("/"),
            kind=SpanKind.CLIENT,
            attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
        )
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        carrier: dict[str, str] = {}
        propagate.inject(carrier, trace.set_span_in_context(span, otel_context.get_current()))
        ids = {REQUEST_ID_KEY: context_value("request_id"), JOB_ID_KEY: context_value("job_id")}
        for key, value in {**carrier, **ids}.items():
            if value and key not in metadata:
                metadata.add(key, value)
        try:
            call = await continuation(details._replace(metadata=metadata), request)
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            span.end()
            raise
        _ending.add(ending := asyncio.ensure_future(_end_with_call(span, call)))
        ending.add_done_callback(_ending.discard)
        return call


_ending: set[asyncio.Future[None]] = set()  # the loop keeps only weak references to tasks


async def _end_with_call(span: Span, call: Any) -> None:
    """Ends a span when its call has ended, however it does: answered, failed, cancelled, stream never read."""
    try:
        code = await call.code()
        span.set_attribute("rpc.grpc.status_code", code.value[0])
        if code is not grpc.StatusCode.OK:
            span.set_status(Status(StatusCode.ERROR, await call.details() or code.name))
    finally:
        span.end()


class _UnaryUnary(_CallerInterceptor, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._intercept(continuation, client_call_details, request)


class _UnaryStream(_CallerInterceptor, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._intercept(continuation, client_call_details, request)


class _StreamUnary(_CallerInterceptor, grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg]
    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await self._intercept(continuation, client_call_details, request_iterator)


class _StreamStream(_CallerInterceptor, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await self._intercept(continuation, client_call_details, request_iterator)

"""The one place that opens channels, and deadlines handed down.

A channel retries calls that ended UNAVAILABLE, with backoff, spreads calls over the replicas a `dns:///` name resolves
to, leaves out those that are not healthy, and carries the caller's trace, request id and job id. One to a server of
this process (`ServerHandle.near_target`) calls it without a socket.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

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
from etude.mesh.near_servers import Neighbour, split_target
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
        target: "host:port", "unix:/path", "dns:///name:port" to spread calls over all addresses of the name, or the
            `near_target` of a server of this process. What such a server refuses is not tried again.
        health_service: Full service name whose health decides whether a replica gets calls. "" asks for the server as a
            whole; None does not ask (for servers of unknown make).
        retry_buffer_bytes: What a call has sent is kept in memory up to this size, and a call that has sent more is not
            retried. The default is enough for the largest Score; who begins failed uploads anew asks for little.
        settings: TLS; read from the environment when not given.
    """
    credentials = (settings or ChannelSettings()).credentials()
    options = _channel_options(health_service, retry_buffer_bytes)
    address, near = split_target(target)
    if credentials is None or address.startswith("unix"):
        neighbour = Neighbour(address, health_service) if near else None
        return _Channel(grpc.aio.insecure_channel(address, options=options), neighbour)
    return _Channel(grpc.aio.secure_channel(address, credentials, options=options))


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


class _Channel(grpc.aio.Channel):
    """A channel whose calls are spanned and carry trace, request id and job id.

    Not by interceptors: those of grpc.aio put a task and a queue of their own between every call and its caller, which
    costs as much as a small call itself.
    """

    def __init__(self, channel: grpc.aio.Channel, neighbour: Neighbour | None = None) -> None:
        self._channel = channel
        self._neighbour = neighbour
        self._methods: dict[str, _Method] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close(None)

    async def close(self, grace: float | None = None) -> None:
        """Closes the channel; running calls over a socket have `grace` seconds to end."""
        if self._neighbour is not None:
            self._neighbour.cancel_all()
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the state of the connection is another one."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when there is a connection."""
        await self._channel.channel_ready()

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The calls of a method."""
        return self._known(method, self._channel.unary_unary, args, kwargs)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The calls of a method."""
        return self._known(method, self._channel.unary_stream, args, kwargs)

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The calls of a method."""
        return self._known(method, self._channel.stream_unary, args, kwargs)

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The calls of a method."""
        return self._known(method, self._channel.stream_stream, args, kwargs)

    def _known(self, path: str, make: Callable[..., Any], args: Any, kwargs: Any) -> _Method:
        # A stub asks for all methods of its service, and stubs are made for single calls.
        method = self._methods.get(path)
        if method is None:
            near = None if self._neighbour is None else self._neighbour.method(path, **kwargs)
            method = self._methods[path] = _Method(path, make(path, *args, **kwargs), near)
        return method


class _Method:
    """A method of a server, to be called."""

    def __init__(self, path: str, method: Any, near: Callable[..., Any] | None) -> None:
        self._name = path.lstrip("/")
        service, _, name = self._name.partition("/")
        self._attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
        self._method = method
        self._near = near

    def __call__(self, *args: Any, metadata: Any = None, **kwargs: Any) -> Any:
        """The call, begun."""
        span = trace.get_tracer(TRACER_NAME).start_span(self._name, kind=SpanKind.CLIENT, attributes=self._attributes)
        carried = grpc.aio.Metadata(*(metadata or ()))
        carrier: dict[str, str] = {}
        propagate.inject(carrier, trace.set_span_in_context(span, otel_context.get_current()))
        ids = {REQUEST_ID_KEY: context_value("request_id"), JOB_ID_KEY: context_value("job_id")}
        for key, value in {**carrier, **ids}.items():
            if value and key not in carried:
                carried.add(key, value)
        try:
            call = None if self._near is None else self._near(*args, metadata=carried, **kwargs)
            if call is None:
                call = self._method(*args, metadata=carried, **kwargs)
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            span.end()
            raise
        if span.is_recording():
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

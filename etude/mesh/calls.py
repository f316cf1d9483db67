"""What happens around every RPC a server handles: ids, logs, spans, metrics, errors, guards, drain.

All of it is one asynchronous context manager around the handler's body, the same for the four kinds of RPC. (The
interceptors of opentelemetry-instrumentation-grpc are not used: on grpc.aio they leave the client's span open when a
call is cancelled and refuse streaming handlers that are not generators.)
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio
from grpc_status import rpc_status
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from etude.mesh import metrics
from etude.mesh.definition import Guard
from etude.mesh.errors import EtudeError, from_rpc_error, to_status
from etude.mesh.logging import bound_context, get_logger
from etude.mesh.metadata import (
    JOB_ID_KEY,
    REQUEST_ID_KEY,
    TRACE_ID_KEY,
    metadata_dict,
    new_request_id,
    safe_id,
)
from etude.mesh.telemetry import TRACER_NAME, current_trace_id, extract_trace

_log = get_logger(__name__)
_UNTRACED = ("grpc.health.v1.Health/", "grpc.reflection.")

Context = grpc.aio.ServicerContext[Any, Any]


class Drain:
    """Whether a server is stopping, and the calls that hold it up.

    Attributes:
        started: Set when the server begins to stop. A handler that could go on for ever (a watch) ends when it is.
    """

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        self._cut: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def enter(self, task: asyncio.Task[Any]) -> None:
        """Notes a call that should finish before the server stops."""
        self._running.add(task)
        self._idle.clear()

    def leave(self, task: asyncio.Task[Any]) -> None:
        """Notes its end."""
        self._running.discard(task)
        self._cut.discard(task)
        if not self._running:
            self._idle.set()

    async def wait_idle(self, timeout_s: float) -> bool:
        """Waits until no call runs; False when the time was up first."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def cut(self) -> int:
        """Cancels the calls still running; their callers are told SHUTTING_DOWN. Returns their number."""
        self._cut.update(self._running)
        for task in tuple(self._running):
            task.cancel()
        return len(self._cut)

    def was_cut(self, task: asyncio.Task[Any]) -> bool:
        """True when it was `cut` that cancelled the call."""
        return task in self._cut


_current_drain: ContextVar[Drain | None] = ContextVar("etude_drain", default=None)


def drain_started() -> asyncio.Event:
    """Set when the server that handles the current call begins to stop; for handlers that would go on for ever.

    Outside a call it is an event that is never set.
    """
    drain = _current_drain.get()
    return drain.started if drain is not None else asyncio.Event()


class CallInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not generic at run time
    """Puts the chassis around every handler of a server."""

    def __init__(self, drain: Drain, guards: Mapping[str, Guard] | None = None) -> None:
        """Calls are noted in `drain`; those of a service in `guards`, by full name, are put before its guard."""
        self._drain = drain
        self._guards = guards or {}
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler, wrapped; an unknown method stays unknown."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        return self.wrapped(handler, handler_call_details.method.lstrip("/"))

    def wrapped(self, handler: Any, method: str) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of a method, by its full name, with the chassis around it."""
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            guard = self._guards.get(method.partition("/")[0])
            wrapped = self._wrapped[method] = _wrapped(handler, method, self._drain, guard)
        return wrapped


def _wrapped(handler: Any, method: str, drain: Drain, guard: Guard | None) -> grpc.RpcMethodHandler[Any, Any]:
    kind = ("client_stream" if handler.request_streaming else "unary", handler.response_streaming)
    kinds: dict[tuple[str, bool], tuple[str, Any, Any]] = {
        ("unary", False): ("unary", handler.unary_unary, grpc.unary_unary_rpc_method_handler),
        ("unary", True): ("server_stream", handler.unary_stream, grpc.unary_stream_rpc_method_handler),
        ("client_stream", False): ("client_stream", handler.stream_unary, grpc.stream_unary_rpc_method_handler),
        ("client_stream", True): ("bidi_stream", handler.stream_stream, grpc.stream_stream_rpc_method_handler),
    }
    rpc_type, behavior, make_handler = kinds[kind]

    async def unary(request: Any, context: Context) -> Any:
        async with _around(_Call(method, rpc_type, context, drain, guard)):
            return await behavior(request, context)

    async def stream(request: Any, context: Context) -> None:
        # Not a generator: gRPC leaves one that is cancelled while it sends to the garbage collector, which closes it
        # when the call behind its context is freed, and touching that crashes the process.
        async with _around(_Call(method, rpc_type, context, drain, guard)):
            answer = behavior(request, context)
            if hasattr(answer, "__aiter__"):
                await _send_all(answer, context)
            else:  # a coroutine that calls context.write
                await answer

    wrapped: grpc.RpcMethodHandler[Any, Any] = make_handler(
        stream if handler.response_streaming else unary,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
    return wrapped


async def _send_all(responses: AsyncGenerator[Any, None], context: Context) -> None:
    async with aclosing(responses):
        async for response in responses:
            try:
                await context.write(response)
            except asyncio.CancelledError as cancelled:
                # The handler learns of it the same way whether it was sending or waiting.
                with contextlib.suppress(StopAsyncIteration):
                    await responses.athrow(cancelled)
                raise


class _Call:
    """One call being handled, and what is asked of its context while that is safe: before it may have ended."""

    def __init__(self, method: str, rpc_type: str, context: Context, drain: Drain, guard: Guard | None) -> None:
        self.method = method
        self.service, _, self.name = self.method.partition("/")
        self.rpc_type = rpc_type
        self.context = context
        self.drain = drain
        self.guard = guard
        self.peer = context.peer()
        self.started = time.perf_counter()
        remaining = context.time_remaining()
        self.deadline = None if remaining is None else self.started + remaining

    def ended_with(self, cancelled: bool) -> grpc.StatusCode:
        """The code the call ended with."""
        if cancelled:
            late = self.deadline is not None and time.perf_counter() >= self.deadline
            return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
        code: grpc.StatusCode | int | None = self.context.code()
        return code if isinstance(code, grpc.StatusCode) else _BY_NUMBER[code or 0]


@asynccontextmanager
async def _around(call: _Call) -> AsyncIterator[None]:
    """Everything around one call, outermost first: span, ids, metrics and log line, error mapping, guard."""
    if call.method.startswith(_UNTRACED):
        # Probes come every few seconds and say nothing; they neither hold up a drain nor fill logs and traces.
        yield
        return
    received = metadata_dict(call.context.invocation_metadata())
    request_id = safe_id(received.get(REQUEST_ID_KEY)) or new_request_id()
    ids = {"request_id": request_id}
    if job_id := safe_id(received.get(JOB_ID_KEY)):
        ids["job_id"] = job_id
    _current_drain.set(call.drain)
    task = asyncio.current_task()
    assert task is not None
    call.drain.enter(task)
    try:
        with _server_span(call, received) as span, bound_context(**ids):
            if job_id:
                span.set_attribute("etude.job_id", job_id)
            # Trailing, not initial: once a client has initial metadata, gRPC no longer retries the call.
            echoed = ((REQUEST_ID_KEY, request_id), (TRACE_ID_KEY, current_trace_id()))
            call.context.set_trailing_metadata(tuple(pair for pair in echoed if pair[1]))
            async with _measured(call, span), _mapped(call, task):
                if call.guard is not None:
                    await call.guard(call.method, received)
                yield
    finally:
        call.drain.leave(task)


class _server_span:  # noqa: N801 - used like a function
    """The server's span around a call, a child of the caller's."""

    def __init__(self, call: _Call, received: dict[str, str]) -> None:
        self._parent = extract_trace(received)
        self._span = trace.get_tracer(TRACER_NAME).start_span(
            call.method,
            self._parent,
            SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": call.service, "rpc.method": call.name},
        )

    def __enter__(self) -> Span:
        # Attached for the rest of the task that handles the call, which ends with it: nothing to detach.
        otel_context.attach(trace.set_span_in_context(self._span, self._parent))
        return self._span

    def __exit__(self, *exc_info: object) -> None:
        self._span.end()


@asynccontextmanager
async def _measured(call: _Call, span: Span) -> AsyncIterator[None]:
    meters = metrics.meters(call.service, call.name, call.rpc_type)
    meters.started.inc()
    meters.in_flight.inc()
    cancelled = False
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        cancelled = True
        raise
    finally:
        seconds = time.perf_counter() - call.started
        code = call.ended_with(cancelled)
        meters.in_flight.dec()
        meters.handled(code.name).inc()
        meters.seconds.observe(seconds)
        span.set_attribute("rpc.grpc.status_code", code.value[0])
        if code in _SERVER_FAULTS:
            span.set_status(Status(StatusCode.ERROR, "" if cancelled else call.context.details()))
        _log.info("rpc", method=call.method, code=code.name, seconds=round(seconds, 4), peer=call.peer)


# OpenTelemetry's rule: on the server's span only these are errors; others are the caller's doing.
_SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}


@asynccontextmanager
async def _mapped(call: _Call, task: asyncio.Task[Any]) -> AsyncIterator[None]:
    """Ends the call with the `google.rpc.Status` of whatever the handler raised."""
    try:
        yield
    except grpc.aio.AbortError:
        raise  # the handler chose its status itself
    except EtudeError as error:
        await _abort(call, error)
    except grpc.aio.AioRpcError as error:
        await _abort(call, from_rpc_error(error))
    except asyncio.CancelledError:
        if not call.drain.was_cut(task):
            raise  # the caller cancelled, or its deadline passed
        task.uncancel()
        await _abort(call, EtudeError("SHUTTING_DOWN", "The server is shutting down; try again.", retry_after_s=1.0))
    except NotImplementedError:  # what generated servicers raise for a call that is not written
        await call.context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{call.name} is not there")
    except Exception as error:
        _log.exception("unexpected error in a handler")
        trace.get_current_span().record_exception(error)
        await _abort(call, error)


async def _abort(call: _Call, error: Exception) -> None:
    status = rpc_status.to_status(to_status(error, trace_id=current_trace_id()))
    echoed = tuple(call.context.trailing_metadata() or ())
    await call.context.abort(status.code, status.details, (*echoed, *status.trailing_metadata))

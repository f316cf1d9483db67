"""A call whose handler runs in the caller's own process: two tasks of one event loop, and no socket between them.

To the caller it is a call of grpc.aio, to the handler its context: messages, metadata, deadline, cancellation and
status are as on a connection. Messages travel in their wire form, so that neither side holds an object of the other,
and the sizes they may have are the same.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping
from typing import Any, NoReturn

import grpc
import grpc.aio

from etude.mesh.logging import get_logger
from etude.mesh.near_exchange import Exchange, NearMethod

_log = get_logger(__name__)

_C = grpc.StatusCode
_EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # grpc-stubs do not know it


class NearCall(grpc.aio.Call):
    """A call, as its caller sees it; begun when it is made."""

    def __init__(
        self,
        method: NearMethod,
        request: Any,
        metadata: grpc.aio.Metadata,
        timeout_s: float | None,
        context: contextvars.Context,
    ) -> None:
        """Call a method.

        Args:
            method: What is called.
            request: The request; for several, an iterable, an asynchronous one, or None to write them by hand.
            metadata: What goes with it.
            timeout_s: Seconds until the deadline; None for none.
            context: Variables that the handler finds: the server's, nothing of the caller's.
        """
        loop = asyncio.get_running_loop()
        self._method = method
        self._exchange = exchange = Exchange(method, None if timeout_s is None else loop.time() + timeout_s)
        self._cancelled = self._half_closed = False
        self._answer: bytes | None = None
        first = None if method.request_streaming else exchange.carry(method.write_request(request))
        handling = loop.create_task(self._handle(first, NearContext(exchange, metadata)), context=context)
        self._handling = handling
        if exchange.ended.is_set():
            handling.cancel()
        elif timeout_s is not None:
            timer = loop.call_later(max(timeout_s, 0.0), self._break_off, _C.DEADLINE_EXCEEDED, "Deadline Exceeded")
            exchange.at_end.append(timer.cancel)
        if method.request_streaming and request is not None:
            self._half_closed = True
            exchange.at_end.append(loop.create_task(self._send_all(request)).cancel)

    def __await__(self) -> Generator[None, None, Any]:
        """The one response."""
        return self._response().__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        """The responses."""
        return self

    async def __anext__(self) -> Any:
        """The next response."""
        response = await self.read()
        if response is _EOF:
            raise StopAsyncIteration
        return response

    async def read(self) -> Any:
        """The next response; `grpc.aio.EOF` after the last."""
        try:
            message = await self._exchange.responses.get()
        except asyncio.CancelledError:
            self.cancel()
            raise
        if message is None:
            self._raise_for_status()
            return _EOF
        return self._method.read_response(message)

    async def write(self, request: Any) -> None:
        """Send a request.

        Raises:
            asyncio.InvalidStateError: The call has ended, or the last request was sent.
        """
        if self.done() or self._half_closed:
            raise asyncio.InvalidStateError("the call has ended, or its last request was sent")
        await self._send(request)
        if self.done():
            self._raise_for_status()

    async def done_writing(self) -> None:
        """Say that the last request was sent."""
        self._half_closed = True
        self._exchange.requests.end()

    def cancel(self) -> bool:
        """End the call and cancel its handler; False when it has ended."""
        self._cancelled = self._cancelled or not self.done()
        return self._break_off(_C.CANCELLED, "the caller cancelled the call")

    def cancelled(self) -> bool:
        """True when the call was cancelled."""
        return self.done() and self._exchange.code is _C.CANCELLED

    def done(self) -> bool:
        """True when the call has ended."""
        return self._exchange.ended.is_set()

    def time_remaining(self) -> float | None:
        """Seconds until the deadline; None where there is none."""
        return self._exchange.time_remaining()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Have `callback` called with this call once it has ended."""
        loop = asyncio.get_running_loop()
        if self.done():
            loop.call_soon(callback, self)
        else:
            self._exchange.at_end.append(lambda: loop.call_soon(callback, self))

    async def initial_metadata(self) -> grpc.aio.Metadata:
        """What the handler sent before its responses."""
        return grpc.aio.Metadata(*self._exchange.initial)

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        """What came with the status."""
        await self._exchange.ended.wait()
        return grpc.aio.Metadata(*self._exchange.trailing)

    async def code(self) -> grpc.StatusCode:
        """The code of the status."""
        await self._exchange.ended.wait()
        return self._exchange.code or _C.OK

    async def details(self) -> str:
        """What is said with the code."""
        await self._exchange.ended.wait()
        return self._exchange.details

    async def wait_for_connection(self) -> None:
        """Return: there is nothing to connect to."""

    async def _response(self) -> Any:
        try:
            await self._exchange.ended.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._raise_for_status()
        assert self._answer is not None, "a call that ended well was answered"
        return self._method.read_response(self._answer)

    def _raise_for_status(self) -> None:
        if self._cancelled:
            raise asyncio.CancelledError
        ended = self._exchange
        if ended.code not in (None, _C.OK):
            initial, trailing = grpc.aio.Metadata(*ended.initial), grpc.aio.Metadata(*ended.trailing)
            raise grpc.aio.AioRpcError(ended.code, initial, trailing, ended.details, None)

    async def _send(self, request: Any) -> None:
        try:
            await self._exchange.requests.put(self._exchange.carry(self._method.write_request(request)))
        except asyncio.CancelledError:
            self.cancel()
            raise

    async def _send_all(self, requests: Any) -> None:
        try:
            if hasattr(requests, "__aiter__"):
                async for request in requests:
                    await self._send(request)
            else:
                for request in requests:
                    await self._send(request)
        except Exception as error:
            _log.warning("the requests of a call could not be made", error=str(error))
            self.cancel()  # as grpc.aio answers an iterator that raises
        else:
            self._exchange.requests.end()

    async def _handle(self, first: bytes | None, context: NearContext) -> None:
        method, exchange = self._method, self._exchange
        try:
            given = context.requests() if first is None else method.read_request(first)
            response = await method.behavior(given, context)
            if not method.response_streaming:
                self._answer = exchange.carry(method.write_response(response))
            exchange.end()
        except grpc.aio.AbortError:
            exchange.end()
        except asyncio.CancelledError:
            exchange.end(_C.CANCELLED, "the handler was cancelled")
            raise
        except Exception as error:
            _log.exception("unexpected error in a handler")
            exchange.end(_C.UNKNOWN, f"unexpected {type(error).__name__}")

    def _break_off(self, code: grpc.StatusCode, details: str) -> bool:
        ours = self._exchange.end(code, details, dropping=True)
        if ours:
            self._handling.cancel()
        return ours


class NearContext(grpc.aio.ServicerContext[Any, Any]):
    """A call, as its handler sees it."""

    def __init__(self, exchange: Exchange, metadata: grpc.aio.Metadata) -> None:
        """The handler's end of a call that came with `metadata`."""
        self._exchange = exchange
        self._metadata = metadata

    async def requests(self) -> AsyncIterator[Any]:
        """The requests."""
        while (request := await self.read()) is not _EOF:
            yield request

    async def read(self) -> Any:
        """The next request; `grpc.aio.EOF` after the last."""
        message = await self._exchange.requests.get()
        return _EOF if message is None else self._exchange.method.read_request(message)

    async def write(self, message: Any) -> None:
        """Send a response."""
        exchange = self._exchange
        await exchange.responses.put(exchange.carry(exchange.method.write_response(message)))

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Say what the caller is told before the responses."""
        self._exchange.initial = tuple(initial_metadata)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        """End the call with a status."""
        self.set_code(code)
        self.set_details(details)
        if trailing_metadata:
            self.set_trailing_metadata(trailing_metadata)
        raise grpc.aio.AbortError

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """End the call with a status."""
        await self.abort(status.code, status.details, status.trailing_metadata)

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Say what comes with the status."""
        self._exchange.trailing = tuple(trailing_metadata)

    def set_code(self, code: grpc.StatusCode) -> None:
        """Set the status the call will end with; no longer when it has ended."""
        if not self.done():
            self._exchange.code = code

    def set_details(self, details: str) -> None:
        """Set what is said with it."""
        if not self.done():
            self._exchange.details = details

    def code(self) -> grpc.StatusCode:
        """The status the call will end with, or has."""
        return self._exchange.code or _C.OK

    def details(self) -> str:
        """What is said with it."""
        return self._exchange.details

    def trailing_metadata(self) -> Any:
        """What comes with it."""
        return self._exchange.trailing

    def invocation_metadata(self) -> grpc.aio.Metadata:
        """What came with the call."""
        return self._metadata

    def time_remaining(self) -> Any:
        """Seconds until the deadline; None where there is none."""
        return self._exchange.time_remaining()

    def cancelled(self) -> bool:
        """True when the call was cancelled."""
        return self.done() and self._exchange.code is _C.CANCELLED

    def done(self) -> bool:
        """True when the call has ended."""
        return self._exchange.ended.is_set()

    def add_done_callback(self, callback: Any) -> None:
        """Have `callback` called with this context once the call has ended."""
        self._exchange.at_end.append(lambda: callback(self))

    def set_compression(self, compression: grpc.Compression) -> None:
        """Nothing: there is no wire to spare."""

    def disable_next_message_compression(self) -> None:
        """Nothing, for the same reason."""

    def peer(self) -> str:
        """Where the caller is."""
        return "in-process"

    def peer_identities(self) -> Iterable[bytes] | None:
        """None: nobody needs to prove who they are to themselves."""
        return None

    def peer_identity_key(self) -> str | None:
        """None, likewise."""
        return None

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Nothing, likewise."""
        return {}

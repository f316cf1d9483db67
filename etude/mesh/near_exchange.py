"""What the two ends of a call within one process share: its messages on their way, its deadline, its status."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from etude.mesh.limits import MAX_MESSAGE_BYTES

#: Messages that may wait to be read, one way; who writes more waits for the reader, as for gRPC's flow control.
_AHEAD = 8
_Pairs = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class NearMethod:
    """A method as the two ends of a call agree on it.

    Attributes:
        behavior: Handles a call: a coroutine function that takes the request, or an iterator of requests, and the
            context, and returns the response or writes responses to the context.
        request_streaming: Whether there may be several requests.
        response_streaming: Whether there may be several responses.
        write_request: A request in its wire form; so for the others.
        read_request: A request from it.
        write_response: A response in its wire form.
        read_response: A response from it.
    """

    behavior: Callable[[Any, Any], Any]
    request_streaming: bool
    response_streaming: bool
    write_request: Callable[[Any], bytes]
    read_request: Callable[[bytes], Any]
    write_response: Callable[[Any], bytes]
    read_response: Callable[[bytes], Any]


class _Messages:
    """Messages on their way from one task to another."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._sleepers: list[asyncio.Future[None]] = []
        self._ended = False

    async def put(self, message: bytes) -> None:
        """Hand a message over, once there is room; after the end, nobody wants it."""
        while len(self._waiting) >= _AHEAD and not self._ended:
            await self._change()
        if not self._ended:
            self._waiting.append(message)
            self._wake()

    async def get(self) -> bytes | None:
        """The next message; None at the end."""
        while not self._waiting:
            if self._ended:
                return None
            await self._change()
        self._wake()
        return self._waiting.popleft()

    def end(self, *, dropping: bool = False) -> None:
        """Say that there will be no more; those that wait are still read, unless they are dropped."""
        self._ended = True
        if dropping:
            self._waiting.clear()
        self._wake()

    async def _change(self) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append(sleeper)
        await sleeper

    def _wake(self) -> None:
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._sleepers.clear()


class Exchange:
    """What the two ends of a call share."""

    def __init__(self, method: NearMethod, deadline: float | None) -> None:
        self.method = method
        #: On the event loop's clock.
        self.deadline = deadline
        self.requests, self.responses = _Messages(), _Messages()
        self.ended = asyncio.Event()
        self.code: grpc.StatusCode | None = None
        self.details = ""
        self.initial: _Pairs = ()
        self.trailing: _Pairs = ()
        #: What is done at the end.
        self.at_end: list[Callable[[], object]] = []

    def time_remaining(self) -> float | None:
        """Seconds until the deadline; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - asyncio.get_running_loop().time())

    def carry(self, message: bytes) -> bytes:
        """A message that is not too large; the call ends when it is."""
        if len(message) > MAX_MESSAGE_BYTES:
            told = f"a message of {len(message)} bytes is larger than the limit of {MAX_MESSAGE_BYTES}"
            self.end(grpc.StatusCode.RESOURCE_EXHAUSTED, told, dropping=True)
        return message

    def end(self, code: grpc.StatusCode | None = None, details: str = "", *, dropping: bool = False) -> bool:
        """End the call: with a status, or with what the handler said. False when it has ended.

        Args:
            code: Of a status that is not the handler's.
            details: What is said with it.
            dropping: Responses that were not read are lost.
        """
        if self.ended.is_set():
            return False
        if code is not None:
            self.code, self.details = code, details
        self.ended.set()
        self.requests.end(dropping=True)
        self.responses.end(dropping=dropping)
        for act in self.at_end:
            act()
        return True

"""What calls to the stages share: patience with one that cannot be reached, and a stream that is left in order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc.aio

from etude.mesh.errors import EtudeError, from_rpc_error
from etude.mesh.limits import MAX_CHUNK_BYTES
from etude.mesh.logging import get_logger

_log = get_logger(__name__)
_T = TypeVar("_T")

#: Reasons that say nothing about the work itself: the stage was not there.
_UNREACHABLE = frozenset({"DEPENDENCY_UNAVAILABLE", "SHUTTING_DOWN"})
_FIRST_BACKOFF_S = 0.1
_LAST_BACKOFF_S = 5.0


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file that is sent to a stage.

    Attributes:
        chunks: Gives them from the start, each time it is called.
        size_bytes: Their number.
    """

    chunks: Callable[[], AsyncIterator[bytes]]
    size_bytes: int

    async def whole(self) -> bytes | None:
        """All of them where they fit into one message; None where they do not."""
        if self.size_bytes > MAX_CHUNK_BYTES:
            return None
        return b"".join([chunk async for chunk in self.chunks()])


class UnknownCallError(EtudeError):
    """The server of a stage does not have the call: it is of other make, or older."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__("INTERNAL", f"the stage does not know the call: {error.details()}")


async def patiently(stage: str, attempt: Callable[[], Awaitable[_T]], patience_s: float) -> _T:
    """What an attempt gives, made again while the stage cannot be reached.

    Raises:
        EtudeError: The stage's reason, or DEPENDENCY_UNAVAILABLE when it could not be reached for so long.
    """
    deadline = time.monotonic() + patience_s
    backoff = _FIRST_BACKOFF_S
    while True:
        try:
            return await attempt()
        except EtudeError as error:
            if error.reason not in _UNREACHABLE:
                raise
            if time.monotonic() + backoff > deadline:
                raise EtudeError(
                    "DEPENDENCY_UNAVAILABLE",
                    f"the {stage} stage cannot be reached; see that its service runs, then retry the job",
                    metadata={"stage": stage},
                    retry_after_s=_LAST_BACKOFF_S,
                ) from error
            _log.warning("stage cannot be reached", stage=stage, retry_in_s=backoff, error=error.message)
        await asyncio.sleep(backoff)
        backoff = min(2 * backoff, _LAST_BACKOFF_S)


async def exchange(method: Any, request: Any, timeout_s: float) -> AsyncGenerator[Any, None]:
    """The responses of a call, which is cancelled when the consumer leaves early.

    Raises:
        EtudeError: The stage's reason; UnknownCallError.
    """
    broken: list[Exception] = []
    call = method(_requests(request, broken), timeout=timeout_s)
    try:
        with _told(broken):
            async for response in call:
                yield response
    finally:
        call.cancel()


async def answer_of(method: Any, request: Any, timeout_s: float) -> Any:
    """The only response of a call.

    Raises:
        EtudeError: As `exchange`.
    """
    broken: list[Exception] = []
    with _told(broken):
        return await method(_requests(request, broken), timeout=timeout_s)


def _requests(request: Any, broken: list[Exception]) -> Any:
    return guarded(request, broken) if hasattr(request, "__aiter__") else request


@contextlib.contextmanager
def _told(broken: list[Exception]) -> Iterator[None]:
    """How a call failed, in our terms; `broken` has what its requests raised."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            raise UnknownCallError(error) from None
        raise from_rpc_error(error) from None
    except asyncio.CancelledError:
        if broken:
            raise broken[0] from None
        raise


async def guarded(messages: AsyncIterator[_T], broken: list[Exception]) -> AsyncIterator[_T]:
    """The messages; what they raise is also put into `broken`.

    grpc.aio answers an exception of a request iterator by cancelling the call, which would then look as if our own task
    had been cancelled.
    """
    try:
        async for message in messages:
            yield message
    except Exception as error:
        broken.append(error)
        raise

"""Long documents, shared by the replicas of the OMR stage: parts are read and worked out, then joined.

A part is a few pages. Calls are spread over the replicas by the channel. A replica that dies costs the pages of its
parts that had not come yet. What comes of it is what one `Recognize` gives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio

from etude.mesh.errors import EtudeError, from_rpc_error
from etude.mesh.logging import get_logger
from etude.stage.v1 import omr_service_pb2, stage_pb2
from orchestrator.exchange import Content, UnknownCallError, exchange, guarded, patiently
from orchestrator.fairness import FairPlaces
from orchestrator.settings import OrchestratorSettings
from orchestrator.tenancy import current_tenant

_log = get_logger(__name__)

OnProgress = Callable[[stage_pb2.Progress], Awaitable[None]]
Readings = Mapping[int, omr_service_pb2.PageReading]

#: Each part costs a copy of the document on its way, so it should be worth it.
_PART_PAGES = 4
#: Shares of the progress.
_READ, _WORKED_OUT = 0.6, 0.9


@dataclass(frozen=True, slots=True)
class Document:
    """A document to be read.

    Attributes:
        content: Its bytes.
        sha256: SHA-256 over them, hexadecimal.
        page_count: Number of its pages; 0 where it has none, or nobody knows.
    """

    content: Content
    sha256: str
    page_count: int


def parts_of(options: omr_service_pb2.RecognizeOptions, page_count: int) -> Sequence[range]:
    """The pages asked for in parts of a few each, as even as can be; one or none where that is not worth it.

    >>> parts_of(omr_service_pb2.RecognizeOptions(), 10)
    [range(1, 5), range(5, 8), range(8, 11)]
    """
    first, last = options.first_page or 1, min(options.last_page or page_count, page_count)
    count = last - first + 1
    number = -(-count // _PART_PAGES)
    if count < 2 * _PART_PAGES:
        return []
    lengths = [count // number + (part < count % number) for part in range(number)]
    starts = [first + sum(lengths[:part]) for part in range(number)]
    return [range(start, start + length) for start, length in zip(starts, lengths, strict=True)]


class PageFanOut:
    """Has long documents read in parts."""

    def __init__(self, omr: Any, settings: OrchestratorSettings) -> None:
        """Call the stub `omr`, for at most so many parts at a time, of which tenants get their turns."""
        self._omr = omr
        self._settings = settings
        self._places = FairPlaces(settings.stage_concurrency)

    async def read(
        self,
        options: omr_service_pb2.RecognizeOptions,
        document: Document,
        parts: Sequence[range],
        on_progress: OnProgress,
    ) -> omr_service_pb2.RecognizeResult | None:
        """What is read from a document; None when the stage cannot do it in parts.

        Raises:
            EtudeError: The stage's reason, or DEPENDENCY_UNAVAILABLE when it could not be reached for long.
        """
        tell = _Teller(on_progress, sum(map(len, parts)))
        try:
            readings, worked_out = await self._read_and_work_out(options, document, parts, tell)
            await tell.joining()
            return await self._join(options, document, readings, worked_out)
        except UnknownCallError:
            return None
        except EtudeError as error:
            if error.reason != "INVALID_STATE":  # replicas of two versions; one of them can do all of it
                raise
            _log.warning("pages that one replica read are not for another", error=error.message)
            return None

    async def _read_and_work_out(
        self,
        options: omr_service_pb2.RecognizeOptions,
        document: Document,
        parts: Sequence[range],
        tell: _Teller,
    ) -> tuple[Readings, Sequence[omr_service_pb2.WorkedOut]]:
        """All pages, and what could be worked out of them; the first failure ends all calls.

        A part is worked out as soon as it and all before it are read: a replica that has read its share need not wait
        for the others.
        """
        tenant_id = current_tenant()

        async def read(part: range) -> Readings:
            async with self._places.place(tenant_id):
                return await self._read_part(options, document, part, tell)

        async def work_out(part: range, so_far: Sequence[asyncio.Task[Readings]]) -> omr_service_pb2.WorkedOut | None:
            readings = _together([await each for each in so_far])
            async with self._places.place(tenant_id):
                return await self._work_out(readings, part, tell)

        reading = [asyncio.create_task(read(part)) for part in parts]
        working = [asyncio.create_task(work_out(part, reading[: n + 1])) for n, part in enumerate(parts)]
        try:
            worked_out = await asyncio.gather(*working)
        finally:
            for task in (*reading, *working):
                task.cancel()
            await asyncio.gather(*reading, *working, return_exceptions=True)
        return _together([task.result() for task in reading]), [each for each in worked_out if each is not None]

    async def _read_part(
        self, options: omr_service_pb2.RecognizeOptions, document: Document, part: range, tell: _Teller
    ) -> Readings:
        readings: dict[int, omr_service_pb2.PageReading] = {}

        async def attempt() -> None:
            missing = [number for number in part if number not in readings]
            if not missing:  # all had come when the replica was lost
                return
            wanted = omr_service_pb2.RecognizeOptions()
            wanted.CopyFrom(options)
            wanted.first_page, wanted.last_page = missing[0], missing[-1]

            async def requests() -> AsyncIterator[omr_service_pb2.ReadPagesRequest]:
                yield omr_service_pb2.ReadPagesRequest(options=wanted)
                async for chunk in document.content.chunks():
                    yield omr_service_pb2.ReadPagesRequest(chunk=chunk)

            answers = exchange(self._omr.ReadPages, requests(), self._settings.omr_timeout_seconds)
            async with contextlib.aclosing(answers) as responses:
                async for response in responses:
                    number = response.reading.page.page_number
                    if number not in readings:
                        readings[number] = response.reading
                        await tell.read(number)
            if len(readings) < len(part):
                raise EtudeError("INTERNAL", "the OMR stage ended without all pages")

        await patiently("omr", attempt, self._settings.stage_patience_seconds)
        return readings

    async def _work_out(self, readings: Readings, part: range, tell: _Teller) -> omr_service_pb2.WorkedOut | None:
        """What can be worked out of a part; None when the stage fails at it, which only costs the join time."""

        async def requests() -> AsyncIterator[omr_service_pb2.WorkOutPagesRequest]:
            options = omr_service_pb2.WorkOutPagesOptions(first_page=part[0], last_page=part[-1])
            yield omr_service_pb2.WorkOutPagesRequest(options=options)
            for number in _with_context(readings, part):
                yield omr_service_pb2.WorkOutPagesRequest(reading=readings[number])

        try:
            answer = await self._unary(self._omr.WorkOutPages, requests)
        except EtudeError as error:
            _log.warning("pages are worked out only when they are joined", pages=str(part), error=error.message)
            return None
        await tell.worked_out(part)
        worked_out: omr_service_pb2.WorkedOut = answer.worked_out
        return worked_out

    async def _join(
        self,
        options: omr_service_pb2.RecognizeOptions,
        document: Document,
        readings: Readings,
        worked_out: Sequence[omr_service_pb2.WorkedOut],
    ) -> omr_service_pb2.RecognizeResult:
        async def requests() -> AsyncIterator[omr_service_pb2.JoinPagesRequest]:
            head = omr_service_pb2.JoinPagesOptions(options=options, sha256=document.sha256)
            yield omr_service_pb2.JoinPagesRequest(options=head)
            for number in sorted(readings):
                yield omr_service_pb2.JoinPagesRequest(reading=readings[number])
            for each in worked_out:
                yield omr_service_pb2.JoinPagesRequest(worked_out=each)

        answer = await self._unary(self._omr.JoinPages, requests)
        result: omr_service_pb2.RecognizeResult = answer.result
        if not result.scores:
            raise EtudeError("INTERNAL", "the OMR stage ended without a Score")
        return result

    async def _unary(self, method: Any, requests: Callable[[], AsyncIterator[Any]]) -> Any:
        async def attempt() -> Any:
            broken: list[Exception] = []
            try:
                return await method(guarded(requests(), broken), timeout=self._settings.omr_timeout_seconds)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    raise UnknownCallError(error) from None
                raise from_rpc_error(error) from None

        return await patiently("omr", attempt, self._settings.stage_patience_seconds)


def _together(parts: Sequence[Readings]) -> Readings:
    return {number: reading for part in parts for number, reading in part.items()}


def _with_context(readings: Readings, part: range) -> Sequence[int]:
    """The pages of a part, the one before it, and before that the last one that tells later pages."""
    before = [number for number in sorted(readings) if number < part[0]]
    telling = [number for number in before[:-1] if readings[number].tells_later_pages]
    return [*telling[-1:], *before[-1:], *part]


class _Teller:
    """Tells how far the parts of a document are."""

    def __init__(self, on_progress: OnProgress, count: int) -> None:
        self._on_progress = on_progress
        self._count = count
        self._read = self._worked_out = 0

    async def read(self, number: int) -> None:
        """A page was read."""
        self._read += 1
        await self._tell(number, f"page {number} read")

    async def worked_out(self, part: range) -> None:
        """The rhythm of a part was worked out. It is no page that is told: all were told when they were read."""
        self._worked_out += len(part)
        await self._tell(0, "working out the rhythm")

    async def joining(self) -> None:
        """The pages are being joined."""
        await self._tell(0, "joining the pages")

    async def _tell(self, page: int, message: str) -> None:
        fraction = (_READ * self._read + (_WORKED_OUT - _READ) * self._worked_out) / self._count
        progress = stage_pb2.Progress(
            stage="omr", page=page, page_count=self._count, fraction=fraction, message=message
        )
        await self._on_progress(progress)

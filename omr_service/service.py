"""The servicer of OmrService: receives the file, has workers read its pages, joins them, answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path, PurePath
from tempfile import gettempdir
from typing import TypeVar

from etude import __version__ as etude_version
from etude.media_types import NAMES, NOTATION
from etude.mesh.calls import Context
from etude.mesh.errors import EtudeError, invalid_field
from etude.mesh.logging import get_logger
from etude.mesh.scratch import scratch_directory
from etude.mesh.workers import WorkerPool
from etude.score.v1 import page_pb2, provenance_pb2, score_pb2
from etude.stage.v1 import omr_service_pb2, omr_service_pb2_grpc, stage_pb2
from etude.wording import counted
from omr_service.files import MEDIA_TYPES, media_type_of
from omr_service.pdf.document import DocumentLimits
from omr_service.pipeline import PageOutcome, Source, failed_page, nothing_read
from omr_service.readings import reading_of
from omr_service.receiving import Request, in_pieces, receive
from omr_service.routing import Reader
from omr_service.scan.model import detector_info
from omr_service.settings import OmrSettings
from omr_service.work import (
    import_task,
    join_readings_task,
    join_task,
    page_sizes,
    page_sizes_once,
    page_task,
    work_out_task,
)

_log = get_logger(__name__)
T = TypeVar("T")
READERS = {
    omr_service_pb2.READER_MODE_UNSPECIFIED: Reader.AUTO,
    omr_service_pb2.READER_MODE_AUTO: Reader.AUTO,
    omr_service_pb2.READER_MODE_ENGRAVED: Reader.ENGRAVED,
    omr_service_pb2.READER_MODE_SCAN: Reader.SCAN,
}
READ_SHARE = 0.9
"""Part of the progress that reading pages makes; joining them makes the rest."""


class OmrServicer(omr_service_pb2_grpc.OmrServiceServicer):
    """Answers the calls of OmrService."""

    def __init__(self, settings: OmrSettings, readers: WorkerPool, inspectors: WorkerPool) -> None:
        """Reads with some workers and inspects with others, so that an answer at the door waits for no reading."""
        self._settings = settings
        self._readers = readers
        self._inspectors = inspectors
        self._limits = DocumentLimits(
            bytes=settings.max_file_bytes, pages=settings.max_pages, page_points=settings.max_page_points
        )

    async def Recognize(
        self, request_iterator: AsyncIterator[omr_service_pb2.RecognizeRequest], context: Context
    ) -> AsyncIterator[omr_service_pb2.RecognizeResponse]:
        """Reads a document; answers with progress and the result."""
        async with self._received(request_iterator) as (options, media_type, source, path):
            if media_type in NOTATION:
                yield omr_service_pb2.RecognizeResponse(result=await self._import(context, path, media_type, source))
                return
            sizes = await self._run(
                self._readers, context, page_sizes, str(path), self._limits, seconds=self._settings.open_seconds
            )
            numbers = _page_range(options, len(sizes))
            yield _progress(0, len(numbers), 0.0, counted(len(numbers), "page") + " to read")
            outcomes: dict[int, PageOutcome] = {}
            reader = READERS[options.reader]
            tasks = [asyncio.create_task(self._page(context, path, n, sizes[n - 1], reader)) for n in numbers]
            try:
                for done in asyncio.as_completed(tasks):
                    outcome = await done
                    number = outcome.entry().page_number
                    outcomes[number] = outcome
                    share = READ_SHARE * len(outcomes) / len(numbers)
                    yield _progress(number, len(numbers), share, _told(outcome))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        ordered = [outcomes[n] for n in numbers]
        music = [outcome.music for outcome in ordered if outcome.music is not None]
        if not music:
            raise nothing_read(ordered)
        yield _progress(0, len(numbers), READ_SHARE, "joining the pages")
        seconds = self._settings.seconds_to_join(len(music))
        placements = {o.entry().page_number: o.placement for o in ordered if o.placement is not None}
        failed = [o.page for o in ordered if o.entry().status == page_pb2.PAGE_STATUS_FAILED]
        written = await self._run(self._readers, context, join_task, music, source, placements, failed, seconds=seconds)
        yield omr_service_pb2.RecognizeResponse(result=_result(written, ordered))

    def RecognizeFile(
        self, request: omr_service_pb2.RecognizeFileRequest, context: Context
    ) -> AsyncIterator[omr_service_pb2.RecognizeResponse]:
        """Reads a file that came in one message; answers as Recognize."""
        return self.Recognize(in_pieces(omr_service_pb2.RecognizeRequest, request), context)

    async def Inspect(
        self, request_iterator: AsyncIterator[omr_service_pb2.InspectRequest], context: Context
    ) -> omr_service_pb2.InspectResponse:
        """Opens a document and says what it is."""
        async with self._received(request_iterator) as (options, media_type, source, path):
            if media_type in NOTATION:
                await self._imported(self._inspectors, context, path, media_type, source)
                return omr_service_pb2.InspectResponse(media_type=media_type)
            sizes = await self._run(
                self._inspectors, context, page_sizes_once, str(path), self._limits, seconds=self._settings.open_seconds
            )
        _page_range(options, len(sizes))
        return omr_service_pb2.InspectResponse(media_type=media_type, page_count=len(sizes))

    async def InspectFile(
        self, request: omr_service_pb2.InspectFileRequest, context: Context
    ) -> omr_service_pb2.InspectResponse:
        """Opens a file that came in one message and says what it is."""
        return await self.Inspect(in_pieces(omr_service_pb2.InspectRequest, request), context)

    async def ReadPages(
        self, request_iterator: AsyncIterator[omr_service_pb2.ReadPagesRequest], context: Context
    ) -> AsyncIterator[omr_service_pb2.ReadPagesResponse]:
        """Reads pages and answers with each as soon as it is read."""
        async with self._received(request_iterator) as (options, media_type, _, path):
            if media_type in NOTATION:
                raise invalid_field("chunk", f"This is {NAMES[media_type]}, which has no pages; ask for all of it.")
            sizes = await self._run(
                self._readers, context, page_sizes, str(path), self._limits, seconds=self._settings.open_seconds
            )
            reader = READERS[options.reader]
            numbers = _page_range(options, len(sizes))
            tasks = [asyncio.create_task(self._page(context, path, n, sizes[n - 1], reader)) for n in numbers]
            try:
                for done in asyncio.as_completed(tasks):
                    reading = await asyncio.to_thread(reading_of, await done)
                    yield omr_service_pb2.ReadPagesResponse(reading=reading)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def WorkOutPages(
        self, request_iterator: AsyncIterator[omr_service_pb2.WorkOutPagesRequest], context: Context
    ) -> omr_service_pb2.WorkOutPagesResponse:
        """Works out the rhythm of some pages ahead of joining them."""
        options, readings = omr_service_pb2.WorkOutPagesOptions(), list[bytes]()
        async for request in request_iterator:
            if request.WhichOneof("payload") == "options":
                options = request.options
            else:
                readings.append(request.reading.SerializeToString())
        data = await self._run(
            self._readers,
            context,
            work_out_task,
            readings,
            options.first_page,
            options.last_page,
            seconds=self._settings.seconds_to_join(len(readings)),
        )
        return omr_service_pb2.WorkOutPagesResponse(worked_out=omr_service_pb2.WorkedOut.FromString(data))

    async def JoinPages(
        self, request_iterator: AsyncIterator[omr_service_pb2.JoinPagesRequest], context: Context
    ) -> omr_service_pb2.JoinPagesResponse:
        """Joins the pages of a document."""
        options, readings, worked_out = omr_service_pb2.JoinPagesOptions(), list[bytes](), list[bytes]()
        async for request in request_iterator:
            match request.WhichOneof("payload"):
                case "options":
                    options = request.options
                case "reading":
                    readings.append(request.reading.SerializeToString())
                case _:
                    worked_out.append(request.worked_out.SerializeToString())
        if options.options.reader not in READERS:
            raise invalid_field("options.options.reader", "There is no such reader.")
        written, outcomes = await self._run(
            self._readers,
            context,
            join_readings_task,
            readings,
            worked_out,
            _source(options.options, options.sha256),
            seconds=self._settings.seconds_to_join(len(readings)),
        )
        return omr_service_pb2.JoinPagesResponse(result=_result(written, outcomes))

    async def GetStageInfo(
        self, request: omr_service_pb2.OmrServiceGetStageInfoRequest, context: Context
    ) -> omr_service_pb2.OmrServiceGetStageInfoResponse:
        """What this server is."""
        info = stage_pb2.StageInfo(
            name="omr_service",
            version=etude_version,
            models=[detector_info()],
            accepted_media_types=MEDIA_TYPES,
            produced_media_types=["application/x-protobuf; messageType=etude.score.v1.Score"],
        )
        return omr_service_pb2.OmrServiceGetStageInfoResponse(info=info)

    @asynccontextmanager
    async def _received(
        self, requests: AsyncIterator[Request]
    ) -> AsyncIterator[tuple[omr_service_pb2.RecognizeOptions, str, Source, Path]]:
        """The options, the media type, what the document is to the provenance, and a file of it that lasts as long as
        the block."""
        with scratch_directory(Path(gettempdir()), "etude-omr-") as folder:
            # the workers share the document by its file instead of being sent a copy for each page
            options, document = await receive(requests, folder, self._limits.bytes)
            media_type = media_type_of(document.head)
            if options.reader not in READERS:
                raise invalid_field("options.reader", "There is no such reader.")
            if media_type in NOTATION and (options.first_page or options.last_page):
                told = f"This is {NAMES[media_type]}, which has no pages; leave them out."
                raise invalid_field("options.first_page", told)
            yield options, media_type, _source(options, document.sha256), document.path

    async def _import(
        self, context: Context, path: Path, media_type: str, source: Source
    ) -> omr_service_pb2.RecognizeResult:
        """What a file of notation holds; it has no pages."""
        data = await self._imported(self._readers, context, path, media_type, source)
        return omr_service_pb2.RecognizeResult(scores=[score_pb2.Score.FromString(data)])

    async def _imported(self, pool: WorkerPool, context: Context, path: Path, media_type: str, source: Source) -> bytes:
        seconds = self._settings.import_seconds
        return await self._run(pool, context, import_task, str(path), media_type, source, seconds=seconds)

    async def _page(
        self, context: Context, path: Path, number: int, size: tuple[float, float], reader: Reader
    ) -> PageOutcome:
        """One page; what its bounds cut off costs that page alone."""
        try:
            return await self._run(
                self._readers,
                context,
                page_task,
                str(path),
                self._limits,
                number,
                reader,
                seconds=self._settings.page_seconds,
            )
        except EtudeError as error:
            remaining = context.time_remaining()
            if error.reason not in PAGE_REASONS or (remaining is not None and remaining <= 0):
                raise
            explained = EtudeError(error.reason, f"Page {number} could not be read: {error.message}")
            return failed_page(number, *size, explained)
        except Exception:
            _log.exception("the reader failed at a page", page=number)
            fault = EtudeError(
                "UNREADABLE", f"Page {number} defeated the reader: a fault of its own, which its log tells."
            )
            return failed_page(number, *size, fault)

    async def _run(
        self, pool: WorkerPool, context: Context, function: Callable[..., T], *args: object, seconds: float
    ) -> T:
        """Runs a function in a worker within its own time and the call's."""
        remaining = context.time_remaining()
        return await pool.run(
            function,
            *args,
            timeout_s=min(seconds, remaining) if remaining is not None else seconds,
            memory_bytes=self._settings.page_memory_bytes,
        )


PAGE_REASONS = frozenset({"TIME_LIMIT", "MEMORY_LIMIT", "WORKER_DIED"})
"""Failures of a worker that cost the page it was at and nothing else."""


def _source(options: omr_service_pb2.RecognizeOptions, sha256: str) -> Source:
    policy = options.uncertainty_policy or provenance_pb2.UNCERTAINTY_POLICY_KEEP_ALTERNATIVES
    parameters = {"reader": READERS[options.reader].value}
    if options.first_page or options.last_page:
        parameters["pages"] = f"{options.first_page or 1}-{options.last_page or 'last'}"
    return Source(
        filename=PurePath(options.filename.replace("\\", "/")).name,
        digest=f"sha256:{sha256}",
        parameters=parameters,
        policy=policy,
    )


def _page_range(options: omr_service_pb2.RecognizeOptions, count: int) -> range:
    """Numbers of the pages to read."""
    first, last = options.first_page or 1, options.last_page or count
    if not 1 <= first <= last <= count:
        raise EtudeError(
            "OUT_OF_RANGE",
            f"Pages {_span(options)} were asked for; the document has {counted(count, 'page')}.",
            violations=[("options.first_page", f"from 1 to {count}"), ("options.last_page", f"from 1 to {count}")],
        )
    return range(first, last + 1)


def _span(options: omr_service_pb2.RecognizeOptions) -> str:
    """The pages asked for, in words."""
    if not options.last_page:
        return f"from {options.first_page} on"
    return f"{options.first_page or 1} to {options.last_page}"


def _told(outcome: PageOutcome) -> str:
    """A page's outcome in a sentence."""
    entry = outcome.entry()
    if outcome.music is None:
        return entry.message
    return f"page {entry.page_number}: {counted(sum(len(s.measures) for s in outcome.music.systems), 'measure')}"


def _result(written: list[bytes], outcomes: list[PageOutcome]) -> omr_service_pb2.RecognizeResult:
    """The result, with the systems of each page as its Score has them."""
    result = omr_service_pb2.RecognizeResult()
    read: dict[int, page_pb2.Page] = {}
    for data in written:
        score = score_pb2.Score.FromString(data)
        read.update((page.page_number, page) for page in score.pages)
        result.scores.append(score)
    for outcome in outcomes:
        entry = outcome.entry()
        known = read.get(entry.page_number)
        if known is not None and known.status == page_pb2.PAGE_STATUS_FAILED:
            entry = known
        elif known is not None:
            entry.systems.extend(known.systems)
        result.pages.append(entry)
    return result


def _progress(page: int, count: int, fraction: float, message: str) -> omr_service_pb2.RecognizeResponse:
    return omr_service_pb2.RecognizeResponse(
        progress=stage_pb2.Progress(stage="omr", page=page, page_count=count, fraction=fraction, message=message)
    )

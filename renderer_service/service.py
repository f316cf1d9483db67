"""The servicer of RendererService: receives Scores, has workers render them, sends the files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from etude import __version__ as etude_version
from etude.mesh.calls import Context
from etude.mesh.errors import EtudeError
from etude.mesh.limits import MAX_CHUNK_BYTES
from etude.mesh.logging import get_logger
from etude.mesh.workers import WorkerPool
from etude.stage.v1 import renderer_service_pb2, renderer_service_pb2_grpc, stage_pb2
from etude.wording import counted
from renderer_service.formats import FORMATS, File
from renderer_service.receiving import in_pieces, receive
from renderer_service.settings import RendererSettings
from renderer_service.steps import Failure, Step, StepInput, StepOutput, check, tasks_of

_log = get_logger(__name__)
T = TypeVar("T")

SCORE_MEDIA_TYPE = "application/x-protobuf; messageType=etude.score.v1.Score"

STEP_REASONS = frozenset({"TIME_LIMIT", "MEMORY_LIMIT", "WORKER_DIED", "INTERNAL"})
"""Failures that cost the formats of one step and not the call, as long as something else could be made."""
INLINE_BYTES = 256 << 10
"""Size up to which a file goes within its head, where the caller wants that."""
RENDER_SHARE = 0.95
"""Part of the progress that the steps make; sending the files makes the rest."""


class RendererServicer(renderer_service_pb2_grpc.RendererServiceServicer):
    """Answers the calls of RendererService."""

    def __init__(self, settings: RendererSettings, pool: WorkerPool) -> None:
        self._settings = settings
        self._pool = pool

    async def Render(
        self, request_iterator: AsyncIterator[renderer_service_pb2.RenderRequest], context: Context
    ) -> AsyncIterator[renderer_service_pb2.RenderResponse]:
        """Renders Scores; answers with progress, the files and the result.

        A format that fails is named in the result's remarks; when nothing at all could be made, its error is the
        call's.
        """
        request, inline = await receive(request_iterator, self._settings)
        await self._run(context, check, request)
        tasks = tasks_of(request)
        yield _progress(0.0, counted(len(request.scores), "score") + " to render")
        running = [asyncio.create_task(self._step(context, step, task)) for step, task in tasks]
        outputs: list[StepOutput] = []
        try:
            for (step, _), output in zip(tasks, running, strict=True):
                outputs.append(await output)
                done = sum(step.weight for step, _ in tasks[: len(outputs)])
                yield _progress(RENDER_SHARE * done / sum(step.weight for step, _ in tasks), f"{step.name} is done")
        finally:
            for output in running:
                output.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        files = [file for output in outputs for file in output.files]
        failures = [failure for output in outputs for failure in output.failures]
        if not files:
            raise EtudeError(failures[0].reason, failures[0].message)
        for file in sorted(files, key=lambda f: (list(FORMATS).index(f.format), f.score_index, f.page_number)):
            for message in _messages(file, inline=inline):
                yield message
        remarks = [remark for output in outputs for remark in output.remarks]
        remarks += [_told(failure) for failure in failures]
        result = renderer_service_pb2.RenderResult(file_count=len(files), remarks=list(dict.fromkeys(remarks)))
        yield renderer_service_pb2.RenderResponse(result=result)

    def RenderScores(
        self, request: renderer_service_pb2.RenderScoresRequest, context: Context
    ) -> AsyncIterator[renderer_service_pb2.RenderResponse]:
        """Renders Scores that came in one message; answers as Render."""
        return self.Render(in_pieces(request), context)

    async def GetStageInfo(
        self, request: renderer_service_pb2.RendererServiceGetStageInfoRequest, context: Context
    ) -> renderer_service_pb2.RendererServiceGetStageInfoResponse:
        """What this server is and which formats it has."""
        info = stage_pb2.StageInfo(
            name="renderer_service",
            version=etude_version,
            accepted_media_types=[SCORE_MEDIA_TYPE, "application/pdf"],
            produced_media_types=list(dict.fromkeys(known.media_type for known in FORMATS.values())),
        )
        return renderer_service_pb2.RendererServiceGetStageInfoResponse(info=info)

    async def _step(self, context: Context, step: Step, task: StepInput) -> StepOutput:
        """One step; what its bounds cut off, or what breaks it, costs its formats alone."""
        wanted = sorted(step.makes & task.formats)
        try:
            return await self._run(context, step.function, task)
        except EtudeError as error:
            remaining = context.time_remaining()
            if error.reason not in STEP_REASONS or (remaining is not None and remaining <= 0):
                raise
            _log.warning("a step failed", step=step.name, reason=error.reason, message=error.message)
            failures = [Failure(format_, error.reason, error.message) for format_ in wanted]
        except Exception:
            _log.exception("a step failed", step=step.name)
            message = "There is a fault in the renderer; its log says more."
            failures = [Failure(format_, "INTERNAL", message) for format_ in wanted]
        return StepOutput(failures=tuple(failures))

    async def _run(self, context: Context, function: Callable[[StepInput], T], task: StepInput) -> T:
        """Runs a function in a worker within its own time and the call's."""
        limit = self._settings.seconds_for_step(sum(map(len, task.scores)))
        remaining = context.time_remaining()
        return await self._pool.run(
            function,
            task,
            timeout_s=min(limit, remaining) if remaining is not None else limit,
            memory_bytes=self._settings.step_memory_bytes,
        )


def _messages(file: File, *, inline: bool) -> Iterator[renderer_service_pb2.RenderResponse]:
    """The head of a file and its chunks; with `inline`, a small one is within its head."""
    whole = inline and len(file.data) <= INLINE_BYTES
    head = renderer_service_pb2.RenderedFile(
        format=file.format,
        score_index=file.score_index,
        page_number=file.page_number,
        media_type=FORMATS[file.format].media_type,
        size_bytes=len(file.data),
        sha256=hashlib.sha256(file.data).hexdigest(),
        content=file.data if whole else b"",
    )
    yield renderer_service_pb2.RenderResponse(file=head)
    if whole:
        return
    for start in range(0, len(file.data), MAX_CHUNK_BYTES):
        yield renderer_service_pb2.RenderResponse(chunk=file.data[start : start + MAX_CHUNK_BYTES])


def _told(failure: Failure) -> str:
    """A failure in a sentence."""
    return f"There is no {FORMATS[failure.format].name}: {failure.message}"


def _progress(fraction: float, message: str) -> renderer_service_pb2.RenderResponse:
    return renderer_service_pb2.RenderResponse(
        progress=stage_pb2.Progress(stage="rendering", fraction=fraction, message=message)
    )

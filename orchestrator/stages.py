"""Calls to the stages: chunks out, progress and results in, one exception for whatever goes wrong.

A call that its task abandons (cancellation, an error on our side) is cancelled on the wire, which makes the stage end
the process that works for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc.aio

from etude.mesh.channels import open_channel
from etude.mesh.errors import EtudeError, from_rpc_error
from etude.mesh.health import check_health
from etude.mesh.limits import MAX_CHUNK_BYTES
from etude.mesh.logging import get_logger
from etude.score.v1 import score_pb2
from etude.stage.v1 import (
    fingering_service_pb2,
    fingering_service_pb2_grpc,
    omr_service_pb2,
    omr_service_pb2_grpc,
    renderer_service_pb2,
    renderer_service_pb2_grpc,
    stage_pb2,
)
from orchestrator.exchange import Content, UnknownCallError, answer_of, exchange, patiently
from orchestrator.pages import Document, OnProgress, PageFanOut, parts_of
from orchestrator.settings import OrchestratorSettings

_log = get_logger(__name__)
_T = TypeVar("_T")

#: Reasons for which a stage that inspected a document would refuse to read it, whenever and however often it is asked.
_REFUSALS = frozenset(
    {
        "EMPTY_FILE",
        "UNSUPPORTED_MEDIA_TYPE",
        "FILE_TOO_LARGE",
        "CORRUPT_FILE",
        "ENCRYPTED_FILE",
        "NO_PAGES",
        "TOO_MANY_PAGES",
        "PAGE_SIZE",
        "OUT_OF_RANGE",
        "INVALID_REQUEST",
    }
)
_INFO_TIMEOUT_S = 5.0
_INFO_AGE_S = 60.0


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A file the renderer made: its head and its checked content."""

    head: renderer_service_pb2.RenderedFile
    content: bytes


class Stages:
    """The three stages, each behind one channel."""

    def __init__(self, settings: OrchestratorSettings) -> None:
        self._settings = settings
        self._channels = {
            "omr": open_channel(settings.omr_target, health_service="etude.stage.v1.OmrService"),
            "fingering": open_channel(settings.fingering_target, health_service="etude.stage.v1.FingeringService"),
            "rendering": open_channel(settings.renderer_target, health_service="etude.stage.v1.RendererService"),
        }
        # The generated stub classes of grpcio-tools are untyped about the kind of channel; these are asynchronous.
        self._omr: Any = omr_service_pb2_grpc.OmrServiceStub(self._channels["omr"])
        self._fingering: Any = fingering_service_pb2_grpc.FingeringServiceStub(self._channels["fingering"])
        self._renderer: Any = renderer_service_pb2_grpc.RendererServiceStub(self._channels["rendering"])
        self._fan_out = PageFanOut(self._omr, settings)
        self._inspections = asyncio.Semaphore(settings.stage_concurrency)
        self._infos: dict[str, tuple[float, stage_pb2.StageInfo]] = {}

    async def close(self) -> None:
        """Close the channels."""
        await asyncio.gather(*(channel.close(None) for channel in self._channels.values()))

    @property
    def names(self) -> Sequence[str]:
        """The stages: "omr", "fingering", "rendering"."""
        return tuple(self._channels)

    async def serves(self, stage: str, *, timeout_s: float) -> bool:
        """True when the server of a stage says in time that it serves."""
        return await check_health(self._channels[stage], timeout_s=timeout_s)

    async def info(self, stage: str) -> stage_pb2.StageInfo:
        """What the server of a stage ("omr", "fingering", "rendering") is, at most a minute old.

        Raises:
            EtudeError: The server did not tell.
        """
        known = self._infos.get(stage)
        if known is not None and time.monotonic() - known[0] < _INFO_AGE_S:
            return known[1]
        try:
            if stage == "omr":
                answer = await self._omr.GetStageInfo(
                    omr_service_pb2.OmrServiceGetStageInfoRequest(), timeout=_INFO_TIMEOUT_S
                )
            elif stage == "fingering":
                answer = await self._fingering.GetStageInfo(
                    fingering_service_pb2.FingeringServiceGetStageInfoRequest(), timeout=_INFO_TIMEOUT_S
                )
            else:
                answer = await self._renderer.GetStageInfo(
                    renderer_service_pb2.RendererServiceGetStageInfoRequest(), timeout=_INFO_TIMEOUT_S
                )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
        info: stage_pb2.StageInfo = answer.info
        self._infos[stage] = (time.monotonic(), info)
        return info

    async def inspect(
        self,
        options: omr_service_pb2.RecognizeOptions,
        content: Content,
    ) -> omr_service_pb2.InspectResponse | None:
        """What the OMR stage says a document is; None when it does not say, which tells nothing about the document.

        It does not say when it cannot be reached, does not know the call (a stage of other make), takes too long over
        it or fails at it. The reading will find out.

        Args:
            options: How the document is to be read.
            content: The document's bytes.

        Raises:
            EtudeError: The stage would refuse to read the document: `_REFUSALS`.
        """
        whole = await content.whole()
        timeout_s = self._settings.inspection_timeout_seconds
        answer: omr_service_pb2.InspectResponse
        async with self._inspections:
            try:
                if whole is not None:
                    request = omr_service_pb2.InspectFileRequest(options=options, content=whole)
                    with contextlib.suppress(UnknownCallError):
                        answer = await answer_of(self._omr.InspectFile, request, timeout_s)
                        return answer
                answer = await answer_of(self._omr.Inspect, _inspecting(options, content.chunks()), timeout_s)
                return answer
            except EtudeError as error:
                if error.reason in _REFUSALS:
                    raise
                _log.warning("a document was taken without inspection", reason=error.reason, error=error.message)
                return None

    async def recognize(
        self,
        options: omr_service_pb2.RecognizeOptions,
        document: Document,
        on_progress: OnProgress,
    ) -> omr_service_pb2.RecognizeResult:
        """What the OMR stage reads from a document; a long one is shared by its replicas.

        Args:
            options: How to read.
            document: The document.
            on_progress: Told how far the stage is.

        Raises:
            EtudeError: The stage's reason, or DEPENDENCY_UNAVAILABLE when it could not be reached for long.
        """
        parts = parts_of(options, document.page_count)
        if len(parts) > 1:
            result = await self._fan_out.read(options, document, parts, on_progress)
            if result is not None:
                return result
        whole = await document.content.whole()

        async def attempt() -> omr_service_pb2.RecognizeResult:
            if whole is not None:
                request = omr_service_pb2.RecognizeFileRequest(options=options, content=whole)
                with contextlib.suppress(UnknownCallError):
                    return await self._recognized(self._omr.RecognizeFile, request, on_progress)
            requests = _reading(options, document.content.chunks())
            return await self._recognized(self._omr.Recognize, requests, on_progress)

        return await patiently("omr", attempt, self._settings.stage_patience_seconds)

    async def _recognized(self, method: Any, request: Any, on_progress: OnProgress) -> omr_service_pb2.RecognizeResult:
        result: omr_service_pb2.RecognizeResult | None = None
        async with contextlib.aclosing(exchange(method, request, self._settings.omr_timeout_seconds)) as responses:
            async for response in responses:
                if response.HasField("progress"):
                    await on_progress(response.progress)
                elif response.HasField("result"):
                    result = response.result
        if result is None or not result.scores:
            raise EtudeError("INTERNAL", "the OMR stage ended without a Score")
        return result

    async def annotate(
        self, request: fingering_service_pb2.AnnotateRequest, on_progress: OnProgress
    ) -> fingering_service_pb2.AnnotateResult:
        """The fingered Score.

        Raises:
            EtudeError: The stage's reason, or DEPENDENCY_UNAVAILABLE when it could not be reached for long.
        """

        async def attempt() -> fingering_service_pb2.AnnotateResult:
            result: fingering_service_pb2.AnnotateResult | None = None
            answers = exchange(self._fingering.Annotate, request, self._settings.fingering_timeout_seconds)
            async with contextlib.aclosing(answers) as responses:
                async for response in responses:
                    if response.HasField("progress"):
                        await on_progress(response.progress)
                    elif response.HasField("result"):
                        result = response.result
            if result is None:
                raise EtudeError("INTERNAL", "the fingering stage ended without a result")
            return result

        return await patiently("fingering", attempt, self._settings.stage_patience_seconds)

    async def render(
        self,
        options: renderer_service_pb2.RenderOptions,
        scores: Sequence[score_pb2.Score],
        original: Content | None,
        on_progress: OnProgress,
    ) -> tuple[Sequence[RenderedFile], renderer_service_pb2.RenderResult]:
        """The files the renderer makes of some Scores, and what it remarks.

        Args:
            options: What to make.
            scores: The Scores.
            original: The user's own PDF; None where it is not needed.
            on_progress: Told how far the stage is.

        Raises:
            EtudeError: The stage's reason, or DEPENDENCY_UNAVAILABLE when it could not be reached for long.
        """
        size_bytes = sum(score.ByteSize() for score in scores) + (0 if original is None else original.size_bytes)
        request: renderer_service_pb2.RenderScoresRequest | None = None
        if size_bytes <= MAX_CHUNK_BYTES:
            whole = None if original is None else await original.whole()
            request = renderer_service_pb2.RenderScoresRequest(options=options, scores=scores, original=whole or b"")

        async def attempt() -> tuple[Sequence[RenderedFile], renderer_service_pb2.RenderResult]:
            if request is not None:
                with contextlib.suppress(UnknownCallError):
                    return await self._rendered(self._renderer.RenderScores, request, on_progress)
            return await self._rendered(self._renderer.Render, _rendering(options, scores, original), on_progress)

        return await patiently("rendering", attempt, self._settings.stage_patience_seconds)

    async def _rendered(
        self, method: Any, request: Any, on_progress: OnProgress
    ) -> tuple[Sequence[RenderedFile], renderer_service_pb2.RenderResult]:
        files: list[tuple[renderer_service_pb2.RenderedFile, bytearray]] = []
        result: renderer_service_pb2.RenderResult | None = None
        timeout_s = self._settings.rendering_timeout_seconds
        async with contextlib.aclosing(exchange(method, request, timeout_s)) as responses:
            async for response in responses:
                payload = response.WhichOneof("payload")
                if payload == "progress":
                    await on_progress(response.progress)
                elif payload == "file":
                    files.append((response.file, bytearray(response.file.content)))
                    response.file.ClearField("content")
                elif payload == "chunk" and files:
                    files[-1][1].extend(response.chunk)
                elif payload == "result":
                    result = response.result
        if result is None:
            raise EtudeError("INTERNAL", "the rendering stage ended without a result")
        if result.file_count != len(files):
            raise EtudeError("INTERNAL", f"the rendering stage sent {len(files)} of {result.file_count} files")
        return [_checked(head, bytes(content)) for head, content in files], result


async def _inspecting(
    options: omr_service_pb2.RecognizeOptions, chunks: AsyncIterator[bytes]
) -> AsyncIterator[omr_service_pb2.InspectRequest]:
    yield omr_service_pb2.InspectRequest(options=options)
    async for chunk in chunks:
        yield omr_service_pb2.InspectRequest(chunk=chunk)


async def _reading(
    options: omr_service_pb2.RecognizeOptions, chunks: AsyncIterator[bytes]
) -> AsyncIterator[omr_service_pb2.RecognizeRequest]:
    yield omr_service_pb2.RecognizeRequest(options=options)
    async for chunk in chunks:
        yield omr_service_pb2.RecognizeRequest(chunk=chunk)


async def _rendering(
    options: renderer_service_pb2.RenderOptions, scores: Sequence[score_pb2.Score], original: Content | None
) -> AsyncIterator[renderer_service_pb2.RenderRequest]:
    yield renderer_service_pb2.RenderRequest(options=options)
    for score in scores:
        yield renderer_service_pb2.RenderRequest(score=score)
    if original is not None:
        async for chunk in original.chunks():
            yield renderer_service_pb2.RenderRequest(original_chunk=chunk)


def _checked(head: renderer_service_pb2.RenderedFile, content: bytes) -> RenderedFile:
    if len(content) != head.size_bytes or hashlib.sha256(content).hexdigest() != head.sha256:
        raise EtudeError("INTERNAL", "the rendering stage sent a file that does not match its SHA-256")
    return RenderedFile(head, content)

"""What a Render call asks for, put together from its messages and checked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from etude.mesh.errors import EtudeError, invalid_field
from etude.mesh.limits import MAX_CHUNK_BYTES
from etude.stage.v1 import renderer_service_pb2
from renderer_service.formats import FORMATS
from renderer_service.settings import RendererSettings
from renderer_service.steps import StepInput

DRAIN_SECONDS = 1.0
"""How long the rest of a refused request is waited for."""


async def in_pieces(
    whole: renderer_service_pb2.RenderScoresRequest,
) -> AsyncIterator[renderer_service_pb2.RenderRequest]:
    """What one message holds, as the messages of the call for a stream of them."""
    yield renderer_service_pb2.RenderRequest(options=whole.options)
    for score in whole.scores:
        yield renderer_service_pb2.RenderRequest(score=score)
    if whole.original:
        yield renderer_service_pb2.RenderRequest(original_chunk=whole.original)


async def receive(
    requests: AsyncIterator[renderer_service_pb2.RenderRequest], settings: RendererSettings
) -> tuple[StepInput, bool]:
    """The whole request: options first, then Scores, then the original in chunks; and whether small files are wanted
    within their heads.

    Raises:
        EtudeError: INVALID_REQUEST naming the field; FILE_TOO_LARGE as soon as the limit is passed.
    """
    try:
        return await _receive(requests, settings)
    except EtudeError:
        # A client that is still sending when its call ends may see its own failed write and not our reason
        # (grpc.aio reports INTERNAL then): what it has under way is taken in first.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _ in requests:
                    pass
        raise


async def _receive(
    requests: AsyncIterator[renderer_service_pb2.RenderRequest], settings: RendererSettings
) -> tuple[StepInput, bool]:
    options: renderer_service_pb2.RenderOptions | None = None
    scores: list[bytes] = []
    total = 0
    original = bytearray()
    async for request in requests:
        kind = request.WhichOneof("payload")
        if kind == "options":
            if options is not None:
                raise invalid_field("options", "The options come once, in the first message of the call.")
            options = _checked(request.options)
        elif options is None:
            raise invalid_field("options", "The first message of the call holds the options.")
        elif kind == "score":
            if original:
                raise invalid_field("score", "All Scores come before the first chunk of the original.")
            scores.append(request.score.SerializeToString(deterministic=True))
            total += len(scores[-1])
            if len(scores) > settings.max_scores or total > settings.max_scores_bytes:
                most = f"{settings.max_scores} Scores and {settings.max_scores_bytes / 1e6:.0f} MB of them"
                raise invalid_field("score", f"A call takes at most {most}.")
        elif kind == "original_chunk":
            if len(request.original_chunk) > MAX_CHUNK_BYTES:
                raise invalid_field("original_chunk", "A chunk holds at most 1 MiB.")
            original += request.original_chunk
            if len(original) > settings.max_file_bytes:
                raise EtudeError(
                    "FILE_TOO_LARGE",
                    f"The original is larger than {settings.max_file_bytes / 1e6:.0f} MB, which is the limit.",
                )
        else:
            raise invalid_field("payload", "A message holds options, a Score or a chunk.")
    if options is None:
        raise invalid_field("options", "The first message of the call holds the options.")
    if not scores:
        raise invalid_field("score", "A call needs at least one Score.")
    task = StepInput(
        tuple(scores), 0, bytes(original), frozenset(options.formats), options.density, options.filename_stem
    )
    return task, options.inline_small_files


def _checked(options: renderer_service_pb2.RenderOptions) -> renderer_service_pb2.RenderOptions:
    if not options.formats:
        raise invalid_field("options.formats", "At least one format is needed.")
    for wanted in options.formats:
        if wanted not in FORMATS:
            raise invalid_field("options.formats", f"There is no output format {wanted}.")
    return options

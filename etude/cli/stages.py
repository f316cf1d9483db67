"""Single stages called by a command, without a job around: a document read, a Score fingered, Scores written."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio

from etude.mesh.channels import open_channel
from etude.mesh.embedded import embedded_mesh
from etude.mesh.errors import EtudeError, from_rpc_error
from etude.mesh.limits import MAX_CHUNK_BYTES
from etude.score.v1 import score_pb2
from etude.stage.v1 import (
    fingering_service_pb2,
    fingering_service_pb2_grpc,
    omr_service_pb2,
    omr_service_pb2_grpc,
    renderer_service_pb2,
    renderer_service_pb2_grpc,
)


@dataclass(frozen=True, slots=True)
class StageCalls:
    """Stages, each behind a channel; a call to one that was not asked for fails."""

    channels: Mapping[str, grpc.aio.Channel]

    async def recognize(
        self, document: Path, reader: omr_service_pb2.ReaderMode.ValueType
    ) -> omr_service_pb2.RecognizeResult:
        """What the OMR stage reads from a document.

        Raises:
            EtudeError: Why it could not be read.
            OSError: It cannot be opened.
        """
        data = await asyncio.to_thread(document.read_bytes)

        async def requests() -> AsyncIterator[omr_service_pb2.RecognizeRequest]:
            options = omr_service_pb2.RecognizeOptions(filename=document.name, reader=reader)
            yield omr_service_pb2.RecognizeRequest(options=options)
            for start in range(0, len(data), MAX_CHUNK_BYTES):
                yield omr_service_pb2.RecognizeRequest(chunk=data[start : start + MAX_CHUNK_BYTES])

        result: omr_service_pb2.RecognizeResult | None = None
        try:
            stub: Any = omr_service_pb2_grpc.OmrServiceStub(self.channels["omr"])
            async for response in stub.Recognize(requests()):
                if response.HasField("result"):
                    result = response.result
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        if result is None:
            raise EtudeError("INTERNAL", "The OMR stage ended without a result.")
        return result

    async def musicxml(self, scores: Sequence[score_pb2.Score]) -> list[bytes]:
        """Scores as MusicXML, a file each.

        Raises:
            EtudeError: The renderer refused them.
        """

        async def requests() -> AsyncIterator[renderer_service_pb2.RenderRequest]:
            options = renderer_service_pb2.RenderOptions(formats=[renderer_service_pb2.OUTPUT_FORMAT_MUSICXML])
            yield renderer_service_pb2.RenderRequest(options=options)
            for score in scores:
                yield renderer_service_pb2.RenderRequest(score=score)

        files: list[bytearray] = []
        try:
            stub: Any = renderer_service_pb2_grpc.RendererServiceStub(self.channels["renderer"])
            async for response in stub.Render(requests()):
                if response.HasField("file"):
                    files.append(bytearray())
                elif response.WhichOneof("payload") == "chunk":
                    files[-1] += response.chunk
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return [bytes(file) for file in files]

    async def fingering_models(self) -> list[str]:
        """Names of the models of the fingering stage, the default first.

        Raises:
            EtudeError: The stage did not tell.
        """
        stub: Any = fingering_service_pb2_grpc.FingeringServiceStub(self.channels["fingering"])
        try:
            answer = await stub.GetStageInfo(fingering_service_pb2.FingeringServiceGetStageInfoRequest(), timeout=60)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        models = sorted(answer.info.models, key=lambda model: not model.is_default)
        return [model.model.name for model in models]

    async def annotate(self, score: score_pb2.Score, model: str) -> score_pb2.Score:
        """The Score with fingers by a model.

        Raises:
            EtudeError: The stage refused it.
        """
        stub: Any = fingering_service_pb2_grpc.FingeringServiceStub(self.channels["fingering"])
        fingered: score_pb2.Score | None = None
        try:
            async for response in stub.Annotate(fingering_service_pb2.AnnotateRequest(score=score, model=model)):
                if response.HasField("result"):
                    fingered = response.result.score
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        if fingered is None:
            raise EtudeError("INTERNAL", "The fingering stage ended without a result.")
        return fingered


@asynccontextmanager
async def stage_calls(*names: str) -> AsyncIterator[StageCalls]:
    """Stages by name ("omr", "fingering", "renderer"), embedded, on sockets that only this user can reach."""
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(
            embedded_mesh(roots=names, addresses="unix", overrides={"drain_seconds": 2.0})
        )
        yield StageCalls(
            {name: await stack.enter_async_context(open_channel(mesh.near_target(name))) for name in names}
        )

"""Single stages called by a command: a document read, Scores written as MusicXML, without a job around it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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
    omr_service_pb2,
    omr_service_pb2_grpc,
    renderer_service_pb2,
    renderer_service_pb2_grpc,
)


@dataclass(frozen=True, slots=True)
class StageCalls:
    """The stages OMR and renderer, each behind a channel."""

    # The generated stubs are untyped about the kind of channel; these are asynchronous.
    omr: Any
    renderer: Any

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
            async for response in self.omr.Recognize(requests()):
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
            async for response in self.renderer.Render(requests()):
                if response.HasField("file"):
                    files.append(bytearray())
                elif response.WhichOneof("payload") == "chunk":
                    files[-1] += response.chunk
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return [bytes(file) for file in files]


@asynccontextmanager
async def stage_calls() -> AsyncIterator[StageCalls]:
    """Both stages, embedded in this process, on sockets that only this user can reach."""
    async with (
        embedded_mesh(roots=["omr", "renderer"], addresses="unix", overrides={"drain_seconds": 2.0}) as mesh,
        open_channel(mesh.targets["omr"]) as omr,
        open_channel(mesh.targets["renderer"]) as renderer,
    ):
        yield StageCalls(
            omr_service_pb2_grpc.OmrServiceStub(omr), renderer_service_pb2_grpc.RendererServiceStub(renderer)
        )

"""The client's calls about artifacts and the models that made them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from pathlib import Path

import grpc

from etude.client.calls import Calls, jittered
from etude.client.files import AtomicFile
from etude.job.v1 import (
    artifact_service_pb2,
    artifact_service_pb2_grpc,
    model_service_pb2,
    model_service_pb2_grpc,
)
from etude.mesh.errors import EtudeError

DOWNLOAD_TIMEOUT_S = 600.0
RESUME_S = 30.0
"""How long a download looks for a server or a store that has gone away."""


class ArtifactCalls(Calls):
    """Calls of ArtifactService and ModelService."""

    @property
    def _artifacts(self) -> artifact_service_pb2_grpc.ArtifactServiceAsyncStub:
        return artifact_service_pb2_grpc.ArtifactServiceStub(self.channel)

    @property
    def _models(self) -> model_service_pb2_grpc.ModelServiceAsyncStub:
        return model_service_pb2_grpc.ModelServiceStub(self.channel)

    async def get_artifact(self, artifact_id: str) -> artifact_service_pb2.Artifact:
        """One artifact's description.

        Raises:
            EtudeError: ARTIFACT_NOT_FOUND.
        """
        request = artifact_service_pb2.GetArtifactRequest(artifact_id=artifact_id)
        return (await self.unary(self._artifacts.GetArtifact, request)).artifact

    async def artifacts_page(
        self,
        job_id: str,
        *,
        kinds: Iterable[artifact_service_pb2.ArtifactKind.ValueType] = (),
        latest_only: bool = True,
        page_size: int = 0,
        page_token: str = "",
    ) -> artifact_service_pb2.ListArtifactsResponse:
        """One page of a job's artifacts, oldest first, with the token of the next page."""
        request = artifact_service_pb2.ListArtifactsRequest(
            job_id=job_id, kinds=kinds, latest_only=latest_only, page_size=page_size, page_token=page_token
        )
        return await self.unary(self._artifacts.ListArtifacts, request)

    async def artifacts(
        self,
        job_id: str,
        *,
        kinds: Iterable[artifact_service_pb2.ArtifactKind.ValueType] = (),
        latest_only: bool = True,
    ) -> AsyncIterator[artifact_service_pb2.Artifact]:
        """A job's artifacts, oldest first.

        Args:
            job_id: The job.
            kinds: Only these kinds; empty for all.
            latest_only: Leaves out what a later correction replaced.
        """
        wanted = tuple(kinds)
        token = ""
        while True:
            page = await self.artifacts_page(job_id, kinds=wanted, latest_only=latest_only, page_token=token)
            for artifact in page.artifacts:
                yield artifact
            token = page.next_page_token
            if not token:
                return

    async def read(
        self,
        artifact_id: str,
        *,
        offset: int = 0,
        length: int = 0,
        timeout_s: float = DOWNLOAD_TIMEOUT_S,
        resume_s: float = RESUME_S,
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of an artifact in chunks of at most 1 MiB.

        A download that breaks off is taken up again where it stopped. The bytes of a whole artifact are checked against
        its SHA-256 here too: the server checks what it sends in one call, which may be a part of them.

        Args:
            artifact_id: The artifact.
            offset: First byte, from 0.
            length: Number of bytes; 0 for all from `offset` on.
            timeout_s: Longest time for all of it.
            resume_s: How long to look for a server or its store that has gone away.

        Raises:
            EtudeError: ARTIFACT_NOT_FOUND, OUT_OF_RANGE; CHECKSUM_MISMATCH, at the latest after the last byte;
                DEPENDENCY_UNAVAILABLE when what has gone away does not come back in time.
        """
        clock = asyncio.get_running_loop().time
        last_contact = clock()
        ends = last_contact + timeout_s
        received = attempt = 0
        artifact: artifact_service_pb2.Artifact | None = None
        sha256 = hashlib.sha256()
        while True:
            request = artifact_service_pb2.DownloadArtifactRequest(
                artifact_id=artifact_id, offset=offset + received, length=length - received if length else 0
            )
            call = self._artifacts.DownloadArtifact(request, timeout=max(ends - clock(), 0.0), metadata=self.metadata)
            try:
                async for response in call:
                    if response.HasField("artifact"):
                        artifact = response.artifact
                    else:
                        received += len(response.chunk)
                        last_contact, attempt = clock(), 0
                        sha256.update(response.chunk)
                        yield response.chunk
                break
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise self.error(error) from error
                if artifact is not None and received == _wanted(artifact, offset, length):
                    break  # only the end of the call was lost
                if clock() - last_contact > resume_s:
                    raise self.error(error) from error
            finally:
                call.cancel()
            await asyncio.sleep(jittered(min(0.1 * 2**attempt, 3.0)))
            attempt += 1
        if artifact is not None and received == artifact.size_bytes and sha256.hexdigest() != artifact.sha256:
            raise EtudeError(
                "CHECKSUM_MISMATCH",
                f"{artifact.filename} arrived damaged: its SHA-256 is not what the mesh recorded; download it again.",
            )

    async def download_url(self, artifact_id: str) -> artifact_service_pb2.GetDownloadUrlResponse:
        """A URL that gives the artifact's bytes to whoever has it, for a short time; empty where there is none.

        What comes from it is not checked: compare its SHA-256 with the artifact's.

        Raises:
            EtudeError: ARTIFACT_NOT_FOUND.
        """
        request = artifact_service_pb2.GetDownloadUrlRequest(artifact_id=artifact_id)
        return await self.unary(self._artifacts.GetDownloadUrl, request)

    async def download(self, artifact: artifact_service_pb2.Artifact | str, path: Path | str) -> Path:
        """Writes an artifact to a file, whole and unharmed or not at all.

        Args:
            artifact: The artifact or its id.
            path: The file; missing directories are made, an existing file is replaced.

        Raises:
            EtudeError: ARTIFACT_NOT_FOUND; CHECKSUM_MISMATCH when the bytes are not the artifact's.
        """
        artifact_id = artifact if isinstance(artifact, str) else artifact.artifact_id
        target = Path(path)
        async with AtomicFile(target) as file, aclosing(self.read(artifact_id)) as chunks:
            async for chunk in chunks:
                await file.write(chunk)
        return target

    async def lineage(self, artifact_id: str) -> artifact_service_pb2.GetLineageResponse:
        """What an artifact was derived from and what was derived from it.

        Raises:
            EtudeError: ARTIFACT_NOT_FOUND.
        """
        request = artifact_service_pb2.GetLineageRequest(artifact_id=artifact_id)
        return await self.unary(self._artifacts.GetLineage, request)

    async def models_page(
        self, *, stage: str = "", page_size: int = 0, page_token: str = ""
    ) -> model_service_pb2.ListModelsResponse:
        """One page of the models seen so far, with the token of the next page."""
        request = model_service_pb2.ListModelsRequest(stage=stage, page_size=page_size, page_token=page_token)
        return await self.unary(self._models.ListModels, request)

    async def models(self, stage: str = "") -> AsyncIterator[model_service_pb2.Model]:
        """Models seen so far; only those of one stage ("omr", "fingering") when it is given."""
        token = ""
        while True:
            page = await self.models_page(stage=stage, page_token=token)
            for model in page.models:
                yield model
            token = page.next_page_token
            if not token:
                return


def _wanted(artifact: artifact_service_pb2.Artifact, offset: int, length: int) -> int:
    """Bytes of an artifact from `offset` on, of `length` at most where that is not 0."""
    rest = artifact.size_bytes - offset
    return min(length, rest) if length else rest

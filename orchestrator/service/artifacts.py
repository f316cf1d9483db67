"""ArtifactService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from etude.job.v1 import artifact_service_pb2, artifact_service_pb2_grpc
from orchestrator import paging
from orchestrator.downloads import check_range, download
from orchestrator.identity.principal import current_caller
from orchestrator.lineage import related
from orchestrator.repositories.artifacts import ArtifactRepository
from orchestrator.repositories.jobs import JobRepository
from orchestrator.repositories.wire import timestamp
from orchestrator.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]
_PAGE_SIZE = 100


class ArtifactService(artifact_service_pb2_grpc.ArtifactServiceServicer):
    """See proto/etude/job/v1/artifact_service.proto."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def GetArtifact(
        self, request: artifact_service_pb2.GetArtifactRequest, context: _Context
    ) -> artifact_service_pb2.GetArtifactResponse:
        """One artifact's description."""
        caller = current_caller()
        async with self._store.database.read() as connection:
            repository = ArtifactRepository(connection, caller.tenant_id)
            stored = await repository.get(request.artifact_id, user_id=caller.user_id)
        return artifact_service_pb2.GetArtifactResponse(artifact=stored.artifact)

    async def ListArtifacts(
        self, request: artifact_service_pb2.ListArtifactsRequest, context: _Context
    ) -> artifact_service_pb2.ListArtifactsResponse:
        """Artifacts of a job."""
        caller = current_caller()
        size = paging.page_size(request.page_size, _PAGE_SIZE)
        kinds = sorted(set(request.kinds))
        question = f"ListArtifacts {caller} {request.job_id} {kinds} {request.latest_only}"
        position = paging.read_token(question, request.page_token, (int,))
        async with self._store.database.read() as connection:
            await JobRepository(connection, caller.tenant_id).get(request.job_id, user_id=caller.user_id)
            found = await ArtifactRepository(connection, caller.tenant_id).list(
                request.job_id,
                kinds=request.kinds,
                latest_only=request.latest_only,
                after=0 if position is None else int(position[0]),
                limit=size + 1,
            )
        answer = artifact_service_pb2.ListArtifactsResponse(artifacts=[stored.artifact for stored in found[:size]])
        if len(found) > size:
            answer.next_page_token = paging.make_token(question, found[size - 1].position)
        return answer

    async def DownloadArtifact(
        self, request: artifact_service_pb2.DownloadArtifactRequest, context: _Context
    ) -> AsyncIterator[artifact_service_pb2.DownloadArtifactResponse]:
        """The bytes of an artifact."""
        caller = current_caller()
        async with self._store.database.read() as connection:
            repository = ArtifactRepository(connection, caller.tenant_id)
            stored = await repository.get(request.artifact_id, user_id=caller.user_id)
        check_range(stored, request.offset, request.length)
        yield artifact_service_pb2.DownloadArtifactResponse(artifact=stored.artifact)
        async for chunk in download(self._store, stored, offset=request.offset, length=request.length):
            yield artifact_service_pb2.DownloadArtifactResponse(chunk=chunk)

    async def GetDownloadUrl(
        self, request: artifact_service_pb2.GetDownloadUrlRequest, context: _Context
    ) -> artifact_service_pb2.GetDownloadUrlResponse:
        """Where the bytes of an artifact can be had past this service, if anywhere."""
        caller = current_caller()
        async with self._store.database.read() as connection:
            repository = ArtifactRepository(connection, caller.tenant_id)
            stored = await repository.get(request.artifact_id, user_id=caller.user_id)
        artifact = stored.artifact
        answer = artifact_service_pb2.GetDownloadUrlResponse(artifact=artifact)
        presigned = self._store.blobs.presigned_url(
            stored.blob_key, filename=artifact.filename, media_type=artifact.media_type
        )
        if presigned is not None and not await self._store.is_in_database(stored):
            answer.url = presigned.url
            answer.expire_time.CopyFrom(timestamp(presigned.expire_time))
        return answer

    async def GetLineage(
        self, request: artifact_service_pb2.GetLineageRequest, context: _Context
    ) -> artifact_service_pb2.GetLineageResponse:
        """What an artifact was derived from, and what from it."""
        caller = current_caller()
        async with self._store.database.read() as connection:
            repository = ArtifactRepository(connection, caller.tenant_id)
            start = await repository.get(request.artifact_id, user_id=caller.user_id)
            edges = await repository.lineage(start.artifact.job_id)
            artifacts = await repository.list(start.artifact.job_id)
        ids, between = related(request.artifact_id, edges)
        return artifact_service_pb2.GetLineageResponse(
            artifacts=[stored.artifact for stored in artifacts if stored.artifact.artifact_id in ids], edges=between
        )

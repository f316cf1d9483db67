"""Artifacts and their lineage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from google.protobuf import json_format
from sqlalchemy import bindparam, delete, func, select

from etude.job.v1 import artifact_service_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.mesh.errors import EtudeError
from etude.score.v1 import provenance_pb2
from etude.score.v1.provenance_pb2 import UncertaintyPolicy
from orchestrator.connection import Connection, Statements
from orchestrator.repositories.wire import short_name, timestamp, to_column
from orchestrator.statements import Prepared
from orchestrator.tables import artifact_contents, artifact_lineage, artifacts, jobs

_KIND = "ARTIFACT_KIND_"

_OF_JOB = Prepared(
    select(artifacts)
    .where(artifacts.c.tenant_id == bindparam("b_tenant_id"), artifacts.c.job_id == bindparam("b_job_id"))
    .order_by(artifacts.c.position)
)
_CONTENT = Prepared(
    select(artifact_contents.c.content).where(
        artifact_contents.c.tenant_id == bindparam("b_tenant_id"),
        artifact_contents.c.artifact_id == bindparam("b_artifact_id"),
    )
)


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """An artifact, where its bytes lie, and its place in the order of its job's artifacts.

    Attributes:
        artifact: Its description.
        blob_key: Where its bytes lie in the blob store, unless they lie in the database.
        position: Its place, from 1.
        content: Its bytes, where they are at hand because they were just stored.
    """

    artifact: artifact_service_pb2.Artifact
    blob_key: str
    position: int
    content: bytes | None = field(default=None, compare=False, repr=False)


class ArtifactRepository:
    """The artifacts of one tenant."""

    def __init__(self, connection: Connection, tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def get(self, artifact_id: str, *, user_id: str | None = None) -> StoredArtifact:
        """The artifact.

        Raises:
            EtudeError: ARTIFACT_NOT_FOUND, also for one of another tenant or user.
        """
        query = select(artifacts).where(
            artifacts.c.tenant_id == self._tenant_id, artifacts.c.artifact_id == artifact_id
        )
        if user_id is not None:
            query = query.join(jobs, jobs.c.job_id == artifacts.c.job_id).where(jobs.c.user_id == user_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise EtudeError("ARTIFACT_NOT_FOUND", f"there is no artifact {artifact_id!r}, or it is not yours")
        return _stored(row)

    async def list(
        self,
        job_id: str,
        *,
        kinds: Iterable[ArtifactKind.ValueType] = (),
        latest_only: bool = False,
        after: int = 0,
        limit: int | None = None,
    ) -> Sequence[StoredArtifact]:
        """Artifacts of a job, oldest first, after the position `after`, at most `limit`.

        Args:
            job_id: The job.
            kinds: Only these; all when empty.
            latest_only: Leave out what a later revision replaced.
            after: Position to start after.
            limit: Most artifacts.
        """
        query = select(artifacts).where(artifacts.c.tenant_id == self._tenant_id, artifacts.c.job_id == job_id)
        names = [short_name(ArtifactKind, kind, _KIND) for kind in kinds]
        if names:
            query = query.where(artifacts.c.kind.in_(names))
        if latest_only:
            latest = (
                select(artifacts.c.kind, artifacts.c.score_index, func.max(artifacts.c.revision).label("revision"))
                .where(artifacts.c.tenant_id == self._tenant_id, artifacts.c.job_id == job_id)
                .group_by(artifacts.c.kind, artifacts.c.score_index)
                .subquery()
            )
            # By (kind, score): a new engraving may have fewer pages than the one it replaces.
            query = query.join(
                latest,
                (latest.c.kind == artifacts.c.kind)
                & (latest.c.score_index == artifacts.c.score_index)
                & (latest.c.revision == artifacts.c.revision),
            )
        if after:
            query = query.where(artifacts.c.position > after)
        query = query.order_by(artifacts.c.position)
        if limit is not None:
            query = query.limit(limit)
        return [_stored(row) for row in await self._connection.execute(query)]

    async def of_job(self, job_id: str) -> Sequence[StoredArtifact]:
        """All artifacts of a job, oldest first."""
        key = {"b_tenant_id": self._tenant_id, "b_job_id": job_id}
        return [_stored(row) for row in await self._connection.fetch(_OF_JOB, key)]

    async def lineage(self, job_id: str) -> Sequence[artifact_service_pb2.LineageEdge]:
        """All derivations between artifacts of a job, in the order of what was made."""
        query = (
            select(artifact_lineage)
            .join(artifacts, artifacts.c.artifact_id == artifact_lineage.c.derived_artifact_id)
            .where(artifact_lineage.c.tenant_id == self._tenant_id, artifacts.c.job_id == job_id)
            .order_by(artifacts.c.position, artifact_lineage.c.source_artifact_id)
        )
        return [
            artifact_service_pb2.LineageEdge(
                source_artifact_id=row.source_artifact_id,
                derived_artifact_id=row.derived_artifact_id,
                transformation=row.transformation,
                transformation_version=row.transformation_version,
                create_time=timestamp(row.create_time),
            )
            for row in await self._connection.execute(query)
        ]


async def content_of(statements: Statements, artifact: artifact_service_pb2.Artifact) -> bytes | None:
    """The bytes of an artifact where they lie in the database; None where they do not."""
    key = {"b_tenant_id": artifact.tenant_id, "b_artifact_id": artifact.artifact_id}
    found = await statements.fetch(_CONTENT, key)
    return found[0].content if found else None


async def contents(connection: Connection, *, limit: int) -> Sequence[tuple[str, str, bytes]]:
    """Artifacts of any tenant whose bytes lie in the database, at most `limit`: id, key in the blob store, bytes."""
    query = (
        select(artifact_contents.c.artifact_id, artifacts.c.blob_key, artifact_contents.c.content)
        .join(artifacts, artifacts.c.artifact_id == artifact_contents.c.artifact_id)
        .limit(limit)
    )
    return [(row.artifact_id, row.blob_key, row.content) for row in await connection.execute(query)]


async def drop_contents(connection: Connection, artifact_ids: Sequence[str]) -> None:
    """Forget bytes that lie in the blob store by now."""
    await connection.execute(delete(artifact_contents).where(artifact_contents.c.artifact_id.in_(artifact_ids)))


async def all_blob_keys(connection: Connection) -> set[str]:
    """The keys of the bytes of all artifacts of all tenants."""
    return set((await connection.execute(select(artifacts.c.blob_key))).scalars())


def artifact_row(artifact: artifact_service_pb2.Artifact, *, blob_key: str, position: int) -> dict[str, Any]:
    """The row of an artifact."""
    return {
        "tenant_id": artifact.tenant_id,
        "artifact_id": artifact.artifact_id,
        "job_id": artifact.job_id,
        "position": position,
        "kind": short_name(ArtifactKind, artifact.kind, _KIND),
        "score_index": artifact.score_index,
        "page_number": artifact.page_number,
        "revision": artifact.revision,
        "filename": artifact.filename,
        "media_type": artifact.media_type,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "blob_key": blob_key,
        "schema_version": artifact.schema_version,
        "producer_version": artifact.producer_version,
        "models": [to_column(model) for model in artifact.models],
        "parameters": dict(sorted(artifact.parameters.items())),
        "uncertainty_policy": UncertaintyPolicy.Name(artifact.uncertainty_policy),
        "create_time": artifact.create_time.ToDatetime(tzinfo=UTC),
    }


def _stored(row: Any) -> StoredArtifact:
    artifact = artifact_service_pb2.Artifact(
        artifact_id=row.artifact_id,
        job_id=row.job_id,
        tenant_id=row.tenant_id,
        kind=ArtifactKind.Value(_KIND + row.kind),
        score_index=row.score_index,
        page_number=row.page_number,
        revision=row.revision,
        filename=row.filename,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        schema_version=row.schema_version,
        producer_version=row.producer_version,
        models=[json_format.ParseDict(model, provenance_pb2.ModelRef()) for model in row.models],
        parameters=row.parameters,
        uncertainty_policy=UncertaintyPolicy.Value(row.uncertainty_policy),
        create_time=timestamp(row.create_time),
    )
    return StoredArtifact(artifact, row.blob_key, row.position)

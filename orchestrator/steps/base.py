"""What the steps share: the things they work with, what they give back, and how artifacts are read and stored."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.mesh.errors import EtudeError
from etude.notation import io as score_io
from etude.score.v1 import score_pb2
from etude.stage.v1.stage_pb2 import Progress
from orchestrator import ids, naming
from orchestrator.exchange import Content
from orchestrator.repositories.artifacts import StoredArtifact
from orchestrator.repositories.editor import NewArtifact
from orchestrator.stages import Stages
from orchestrator.store import Store

Report = Callable[[Progress], Awaitable[None]]

#: Most bytes of one stage's artifacts that are stored with their rows: a transaction must not become large.
_INLINE_TOGETHER_BYTES = 256 << 10
#: Scores of up to so many bytes in binary form are written as JSON, some eight times as large, within a millisecond.
_MADE_AT_ONCE_BYTES = 4 << 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step made of a job.

    Attributes:
        message: A sentence for the audit trail.
        artifacts: What is to be visible; their bytes are stored already, or come with their rows.
        summary: The job's numbers as they are now, without remarks.
        remarks: What people should know.
    """

    message: str
    artifacts: Sequence[NewArtifact]
    summary: job_pb2.JobSummary
    remarks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What a step is given: a job as it is when the step begins, and its artifacts so far."""

    job: job_pb2.Job
    artifacts: Sequence[StoredArtifact]

    def of_kind(self, kind: ArtifactKind.ValueType) -> Sequence[StoredArtifact]:
        """The artifacts of a kind, by score and page. A job that still runs has one revision of each.

        Raises:
            EtudeError: INTERNAL when there is none: the step before stored one.
        """
        found = [stored for stored in self.artifacts if stored.artifact.kind == kind]
        if not found:
            raise EtudeError("INTERNAL", f"the job has no {ArtifactKind.Name(kind)}")
        return sorted(found, key=lambda stored: (stored.artifact.score_index, stored.artifact.page_number))


@dataclass(frozen=True, slots=True)
class NewScore:
    """A Score to be stored.

    Attributes:
        score: The Score.
        index: Its place among the Scores of the job, from 0.
        count: How many Scores the job has.
        source_id: The artifact it was made from.
        revision: Its revision.
    """

    score: score_pb2.Score
    index: int
    count: int
    source_id: str
    revision: int = 1


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be stored: its description as far as it is known, its bytes, and the artifacts it was made from."""

    artifact: artifact_service_pb2.Artifact
    content: bytes
    source_ids: Sequence[str]


class ScoreCache:
    """The Scores stored last, so that the next step need not parse what this one wrote. Read, never change them."""

    def __init__(self, capacity: int = 32) -> None:
        self._capacity = capacity
        self._scores: OrderedDict[str, score_pb2.Score] = OrderedDict()

    def get(self, artifact_id: str) -> score_pb2.Score | None:
        """The Score of an artifact, if it is still here."""
        return self._scores.get(artifact_id)

    def put(self, artifact_id: str, score: score_pb2.Score) -> None:
        """Keep a Score."""
        self._scores[artifact_id] = score
        self._scores.move_to_end(artifact_id)
        while len(self._scores) > self._capacity:
            self._scores.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Workshop:
    """What steps work with."""

    store: Store
    stages: Stages
    scores: ScoreCache = field(default_factory=ScoreCache)

    async def read(self, stored: StoredArtifact) -> bytes:
        """The bytes of an artifact, checked.

        Raises:
            EtudeError: CHECKSUM_MISMATCH.
        """
        data = b"".join([chunk async for chunk in self.store.read(stored)])
        if hashlib.sha256(data).hexdigest() != stored.artifact.sha256:
            raise EtudeError(
                "CHECKSUM_MISMATCH", f"the stored bytes of {stored.artifact.filename} are not those that were written"
            )
        return data

    def content(self, stored: StoredArtifact) -> Content:
        """The bytes of an artifact, to be sent to a stage."""
        return Content(lambda: self.store.read(stored), stored.artifact.size_bytes)

    async def score(self, stored: StoredArtifact) -> score_pb2.Score:
        """The Score of an ir_v1 or ir_v2 artifact. Others may hold it too: do not change it.

        Raises:
            EtudeError: CHECKSUM_MISMATCH.
        """
        known = self.scores.get(stored.artifact.artifact_id)
        if known is None:
            known = await asyncio.to_thread(score_io.from_json, await self.read(stored))
            self.scores.put(stored.artifact.artifact_id, known)
        return known

    async def store_scores(
        self, job: job_pb2.Job, scores: Sequence[NewScore], kind: ArtifactKind.ValueType, transformation: str
    ) -> list[NewArtifact]:
        """Store Scores' bytes; what their provenance tells goes into the artifacts' descriptions.

        Small ones are to be stored with their rows; see `_store`.
        """

        def files() -> list[NewFile]:
            return [NewFile(_describe(job, new, kind), score_io.to_json(new.score), [new.source_id]) for new in scores]

        small = sum(new.score.ByteSize() for new in scores) <= _MADE_AT_ONCE_BYTES
        stored = await self._store(job, files, transformation, at_once=small)
        for artifact, new in zip(stored, scores, strict=True):
            self.scores.put(artifact.artifact.artifact_id, new.score)
        return stored

    async def store_files(self, job: job_pb2.Job, files: Sequence[NewFile], transformation: str) -> list[NewArtifact]:
        """Store artifacts' bytes and complete their descriptions with id, size and SHA-256; see `_store`."""
        small = sum(len(file.content) for file in files) <= _INLINE_TOGETHER_BYTES
        return await self._store(job, lambda: files, transformation, at_once=small)

    async def _store(
        self, job: job_pb2.Job, files: Callable[[], Sequence[NewFile]], transformation: str, *, at_once: bool
    ) -> list[NewArtifact]:
        """Store artifacts that `files` makes; the bytes of small ones are left to the transaction of their rows.

        It runs, and digests are taken, in the thread that writes, unless that is done `at_once` where the coroutine
        stands: the way to a thread and back takes longer over what is small.
        """
        made: list[NewArtifact] = []

        def contents() -> dict[str, bytes]:
            room = _INLINE_TOGETHER_BYTES
            apart: dict[str, bytes] = {}
            for file in files():
                inline = len(file.content) <= min(self.store.inline_bytes, room)
                made.append(new := _completed(job, file, transformation, inline=inline))
                if inline:
                    room -= len(file.content)
                else:
                    apart[new.blob_key] = file.content
            return apart

        if not at_once:
            await self.store.blobs.put_made(contents)
        elif apart := contents():
            await self.store.blobs.put(apart)
        return made


def _completed(job: job_pb2.Job, file: NewFile, transformation: str, *, inline: bool) -> NewArtifact:
    artifact, sha256 = file.artifact, hashlib.sha256(file.content).hexdigest()
    artifact.artifact_id = ids.artifact_id(
        job.job_id,
        ArtifactKind.Name(artifact.kind),
        artifact.score_index,
        artifact.page_number,
        artifact.revision,
        sha256,
    )
    artifact.size_bytes, artifact.sha256 = len(file.content), sha256
    key = naming.blob_key(job.job_id, artifact.artifact_id, artifact.kind)
    return NewArtifact(artifact, key, tuple(file.source_ids), transformation, file.content if inline else None)


def _describe(job: job_pb2.Job, new: NewScore, kind: ArtifactKind.ValueType) -> artifact_service_pb2.Artifact:
    score = new.score
    artifact = artifact_service_pb2.Artifact(
        kind=kind,
        score_index=new.index,
        revision=new.revision,
        filename=naming.artifact_filename(
            naming.stem_of(job.source.filename),
            kind,
            score_index=new.index,
            score_count=new.count,
            page_number=0,
            page_count=0,
        ),
        media_type=naming.SCORE_MEDIA_TYPE,
        schema_version=score.schema_version,
        uncertainty_policy=score.provenance.uncertainty_policy,
    )
    if score.provenance.steps:
        last = score.provenance.steps[-1]
        artifact.producer_version = last.service_version
        artifact.models.extend(last.models)
        artifact.parameters.update(last.parameters)
    return artifact

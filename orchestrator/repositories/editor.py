"""Changes to one job, in one transaction.

A `JobEditor` is the only way to change a job: it checks every change of state against the table and the epoch, gives
each event the next sequence number, and writes the job, its events, its artifacts and their lineage together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.rpc import status_pb2
from sqlalchemy import bindparam, insert, select, update

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.job_pb2 import JobEventKind, JobState
from etude.mesh.errors import EtudeError, from_status
from etude.stage.v1 import stage_pb2
from orchestrator.connection import Connection
from orchestrator.repositories.artifacts import StoredArtifact, artifact_row
from orchestrator.repositories.jobs import JobRecord, JobRef, JobRepository, event_row, job_not_found
from orchestrator.repositories.wire import now, timestamp, to_column
from orchestrator.statements import Prepared
from orchestrator.states import TERMINAL, Cause, check, state_name
from orchestrator.tables import artifact_lineage, artifacts, job_events, job_steps, jobs

_IS_JOB = (
    (jobs.c.tenant_id == bindparam("b_tenant_id"))
    & (jobs.c.job_id == bindparam("b_job_id"))
    & (jobs.c.epoch == bindparam("b_epoch"))
    & (jobs.c.last_sequence == bindparam("b_sequence"))
)
_IS_STEP = (
    (job_steps.c.tenant_id == bindparam("b_tenant_id"))
    & (job_steps.c.job_id == bindparam("b_job_id"))
    & (job_steps.c.step == bindparam("b_step"))
    & (job_steps.c.attempt == bindparam("b_attempt"))
)
_UPDATE_JOB = Prepared(update(jobs).where(_IS_JOB))
_STEP_RUNS = Prepared(select(job_steps.c.runs).where(_IS_STEP))
_UPDATE_STEP = Prepared(update(job_steps).where(_IS_STEP))
_INSERT_STEP = Prepared(insert(job_steps))
_INSERT_EVENTS = Prepared(insert(job_events))
_INSERT_ARTIFACTS = Prepared(insert(artifacts))
_INSERT_LINEAGE = Prepared(insert(artifact_lineage))


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """An artifact whose bytes are stored and whose row is to come.

    Attributes:
        artifact: Its description; job, tenant and time are filled in by the editor.
        blob_key: Where its bytes lie.
        source_ids: The artifacts it was made from.
        transformation: How: "omr", "fingering", "correction", "rendering"; empty for the source itself.
    """

    artifact: artifact_service_pb2.Artifact
    blob_key: str
    source_ids: Sequence[str] = ()
    transformation: str = ""


class JobEditor:
    """A job being changed. Nothing is written before `save`."""

    def __init__(self, connection: Connection, record: JobRecord, actor: str) -> None:
        """Change the job of `record`, which was read under lock in the same transaction, in the name of `actor`."""
        self._connection = connection
        self._record = record
        self._actor = actor
        self._stored_epoch = record.job.epoch
        self._stored_sequence = record.job.last_sequence
        self._time = now()
        self._stamp = timestamp(self._time)
        self._events: list[job_pb2.JobEvent] = []
        self._artifacts: list[dict[str, Any]] = []
        self._lineage: list[dict[str, Any]] = []
        self._trace_context: dict[str, str] | None = None
        self._saved: list[job_pb2.JobEvent] = []

    @classmethod
    async def open(
        cls,
        connection: Connection,
        ref: JobRef,
        actor: str,
        user_id: str | None = None,
        known: JobRecord | None = None,
    ) -> JobEditor:
        """The editor of a job, which need not be read if it still is as it is `known`.

        Raises:
            EtudeError: JOB_NOT_FOUND.
        """
        record = await JobRepository(connection, ref.tenant_id).get_locked(ref.job_id, known)
        if user_id is not None and record.job.user_id != user_id:
            raise job_not_found(ref.job_id)
        return cls(connection, record, actor)

    @property
    def record(self) -> JobRecord:
        """The job with what is kept beside it."""
        return JobRecord(self.job, self.trace_context)

    @property
    def saved_events(self) -> Sequence[job_pb2.JobEvent]:
        """The events written by `save` so far."""
        return self._saved

    @property
    def job(self) -> job_pb2.Job:
        """The job as it will be after `save`."""
        return self._record.job

    @property
    def connection(self) -> Connection:
        """The transaction, for what has to become true together with the change."""
        return self._connection

    @contextlib.contextmanager
    def on_behalf_of(self, actor: str) -> Iterator[None]:
        """Note what happens within in somebody else's name."""
        own, self._actor = self._actor, actor
        try:
            yield
        finally:
            self._actor = own

    @property
    def trace_context(self) -> dict[str, str]:
        """The trace its stages continue."""
        return self._record.trace_context if self._trace_context is None else self._trace_context

    @property
    def time(self) -> datetime:
        """The moment of the change."""
        return self._time

    def require_epoch(self, epoch: int) -> None:
        """Refuse to go on when the job was changed since `epoch`.

        Raises:
            EtudeError: STALE_EPOCH.
        """
        if self.job.epoch != epoch:
            raise EtudeError(
                "STALE_EPOCH",
                f"the job is in epoch {self.job.epoch} ({state_name(self.job.state)}); "
                f"work begun in epoch {epoch} no longer counts",
                metadata={"state": state_name(self.job.state)},
            )

    def transition(
        self,
        target: JobState.ValueType,
        cause: Cause,
        reason: str,
        *,
        expected_epoch: int | None = None,
        error: status_pb2.Status | None = None,
    ) -> None:
        """Change the state, bump the epoch and note the event.

        Raises:
            EtudeError: INVALID_STATE or STALE_EPOCH; see `states.check`.
        """
        job = self.job
        check(job.state, target, cause, epoch=job.epoch, expected_epoch=expected_epoch)
        source = job.state
        job.epoch += 1
        job.state = target
        if error is None:
            job.ClearField("error")
        else:
            job.error.CopyFrom(error)
        if target in TERMINAL:
            job.complete_time.CopyFrom(self._stamp)
        self._add(JobEventKind.JOB_EVENT_KIND_STATE_CHANGED, from_state=source, reason=reason)

    def created(self, reason: str) -> None:
        """Note that the job came into being."""
        self._add(JobEventKind.JOB_EVENT_KIND_STATE_CHANGED, reason=reason)

    def restart(self, trace_context: dict[str, str]) -> None:
        """Count another attempt, which continues another trace."""
        self.job.attempt += 1
        self._trace_context = trace_context

    def progress(self, progress: stage_pb2.Progress) -> None:
        """Note how far the job is."""
        self.job.progress.CopyFrom(progress)
        self._add(JobEventKind.JOB_EVENT_KIND_PROGRESS, progress=progress)

    def remark(self, text: str) -> None:
        """Note something people should know."""
        self.job.summary.remarks.append(text)
        self._add(JobEventKind.JOB_EVENT_KIND_REMARK, reason=text)

    def add_artifact(self, new: NewArtifact) -> StoredArtifact:
        """Add an artifact, its lineage and its event; the artifact as it will be stored."""
        artifact = artifact_service_pb2.Artifact()
        artifact.CopyFrom(new.artifact)
        artifact.job_id, artifact.tenant_id = self.job.job_id, self.job.tenant_id
        artifact.create_time.CopyFrom(self._stamp)
        event = self._add(JobEventKind.JOB_EVENT_KIND_ARTIFACT_CREATED, artifact_id=artifact.artifact_id)
        self._artifacts.append(artifact_row(artifact, blob_key=new.blob_key, position=event.sequence))
        for source_id in new.source_ids:
            self._lineage.append(
                {
                    "tenant_id": self.job.tenant_id,
                    "source_artifact_id": source_id,
                    "derived_artifact_id": artifact.artifact_id,
                    "transformation": new.transformation,
                    "transformation_version": artifact.producer_version,
                    "create_time": self._time,
                }
            )
        return StoredArtifact(artifact, new.blob_key, event.sequence)

    async def begin_step(self, step: str) -> None:
        """Note that a stage begins for the first time in the present attempt."""
        row = {
            "tenant_id": self.job.tenant_id,
            "job_id": self.job.job_id,
            "step": step,
            "attempt": self.job.attempt,
            "runs": 1,
            "start_time": self._time,
        }
        await self._connection.run(_INSERT_STEP, row)

    async def begin_step_again(self, step: str) -> int:
        """Note that a stage begins, perhaps again, in the present attempt; how often it was begun in it before."""
        key = self._step_key(step)
        found = await self._connection.fetch(_STEP_RUNS, key)
        if not found:
            await self.begin_step(step)
            return 0
        runs = int(found[0].runs)
        await self._connection.run(_UPDATE_STEP, {**key, "runs": runs + 1})
        return runs

    async def end_step(self, step: str, outcome: str, error_reason: str | None = None) -> None:
        """Note how a stage ended in the present attempt."""
        values = {"outcome": outcome, "error_reason": error_reason, "end_time": self._time}
        await self._connection.run(_UPDATE_STEP, {**self._step_key(step), **values})

    def _step_key(self, step: str) -> dict[str, Any]:
        return {
            "b_tenant_id": self.job.tenant_id,
            "b_job_id": self.job.job_id,
            "b_step": step,
            "b_attempt": self.job.attempt,
        }

    async def cancel_steps(self) -> None:
        """Note that whatever stage runs was cancelled."""
        await self._connection.execute(
            update(job_steps)
            .where(
                job_steps.c.tenant_id == self.job.tenant_id,
                job_steps.c.job_id == self.job.job_id,
                job_steps.c.outcome.is_(None),
            )
            .values(outcome="CANCELLED", end_time=self._time)
        )

    async def save(self) -> job_pb2.Job:
        """Write everything since the last `save`; the job as it is now.

        Raises:
            EtudeError: STALE_EPOCH when the row changed under us (only where the lock was not held).
        """
        job = self.job
        if not self._events:
            return job
        job.update_time.CopyFrom(self._stamp)
        error = job.error if job.HasField("error") else None
        values: dict[str, Any] = {
            "state": state_name(job.state),
            "progress": to_column(job.progress) if job.HasField("progress") else None,
            "summary": to_column(job.summary),
            "error": None if error is None else error.SerializeToString(deterministic=True),
            "error_reason": None if error is None else from_status(error).reason,
            "epoch": job.epoch,
            "attempt": job.attempt,
            "last_sequence": job.last_sequence,
            "update_time": self._time,
            "complete_time": self._time if job.state in TERMINAL and job.epoch != self._stored_epoch else None,
        }
        if values["complete_time"] is None:
            del values["complete_time"]  # written once, never taken back
        if self._trace_context is not None:
            values["trace_context"] = self._trace_context
        key = {
            "b_tenant_id": job.tenant_id,
            "b_job_id": job.job_id,
            "b_epoch": self._stored_epoch,
            "b_sequence": self._stored_sequence,
        }
        changed = await self._connection.run(_UPDATE_JOB, {**key, **values})
        if changed != 1:
            raise EtudeError("STALE_EPOCH", "the job was changed by somebody else in the meantime; look again")
        await self._connection.run_all(_INSERT_EVENTS, [event_row(job.tenant_id, event) for event in self._events])
        await self._connection.run_all(_INSERT_ARTIFACTS, self._artifacts)
        await self._connection.run_all(_INSERT_LINEAGE, self._lineage)
        self._record = self.record
        self._saved += self._events
        self._stored_epoch, self._stored_sequence = job.epoch, job.last_sequence
        self._events, self._artifacts, self._lineage, self._trace_context = [], [], [], None
        return job

    def _add(self, kind: JobEventKind.ValueType, **fields: Any) -> job_pb2.JobEvent:
        self.job.last_sequence += 1
        event = job_pb2.JobEvent(
            job_id=self.job.job_id,
            sequence=self.job.last_sequence,
            time=self._stamp,
            kind=kind,
            state=self.job.state,
            actor=self._actor,
            epoch=self.job.epoch,
            **fields,
        )
        self._events.append(event)
        return event

"""Changes to one job, made together.

A `JobEditor` is the only way to change a job: it checks every change of state against the table and the epoch, gives
each event the next sequence number, and tells what is to be written: the job, its events, its steps, its artifacts and
their lineage. It writes nothing itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.rpc import status_pb2

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.job_pb2 import JobEventKind, JobState
from etude.mesh.errors import EtudeError, from_status
from etude.stage.v1 import stage_pb2
from orchestrator.changes import Added, Changed, RowChange
from orchestrator.repositories.artifacts import StoredArtifact, artifact_row
from orchestrator.repositories.jobs import JobRecord, event_row, job_row
from orchestrator.repositories.wire import now, timestamp, to_column
from orchestrator.states import TERMINAL, Cause, check, state_name
from orchestrator.tables import artifact_contents, artifact_lineage, artifacts, job_events, job_steps, jobs

_STEP_KEY = ("tenant_id", "job_id", "step", "attempt")


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """An artifact whose row is to come, and whose bytes are stored or come with it.

    Attributes:
        artifact: Its description; job, tenant and time are filled in by the editor.
        blob_key: Where its bytes lie, or would if they did not come with its row.
        source_ids: The artifacts it was made from.
        transformation: How: "omr", "fingering", "correction", "rendering"; empty for the source itself.
        content: Its bytes where they are to be stored with its row; None where they are stored already.
    """

    artifact: artifact_service_pb2.Artifact
    blob_key: str
    source_ids: Sequence[str] = ()
    transformation: str = ""
    content: bytes | None = None


class JobEditor:
    """A job being changed."""

    def __init__(self, record: JobRecord, actor: str, *, new: bool = False) -> None:
        """RowChange the job of `record`, which is the editor's from now on, in the name of `actor`.

        Args:
            record: The job as it is in the database, or is taken to be: when it is not, nothing will be changed.
            actor: Who changes it.
            new: The job is not in the database yet.
        """
        self._record = record
        self._actor = actor
        self._new = new
        self._stored_epoch = record.job.epoch
        self._stored_sequence = record.job.last_sequence
        self._time = now()
        self._stamp = timestamp(self._time)
        self._events: list[job_pb2.JobEvent] = []
        self._artifacts: list[dict[str, Any]] = []
        self._contents: list[dict[str, Any]] = []
        self._lineage: list[dict[str, Any]] = []
        # By step and attempt: no row may be written twice.
        self._begun: dict[tuple[str, int], dict[str, Any]] = {}
        self._steps: dict[tuple[str, int], dict[str, Any]] = {}
        self._trace_context: dict[str, str] | None = None
        self._saved: list[job_pb2.JobEvent] = []

    @property
    def record(self) -> JobRecord:
        """The job with what is kept beside it."""
        return JobRecord(self.job, self.trace_context)

    @property
    def saved_events(self) -> Sequence[job_pb2.JobEvent]:
        """The events that are written."""
        return self._saved

    @property
    def job(self) -> job_pb2.Job:
        """The job as it will be."""
        return self._record.job

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
        """RowChange the state, bump the epoch and note the event.

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
        if new.content is not None:
            owned = {"tenant_id": artifact.tenant_id, "artifact_id": artifact.artifact_id}
            self._contents.append({**owned, "content": new.content})
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
        return StoredArtifact(artifact, new.blob_key, event.sequence, new.content)

    def begin_step(self, step: str) -> None:
        """Note that a stage begins for the first time in the present attempt."""
        key = self._step_key(step)
        not_yet = {"outcome": None, "error_reason": None, "end_time": None}
        self._begun[step, self.job.attempt] = {**key, "runs": 1, "start_time": self._time, **not_yet}

    def end_step(self, step: str, outcome: str, error_reason: str | None = None) -> None:
        """Note how a stage ended in the present attempt."""
        self._change_step(step, outcome=outcome, error_reason=error_reason, end_time=self._time)

    def _change_step(self, step: str, **values: Any) -> None:
        key = (step, self.job.attempt)
        begun = self._begun.get(key)
        (self._steps.setdefault(key, self._step_key(step)) if begun is None else begun).update(values)

    def _step_key(self, step: str) -> dict[str, Any]:
        return {
            "tenant_id": self.job.tenant_id,
            "job_id": self.job.job_id,
            "step": step,
            "attempt": self.job.attempt,
        }

    def changes(self) -> Sequence[RowChange]:
        """What is to be written. The first is of the job, where it has any: when the job is not as it was taken to be,
        nothing is to be written."""
        job = self.job
        if self._events:
            job.update_time.CopyFrom(self._stamp)
        of_job = [Added(jobs, [job_row(self.record)])] if self._new else [self._changed_job()] if self._events else []
        added = (
            (job_steps, list(self._begun.values())),
            (job_events, [event_row(job.tenant_id, event) for event in self._events]),
            (artifacts, self._artifacts),
            (artifact_contents, self._contents),
            (artifact_lineage, self._lineage),
        )
        return [
            *of_job,
            *map(_changed_step, self._steps.values()),
            *(Added(table, rows) for table, rows in added if rows),
        ]

    def applied(self) -> None:
        """Note that `changes` are written."""
        self._record, self._new = self.record, False
        self._saved += self._events
        self._stored_epoch, self._stored_sequence = self.job.epoch, self.job.last_sequence
        self._events, self._artifacts, self._contents, self._lineage = [], [], [], []
        self._trace_context = None
        self._begun, self._steps = {}, {}

    def _changed_job(self) -> Changed:
        job = self.job
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
        }
        if job.state in TERMINAL and job.epoch != self._stored_epoch:  # written once, never taken back
            values["complete_time"] = self._time
        if self._trace_context is not None:
            values["trace_context"] = self._trace_context
        key = {
            "tenant_id": job.tenant_id,
            "job_id": job.job_id,
            "epoch": self._stored_epoch,
            "last_sequence": self._stored_sequence,
        }
        return Changed(jobs, key, values)

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


def _changed_step(row: dict[str, Any]) -> Changed:
    key = {name: row[name] for name in _STEP_KEY}
    return Changed(job_steps, key, {name: value for name, value in row.items() if name not in key})

"""Jobs and their events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.rpc import status_pb2
from sqlalchemy import bindparam, delete, func, insert, or_, select, tuple_

from etude.job.v1 import job_pb2
from etude.job.v1.job_pb2 import JobEventKind, JobState
from etude.mesh.errors import EtudeError
from orchestrator.connection import Connection
from orchestrator.repositories.wire import from_column, short_name, timestamp, to_column
from orchestrator.statements import Prepared
from orchestrator.states import ACTIVE, AT_REST, state_name
from orchestrator.tables import job_events, jobs

_KIND = "JOB_EVENT_KIND_"

_IS_JOB = (jobs.c.tenant_id == bindparam("b_tenant_id")) & (jobs.c.job_id == bindparam("b_job_id"))
_GET = Prepared(select(jobs).where(_IS_JOB))
_GET_LOCKED = Prepared(select(jobs).where(_IS_JOB).with_for_update())
_POSITION = Prepared(select(jobs.c.user_id, jobs.c.state, jobs.c.last_sequence).where(_IS_JOB))
_VERSION_LOCKED = Prepared(select(jobs.c.epoch, jobs.c.last_sequence).where(_IS_JOB).with_for_update())
_INSERT = Prepared(insert(jobs))
# By state first: few jobs are under way, many have been.
_ALL_ACTIVE = select(func.count()).where(or_(*(jobs.c.state == state_name(state) for state in sorted(ACTIVE))))
_COUNT_ALL_ACTIVE = Prepared(_ALL_ACTIVE)
_COUNT_ACTIVE = Prepared(_ALL_ACTIVE.where(jobs.c.tenant_id == bindparam("b_tenant_id")))
_EVENTS = Prepared(
    select(job_events)
    .where(
        job_events.c.tenant_id == bindparam("b_tenant_id"),
        job_events.c.job_id == bindparam("b_job_id"),
        job_events.c.sequence > bindparam("b_after"),
    )
    .order_by(job_events.c.sequence)
    .limit(bindparam("b_limit"))
)


@dataclass(frozen=True, slots=True)
class JobRef:
    """Names a job."""

    tenant_id: str
    job_id: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job with what is kept beside it for the orchestrator's own use.

    Attributes:
        job: The job.
        trace_context: W3C headers of the request that created or retried it; its stages continue that trace.
    """

    job: job_pb2.Job
    trace_context: dict[str, str]

    @property
    def ref(self) -> JobRef:
        """The job's name."""
        return JobRef(self.job.tenant_id, self.job.job_id)

    def copy(self) -> JobRecord:
        """A record of its own."""
        job = job_pb2.Job()
        job.CopyFrom(self.job)
        return JobRecord(job, dict(self.trace_context))


@dataclass(frozen=True, slots=True)
class Position:
    """Where a job is: its state, and the sequence number of its latest event."""

    state: JobState.ValueType
    last_sequence: int


class JobRepository:
    """The jobs of one tenant."""

    def __init__(self, connection: Connection, tenant_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def insert(self, record: JobRecord) -> None:
        """Store a new job as it is; its events come through a `JobEditor`."""
        job = record.job
        await self._connection.run(
            _INSERT,
            {
                "tenant_id": self._tenant_id,
                "job_id": job.job_id,
                "user_id": job.user_id,
                "state": state_name(job.state),
                "options": to_column(job.options),
                "source": to_column(job.source),
                "summary": to_column(job.summary),
                "trace_context": record.trace_context,
                "epoch": job.epoch,
                "attempt": job.attempt,
                "last_sequence": job.last_sequence,
                "create_time": job.create_time.ToDatetime(tzinfo=UTC),
                "update_time": job.update_time.ToDatetime(tzinfo=UTC),
            },
        )

    async def get(self, job_id: str, *, user_id: str | None = None, lock: bool = False) -> JobRecord:
        """The job.

        Args:
            job_id: Its id.
            user_id: When given, only that user's job is found.
            lock: Keep others from changing the row until the transaction ends (SQLite's writers are alone anyway).

        Raises:
            EtudeError: JOB_NOT_FOUND, also for a job of another tenant or user: nobody learns that it exists.
        """
        key = {"b_tenant_id": self._tenant_id, "b_job_id": job_id}
        found = await self._connection.fetch(_GET_LOCKED if lock else _GET, key)
        if not found or (user_id is not None and found[0].user_id != user_id):
            raise job_not_found(job_id)
        return _record(found[0])

    async def list(
        self,
        user_id: str,
        *,
        states: Iterable[JobState.ValueType] = (),
        before: tuple[datetime, str] | None = None,
        limit: int,
    ) -> Sequence[job_pb2.Job]:
        """Jobs of a user, newest first, at most `limit`, after the position `before` (time of creation, id)."""
        query = select(jobs).where(jobs.c.tenant_id == self._tenant_id, jobs.c.user_id == user_id)
        names = [state_name(state) for state in states]
        if names:
            query = query.where(jobs.c.state.in_(names))
        if before is not None:
            query = query.where(tuple_(jobs.c.create_time, jobs.c.job_id) < before)
        query = query.order_by(jobs.c.create_time.desc(), jobs.c.job_id.desc()).limit(limit)
        return [_record(row).job for row in await self._connection.execute(query)]

    async def count_active(self) -> int:
        """The number of the tenant's jobs that are not at rest."""
        ((count,),) = await self._connection.fetch(_COUNT_ACTIVE, {"b_tenant_id": self._tenant_id})
        return int(count)

    async def delete(self, job_id: str) -> None:
        """Remove the job with everything that belongs to it."""
        await self._connection.execute(delete(jobs).where(jobs.c.tenant_id == self._tenant_id, jobs.c.job_id == job_id))

    async def events(self, job_id: str, *, after: int, limit: int) -> Sequence[job_pb2.JobEvent]:
        """Events with a sequence number above `after`, in order, at most `limit`."""
        key = {"b_tenant_id": self._tenant_id, "b_job_id": job_id, "b_after": after, "b_limit": limit}
        return [_event(row) for row in await self._connection.fetch(_EVENTS, key)]

    async def position(self, job_id: str, *, user_id: str | None = None) -> Position | None:
        """Where a job is, cheaper than the whole job; None when there is no such job, or it is not that user's."""
        key = {"b_tenant_id": self._tenant_id, "b_job_id": job_id}
        found = await self._connection.fetch(_POSITION, key)
        if not found or (user_id is not None and found[0].user_id != user_id):
            return None
        return Position(JobState.Value("JOB_STATE_" + found[0].state), found[0].last_sequence)

    async def get_locked(self, job_id: str, known: JobRecord | None) -> JobRecord:
        """The job, kept from being changed by others until the transaction ends.

        Args:
            job_id: Its id.
            known: The job as it was at some time; when it is still so, it need not be read. Every change has an event,
                so the number of the latest one tells.

        Raises:
            EtudeError: JOB_NOT_FOUND.
        """
        if known is not None:
            key = {"b_tenant_id": self._tenant_id, "b_job_id": job_id}
            versions = await self._connection.fetch(_VERSION_LOCKED, key)
            if versions == [(known.job.epoch, known.job.last_sequence)]:
                return known.copy()
        return await self.get(job_id, lock=True)


def job_not_found(job_id: str) -> EtudeError:
    """What is said of a job that does not exist, or not for who asks."""
    return EtudeError("JOB_NOT_FOUND", f"there is no job {job_id!r}, or it is not yours")


async def active_jobs(connection: Connection, *, unchanged_since: datetime) -> Sequence[JobRecord]:
    """The jobs of all tenants that are not at rest and were not changed since a moment, oldest first."""
    at_rest = [state_name(state) for state in AT_REST]
    idle = jobs.c.update_time <= unchanged_since
    query = select(jobs).where(jobs.c.state.not_in(at_rest), idle).order_by(jobs.c.create_time)
    return [_record(row) for row in await connection.execute(query)]


async def count_all_active(connection: Connection) -> int:
    """The number of jobs of all tenants that are not at rest."""
    ((count,),) = await connection.fetch(_COUNT_ALL_ACTIVE, {})
    return int(count)


async def at_rest(connection: Connection, job_ids: Collection[str]) -> Sequence[str]:
    """Those of some jobs, of any tenant, that are at rest."""
    names = [state_name(state) for state in AT_REST]
    query = select(jobs.c.job_id).where(jobs.c.job_id.in_(job_ids), jobs.c.state.in_(names))
    return list((await connection.execute(query)).scalars())


def _record(row: Any) -> JobRecord:
    job = job_pb2.Job(
        job_id=row.job_id,
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        state=JobState.Value("JOB_STATE_" + row.state),
        options=from_column(row.options, job_pb2.JobOptions()),
        source=from_column(row.source, job_pb2.JobSource()),
        summary=from_column(row.summary, job_pb2.JobSummary()),
        epoch=row.epoch,
        attempt=row.attempt,
        last_sequence=row.last_sequence,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
    )
    if row.progress:
        from_column(row.progress, job.progress)
    if row.error is not None:
        job.error.CopyFrom(status_pb2.Status.FromString(row.error))
    if row.complete_time is not None:
        job.complete_time.CopyFrom(timestamp(row.complete_time))
    return JobRecord(job, dict(row.trace_context))


def event_row(tenant_id: str, event: job_pb2.JobEvent) -> dict[str, Any]:
    """The row of an event."""
    return {
        "tenant_id": tenant_id,
        "job_id": event.job_id,
        "sequence": event.sequence,
        "time": event.time.ToDatetime(tzinfo=UTC),
        "kind": short_name(JobEventKind, event.kind, _KIND),
        "from_state": state_name(event.from_state) if event.from_state else None,
        "state": state_name(event.state),
        "actor": event.actor,
        "reason": event.reason,
        "progress": to_column(event.progress) if event.HasField("progress") else None,
        "artifact_id": event.artifact_id or None,
        "epoch": event.epoch,
    }


def _event(row: Any) -> job_pb2.JobEvent:
    event = job_pb2.JobEvent(
        job_id=row.job_id,
        sequence=row.sequence,
        time=timestamp(row.time),
        kind=JobEventKind.Value(_KIND + row.kind),
        from_state=JobState.Value("JOB_STATE_" + (row.from_state or "UNSPECIFIED")),
        state=JobState.Value("JOB_STATE_" + row.state),
        actor=row.actor,
        reason=row.reason,
        artifact_id=row.artifact_id or "",
        epoch=row.epoch,
    )
    if row.progress:
        from_column(row.progress, event.progress)
    return event

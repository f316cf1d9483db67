"""Jobs and their events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.rpc import status_pb2
from sqlalchemy import and_, bindparam, delete, func, literal_column, select, text, tuple_

from etude.job.v1 import job_pb2
from etude.job.v1.job_pb2 import JobEventKind, JobState
from etude.mesh.errors import EtudeError
from orchestrator.connection import Connection, Statements
from orchestrator.repositories.wire import from_column, short_name, timestamp, to_column
from orchestrator.statements import Prepared
from orchestrator.states import AT_REST, state_name
from orchestrator.tables import IS_ACTIVE, job_events, jobs

_KIND = "JOB_EVENT_KIND_"

_IS_JOB = (jobs.c.tenant_id == bindparam("b_tenant_id")) & (jobs.c.job_id == bindparam("b_job_id"))
_GET = Prepared(select(jobs).where(_IS_JOB))
_GET_LOCKED = Prepared(select(jobs).where(_IS_JOB).with_for_update())
_VERSION_LOCKED = Prepared(select(jobs.c.epoch, jobs.c.last_sequence).where(_IS_JOB).with_for_update())
ACTIVE_JOBS = select(func.count()).select_from(jobs).where(text(IS_ACTIVE))
# Of any tenant. Said so that PostgreSQL takes the index also while it believes the table to be empty.
_COUNT_ALL_ACTIVE = Prepared(ACTIVE_JOBS.where(jobs.c.tenant_id > literal_column("''")))
# Where a job is, with its next events; one row without an event when there is none.
_NEWS = Prepared(
    select(jobs.c.user_id, jobs.c.state.label("now"), jobs.c.last_sequence, *(column for column in job_events.c))
    .select_from(
        jobs.outerjoin(
            job_events,
            and_(
                job_events.c.tenant_id == jobs.c.tenant_id,
                job_events.c.job_id == jobs.c.job_id,
                job_events.c.sequence > bindparam("b_after"),
            ),
        )
    )
    .where(_IS_JOB)
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

    async def get(self, job_id: str, *, user_id: str | None = None, lock: bool = False) -> JobRecord:
        """The job.

        Args:
            job_id: Its id.
            user_id: When given, only that user's job is found.
            lock: Keep others from changing the row until the transaction ends (SQLite's writers are alone anyway).

        Raises:
            EtudeError: JOB_NOT_FOUND, also for a job of another tenant or user: nobody learns that it exists.
        """
        if not lock:
            return await find_job(self._connection, JobRef(self._tenant_id, job_id), user_id=user_id)
        found = await self._connection.fetch(_GET_LOCKED, {"b_tenant_id": self._tenant_id, "b_job_id": job_id})
        return _record(_the_users(found, job_id, user_id))

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

    async def delete(self, job_id: str) -> None:
        """Remove the job with everything that belongs to it."""
        await self._connection.execute(delete(jobs).where(jobs.c.tenant_id == self._tenant_id, jobs.c.job_id == job_id))

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


async def find_job(statements: Statements, ref: JobRef, *, user_id: str | None = None) -> JobRecord:
    """A job; see `JobRepository.get`.

    Raises:
        EtudeError: JOB_NOT_FOUND.
    """
    found = await statements.fetch(_GET, {"b_tenant_id": ref.tenant_id, "b_job_id": ref.job_id})
    return _record(_the_users(found, ref.job_id, user_id))


async def news_of_job(
    statements: Statements, ref: JobRef, *, after: int, limit: int, user_id: str | None = None
) -> tuple[Position, Sequence[job_pb2.JobEvent]]:
    """Where a job is, and its events with a sequence number above `after`, in order, at most `limit`.

    Args:
        statements: What to ask.
        ref: The job.
        after: The number of the latest event that is known.
        limit: Most events.
        user_id: When given, only that user's job is found.

    Raises:
        EtudeError: JOB_NOT_FOUND, also for a job of another tenant or user.
    """
    key = {"b_tenant_id": ref.tenant_id, "b_job_id": ref.job_id, "b_after": after, "b_limit": limit}
    found = await statements.fetch(_NEWS, key)
    job = _the_users(found, ref.job_id, user_id)
    position = Position(JobState.Value("JOB_STATE_" + job.now), job.last_sequence)
    return position, [_event(row) for row in found if row.sequence is not None]


def _the_users(found: Sequence[Any], job_id: str, user_id: str | None) -> Any:
    if not found or (user_id is not None and found[0].user_id != user_id):
        raise job_not_found(job_id)
    return found[0]


def job_not_found(job_id: str) -> EtudeError:
    """What is said of a job that does not exist, or not for who asks."""
    return EtudeError("JOB_NOT_FOUND", f"there is no job {job_id!r}, or it is not yours")


async def active_jobs(connection: Connection, *, unchanged_since: datetime) -> Sequence[JobRecord]:
    """The jobs of all tenants that are not at rest and were not changed since a moment, oldest first."""
    idle = jobs.c.update_time <= unchanged_since
    query = select(jobs).where(text(IS_ACTIVE), idle).order_by(jobs.c.create_time)
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


def job_row(record: JobRecord) -> dict[str, Any]:
    """The row of a new job."""
    job = record.job
    return {
        "tenant_id": job.tenant_id,
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
    }


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

"""Changing a job that is kept from others meanwhile, in a transaction that reads and writes more than the job."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select, update

from etude.job.v1 import job_pb2
from etude.mesh.errors import EtudeError
from orchestrator.connection import Connection
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.jobs import JobRecord, JobRef, JobRepository, job_not_found
from orchestrator.statements import Prepared
from orchestrator.tables import job_steps

_STEP_RUNS = Prepared(
    select(job_steps.c.runs).where(
        job_steps.c.tenant_id == bindparam("b_tenant_id"),
        job_steps.c.job_id == bindparam("b_job_id"),
        job_steps.c.step == bindparam("b_step"),
        job_steps.c.attempt == bindparam("b_attempt"),
    )
)


class LockedJobEditor(JobEditor):
    """A job being changed in a transaction in which its row is locked."""

    def __init__(self, connection: Connection, record: JobRecord, actor: str) -> None:
        """Change the job of `record`, which was read under lock in the transaction of `connection`."""
        super().__init__(record, actor)
        self._connection = connection

    @classmethod
    async def open(
        cls,
        connection: Connection,
        ref: JobRef,
        actor: str,
        user_id: str | None = None,
        known: JobRecord | None = None,
    ) -> LockedJobEditor:
        """The editor of a job, which need not be read if it still is as it is `known`.

        Raises:
            EtudeError: JOB_NOT_FOUND.
        """
        record = await JobRepository(connection, ref.tenant_id).get_locked(ref.job_id, known)
        if user_id is not None and record.job.user_id != user_id:
            raise job_not_found(ref.job_id)
        return cls(connection, record, actor)

    @property
    def connection(self) -> Connection:
        """The transaction, for what has to become true together with the change."""
        return self._connection

    async def begin_step_again(self, step: str) -> int:
        """Note that a stage begins, perhaps again, in the present attempt; how often it was begun in it before."""
        key: dict[str, Any] = {f"b_{name}": value for name, value in self._step_key(step).items()}
        found = await self._connection.fetch(_STEP_RUNS, key)
        if not found:
            self.begin_step(step)
            return 0
        runs = int(found[0].runs)
        self._change_step(step, runs=runs + 1)
        return runs

    async def cancel_steps(self) -> None:
        """Note that whatever stage runs was cancelled."""
        await self._connection.execute(
            update(job_steps)
            .where(
                job_steps.c.tenant_id == self.job.tenant_id,
                job_steps.c.job_id == self.job.job_id,
                job_steps.c.outcome.is_(None),
            )
            .values(outcome="CANCELLED", end_time=self.time)
        )

    async def save(self) -> job_pb2.Job:
        """Write everything since the last `save`; the job as it is now.

        Raises:
            EtudeError: STALE_EPOCH when the row changed under us (only where the lock was not held).
        """
        if not await self._connection.apply(self.changes()):
            raise EtudeError("STALE_EPOCH", "the job was changed by somebody else in the meantime; look again")
        self.applied()
        return self.job

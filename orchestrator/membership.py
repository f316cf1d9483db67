"""Several orchestrators on one database: each shows that it lives, and a survivor goes on with the jobs of a dead one.

Whether an orchestrator is dead is judged by its silence alone. One that was only paused (or cut off from the database)
and comes back may still be at work on what another has taken over: the epoch of the job refuses its results, and at
its next heartbeat it learns that it no longer answers for its jobs, drops them, and joins anew.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from etude.mesh.logging import get_logger
from orchestrator.database import Database
from orchestrator.engine.port import Engine
from orchestrator.jobs import Jobs
from orchestrator.lease import Lease
from orchestrator.repositories import executors
from orchestrator.repositories.jobs import at_rest

_log = get_logger(__name__)


class Membership:
    """This process among the orchestrators of a database."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        jobs: Jobs,
        lease: Lease,
        executor_id: str,
        *,
        heartbeat_s: float,
        silence_s: float,
    ) -> None:
        """Show a sign of life every `heartbeat_s`, which renews `lease`; take over from who has shown none for
        `silence_s`."""
        self._database = database
        self._engine = engine
        self._jobs = jobs
        self._lease = lease
        self._executor_id = executor_id
        self._instance = uuid.uuid4().hex
        self._heartbeat_s = heartbeat_s
        self._silence = timedelta(seconds=silence_s)

    async def join(self) -> None:
        """Answer for the jobs of this orchestrator from now on. Call it before the engine starts."""
        since = self._lease.now()
        async with self._database.write() as connection:
            await executors.join(connection, self._executor_id, self._instance)
        self._lease.renew(since)

    async def run(self) -> None:
        """Show signs of life and take over from the dead, until cancelled."""
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                await self._look_around()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("no sign of life could be given: the database cannot be used", error=str(error))

    async def _look_around(self) -> None:
        since = self._lease.now()
        async with self._database.write() as connection:
            ours = await executors.beat(connection, self._executor_id, self._instance)
            dead = await executors.claim_dead(connection, self._instance, self._silence) if ours else ()
        if not ours:
            _log.error("another process answers for this orchestrator's jobs; what runs here is dropped")
            for job_id in self._engine.running():
                await self._engine.interrupt(job_id)
            await self.join()
            return
        self._lease.renew(since)
        for executor_id in dead:
            count = await self._engine.adopt(executor_id)
            _log.warning("took over from an orchestrator that is silent", executor_id=executor_id, runs=count)
        if dead:
            await self._jobs.resume()
            async with self._database.write() as connection:
                for executor_id in dead:
                    await executors.forget(connection, executor_id, self._instance)
        await self._interrupt_cancelled()

    async def _interrupt_cancelled(self) -> None:
        """Stop the work on jobs that were cancelled through another orchestrator."""
        running = self._engine.running()
        if running:
            async with self._database.read() as connection:
                ended = await at_rest(connection, running)
            for job_id in ended:
                await self._engine.interrupt(job_id)

"""The engine on DBOS Transact.

What was found out about DBOS 3.4 and is dealt with here:

* It finds the runs of a dead process again only under the same executor id and application version: both are set, and
  the version names the shape of the pipeline, not the code, so that a deployment does not orphan running jobs.
* It must be launched inside the event loop that serves, or recovered runs get another thread's loop.
* On SQLite it brings neither WAL nor a tuned `synchronous`: it is given an engine of our making, on a file of its own,
  so that its writers and ours do not wait for each other. On PostgreSQL it keeps to a schema of its own ("dbos").
* Nobody takes over the runs of a process of another name that died, until they are set back to the queue
  (`resume_workflows`), from which any living process takes them. A process that comes back does not end the run of the
  one that took over: DBOS knows the owner of a run.
* It replaces the loop's default executor by its own and shuts that down when it stops: the loop is given a fresh one
  first.
* Cancelling a workflow in its database does not reach a step that runs: steps run as tasks of ours, which are
  cancelled.
* Starting a workflow waits for its row; row and end cost some four milliseconds, in threads that fight over the
  interpreter lock with the one that does the work. Nothing has to wait for that: a job that is not at rest by our own
  tables is driven on after a death whether DBOS knows of it or not. So a run begins at once and is written down beside
  the work, once it has lasted a moment (`_UNWRITTEN_S`).
* A step of its own costs two trips to its database (12 ms of a job's time for three), and tells us nothing: whether a
  stage is finished stands in the job's state. So a run has no DBOS steps; recovered, it asks each stage from the first.
* On Python 3.12 and newer it has its times from SQLite's unixepoch('subsec'), which is NULL before SQLite 3.42.
* It is one per process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import event
from sqlalchemy.engine import make_url

from etude.mesh.logging import get_logger
from orchestrator.engine.port import Run, StepFunction
from orchestrator.repositories.jobs import JobRef

_log = get_logger(__name__)

#: Raise it when runs begun by older code can no longer be gone on with by newer code.
APPLICATION_VERSION = "pipeline-1"
#: Between two runs of a step whose end could not be noted.
_FIRST_PAUSE_S = 0.5
_LAST_PAUSE_S = 30.0
_UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]
#: How long a run goes on without a row in DBOS's tables. One that is over by then never gets one.
_UNWRITTEN_S = 0.2
#: How long a workflow may take to begin once it is started.
_BEGINS_WITHIN_S = 5.0


class DbosEngine:
    """Drives jobs as DBOS workflows."""

    def __init__(self, sql: sa.Engine, executor_id: str, step_names: Sequence[str], run_step: StepFunction) -> None:
        """Prepare an engine.

        Args:
            sql: Database of DBOS's own tables: `sqlite_engine` or `postgres_engine`. Disposed of by `stop`.
            executor_id: Name of this process among others, the same after a restart.
            step_names: The steps of a run, in order.
            run_step: What to call for each.
        """
        self._executor_id = executor_id
        self._step_names = tuple(step_names)
        self._run_step = run_step
        self._sql = sql
        self._running: dict[str, asyncio.Task[bool]] = {}
        self._drives: dict[str, asyncio.Task[None]] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._written_down: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._workflow: Any = None

    async def start(self) -> None:
        """Launch DBOS in the running loop; what a dead process left is recovered."""
        logger = logging.getLogger("dbos")
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())  # else DBOS writes to the console in a form of its own
        config: DBOSConfig = {
            "name": "etude-orchestrator",
            "system_database_engine": self._sql,
            "executor_id": self._executor_id,
            "application_version": APPLICATION_VERSION,
            "log_level": "WARNING",
            "enable_otlp": False,
            "notification_listener_polling_interval_sec": 0.1,
            # Nobody is notified by DBOS here: the thread that would do so need not wake a hundred times a second.
            "notification_coalesce_sec": 0.25,
        }

        async def run_job(tenant_id: str, job_id: str) -> None:
            if self._stopping.is_set():
                raise asyncio.CancelledError  # leaves the run unfinished in DBOS's tables
            run_id = str(DBOS.workflow_id)
            drive = self._written_down.pop(run_id, None) or self._driving(run_id, JobRef(tenant_id, job_id))
            await asyncio.wait([drive])
            drive.result()

        try:
            DBOS(config=config)
            # How often a run may be recovered is bounded by the pipeline, which can tell the job's owner why it ended.
            self._workflow = DBOS.workflow(name="run_job", max_recovery_attempts=1_000_000)(run_job)
            DBOS.launch()
        except BaseException:
            await self.stop()
            raise

    async def submit(self, run: Run) -> None:
        """Drive a job; see the port."""
        if run.run_id not in self._drives:
            writing = asyncio.create_task(self._write_down(run, self._driving(run.run_id, run.ref)))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    async def revive(self, run: Run) -> bool:
        """Drive a job whose run came to nothing; see the port."""
        if run.ref.job_id in self._driven_here():
            return False
        earlier = await DBOS.list_workflows_async(
            workflow_id_prefix=f"{run.ref.job_id}.", load_input=False, load_output=False
        )
        if any(each.status in _UNFINISHED for each in earlier):
            return False
        # Whoever else revives it at this moment finds the same number, and the run of one id is run once.
        with SetWorkflowID(f"{run.run_id}.{len(earlier)}"):
            await DBOS.start_workflow_async(self._workflow, run.ref.tenant_id, run.ref.job_id)
        return True

    async def pending(self) -> set[str]:
        """Jobs with a run that has not ended; see the port."""
        runs = await DBOS.list_workflows_async(status=_UNFINISHED, load_input=False, load_output=False)
        return {_job_id(run.workflow_id) for run in runs} | self._driven_here()

    async def adopt(self, executor_id: str) -> int:
        """Set the runs of a dead process back to the queue; see the port."""
        runs = await DBOS.list_workflows_async(
            status="PENDING", executor_id=executor_id, load_input=False, load_output=False
        )
        if runs:
            await DBOS.resume_workflows_async([run.workflow_id for run in runs])
        return len(runs)

    def running(self) -> Sequence[str]:
        """The jobs with a step that runs here; see the port."""
        return list(self._running)

    async def interrupt(self, job_id: str) -> None:
        """Cancel the step of a job that runs here; see the port."""
        task = self._running.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def forget(self, job_id: str) -> None:
        """Remove the rows of a job's runs; see the port."""
        runs = await DBOS.list_workflows_async(workflow_id_prefix=f"{job_id}.", load_input=False, load_output=False)
        if runs:
            await DBOS.delete_workflows_async([run.workflow_id for run in runs])

    async def stop(self) -> None:
        """Hand back what runs, and end DBOS; see the port."""
        self._stopping.set()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        if running:
            _log.info("handing back running jobs", jobs=len(running))
        for tasks in (running, list(self._drives.values()), list(self._writing)):
            if tasks:
                await asyncio.wait(tasks)
        await asyncio.sleep(0)  # the workflows see that their drive was cancelled
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="dbos-stop") as executor:
            await loop.run_in_executor(executor, lambda: DBOS.destroy(destroy_registry=True))
        self._sql.dispose()

    def _driving(self, run_id: str, ref: JobRef) -> asyncio.Task[None]:
        """What drives a run here, begun unless it is under way."""
        drive = self._drives.get(run_id)
        if drive is None:
            drive = self._drives[run_id] = asyncio.create_task(self._drive(ref))
            drive.add_done_callback(lambda _: self._drives.pop(run_id))
        return drive

    def _driven_here(self) -> set[str]:
        return {_job_id(run_id) for run_id in self._drives}

    async def _write_down(self, run: Run, drive: asyncio.Task[None]) -> None:
        """Give a run its row unless it is over before that; the workflow takes part in the drive that is under way."""
        await asyncio.wait([drive], timeout=_UNWRITTEN_S)
        if drive.done() or self._stopping.is_set():
            return
        # It may end before the workflow begins, also by an interruption: the workflow must not drive the job anew.
        self._written_down[run.run_id] = drive
        # Nor must it find this drive when it never began here, and is adopted later.
        asyncio.get_running_loop().call_later(_BEGINS_WITHIN_S, self._written_down.pop, run.run_id, None)
        try:
            with SetWorkflowID(run.run_id):
                await DBOS.start_workflow_async(self._workflow, run.ref.tenant_id, run.ref.job_id)
        except Exception as error:
            # Whatever it is: the job goes on, and should this process die, it is found by its own row.
            _log.error("a run could not be written down", run_id=run.run_id, error=str(error))

    async def _drive(self, ref: JobRef) -> None:
        for name in self._step_names:
            if not await self._guarded_step(ref, name):
                return

    async def _guarded_step(self, ref: JobRef, name: str) -> bool:
        pause = _FIRST_PAUSE_S
        while True:
            task = asyncio.create_task(self._run_step(ref, name))
            self._running[ref.job_id] = task
            try:
                await asyncio.wait([task])
            finally:
                if self._running.get(ref.job_id) is task:
                    del self._running[ref.job_id]
            if task.cancelled():
                if self._stopping.is_set():
                    # Leaves the run unfinished in DBOS's tables: the next start goes on with it.
                    raise asyncio.CancelledError
                return False
            error = task.exception()
            if error is None:
                return task.result()
            _log.error("a step is run again", job_id=ref.job_id, step=name, pause_s=pause, error=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                raise asyncio.CancelledError
            pause = min(2 * pause, _LAST_PAUSE_S)


def _job_id(run_id: str) -> str:
    return run_id.split(".", 1)[0]


def postgres_engine(url: str) -> sa.Engine:
    """DBOS's tables beside ours, over the driver it works with."""
    parts = make_url(url)
    query = {
        "sslmode" if name == "ssl" else name: value for name, value in parts.query.items()
    }  # asyncpg's name for it
    return sa.create_engine(
        parts.set(drivername="postgresql+psycopg", query=query), pool_size=4, max_overflow=12, pool_pre_ping=True
    )


def sqlite_engine(database: Path) -> sa.Engine:
    """DBOS's tables in a file of their own."""
    engine = sa.create_engine(f"sqlite:///{database}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        if sqlite3.sqlite_version_info < (3, 42):
            connection.create_function("unixepoch", 1, lambda _: round(time.time(), 3))

    return engine

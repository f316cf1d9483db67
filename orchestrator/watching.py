"""Watching a job: its events from the database, as they come, until it is at rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Literal

from etude.job.v1.job_service_pb2 import Heartbeat, WatchJobResponse
from etude.mesh.errors import EtudeError
from orchestrator.caller import Caller
from orchestrator.repositories.jobs import JobRepository
from orchestrator.repositories.wire import now, timestamp
from orchestrator.states import AT_REST
from orchestrator.store import Store

#: Events read at a time: what a slow watcher makes us hold.
_BATCH = 200


async def watch_job(
    store: Store,
    caller: Caller,
    job_id: str,
    *,
    after_sequence: int,
    heartbeat_s: float,
    stopping: asyncio.Event,
) -> AsyncIterator[WatchJobResponse]:
    """The events of a job after a sequence number, and heartbeats; ends when the job is at rest and all is told.

    Raises:
        EtudeError: JOB_NOT_FOUND, also when the job is deleted meanwhile; OUT_OF_RANGE for a cursor beyond the latest
            event; SHUTTING_DOWN when `stopping` is set.
    """
    cursor = after_sequence
    async with store.database.read() as connection:
        job = (await JobRepository(connection, caller.tenant_id).get(job_id, user_id=caller.user_id)).job
    if cursor > job.last_sequence:
        raise EtudeError(
            "OUT_OF_RANGE", f"the job's latest event has the number {job.last_sequence}; there is none after {cursor}"
        )
    stopped = asyncio.create_task(stopping.wait())
    try:
        with store.notifier.watch(job_id) as changed:
            last_sent = time.monotonic()
            while True:
                changed.clear()
                async with store.database.read() as connection:
                    repository = JobRepository(connection, caller.tenant_id)
                    position = await repository.position(job_id)
                    new = position is not None and position[1] > cursor
                    events = await repository.events(job_id, after=cursor, limit=_BATCH) if new else ()
                if position is None:
                    raise EtudeError("JOB_NOT_FOUND", f"the job {job_id!r} was deleted")
                for event in events:
                    yield WatchJobResponse(event=event)
                    cursor = event.sequence
                if events:
                    last_sent = time.monotonic()
                state, last_sequence = position
                if cursor < last_sequence:
                    continue
                if state in AT_REST:
                    return
                if stopping.is_set():
                    raise EtudeError(
                        "SHUTTING_DOWN",
                        f"the server is shutting down; watch again after event {cursor}",
                        retry_after_s=1.0,
                    )
                left = last_sent + heartbeat_s - time.monotonic()
                if left <= 0:
                    yield WatchJobResponse(heartbeat=Heartbeat(time=timestamp(now()), last_sequence=cursor))
                    last_sent = time.monotonic()
                    continue
                await _any_of(changed, stopped, left)
    finally:
        stopped.cancel()


async def _any_of(changed: asyncio.Event, stopped: asyncio.Task[Literal[True]], timeout_s: float) -> None:
    waiting = asyncio.create_task(changed.wait())
    try:
        await asyncio.wait({waiting, stopped}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()

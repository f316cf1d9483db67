"""Watching a job: its events, as they come, until it is at rest.

Events come from the transactions that made them, where all of them were made here; else from the database at first and
whenever there is a gap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from etude.job.v1.job_pb2 import JobEvent
from etude.job.v1.job_service_pb2 import Heartbeat, JobEvents, WatchJobResponse
from etude.mesh.errors import EtudeError
from orchestrator.caller import Caller
from orchestrator.notifier import Change
from orchestrator.repositories.jobs import JobRef, Position, news_of_job
from orchestrator.repositories.wire import now, timestamp
from orchestrator.states import AT_REST
from orchestrator.store import Store

#: Events read at a time: what a slow watcher makes us hold.
_BATCH = 200
#: How long an event waits for others to go with it into one message, where the client takes several at a time. Nobody
#: sees the difference, and a short stage makes one message of its end and the beginning of the next.
_GATHER_S = 0.01


async def watch_job(
    store: Store,
    caller: Caller,
    job_id: str,
    *,
    after_sequence: int,
    heartbeat_s: float,
    batch_events: bool,
    stopping: asyncio.Event,
) -> AsyncIterator[WatchJobResponse]:
    """The events of a job after a sequence number, and heartbeats; ends when the job is at rest and all is told.

    With `batch_events`, what becomes new within a moment goes into one message: a message costs more than what is in
    it. That a job is at rest is told at once.

    Raises:
        EtudeError: JOB_NOT_FOUND, also when the job is deleted meanwhile; OUT_OF_RANGE for a cursor beyond the latest
            event; SHUTTING_DOWN when `stopping` is set.
    """
    stopped = asyncio.create_task(stopping.wait())
    try:
        with store.notifier.watch(job_id, gather_s=_GATHER_S if batch_events else 0.0) as watch:
            stopped.add_done_callback(lambda _: watch.wake())
            cursor = after_sequence
            watch.take()
            told = _told(store, caller, job_id, cursor)
            for change in told:
                watch.put(change)  # as if it came now: what comes soon goes with it
            position, events = (
                (Position(told[-1].state, cursor), ()) if told else await _look(store, caller, job_id, cursor)
            )
            if cursor > position.last_sequence:
                raise EtudeError(
                    "OUT_OF_RANGE",
                    f"the job's latest event has the number {position.last_sequence}; there is none after {cursor}",
                )
            last_sent = time.monotonic()
            while True:
                if events and batch_events:
                    yield WatchJobResponse(events=JobEvents(events=events))
                else:
                    for event in events:
                        yield WatchJobResponse(event=event)
                if events:
                    cursor, last_sent = events[-1].sequence, time.monotonic()
                if cursor < position.last_sequence:
                    position, events = await _look(store, caller, job_id, cursor)
                    continue
                if position.state in AT_REST:
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
                    left = heartbeat_s
                await watch.wait(left)
                changes = watch.take()
                news = None if changes is None else _news(changes, position, cursor)
                position, events = news or await _look(store, caller, job_id, cursor)
    finally:
        stopped.cancel()


def _told(store: Store, caller: Caller, job_id: str, cursor: int) -> Sequence[Change]:
    """All that this process made of a job under way; nothing where it cannot tell, or does not know of the cursor."""
    record, changes = store.lately(JobRef(caller.tenant_id, job_id)), store.notifier.told(job_id)
    if record is None or record.job.user_id != caller.user_id or not changes:
        return ()
    return changes if cursor <= changes[-1].events[-1].sequence else ()


async def _look(store: Store, caller: Caller, job_id: str, cursor: int) -> tuple[Position, Sequence[JobEvent]]:
    """Where the job is by the database, and its next events.

    Raises:
        EtudeError: JOB_NOT_FOUND.
    """
    ref = JobRef(caller.tenant_id, job_id)
    return await news_of_job(store.database, ref, after=cursor, limit=_BATCH, user_id=caller.user_id)


def _news(changes: Sequence[Change], position: Position, cursor: int) -> tuple[Position, Sequence[JobEvent]] | None:
    """Where the job is after some changes, and their events after the cursor; None when something is missing."""
    events = [event for change in changes for event in change.events if event.sequence > cursor]
    if [event.sequence for event in events] != list(range(cursor + 1, cursor + 1 + len(events))):
        return None
    return (Position(changes[-1].state, events[-1].sequence), events) if events else (position, ())

"""Steps begun in the transaction that ended the step before, or created the job, until their run takes them over."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import Enum

from sqlalchemy.exc import IntegrityError

from etude.mesh.errors import EtudeError
from orchestrator.steps.base import Task


class Begun(Enum):
    """Whose a step is that was to be begun."""

    OURS = "ours"
    NOT_YET = "not yet"
    DONE_BEFORE = "done before"
    NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True)
class Start:
    """How the beginning of a step went.

    Attributes:
        begun: Whose it is.
        task: What it is given.
        trace_context: The trace it continues.
        committing: The transaction that begins it, while it is under way.
    """

    begun: Begun
    task: Task
    trace_context: dict[str, str]
    committing: asyncio.Task[None] | None = None


class Handovers:
    """The beginnings of steps, kept for their runs.

    A run that never comes (its job was cancelled that very moment) must not fill the memory, so only so many are kept.
    A step whose handover is lost is begun once more, as after a crash.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._starts: OrderedDict[tuple[str, str], Start] = OrderedDict()

    def put(self, step: str, start: Start, committing: asyncio.Task[None]) -> None:
        """Keep the beginning of a step for its run, which works beside the transaction that begins it."""
        if not committing.done():
            committing.add_done_callback(succeeded)
            start = replace(start, committing=committing)
        self._starts[start.task.job.job_id, step] = start
        while len(self._starts) > self._capacity:
            self._starts.popitem(last=False)

    def take(self, step: str, job_id: str) -> Start | None:
        """The beginning of a step of a job, once."""
        return self._starts.pop((job_id, step), None)


def succeeded(committing: asyncio.Task[None]) -> bool:
    """How a transaction went that is over. Asking is enough for one that nobody else asks: the next step never came,
    as its job was cancelled."""
    return not committing.cancelled() and committing.exception() is None


async def created(creating: asyncio.Task[None]) -> None:
    """Comes back when a job is created. It is created for whoever asked for it, also when its run is interrupted.

    Raises:
        EtudeError: JOB_NOT_FOUND: the request had made another job before.
    """
    try:
        await asyncio.shield(creating)
    except IntegrityError as error:
        raise EtudeError("JOB_NOT_FOUND", "the request had made another job before") from error

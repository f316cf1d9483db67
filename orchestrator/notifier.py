"""Tells those who watch a job, within this process, what it has become. The database stays the truth."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from etude.job.v1.job_pb2 import JobEvent, JobState
from orchestrator.states import AT_REST

#: Changes kept for a watcher that is slow to take them; beyond that it looks into the database.
_MOST = 100


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction made of a job: its new events, in order, and its state after them."""

    events: Sequence[JobEvent]
    state: JobState.ValueType


class Watch:
    """The changes of a job since its watcher looked last."""

    def __init__(self, notifier: Notifier, gather_s: float) -> None:
        self._notifier = notifier
        self._gather_s = gather_s
        self._gathering: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._changes: list[Change] | None = None  # None: what is new stands in the database alone

    def put(self, change: Change | None) -> None:
        """Wake the watcher, at once or in a moment; None when it has to look for itself."""
        if change is None or (self._changes is not None and len(self._changes) >= _MOST):
            self._changes = None
        elif self._changes is not None:
            self._changes.append(change)
        if change is None or change.state in AT_REST or not self._gather_s:
            self._changed.set()
        elif self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(self._gather_s, self._changed.set)

    def take(self) -> Sequence[Change] | None:
        """The changes since the last call; None, as at first, when only the database can tell."""
        changes, self._changes = self._changes, []
        self._changed.clear()
        self.stop_gathering()
        return changes

    def stop_gathering(self) -> None:
        """Let nothing wake the watcher any more that was put before."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    def wake(self) -> None:
        """Let `wait` return although nothing has changed."""
        self._changed.set()

    async def wait(self, timeout_s: float) -> None:
        """Return at the next change, or a moment later when more may come soon; or after so many seconds."""
        every = self._notifier.look_every_s
        try:
            async with asyncio.timeout(timeout_s if every is None else min(timeout_s, every)):
                await self._changed.wait()
        except TimeoutError:
            if every is not None:
                self._changes = None


class Notifier:
    """Wakes the watchers of a job."""

    def __init__(self) -> None:
        #: How often watchers look into the database too, for what other processes do to jobs; None for never.
        self.look_every_s: float | None = None
        self._watches: dict[str, set[Watch]] = {}

    @contextlib.contextmanager
    def watch(self, job_id: str, *, gather_s: float = 0.0) -> Iterator[Watch]:
        """What is told of a job while the block lasts. Its watcher is woken so long after a change, to take what comes
        soon after along; at once when the job is at rest."""
        watch = Watch(self, gather_s)
        self._watches.setdefault(job_id, set()).add(watch)
        try:
            yield watch
        finally:
            watch.stop_gathering()
            watches = self._watches[job_id]
            watches.discard(watch)
            if not watches:
                del self._watches[job_id]

    def publish(self, job_id: str, change: Change | None) -> None:
        """Tell the watchers of a job, after the change is committed; None when it is gone."""
        for watch in self._watches.get(job_id, ()):
            watch.put(change)

    def look_all(self) -> None:
        """Have all watchers look into the database now."""
        for job_id in list(self._watches):
            self.publish(job_id, None)

"""Tells those who watch a job, within this process, what it has become. The database stays the truth."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from etude.job.v1.job_pb2 import JobEvent, JobState
from orchestrator.states import AT_REST

#: Changes kept for a watcher that is slow to take them; beyond that it looks into the database.
_MOST = 100
#: Jobs under way of which all that was told is kept.
_MOST_JOBS = 256


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


class _Told:
    """All that was told of jobs under way since they came into being, for watchers that come a moment later."""

    def __init__(self) -> None:
        self._changes: OrderedDict[str, list[Change]] = OrderedDict()

    def note(self, job_id: str, change: Change | None) -> None:
        """Keep a change that follows on what is kept; forget the job where something is missing, or it is at rest."""
        known = self._changes.pop(job_id, [])
        if change is None or change.state in AT_REST or len(known) >= _MOST:
            return
        last = known[-1].events[-1].sequence if known else 0
        if not change.events or change.events[0].sequence != last + 1:
            return
        self._changes[job_id] = [*known, change]
        while len(self._changes) > _MOST_JOBS:
            self._changes.popitem(last=False)

    def of(self, job_id: str) -> Sequence[Change]:
        """The changes of a job from its first event on; none where they are not known."""
        return self._changes.get(job_id, ())

    def clear(self) -> None:
        """Forget everything."""
        self._changes.clear()


class Notifier:
    """Wakes the watchers of a job."""

    def __init__(self) -> None:
        #: How often watchers look into the database too, for what other processes do to jobs; None for never.
        self.look_every_s: float | None = None
        self._watches: dict[str, set[Watch]] = {}
        self._told = _Told()

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
        """Tell the watchers of a job, after the change is committed; None when they have to look for themselves."""
        self._told.note(job_id, change)
        for watch in self._watches.get(job_id, ()):
            watch.put(change)

    def told(self, job_id: str) -> Sequence[Change]:
        """All changes of a job under way, from its first event on; none where only the database can tell.

        Another process may have changed it a moment ago: who watches it is told of that, too.
        """
        return self._told.of(job_id)

    def look_all(self) -> None:
        """Have all watchers look into the database now."""
        self._told.clear()
        for job_id in list(self._watches):
            self.publish(job_id, None)

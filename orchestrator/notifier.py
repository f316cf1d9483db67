"""Tells those who watch a job, within this process, that it has changed. The database stays the truth."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Notifier:
    """Wakes the watchers of a job."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change of the job while the block lasts; the watcher clears it."""
        changed = asyncio.Event()
        self._watchers.setdefault(job_id, set()).add(changed)
        try:
            yield changed
        finally:
            watchers = self._watchers[job_id]
            watchers.discard(changed)
            if not watchers:
                del self._watchers[job_id]

    def publish(self, job_id: str) -> None:
        """Wake the watchers of a job; call after the change is committed."""
        for changed in self._watchers.get(job_id, ()):
            changed.set()

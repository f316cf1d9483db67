"""Keeps a job's progress: page boundaries always, the rest no more often than is of use to anyone.

Progress is written beside the stage's work, never in its way: a call to `ProgressRecorder.report` returns at once, what
comes within a moment is written together, what has gathered while one write ran goes into the next, and what is left
when the stage ends into the transaction that says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from etude.stage.v1.stage_pb2 import Progress

Write = Callable[[Sequence[Progress]], Awaitable[None]]

#: How long progress waits for more. Nobody sees the difference, and a stage that is done by then costs no write.
_GATHER_S = 0.025


class ProgressRecorder:
    """The progress of one run of one stage."""

    def __init__(self, stage: str, write: Write, interval_s: float) -> None:
        """Hand the progress of `stage` that is worth keeping to `write`, every `interval_s` at most within a page."""
        self._stage = stage
        self._write = write
        self._interval_s = interval_s
        self._fraction = 0.0
        self._page: int | None = None
        self._last_time = 0.0
        self._skipped: Progress | None = None
        self._pending: list[Progress] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def report(self, progress: Progress) -> None:
        """Take note of how far the stage is.

        Raises:
            EtudeError: What an earlier write raised; STALE_EPOCH when the job is no longer ours.
        """
        if self._writing is not None and self._writing.done():
            self._writing.result()
        kept = Progress()
        kept.CopyFrom(progress)
        kept.stage = self._stage
        # A stage that is called anew after a lost connection starts from 0; what was shown is not taken back.
        kept.fraction = self._fraction = max(self._fraction, min(progress.fraction, 1.0))
        now = time.monotonic()
        if progress.page == self._page and now - self._last_time < self._interval_s:
            self._skipped = kept
            return
        self._page, self._last_time, self._skipped = progress.page, now, None
        self._pending.append(kept)
        if self._gathering is None and (self._writing is None or self._writing.done()):
            self._gather()

    async def finish(self) -> Sequence[Progress]:
        """What has not been written yet, for the caller to write.

        Raises:
            EtudeError: As `report`.
        """
        self._stop_gathering()  # what has not begun to be written is left to the caller
        if self._writing is not None:
            await self._writing
            self._stop_gathering()
        rest = [*self._pending, *([self._skipped] if self._skipped is not None else [])]
        self._pending, self._skipped = [], None
        return rest

    async def abandon(self) -> None:
        """Stop writing."""
        if self._writing is not None and not self._writing.done():
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        self._stop_gathering()

    def _gather(self) -> None:
        """Writes what is pending in a moment."""
        self._gathering = asyncio.get_running_loop().call_later(_GATHER_S, self._begin_writing)

    def _stop_gathering(self) -> None:
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    def _begin_writing(self) -> None:
        self._gathering = None
        self._writing = asyncio.create_task(self._write_pending())

    async def _write_pending(self) -> None:
        batch, self._pending = self._pending, []
        await self._write(batch)
        if self._pending:
            self._gather()

"""Checkpoints of SQLite's write-ahead log, in a thread beside the event loop.

A checkpoint copies what was committed from the log into the database and forces both to the disk: milliseconds, many
when the disk is busy, which would be spent on the loop if SQLite began it within a commit. A passive one, in another
thread, keeps neither readers nor writers waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from etude.mesh.logging import get_logger

_log = get_logger(__name__)

#: Commits from one checkpoint to the next. A job makes four, and some hundred pages of the log with them. The first
#: commit after a checkpoint flushes the log's new head, so they should not be too many.
_COMMITS = 100
#: Pages of the log from which SQLite makes checkpoints itself, within commits: while writers leave no pause in which
#: a thread could catch up, the log would grow for ever.
LARGEST_LOG_PAGES = 8000


class Checkpoints:
    """The checkpoints of a database."""

    def __init__(self, database: Path) -> None:
        """Make them for the file `database`."""
        self._uri = f"{database.absolute().as_uri()}?mode=rw"  # never makes a file that is gone
        self._commits = 0
        self._running: asyncio.Task[None] | None = None

    def committed(self) -> None:
        """Take note of a commit; returns at once."""
        self._commits += 1
        if self._commits >= _COMMITS and (self._running is None or self._running.done()):
            self._commits = 0
            self._running = asyncio.create_task(self._make())

    async def close(self) -> None:
        """Wait for the one that is being made."""
        if self._running is not None:
            await self._running

    async def _make(self) -> None:
        try:
            await asyncio.to_thread(self._checkpoint)
        except sqlite3.Error as error:
            _log.warning("the database's log could not be copied into it; it grows until it can", error=str(error))

    def _checkpoint(self) -> None:
        with contextlib.closing(sqlite3.connect(self._uri, uri=True, timeout=1.0)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

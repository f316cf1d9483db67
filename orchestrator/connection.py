"""What the repositories need of a connection, and how SQLite gives it.

SQLAlchemy's asyncio engines run every statement in a greenlet, which switches back to the event loop wherever the
driver waits. aiosqlite even hands every call to a thread and back. A call to SQLite in WAL mode takes some ten
microseconds, the greenlet several times that, the way to the thread and back a hundred, and five milliseconds whenever
the event loop is busy in Python and keeps the interpreter lock. So SQLite is called where the coroutine stands, through
SQLAlchemy's plain engine: the methods of `InlineConnection` are coroutines that never suspend. Nobody else writes to
the file (the data directory is locked), so no call waits for a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.base import Executable

_T = TypeVar("_T")

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Connection(Protocol):
    """A connection in a transaction. SQLAlchemy's `AsyncConnection` is one."""

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> sa.CursorResult[Any]:
        """Run a statement, once or for each of several parameters; its rows, all fetched."""
        ...

    async def run_sync(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Run a function that works on a plain connection."""
        ...


class InlineConnection:
    """A connection of SQLAlchemy's plain engine behind coroutines that never suspend."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> sa.CursorResult[Any]:
        """Run a statement; see the protocol."""
        return self._connection.execute(statement, parameters)

    async def run_sync(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Run a function on the plain connection; see the protocol."""
        return work(self._connection)

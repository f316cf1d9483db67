"""SQLite for SQLAlchemy's asyncio engine without a thread per connection.

aiosqlite hands every call (cursor, execute, fetch, close) to a thread and back. A call to SQLite in WAL mode takes some
ten microseconds, the way to the thread and back a hundred, and five milliseconds whenever the event loop is busy in
Python and keeps the interpreter lock; a job of a hundred statements spent most of its time there. Here the calls are
made where they stand. They are coroutines that never suspend, so a transaction is not interleaved with anything else on
the loop either. Nobody else writes to the file (the data directory is locked), so no call waits for a lock.

`connect` gives what SQLAlchemy's `sqlite+aiosqlite` dialect wants of an `async_creator`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any


class InlineCursor:
    """A cursor of the standard library behind coroutines."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    @property
    def description(self) -> Any:
        """Columns of the result; None for a statement without one."""
        return self._cursor.description

    @property
    def lastrowid(self) -> int | None:
        """Id of the row inserted last."""
        return self._cursor.lastrowid

    @property
    def rowcount(self) -> int:
        """Rows changed."""
        return self._cursor.rowcount

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        self._cursor.execute(statement, parameters)

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each of the parameters."""
        self._cursor.executemany(statement, parameters)

    async def fetchall(self) -> list[Any]:
        """All rows left."""
        return self._cursor.fetchall()

    async def close(self) -> None:
        """Close the cursor."""
        self._cursor.close()


class InlineConnection:
    """A connection of the standard library behind coroutines. Transactions are begun by SQLAlchemy."""

    def __init__(self, database: str) -> None:
        # SQLAlchemy may close a connection from the thread of an engine being disposed.
        self._connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)

    @property
    def isolation_level(self) -> str | None:
        """None: sqlite3 begins no transaction by itself."""
        return self._connection.isolation_level

    async def cursor(self) -> InlineCursor:
        """A new cursor."""
        return InlineCursor(self._connection.cursor())

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> InlineCursor:
        """Run a statement on a new cursor."""
        return InlineCursor(self._connection.execute(statement, parameters))

    async def create_function(self, name: str, arguments: int, function: Callable[..., Any], **options: Any) -> None:
        """Define a function of SQL."""
        self._connection.create_function(name, arguments, function, **options)

    def begin(self, statement: str) -> None:
        """Begin a transaction by this statement."""
        self._connection.execute(statement)

    async def commit(self) -> None:
        """Commit."""
        self._connection.commit()

    async def rollback(self) -> None:
        """Roll back."""
        self._connection.rollback()

    async def close(self) -> None:
        """Close."""
        self._connection.close()

    def stop(self) -> None:
        """Close at once."""
        self._connection.close()


async def connect(database: str, **_options: Any) -> InlineConnection:
    """A new connection to the database file."""
    return InlineConnection(database)

"""Access to SQLite: on the event loop, without a thread.

SQLAlchemy's asyncio engines run every statement in a greenlet, which switches back to the event loop wherever the
driver waits. aiosqlite even hands every call to a thread and back. A call to SQLite in WAL mode takes some ten
microseconds, the greenlet several times that, the way to the thread and back a hundred, and five milliseconds whenever
the event loop is busy in Python and keeps the interpreter lock. So SQLite is called where the coroutine stands: the
methods of `InlineConnection` are coroutines that never suspend. Nobody else writes to the file (the data directory is
locked), so no call waits for a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.base import Executable

from orchestrator.changes import Added, RowChange, adding, changing
from orchestrator.checkpoints import LARGEST_LOG_PAGES, Checkpoints
from orchestrator.connection import Connection, Parameters
from orchestrator.failures import StorageUnavailableError
from orchestrator.statements import Prepared

_T = TypeVar("_T")

#: What is wrong with the file, not with the statement.
_BROKEN = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
    }
)


class InlineConnection:
    """A connection behind coroutines that never suspend; see the protocol `orchestrator.connection.Connection`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        connection.begin()  # does nothing to SQLite; without it, migrations would commit by themselves
        self._dialect = connection.dialect
        #: The connection of `sqlite3`.
        self.driver: Any = connection.connection.driver_connection

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> sa.CursorResult[Any]:
        """Run any statement; see the protocol."""
        return self._connection.execute(statement, parameters)

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a prepared statement; see the protocol."""
        form = statement.form(self._dialect, parameters)
        return form.rows(self.driver.execute(form.sql, form.values(parameters)).fetchall())

    async def run(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        """Run a prepared statement; see the protocol."""
        form = statement.form(self._dialect, parameters)
        try:
            return int(self.driver.execute(form.sql, form.values(parameters)).rowcount)
        except sqlite3.IntegrityError as error:
            raise sa.exc.IntegrityError(form.sql, None, error) from error

    async def apply(self, changes: Sequence[RowChange]) -> bool:
        """Make changes one after the other; see the protocol."""
        for number, change in enumerate(changes):
            if isinstance(change, Added):
                self._add(change)
            else:
                found = await self.run(changing(change.table, tuple(change.key)), change.parameters())
                if number == 0 and not found:
                    return False
        return True

    def _add(self, added: Added) -> None:
        form = adding(added.table).form(self._dialect, added.rows[0])
        try:
            self.driver.executemany(form.sql, [form.values(row) for row in added.rows])
        except sqlite3.IntegrityError as error:
            raise sa.exc.IntegrityError(form.sql, None, error) from error

    async def run_sync(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Run a function on the plain connection; see the protocol."""
        return work(self._connection)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class Sqlite:
    """Connections to an SQLite file, kept open: taking one from SQLAlchemy's pool and giving it back costs more than
    most transactions, and so does SQLAlchemy's way to begin and end one."""

    def __init__(self, url: str, busy_timeout_s: float) -> None:
        self._engine = sa.create_engine(
            make_url(url).set(drivername="sqlite"),
            poolclass=NullPool,
            connect_args={"check_same_thread": False},
        )
        self._busy_timeout_ms = int(busy_timeout_s * 1000)
        self._idle: list[InlineConnection] = []
        self._write_lock = asyncio.Lock()
        database = make_url(url).database
        self._checkpoints = Checkpoints(Path(database)) if database else None
        event.listen(self._engine, "connect", self._on_connect)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A transaction that reads."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction that writes, once all that came before have ended."""
        async with self._write_lock:
            with self._transaction("BEGIN IMMEDIATE") as connection:
                yield connection
        if self._checkpoints is not None:
            self._checkpoints.committed()

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a statement that is a transaction by itself."""
        with _told_broken():
            connection = self._take()
            try:
                rows = await connection.fetch(statement, parameters)
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)
        return rows

    async def apply(self, changes: Sequence[RowChange]) -> bool:
        """Make changes in a transaction of their own; see `Statements`."""
        async with self.write() as connection:
            return await connection.apply(changes)

    def _take(self) -> InlineConnection:
        """An idle connection, which is the caller's to give back."""
        return self._idle.pop() if self._idle else InlineConnection(self._engine.connect())

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with _told_broken():
            connection = self._take()
            try:
                connection.driver.execute(begin)
                yield connection
                connection.driver.execute("COMMIT")
            except BaseException:
                try:
                    connection.driver.execute("ROLLBACK")
                except sqlite3.Error:
                    connection.close()  # SQLite took the transaction back by itself: something is wrong with the file
                else:
                    self._idle.append(connection)
                raise
        self._idle.append(connection)

    async def close(self) -> None:
        """Close all connections."""
        if self._checkpoints is not None:
            await self._checkpoints.close()
        for connection in self._idle:
            connection.close()
        self._idle = []
        self._engine.dispose()

    def _on_connect(self, connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 begins no transaction by itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")
        if cursor.execute("PRAGMA page_count").fetchone() == (0,):
            # A commit gives the room of what it deleted back to the disk. Only a new file can be told so (older ones
            # keep it, and use it again); one that was told already would be written to.
            cursor.execute("PRAGMA auto_vacuum = FULL")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute(f"PRAGMA wal_autocheckpoint = {LARGEST_LOG_PAGES}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()


@contextlib.contextmanager
def _told_broken() -> Iterator[None]:
    """That the file cannot be written to or read, as StorageUnavailableError: no room, no permission, broken, held."""
    try:
        yield
    except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
        cause = error.orig if isinstance(error, sa.exc.OperationalError) else error
        if getattr(cause, "sqlite_errorcode", 0) & 0xFF not in _BROKEN:
            raise
        raise StorageUnavailableError("database", str(error)) from error


def check_sqlite(path: Path) -> None:
    """Do nothing when the file is there and can be read.

    Raises:
        sqlite3.Error: It is not.
    """
    # mode=rw: never makes a file that is gone.
    with contextlib.closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)
    ) as connection:
        connection.execute("SELECT count(*) FROM tenants").fetchall()

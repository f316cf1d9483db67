"""The database: one engine, reading and writing transactions, and the migrations.

SQLite runs in WAL mode with one writer at a time. A writing transaction takes the write lock at its start
(`BEGIN IMMEDIATE`): SQLite cannot wait for a lock that a reading transaction wants to grow into, it fails. Writers of
this process queue up in front of an asyncio lock, because SQLite's own busy handler sleeps in steps of many
milliseconds. WAL with `synchronous = NORMAL` is consistent whatever dies; a power cut may take the last moments back.

On PostgreSQL connections come from SQLAlchemy's pool. A reading transaction is one of `REPEATABLE READ`, so that it
sees one state throughout, as on SQLite; writers lock the rows they change. Row-level security holds every transaction
to the tenant it is made for (`orchestrator.tenancy`).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from orchestrator.connection import Connection, InlineConnection
from orchestrator.failures import StorageUnavailableError
from orchestrator.tenancy import current_tenant

_TENANT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}|\*")
#: Connections to PostgreSQL of one process. More transactions at a time wait for one.
_CONNECTIONS = 16
#: How long a connection to PostgreSQL that lies idle is taken to live.
_TRUSTED_S = 1.0

#: What passes with PostgreSQL: no room on the disk, no memory, too many connections, shutting down.
_PASSING = frozenset({"53000", "53100", "53200", "53300", "57P01", "57P02", "57P03"})
#: What asyncpg raises for a connection that is of no more use. The last is about a connection whose server said
#: goodbye while nobody was asking, as a process of PostgreSQL does when another one crashes.
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
#: What is wrong with the file of SQLite, not with the statement.
_BROKEN = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
    }
)

#: Key of the advisory lock of `Database.exclusive`.
_SETTING_UP = 0x45_74_75_64_65


class Database:
    """Access to the database under `url`: "sqlite:///…" or "postgresql://…"."""

    def __init__(self, url: str, *, busy_timeout_s: float = 30.0) -> None:
        self.url = url
        #: This process among those that use the database.
        self.name = f"etude-{uuid.uuid4().hex}"
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._access: _Sqlite | _Postgres = (
            _Sqlite(url, busy_timeout_s) if self.is_sqlite else _Postgres(url, self.name)
        )

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that only reads and sees one state of the database throughout."""
        return self._access.read()

    def write(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that writes: committed at the end, rolled back on any exception."""
        return self._access.write()

    async def upgrade(self, revision: str = "head") -> None:
        """Bring the schema up to `revision`."""
        await self._run_alembic(command.upgrade, revision)

    async def downgrade(self, revision: str) -> None:
        """Bring the schema down to `revision`; "base" removes all tables."""
        await self._run_alembic(command.downgrade, revision)

    async def _run_alembic(self, run: Callable[[Config, str], None], revision: str) -> None:
        def with_connection(connection: sa.Connection) -> None:
            config = alembic_config(self.url)
            config.attributes["connection"] = connection
            run(config, revision)

        async with self.exclusive() as connection:
            await connection.run_sync(with_connection)

    @contextlib.asynccontextmanager
    async def exclusive(self) -> AsyncIterator[Connection]:
        """A writing transaction that other processes' exclusive ones wait for: setting up must happen once."""
        async with self.write() as connection:
            if not self.is_sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SETTING_UP})
            yield connection

    async def check(self) -> None:
        """Do nothing when the database can be opened anew and read.

        Connections that are open already prove little: on SQLite they read on from a file that has been removed.

        Raises:
            sqlite3.Error, sqlalchemy.exc.SQLAlchemyError: When it cannot.
        """
        path = make_url(self.url).database
        if self.is_sqlite and path:
            await asyncio.to_thread(_check_sqlite, Path(path))
            return
        async with self.read() as connection:
            await connection.execute(text("SELECT count(*) FROM tenants"))

    async def close(self) -> None:
        """Close all connections; no transaction may be open."""
        await self._access.close()


class _Sqlite:
    """Connections to an SQLite file, kept open: taking one from SQLAlchemy's pool and giving it back costs more than
    most transactions."""

    def __init__(self, url: str, busy_timeout_s: float) -> None:
        self._engine = create_engine(
            make_url(url).set(drivername="sqlite"), poolclass=NullPool, connect_args={"check_same_thread": False}
        )
        self._busy_timeout_ms = int(busy_timeout_s * 1000)
        self._idle: list[sa.Connection] = []
        self._write_lock = asyncio.Lock()
        event.listen(self._engine, "connect", self._on_connect)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        async with self._write_lock:
            with self._transaction("BEGIN IMMEDIATE") as connection:
                yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with _told_broken():
            connection = self._idle.pop() if self._idle else self._engine.connect()
            try:
                with connection.begin():
                    # Not through SQLAlchemy, which takes longer over this than SQLite does over a transaction.
                    driver: Any = connection.connection.driver_connection
                    driver.execute(begin)
                    yield InlineConnection(connection)
            except BaseException:
                connection.close()
                raise
        self._idle.append(connection)

    async def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle = []
        self._engine.dispose()

    def _on_connect(self, connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # sqlite3 begins no transaction by itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {self._busy_timeout_ms}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()


class _Postgres:
    """A pool of connections to PostgreSQL.

    A round trip costs more than what most statements do. So a transaction is begun and held to its tenant by one of
    them, past SQLAlchemy, which would take two; a connection is only asked whether it lives after it was idle for a
    while; and all connections are kept, because a new one costs as much as a small job, and knows no statement yet.
    """

    def __init__(self, url: str, name: str) -> None:
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",  # to SQLAlchemy: `_transaction` begins and ends transactions
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_use_lifo=True,
            connect_args={"server_settings": {"application_name": name}},
        )
        event.listen(self._engine.sync_engine, "checkin", _note_return)
        event.listen(self._engine.sync_engine, "checkout", _check_when_idle)

    def read(self) -> AbstractAsyncContextManager[Connection]:
        return self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def write(self) -> AbstractAsyncContextManager[Connection]:
        return self._transaction("BEGIN")

    @contextlib.asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Connection]:
        with _told_unavailable():
            async with self._engine.connect() as connection:
                raw = await connection.get_raw_connection()
                driver: asyncpg.Connection = raw.driver_connection
                try:
                    await driver.execute(f"{begin}; {_held_to(current_tenant())}")
                    yield connection
                    await driver.execute("COMMIT")
                except Exception:
                    try:
                        await driver.execute("ROLLBACK")
                    except (*_LOST, OSError):
                        await connection.invalidate()  # it is gone, and with it the transaction
                    raise
                except BaseException:
                    # Cancelled, perhaps in the middle of a statement: nobody may work on what that leaves.
                    await connection.invalidate()
                    raise

    async def close(self) -> None:
        await self._engine.dispose()


def _held_to(tenant_id: str) -> str:
    """The statement that holds the transaction it is in, and no later one, to a tenant's rows."""
    if not _TENANT_ID.fullmatch(tenant_id):
        raise ValueError(f"{tenant_id!r} is no id of a tenant")
    return f"SELECT set_config('etude.tenant_id', '{tenant_id}', true)"


def _note_return(_connection: Any, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _check_when_idle(connection: Any, record: Any, _proxy: Any) -> None:
    """Has the pool replace a connection that has died, and all that are as old.

    Raises:
        sqlalchemy.exc.InvalidatePoolError: It has.
    """
    if connection.driver_connection.is_closed():
        raise sa.exc.InvalidatePoolError("the connection was closed")
    if time.monotonic() - record.info.get("idle_since", 0.0) >= _TRUSTED_S:
        try:
            connection.ping()
        except sa.exc.DBAPIError as error:
            raise sa.exc.InvalidatePoolError(str(error)) from error
        except (connection.dbapi.Error, asyncpg.InternalClientError) as error:
            raise sa.exc.InvalidatePoolError(str(error)) from error


@contextlib.contextmanager
def _told_unavailable() -> Iterator[None]:
    """That the server is not there, as StorageUnavailableError; what asyncpg raises while it connects among it, which
    SQLAlchemy lets through."""
    try:
        yield
    except (*_LOST, ConnectionError, TimeoutError) as error:
        raise StorageUnavailableError("database", str(error)) from error
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise StorageUnavailableError("database", str(error)) from error
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated and getattr(error.orig, "sqlstate", None) not in _PASSING:
            raise
        raise StorageUnavailableError("database", str(error)) from error


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


def _check_sqlite(path: Path) -> None:
    # mode=rw: never makes a file that is gone.
    with contextlib.closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0)
    ) as connection:
        connection.execute("SELECT count(*) FROM tenants").fetchall()


def alembic_config(url: str) -> Config:
    """Alembic's configuration, without a file: the scripts lie beside this module."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config

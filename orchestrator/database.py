"""The database: one engine, reading and writing transactions, and the migrations.

SQLite runs in WAL mode with one writer at a time. A writing transaction takes the write lock at its start
(`BEGIN IMMEDIATE`): SQLite cannot wait for a lock that a reading transaction wants to grow into, it fails. Writers of
this process queue up in front of an asyncio lock, because SQLite's own busy handler sleeps in steps of many
milliseconds. WAL with `synchronous = NORMAL` is consistent whatever dies; a power cut may take the last moments back.

On PostgreSQL connections come from SQLAlchemy's pool. A reading transaction is one of `REPEATABLE READ`, so that it
sees one state throughout, as on SQLite; writers lock the rows they change.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from orchestrator import inline_sqlite

_WRITE = "etude_write"
_READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """Access to the database under `url`: "sqlite+aiosqlite:///…" or "postgresql+asyncpg://…"."""

    def __init__(self, url: str, *, busy_timeout_s: float = 30.0) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        creator = (
            {"async_creator": partial(inline_sqlite.connect, make_url(url).database or ":memory:")}
            if self.is_sqlite
            else {}
        )
        self.engine: AsyncEngine = create_async_engine(url, pool_size=8, max_overflow=24, **creator)
        self._readers: list[AsyncConnection] = []
        self._writers: list[AsyncConnection] = []
        self._write_lock: contextlib.AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else contextlib.nullcontext()
        )
        if self.is_sqlite:
            _prepare_sqlite(self.engine, busy_timeout_s)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads and sees one state of the database throughout."""
        options = None if self.is_sqlite else _READING
        async with self._connection(self._readers, options) as connection, connection.begin():
            yield connection

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes: committed at the end, rolled back on any exception."""
        async with self._write_lock, self._connection(self._writers, {_WRITE: True}) as connection, connection.begin():
            yield connection

    @contextlib.asynccontextmanager
    async def _connection(
        self, idle: list[AsyncConnection], options: Mapping[str, Any] | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """A connection, out of a transaction, that was `idle` or is new."""
        connection = idle.pop() if idle else await self.engine.connect()
        try:
            if options:
                await connection.execution_options(**options)
            yield connection
        except BaseException:
            await connection.close()
            raise
        # On SQLite, taking a connection from SQLAlchemy's pool and giving it back costs more than most transactions.
        if self.is_sqlite:
            idle.append(connection)
        else:
            await connection.close()

    async def upgrade(self, revision: str = "head") -> None:
        """Bring the schema up to `revision`."""
        await self._run_alembic(command.upgrade, revision)

    async def downgrade(self, revision: str) -> None:
        """Bring the schema down to `revision`; "base" removes all tables."""
        await self._run_alembic(command.downgrade, revision)

    async def _run_alembic(self, run: Callable[[Config, str], None], revision: str) -> None:
        def with_connection(connection: Connection) -> None:
            config = alembic_config(self.url)
            config.attributes["connection"] = connection
            run(config, revision)

        async with self.write() as connection:
            await connection.run_sync(with_connection)

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
        for connection in (*self._readers, *self._writers):
            await connection.close()
        self._readers, self._writers = [], []
        await self.engine.dispose()


def _prepare_sqlite(engine: AsyncEngine, busy_timeout_s: float) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITE, False)
        # Not through SQLAlchemy, which takes longer over this than SQLite does over a transaction.
        driver: Any = connection.connection.driver_connection
        driver.begin("BEGIN IMMEDIATE" if writes else "BEGIN")


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

"""The database: one engine, reading and writing transactions, and the migrations.

SQLite runs in WAL mode with one writer at a time. A writing transaction takes the write lock at its start
(`BEGIN IMMEDIATE`): SQLite cannot wait for a lock that a reading transaction wants to grow into, it fails. Writers of
this process queue up in front of an asyncio lock, because SQLite's own busy handler sleeps in steps of many
milliseconds. WAL with `synchronous = NORMAL` is consistent whatever dies; a power cut may take the last moments back.

On PostgreSQL a reading transaction is one of `REPEATABLE READ`, so that it sees one state throughout, as on SQLite;
writers lock the rows they change. Row-level security holds every transaction to the tenant it is made for
(`orchestrator.tenancy`).
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.engine import make_url

from orchestrator.changes import RowChange
from orchestrator.connection import Connection
from orchestrator.sqlite import Sqlite, check_sqlite
from orchestrator.statements import Prepared

if TYPE_CHECKING:
    from orchestrator.postgres import Postgres

#: Key of the advisory lock of `Database.exclusive`.
_SETTING_UP = 0x45_74_75_64_65


class Database:
    """Access to the database under `url`: "sqlite:///…" or "postgresql://…"."""

    def __init__(self, url: str, *, busy_timeout_s: float = 30.0) -> None:
        self.url = url
        #: This process among those that use the database.
        self.name = f"etude-{uuid.uuid4().hex}"
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._access: Sqlite | Postgres = Sqlite(url, busy_timeout_s) if self.is_sqlite else _postgres(url, self.name)

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that only reads and sees one state of the database throughout."""
        return self._access.read()

    def write(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that writes: committed at the end, rolled back on any exception."""
        return self._access.write()

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a prepared statement in a transaction of its own; see `Statements`."""
        return await self._access.fetch(statement, parameters)

    async def apply(self, changes: Sequence[RowChange]) -> bool:
        """Make changes in a transaction of their own; see `Statements`."""
        return await self._access.apply(changes)

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
            await asyncio.to_thread(check_sqlite, Path(path))
            return
        async with self.read() as connection:
            await connection.execute(text("SELECT count(*) FROM tenants"))

    async def close(self) -> None:
        """Close all connections; no transaction may be open."""
        await self._access.close()


def _postgres(url: str, name: str) -> Postgres:
    # With its driver, which takes time to import and is of no use on SQLite.
    from orchestrator.postgres import Postgres

    return Postgres(url, name)


def alembic_config(url: str) -> Config:
    """Alembic's configuration, without a file: the scripts lie beside this module."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config

"""Access to PostgreSQL: a pool of connections over asyncpg.

A round trip costs more than what most statements do, and SQLAlchemy's asyncio layer as much again. So a transaction is
begun and held to its tenant by one round trip, past SQLAlchemy, which would take two; connections are taken and given
back without a word to the server; one is only asked whether it lives after it was idle for a while; and all of them are
kept, because a new one costs as much as a small job, and knows no statement yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.base import Executable

from orchestrator.changes import RowChange, together
from orchestrator.connection import Connection, Parameters
from orchestrator.failures import StorageUnavailableError
from orchestrator.statements import HELD_TO, Prepared
from orchestrator.tenancy import current_tenant

_T = TypeVar("_T")

_TENANT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}|\*")
#: Connections of one process. More transactions at a time wait for one, at most so long.
_CONNECTIONS = 16
_PATIENCE_S = 30.0
#: How long a connection that lies idle is taken to live.
_TRUSTED_S = 1.0

#: What passes: no room on the disk, no memory, too many connections, shutting down.
_PASSING = frozenset({"53000", "53100", "53200", "53300", "57P01", "57P02", "57P03"})
#: What asyncpg raises for a connection that is of no more use. The last is about a connection whose server said
#: goodbye while nobody was asking, as a process of PostgreSQL does when another one crashes.
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
#: Class of the SQLSTATEs that say the same.
_LOST_STATES = "08"


@dataclass(slots=True)
class PostgresConnection:
    """A connection; see the protocol `orchestrator.connection.Connection`.

    Attributes:
        outer: SQLAlchemy's connection. To it every statement is a transaction of its own.
        driver: The connection of asyncpg beneath it.
        idle_since: When it was given back, by the monotonic clock.
    """

    outer: AsyncConnection
    driver: asyncpg.Connection
    idle_since: float = 0.0

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> sa.CursorResult[Any]:
        """Run any statement; see the protocol."""
        return await self.outer.execute(statement, parameters)

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a prepared statement; see the protocol."""
        form = statement.form(self.outer.dialect, parameters)
        with _told_as_sqlalchemy(form.sql):
            return form.rows(await self.driver.fetch(form.sql, *form.values(parameters)))

    async def run(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        """Run a prepared statement; see the protocol."""
        form = statement.form(self.outer.dialect, parameters)
        with _told_as_sqlalchemy(form.sql):
            tag: str = await self.driver.execute(form.sql, *form.values(parameters))
        return int(tag.rpartition(" ")[2])

    async def apply(self, changes: Sequence[RowChange]) -> bool:
        """Make changes by one statement; see the protocol."""
        return await self.apply_held(changes, None)

    async def apply_held(self, changes: Sequence[RowChange], tenant_id: str | None) -> bool:
        """Make changes by one statement, which is held to a tenant's rows when it is a transaction by itself."""
        if not changes:
            return True
        form, parameters = together(changes, self.outer.dialect, tenant_id)
        with _told_as_sqlalchemy(form.sql):
            return bool(await self.driver.fetchval(form.sql, *form.values(parameters)))

    async def fetch_held(self, statement: Prepared, parameters: Mapping[str, Any], tenant_id: str) -> Sequence[Any]:
        """The rows of a prepared statement that is a transaction by itself, held to a tenant's rows."""
        form = statement.form(self.outer.dialect, parameters, alone=True)
        with _told_as_sqlalchemy(form.sql):
            return form.rows(await self.driver.fetch(form.sql, *form.values({**parameters, HELD_TO: tenant_id})))

    async def run_sync(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Run a function that works on a plain connection; see the protocol."""
        return await self.outer.run_sync(work)

    async def lives(self) -> bool:
        """False when the connection is of no more use."""
        if self.driver.is_closed():
            return False
        if time.monotonic() - self.idle_since >= _TRUSTED_S:
            try:
                await self.driver.execute("SELECT 1")
            except (*_LOST, OSError):
                return False
        return True

    async def rolled_back(self) -> bool:
        """End a transaction that failed; False when the connection is gone, and the transaction with it."""
        try:
            if self.driver.is_in_transaction():
                await self.driver.execute("ROLLBACK")
        except (*_LOST, OSError):
            return False
        return not self.driver.is_closed()

    async def discard(self) -> None:
        """Close it without a word to the server, whatever it is in the middle of."""
        self.driver.terminate()
        await self.outer.invalidate()
        await self.outer.close()


class Postgres:
    """The connections of a process to PostgreSQL."""

    def __init__(self, url: str, name: str) -> None:
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            isolation_level="AUTOCOMMIT",  # to SQLAlchemy: `_transaction` begins and ends transactions
            poolclass=NullPool,
            connect_args={"server_settings": {"application_name": name}},
        )
        self._places = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[PostgresConnection] = []  # the one used last at the end

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that reads and sees one state throughout."""
        return self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def write(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that writes."""
        return self._transaction("BEGIN")

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a statement that is a transaction by itself: one round trip."""
        async with self._connection() as connection:
            return await connection.fetch_held(statement, parameters, _tenant())

    async def apply(self, changes: Sequence[RowChange]) -> bool:
        """Make changes in a transaction of their own: one round trip; see `Statements`."""
        async with self._connection() as connection:
            return await connection.apply_held(changes, _tenant())

    @contextlib.asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[Connection]:
        async with self._connection() as connection:
            await connection.driver.execute(f"{begin}; {_held_to(_tenant())}")
            yield connection
            await connection.driver.execute("COMMIT")

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[PostgresConnection]:
        """A connection, given back at the end outside of any transaction."""
        with _told_unavailable():
            await self._take_place()
            try:
                connection = await self._connected()
                try:
                    yield connection
                except Exception:
                    if await connection.rolled_back():
                        self._give_back(connection)
                    else:
                        await connection.discard()
                    raise
                except BaseException:
                    # Cancelled, perhaps in the middle of a statement: nobody may work on what that leaves.
                    await connection.discard()
                    raise
                self._give_back(connection)
            finally:
                self._places.release()

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()  # at once
            return
        async with asyncio.timeout(_PATIENCE_S):
            await self._places.acquire()

    async def _connected(self) -> PostgresConnection:
        while self._idle:
            connection = self._idle.pop()
            try:
                living = await connection.lives()
            except BaseException:
                await connection.discard()
                raise
            if living:
                return connection
            # Where one has died, the others have most likely too.
            dead, self._idle = [connection, *self._idle], []
            for each in dead:
                await each.discard()
        outer = await self._engine.connect()
        driver: Any = (await outer.get_raw_connection()).driver_connection
        return PostgresConnection(outer, driver)

    def _give_back(self, connection: PostgresConnection) -> None:
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    async def close(self) -> None:
        """Close all connections; no transaction may be open."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.outer.close()
        await self._engine.dispose()


def _tenant() -> str:
    """The tenant to whose rows transactions are held.

    Raises:
        ValueError: It has not the form of a tenant's id.
    """
    tenant_id = current_tenant()
    if not _TENANT_ID.fullmatch(tenant_id):
        raise ValueError(f"{tenant_id!r} is no id of a tenant")
    return tenant_id


def _held_to(tenant_id: str) -> str:
    """The statement that holds the transaction it is in, and no later one, to a tenant's rows."""
    return f"SELECT set_config('etude.tenant_id', '{tenant_id}', true)"


@contextlib.contextmanager
def _told_as_sqlalchemy(sql: str) -> Iterator[None]:
    """What the server has against a statement as SQLAlchemy would tell it; a lost connection as it is."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise sa.exc.IntegrityError(sql, None, error) from error
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(_LOST_STATES):
            raise
        raise sa.exc.DBAPIError(sql, None, error) from error


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

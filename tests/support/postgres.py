"""A real PostgreSQL server for tests: one per test process, a database of its own for every test that asks.

Its files lie in a temporary directory. Nothing is flushed to the disk: a killed server loses nothing, a power cut
would.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from etude.production.postgres import SUPERUSER, PostgresServer


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database: its name, and the server that has it."""

    server: PostgresServer
    name: str

    @property
    def url(self) -> str:
        """SQLAlchemy URL for the role `etude`, which owns the database and is no superuser."""
        return self.server.url(self.name).replace("postgresql:", "postgresql+asyncpg:")

    @property
    def superuser_url(self) -> str:
        """SQLAlchemy URL for the superuser, to look past row-level security."""
        return self.server.url(self.name, SUPERUSER).replace("postgresql:", "postgresql+asyncpg:")


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server with the role `etude`, and no database of its."""
    directory = Path(tempfile.mkdtemp(prefix="etude-postgres-"))  # not below pytest's, which only its owner may enter
    try:
        server = PostgresServer(directory, uuid.uuid4().hex, durable=False)
        server.start()
        try:
            server.ensure_role()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def new_database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    """An empty database that belongs to the role `etude`, removed at the end whoever is connected to it."""
    database = PostgresDatabase(server, f"test_{uuid.uuid4().hex}")
    server.ensure_database(database.name)
    try:
        yield database
    finally:
        server.execute(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that all tests of this process share. Do not stop it: `running_postgres` gives one of your own."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database of the test's own, empty."""
    with new_database(postgres) as database:
        yield database

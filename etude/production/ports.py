"""Ports for servers that are about to be started."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

FIRST_PORT = 20_000
#: Where the kernel begins to give ports to outgoing connections, if it does not say (IANA's dynamic range).
_DYNAMIC_FROM = 32_768
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Kept open for as long as the process runs: their locks say that the ports are spoken for.
_kept: list[int] = []


def free_ports(number: int, among: range | None = None) -> list[int]:
    """Ports of 127.0.0.1 nobody listens on, all different.

    They lie below the range the kernel takes for outgoing connections, since one of those would else sit on a port
    between the choice and the server's start, or while a server that was killed is started again. No two processes
    of one user are given the same port while both run.

    Args:
        number: How many.
        among: The ports to choose from.

    Raises:
        RuntimeError: There are not so many.
    """
    candidates = list(among or range(FIRST_PORT, _first_dynamic_port()))
    random.SystemRandom().shuffle(candidates)
    ports: list[int] = []
    for port in candidates:
        if len(ports) == number:
            break
        if _keep(port):
            ports.append(port)
    if len(ports) < number:
        raise RuntimeError(f"There are no {number} free ports left to start servers on.")
    return ports


def _first_dynamic_port() -> int:
    if not _RANGE_FILE.exists():
        return _DYNAMIC_FROM
    first = int(_RANGE_FILE.read_text().split()[0])
    return first if first > FIRST_PORT + 1_000 else _DYNAMIC_FROM


def _keep(port: int) -> bool:
    """True if nobody listens on a port and it is spoken for from now on until this process ends."""
    directory = Path(tempfile.gettempdir()) / f"etude-ports-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    file = os.open(directory / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.create_server(("127.0.0.1", port)):
            _kept.append(file)
            return True
    except OSError:
        os.close(file)
        return False

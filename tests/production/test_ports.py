"""The ports servers are started on."""

import socket
import subprocess
import sys

import pytest

from etude.production.ports import free_ports

FEW = range(19_000, 19_100)
TAKE = "from etude.production.ports import free_ports; print(*free_ports(40, range({}, {})), flush=True); input()"


def test_ports_are_free_different_and_not_of_the_range_of_outgoing_connections() -> None:
    found = free_ports(30)
    assert len(set(found)) == 30
    with socket.create_server(("127.0.0.1", 0)) as dynamic:
        assert max(found) < dynamic.getsockname()[1]
    for port in found:
        socket.create_server(("127.0.0.1", port)).close()


def test_two_processes_are_not_given_the_same_port() -> None:
    """From 100 ports two processes take 40 each, all different; a third finds too few until they have ended."""
    taking = [sys.executable, "-c", TAKE.format(FEW.start, FEW.stop)]
    processes = [subprocess.Popen(taking, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found: list[int] = []
    try:
        for process in processes:
            assert process.stdout is not None
            found += map(int, process.stdout.readline().split())
        assert len(found) == len(set(found)) == 80
        with pytest.raises(RuntimeError, match="no 40 free ports"):
            free_ports(40, FEW)
    finally:
        for process in processes:
            process.communicate("\n")
    assert len(free_ports(40, FEW)) == 40

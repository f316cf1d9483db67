"""A service as a process of its own, and what is left of it."""

from __future__ import annotations

import time
from pathlib import Path

from etude.production.ports import free_ports
from etude.production.services import ServiceProcess


def test_one_that_is_killed_leaves_nothing_in_the_temporary_directory(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    where = f"127.0.0.1:{port}"
    process = ServiceProcess("fingering", 0, tmp_path, where, {"ETUDE_FINGERING_ADDRESS": where})
    process.start()
    try:
        command = process.command()
        assert command.environment is not None
        temporary = Path(command.environment["TMPDIR"])
        deadline = time.monotonic() + 60
        while not list(temporary.iterdir()):
            assert time.monotonic() < deadline, "the fork server of its workers has its socket there"
            time.sleep(0.1)
    finally:
        process.kill()
    assert not temporary.exists()

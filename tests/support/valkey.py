"""A real Valkey server for tests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from etude.production.valkey import ValkeyServer


@contextlib.contextmanager
def valkey_server(directory: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()

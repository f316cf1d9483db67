"""`python -m etude.mesh.probe HOST:PORT [SERVICE]`: asks a server for its health, for container health checks.

With `ETUDE_PROBE_CA`, a PEM file of roots, it asks over TLS. Exit code 0 when the server says SERVING, 1 when it does
not or cannot be reached, 2 for a wrong command line. Kubernetes asks by itself (gRPC probes) and does not need this.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import grpc
import grpc.aio

from etude.mesh.health import check_health

TIMEOUT_S = 3.0


async def is_serving(target: str, service: str = "", roots: bytes | None = None) -> bool:
    """True when the server at a target answers SERVING for a service name ("" for the whole server).

    Args:
        target: In gRPC's form, for example host:port.
        service: A service's full name.
        roots: PEM roots to ask over TLS; None for plain text.
    """
    if roots is not None:
        channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(roots))
    else:
        channel = grpc.aio.insecure_channel(target)
    async with channel:
        return await check_health(channel, service, timeout_s=TIMEOUT_S)


def main(arguments: list[str]) -> int:
    """Exit code for the arguments of the command line."""
    if len(arguments) not in (1, 2):
        print("usage: python -m etude.mesh.probe HOST:PORT [SERVICE]", file=sys.stderr)
        return 2
    ca = os.environ.get("ETUDE_PROBE_CA")
    roots = Path(ca).read_bytes() if ca else None
    if asyncio.run(is_serving(arguments[0], "".join(arguments[1:]), roots)):
        return 0
    print(f"{' '.join(arguments)} is not serving", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

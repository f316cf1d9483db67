"""The HTTP server, running beside gRPC in one event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from etude.mesh.logging import get_logger
from etude.mesh.settings import split_host_port

_log = get_logger(__name__)
_SHUTDOWN_S = 5


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the chassis, which stops it together with the rest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def http_server(app: FastAPI, address: str, trusted_proxies: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serves an application while the block runs; gives the address it listens on, with the port it got.

    On exit no new request is taken, event streams break off, other answers get a few seconds
    to end.

    Raises:
        OSError: The address is taken or not this machine's.
    """
    host, port = split_host_port(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise OSError(
            f"cannot listen for HTTP on {address} ({error.strerror}); "
            "stop what does, or set ETUDE_GATEWAY_HTTP_ADDRESS (etude serve --http)"
        ) from error
    # What it accepts inherits this. asyncio would set it, but not on sockets made without naming the protocol, as
    # create_server makes them: an answer's body would wait up to 40 ms for the caller to acknowledge its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bound_host, bound_port = listener.getsockname()[:2]
    bound = f"[{bound_host}]:{bound_port}" if family == socket.AF_INET6 else f"{bound_host}:{bound_port}"
    server = _Server(
        uvicorn.Config(
            app,
            # Never httptools, which uvicorn would prefer where it is installed: it takes heads of any size, requests of
            # HTTP/0.9, and loses the body of one that offers to go on in HTTP/2, as Java's client does.
            http="h11",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=True,
            forwarded_allow_ips=trusted_proxies,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]), name="gateway-http")
    try:
        while not server.started:
            if task.done():
                await task
                raise OSError(f"the HTTP server on {bound} ended before it began")
            await asyncio.sleep(0.005)
        _log.info("http server listens", address=bound)
        yield bound
    finally:
        app.state.closing.set()
        server.should_exit = True
        await task
        listener.close()

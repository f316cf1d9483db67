"""Serving: a service from its definition and settings to a stopped server.

`run` is `python -m <service>`, `serve` the same inside a running loop, and `running_server` a server to be embedded
with others in one process (the mesh in one command, tests).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from pydantic import ValidationError

from etude.mesh.calls import CallInterceptor, Drain
from etude.mesh.definition import ServiceDefinition
from etude.mesh.health import HealthServicer
from etude.mesh.limits import KEEPALIVE_SECONDS, KEEPALIVE_TIMEOUT_SECONDS, MAX_MESSAGE_BYTES
from etude.mesh.logging import configure_logging, get_logger
from etude.mesh.memory import settle_memory
from etude.mesh.metrics import MetricsPort, serve_metrics
from etude.mesh.near_servers import NearServer, near_target
from etude.mesh.settings import ServiceSettings, split_host_port
from etude.mesh.tasks import end_task
from etude.mesh.telemetry import configure_telemetry, flush_telemetry

_log = get_logger(__name__)


@dataclass(slots=True)
class ServerHandle:
    """A running server.

    Attributes:
        name: The service's short name.
        address: Where it listens, with the port it really got; usable as a channel's target.
        services: Full names of the gRPC services it offers.
        metrics: Where its metrics are scraped; None when they are off.
    """

    name: str
    address: str
    services: tuple[str, ...]
    metrics: MetricsPort | None
    _server: grpc.aio.Server
    _near: NearServer
    _health: HealthServicer
    _drain: Drain
    _settings: ServiceSettings
    _draining: asyncio.Task[None] | None = field(default=None)

    @property
    def near_target(self) -> str:
        """The target for channels of this process, which need no socket."""
        return near_target(self.address)

    async def drain(self) -> None:
        """Stops the server: NOT_SERVING, wait, let running calls finish, cancel those that do not. Idempotent."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._stop())
        await asyncio.shield(self._draining)

    async def _stop(self) -> None:
        settings = self._settings
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(settings.drain_notice_seconds)
        self._near.be_lost(self.address)
        self._drain.started.set()
        await self._health.end_watches()
        # stop() refuses new calls at once and returns when the running ones have ended; the margin lets those that are
        # cut below send their status.
        stopping = asyncio.create_task(self._server.stop(settings.drain_seconds + 2.0))
        if not await self._drain.wait_idle(settings.drain_seconds):
            _log.warning("cancelled calls that did not finish in time", service=self.name, calls=self._drain.cut())
        await stopping


@asynccontextmanager
async def running_server(definition: ServiceDefinition, settings: ServiceSettings) -> AsyncIterator[ServerHandle]:
    """A server that answers when the block is entered and is drained when it is left.

    Configures neither logging nor telemetry nor signals: those belong to the process.

    Raises:
        OSError: An address cannot be listened on.
    """
    async with AsyncExitStack() as stack:
        servicers = await stack.enter_async_context(definition.start(settings))
        metrics_port = stack.enter_context(serve_metrics(settings.metrics_host, settings.metrics_port))
        drain = Drain()
        guards = {servicer.full_name: servicer.guard for servicer in servicers if servicer.guard is not None}
        calls = CallInterceptor(drain, guards)
        server = grpc.aio.server(interceptors=(calls,), options=_server_options(settings))
        names = tuple(servicer.full_name for servicer in servicers)
        health = HealthServicer({servicer.full_name: servicer.check for servicer in servicers})
        near = NearServer(server, calls.wrapped, health.serves)
        for servicer in servicers:
            servicer.add_to_server(cast("grpc.aio.Server", near))
        health_pb2_grpc.add_HealthServicer_to_server(health, near)
        reflected = (*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(reflected, server)
        address = _listen(server, settings)
        await server.start()
        await health.refresh(settings.health_interval_seconds)
        checking = asyncio.create_task(health.keep_fresh(settings.health_interval_seconds))
        stack.push_async_callback(end_task, checking)
        handle = ServerHandle(definition.name, address, names, metrics_port, server, near, health, drain, settings)
        if settings.tls_certificate is None:  # else it asks more of its callers than to be near
            stack.enter_context(near.found_at(address))
        _log.info("serving", service=definition.name, address=address, metrics=metrics_port and metrics_port.port)
        try:
            yield handle
        finally:
            await handle.drain()
            _log.info("stopped", service=definition.name)


async def serve(definition: ServiceDefinition, settings: ServiceSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains. A second signal cuts running calls at once."""
    stop = asyncio.Event()
    hurry = asyncio.Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        async with running_server(definition, settings) as handle:
            settle_memory()
            await stop.wait()
            _log.info("draining", service=definition.name, seconds=settings.drain_seconds)
            draining = asyncio.ensure_future(handle.drain())
            hurried = asyncio.ensure_future(hurry.wait())
            await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
            if not draining.done():
                handle._drain.cut()
            hurried.cancel()
            await draining
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def run(definition: ServiceDefinition) -> int:
    """Runs a service as this process: settings from the environment, logs, telemetry, server. Returns the exit code.

    0 after a clean stop; 2 for settings that make no sense or an address that cannot be listened on.
    """
    try:
        settings = definition.settings_class()
    except ValidationError as error:
        prefix = definition.settings_class.model_config.get("env_prefix", "")
        for fault in error.errors(include_url=False, include_input=False):  # the input may be a secret
            name = prefix + "_".join(str(part) for part in fault["loc"]).upper() if fault["loc"] else prefix + "*"
            print(f"{definition.name}: {name}: {fault['msg']}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level, settings.log_format)
    configure_telemetry(f"etude-{definition.name}")
    try:
        asyncio.run(serve(definition, settings))
    except OSError as error:
        _log.error("cannot serve", service=definition.name, address=settings.address, error=str(error))
        return 2
    finally:
        flush_telemetry()
    return 0


def _listen(server: grpc.aio.Server, settings: ServiceSettings) -> str:
    """Binds the server's port and returns the address it got.

    Raises:
        OSError: It cannot be bound.
    """
    try:
        if settings.tls_certificate is not None and settings.tls_key is not None:
            client_ca = settings.tls_client_ca.read_bytes() if settings.tls_client_ca else None
            credentials = grpc.ssl_server_credentials(
                [(settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())],
                root_certificates=client_ca,
                require_client_auth=client_ca is not None,
            )
            port = server.add_secure_port(settings.address, credentials)
        else:
            port = server.add_insecure_port(settings.address)
    except RuntimeError as error:
        raise OSError(
            f"cannot listen on {settings.address}: is it taken, or not an address of this machine?"
        ) from error
    if settings.address.startswith(("unix:", "unix-abstract:")):
        return settings.address
    host = split_host_port(settings.address)[0]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _server_options(settings: ServiceSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Clients ping as often; without this the server would answer GOAWAY "too many pings".
        ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_SECONDS * 500),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.max_connection_age_ms", round(settings.max_connection_age_seconds * 1000)),
        # An aged connection is closed when its calls have ended; an hour is beyond any call of the mesh.
        ("grpc.max_connection_age_grace_ms", 3_600_000),
        # Two servers on one port would share the calls between them without a word.
        ("grpc.so_reuseport", 0),
    ]

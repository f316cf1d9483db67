"""The gateway as a service of the mesh."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import grpc

from etude.client import AsyncEtudeClient
from etude.client.calls import open_client_channel
from etude.mesh.channels import open_channel
from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from etude.mesh.settings import is_loopback
from gateway.app import create_app
from gateway.rate_limit import Limiter, MemoryLimiter
from gateway.server import http_server
from gateway.settings import GatewaySettings

_log = get_logger(__name__)
_ASKING_S = 2.0


@asynccontextmanager
async def start(settings: GatewaySettings) -> AsyncIterator[Sequence[Servicer]]:
    """Opens the channels and serves HTTP while the block runs. It has no gRPC service of its own besides health."""
    targets = {
        "orchestrator": settings.orchestrator_target,
        "omr": settings.omr_target,
        "fingering": settings.fingering_target,
        "renderer": settings.renderer_target,
    }
    async with AsyncExitStack() as stack:
        channels = {
            name: await stack.enter_async_context(open_channel(target)) for name, target in targets.items() if target
        }
        channel = await stack.enter_async_context(open_client_channel(settings.orchestrator_target))
        if not is_loopback(settings.http_address):
            await _refuse_a_local_user(settings, channel)
        limiter = _limiter(settings.valkey_url.get_secret_value())
        stack.push_async_callback(limiter.close)
        app = create_app(settings, channel, channels, limiter)
        await stack.enter_async_context(http_server(app, settings.http_address, settings.trusted_proxies))
        yield ()


def _limiter(valkey_url: str) -> Limiter:
    if not valkey_url:
        return MemoryLimiter()
    from gateway.valkey import ValkeyLimiter

    return ValkeyLimiter(valkey_url)


async def _refuse_a_local_user(settings: GatewaySettings, channel: grpc.aio.Channel) -> None:
    """Does nothing where the orchestrator wants credentials, or is not there yet to tell.

    Raises:
        OSError: It takes calls without any, and others could reach them here.
    """
    client = AsyncEtudeClient(settings.orchestrator_target, channel=channel, timeout_s=_ASKING_S)
    try:
        await client.current_user()
    except EtudeError as error:
        _log.debug("the orchestrator lets nobody in without credentials", reason=error.reason)
        return
    raise OSError(
        f"refusing to listen for HTTP on {settings.http_address}: other machines could reach it, and the orchestrator "
        f"at {client.target} takes calls without credentials; set ETUDE_ORCHESTRATOR_AUTH_SECRET for "
        "it, or listen on 127.0.0.1"
    )


DEFINITION = ServiceDefinition(name="gateway", package="gateway", settings_class=GatewaySettings, start=start)

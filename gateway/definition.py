"""The gateway as a service of the mesh."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from etude.client.calls import open_client_channel
from etude.mesh.channels import open_channel
from etude.mesh.definition import ServiceDefinition, Servicer
from gateway.app import create_app
from gateway.server import http_server
from gateway.settings import GatewaySettings


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
        app = create_app(settings, channel, channels)
        await stack.enter_async_context(http_server(app, settings.http_address))
        yield ()


DEFINITION = ServiceDefinition(name="gateway", package="gateway", settings_class=GatewaySettings, start=start)

"""A contract server, a client of it, and the gateway's HTTP face over it, on real sockets."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from etude.client import AsyncEtudeClient
from etude.mesh.channels import open_channel
from etude.mesh.server import running_server
from etude.mesh.settings import ServiceSettings
from gateway.app import create_app
from gateway.server import http_server
from gateway.settings import GatewaySettings
from tests.gateway.contract_server import Store, contract_definition


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def target(store: Store) -> AsyncIterator[str]:
    settings = ServiceSettings(address="127.0.0.1:0", drain_seconds=0.2)
    async with running_server(contract_definition(store), settings) as handle:
        yield handle.address


@pytest.fixture
async def client(target: str) -> AsyncIterator[AsyncEtudeClient]:
    async with AsyncEtudeClient(target) as opened:
        yield opened


@pytest.fixture
async def http(target: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = GatewaySettings(
        orchestrator_target=target, http_address="127.0.0.1:0", max_upload_bytes=6 << 20, heartbeat_s=1.0
    )
    async with open_channel(target) as channel:
        app = create_app(settings, channel, {"orchestrator": channel})
        async with (
            http_server(app, settings.http_address) as address,
            httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http_client,
        ):
            http_client.app = app  # for tests that add a route
            yield http_client


@pytest.fixture
async def exit_stack() -> AsyncIterator[AsyncExitStack]:
    """What a test opens is closed at its end, the last one first."""
    async with AsyncExitStack() as stack:
        yield stack

"""One world for all tests of a module: they leave it as they found it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.identity.world import World, bad_credentials, running_world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with running_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def no_good(world: World) -> dict[str, str]:
    """Credentials that open nothing, by what is wrong with them."""
    return await bad_credentials(world)

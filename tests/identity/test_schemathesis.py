"""schemathesis asks the gateway, in front of a real orchestrator, whatever its description allows and what it does not.

Also that the operations described as closed are. Bounded in time; `ETUDE_SCHEMATHESIS_SECONDS` gives it more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from etude.client.calls import open_client_channel
from gateway.app import create_app
from gateway.server import http_server
from gateway.settings import GatewaySettings
from tests.identity.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS = os.environ.get("ETUDE_SCHEMATHESIS_SECONDS", "30")


async def test_the_gateway_does_what_it_describes(world: World, tmp_path: Path) -> None:
    settings = GatewaySettings(
        orchestrator_target=world.handle.address,
        http_address="127.0.0.1:0",
        rate_limit_per_minute=0,
        login_rate_limit_per_minute=0,
    )
    async with open_client_channel(world.handle.address) as channel:
        app = create_app(settings, channel, {"orchestrator": channel})
        async with http_server(app, settings.http_address) as address:
            process = await asyncio.create_subprocess_exec(
                Path(sys.executable).parent / "schemathesis",
                f"--config-file={Path(__file__).parent / 'schemathesis.toml'}",
                "run",
                f"http://{address}/openapi.json",
                f"--header=Authorization: Bearer {world.api_key}",
                "--phases=examples,coverage,fuzzing",
                "--max-examples=5",
                f"--max-time={SECONDS}",
                "--request-timeout=60",
                "--wait-for-schema=60",
                "--seed=1",
                "--no-shrink",
                "--continue-on-failure",
                "--suppress-health-check=all",
                "--warnings=off",
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "Test cases:" in said.decode()

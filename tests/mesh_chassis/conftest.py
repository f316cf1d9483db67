import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from etude.mesh.channels import open_channel
from etude.mesh.health import check_health
from etude.mesh.logging import configure_logging
from etude.mesh.server import running_server
from etude.stage.v1 import fingering_service_pb2_grpc
from tests.mesh_chassis.echo_service import EchoSettings, EchoState, definition

ROOT = Path(__file__).parents[2]


class Served:
    """A server in this process, what its handlers tell, and a client of it."""

    def __init__(self, handle, state, channel, way):
        self.handle, self.state, self.channel = handle, state, channel
        self.target = target_of(handle, way)
        self.fingering = fingering_service_pb2_grpc.FingeringServiceStub(channel)


def target_of(handle, way):
    return handle.near_target if way == "near" else handle.address


@pytest.fixture(params=["over its socket", "near"])
def way(request):
    """How the tests' servers are called: all of this is as true in one process as between two."""
    return request.param


@pytest.fixture
async def serve(way):
    """Starts a server: `await serve(drain_seconds=1)` gives a `Served`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings):
            state = EchoState()
            values = {"address": "127.0.0.1:0", "drain_seconds": 5.0, **settings}
            handle = await stack.enter_async_context(running_server(definition(state), EchoSettings(**values)))
            channel = await stack.enter_async_context(open_channel(target_of(handle, way)))
            return Served(handle, state, channel, way)

        yield start


@pytest.fixture
async def served(serve):
    return await serve()


class Process:
    """A server as a process of its own, on a Unix socket."""

    def __init__(self, directory, environment):
        self.socket = f"unix:{directory / 'echo.sock'}"
        self.log = directory / "log.jsonl"
        variables = {**os.environ, "ETUDE_ECHO_ADDRESS": self.socket, "ETUDE_LOG_FORMAT": "json", **environment}
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.mesh_chassis.echo_service"],
            cwd=ROOT,
            env=variables,
            stderr=self.log.open("wb"),
        )

    async def serving(self):
        async with open_channel(self.socket) as channel, asyncio.timeout(30):
            while not await check_health(channel):
                assert self.popen.poll() is None, self.log.read_text()
                await asyncio.sleep(0.1)
        return self

    async def ended(self, seconds=30.0):
        return await asyncio.to_thread(self.popen.wait, seconds)


@pytest.fixture
async def spawn(tmp_path):
    """Starts a process: `await spawn(ETUDE_DRAIN_SECONDS="1")` gives a `Process` that serves."""
    processes = []

    async def start(**environment):
        directory = tmp_path / f"process{len(processes)}"
        directory.mkdir()
        processes.append(process := Process(directory, environment))
        return await process.serving()

    yield start
    for process in processes:
        process.popen.kill()
        process.popen.wait()


async def eventually(predicate, seconds=15.0):
    """Waits until a condition holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline, f"{predicate} did not come true"
        await asyncio.sleep(0.02)


@pytest.fixture
def log_lines():
    """What is logged in this process, as JSON objects: `log_lines()`."""
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    configure_logging("info", "json")

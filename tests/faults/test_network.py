"""A slow and lossy network between all services and their stores, while servers are killed too."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from etude.production.ports import free_ports
from etude.production.services import target
from etude.production.stack import DATABASE, ProductionStack
from tests.faults.world import JOBS, ROOT, SEED, Fault, kill, running_stack, under_faults

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("faults"), pytest.mark.timeout(7200)]

STAGES = ("omr", "fingering", "renderer")


@contextlib.contextmanager
def bad_network(stack: ProductionStack) -> Iterator[None]:
    """What the orchestrators call, they call over a proxy from now on; they are not started yet."""
    ports = free_ports(len(STAGES) + 2)
    behind = [stack.addresses[name][0] for name in STAGES]
    behind += [f"127.0.0.1:{stack.postgres.port}", urlsplit(stack.s3.endpoint).netloc]
    command = [sys.executable, "-m", "tests.faults.proxy", str(SEED)]
    command += [f"{port}={to}" for port, to in zip(ports, behind, strict=True)]
    proxy = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert proxy.stdout is not None
    assert proxy.stdout.readline() == b"ready\n"
    for orchestrator in stack.of_service("orchestrator"):
        for name, port in zip(STAGES, ports, strict=False):
            orchestrator.environment[f"ETUDE_{name.upper()}_TARGET"] = f"127.0.0.1:{port}"
        url = stack.postgres.url(DATABASE)
        away = url.replace(f":{stack.postgres.port}/", f":{ports[-2]}/")
        assert away != url
        orchestrator.environment["ETUDE_ORCHESTRATOR_DATABASE_URL"] = away
        orchestrator.environment["ETUDE_ORCHESTRATOR_S3_ENDPOINT"] = f"http://127.0.0.1:{ports[-1]}"
    try:
        yield
    finally:
        proxy.kill()
        proxy.wait()


def kill_a_stage(rng: random.Random) -> Fault:
    return kill(f"{rng.choice(STAGES)}-0")


def test_nothing_is_lost_or_doubled_over_a_bad_network() -> None:
    with contextlib.ExitStack() as stack:
        mesh = stack.enter_context(
            running_stack({"orchestrator": 2}, lambda prepared: stack.enter_context(bad_network(prepared)))
        )
        under_faults(mesh, target(mesh.addresses["orchestrator"]), kill_a_stage, 15.0, jobs=max(10, JOBS // 4))

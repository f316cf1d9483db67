"""Processes that are killed, and processes that are paused and come back as zombies, at random moments."""

from __future__ import annotations

import random

import pytest

from etude.production.services import target
from tests.faults.world import Fault, kill, pause, running_stack, under_faults

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("faults"), pytest.mark.timeout(7200)]

SERVERS = ("orchestrator-0", "orchestrator-1", "omr-0", "omr-1", "fingering-0", "renderer-0", "postgres", "s3")
REPLICAS = {"orchestrator": 2, "omr": 2}


def kill_any(rng: random.Random) -> Fault:
    return kill(rng.choice(SERVERS))


def pause_any(rng: random.Random) -> Fault:
    # Longer than an orchestrator may be silent, so that its jobs are taken over while it sleeps.
    return pause(rng.choice(SERVERS), rng.uniform(0.5, 12))


@pytest.mark.parametrize(("faults", "every_s"), [(kill_any, 5.0), (pause_any, 5.0)])
def test_nothing_is_lost_or_doubled(faults, every_s) -> None:
    with running_stack(REPLICAS) as stack:
        told = under_faults(stack, target(stack.addresses["orchestrator"]), faults, every_s)
        assert told, "nothing went wrong before the work was done: send more jobs"

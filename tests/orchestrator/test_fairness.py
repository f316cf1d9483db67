"""Places at a stage."""

from __future__ import annotations

import asyncio
import random

import pytest

from orchestrator.fairness import FairPlaces


class Crowd:
    """Jobs that take a place, and the order in which they got it."""

    def __init__(self, places: FairPlaces) -> None:
        self.places = places
        self.order: list[str] = []
        self.most = self.now = 0

    async def job(self, tenant: str, turns: int = 3) -> None:
        async with self.places.place(tenant):
            self.order.append(tenant)
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                self.now -= 1


async def test_one_job_does_not_wait_for_another_tenants_hundred() -> None:
    crowd = Crowd(FairPlaces(2))
    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(crowd.job("many"))
        await asyncio.sleep(0)
        group.create_task(crowd.job("few"))
    assert crowd.order.index("few") <= 4
    assert crowd.most == 2


async def test_tenants_take_turns() -> None:
    crowd = Crowd(FairPlaces(1))
    async with asyncio.TaskGroup() as group:
        for tenant in "aaaabbcc":
            group.create_task(crowd.job(tenant))
    assert "".join(crowd.order) == "aabcabca" or "".join(crowd.order) == "abcabcaa", crowd.order
    assert not crowd.places.is_full()


@pytest.mark.parametrize("seed", range(5))
async def test_no_place_is_lost_to_those_who_leave(seed: int) -> None:
    rng = random.Random(seed)
    crowd = Crowd(FairPlaces(3))
    tasks = [asyncio.create_task(crowd.job(rng.choice("abc"), rng.randrange(4))) for _ in range(200)]
    while not all(task.done() for task in tasks):
        rng.choice(tasks).cancel()
        await asyncio.sleep(0)
    assert crowd.most <= 3
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:  # all three are there again
        barrier = asyncio.Barrier(3)

        async def together(tenant: str) -> None:
            async with crowd.places.place(tenant):
                await barrier.wait()

        for tenant in "abc":
            group.create_task(together(tenant))

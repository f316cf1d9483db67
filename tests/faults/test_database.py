"""PostgreSQL is killed under many transactions: each fails in a way that says it passes, or is whole."""

from __future__ import annotations

import asyncio
import collections
import random
import time

import pytest
from sqlalchemy import text

from orchestrator.database import Database
from orchestrator.failures import StorageUnavailableError
from orchestrator.repositories.standing import standing
from orchestrator.tenancy import all_tenants
from tests.faults.world import SEED
from tests.support.postgres import new_database, running_postgres

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]

KILLS = 20
AT_A_TIME = 30


async def _transactions(database: Database, rng: random.Random, stop: asyncio.Event) -> collections.Counter[str]:
    """Reads and writes one after another until told to stop; how they ended."""
    ends: collections.Counter[str] = collections.Counter()
    while not stop.is_set():
        try:
            with all_tenants():
                async with database.read() if rng.random() < 0.5 else database.write() as connection:
                    await connection.execute(text("SELECT count(*) FROM tenants"))
                    await asyncio.sleep(rng.choice((0, 0.005)))
                    await standing(connection, "t", "u")
                await standing(database, "t", "u")
            ends["done"] += 1
        except StorageUnavailableError:
            ends["unavailable"] += 1
            await asyncio.sleep(rng.uniform(0, 0.02))
    return ends


async def test_a_killed_database_is_said_to_be_unavailable_and_nothing_else() -> None:
    rng = random.Random(SEED)
    with running_postgres() as server, new_database(server) as named:
        database = Database(named.url)
        with all_tenants():
            await database.upgrade()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(_transactions(database, random.Random(seed), stop)) for seed in range(AT_A_TIME)
            ]
            for _ in range(KILLS):
                await asyncio.sleep(rng.uniform(0.1, 0.8))
                server.kill()
                await asyncio.sleep(rng.uniform(0, 0.3))
                await asyncio.to_thread(server.start)
            stop.set()
        ends = sum((task.result() for task in working), collections.Counter[str]())
        assert min(ends["done"], ends["unavailable"]) > KILLS, ends
        deadline = time.monotonic() + 10
        while True:  # connections that have died are replaced
            try:
                await database.check()
                break
            except StorageUnavailableError:
                assert time.monotonic() < deadline
        await database.close()

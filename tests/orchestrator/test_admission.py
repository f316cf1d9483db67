"""Room for jobs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator import admission
from orchestrator.admission import Admission
from tests.orchestrator.conftest import refused


class Jobs:
    """A database that only knows how many jobs are under way, and how often it was asked."""

    def __init__(self) -> None:
        self.active = 0
        self.asked = 0

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Jobs]:
        yield self

    async def count(self, connection: Jobs) -> int:
        connection.asked += 1
        return connection.active


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    known = Jobs()
    monkeypatch.setattr(admission, "count_all_active", known.count)
    return known


async def test_all_jobs_are_counted_once_a_second_and_ours_as_they_come(jobs: Jobs) -> None:
    time = 100.0
    database: Any = jobs
    room = Admission(database, of_tenant=10, in_all=3, monotonic=lambda: time)
    for _ in range(3):
        await room.check(0)
        room.taken()
        jobs.active += 1
    assert jobs.asked == 1
    with refused("RATE_LIMITED"):
        await room.check(0)
    jobs.active = 0  # all have ended: nobody is turned away for an old number
    await room.check(0)
    assert jobs.asked == 3
    jobs.active = 3  # another orchestrator has taken them
    await room.check(0)
    time += 1.0
    with refused("RATE_LIMITED"):
        await room.check(0)


async def test_a_tenant_has_a_bound_of_its_own(jobs: Jobs) -> None:
    database: Any = jobs
    room = Admission(database, of_tenant=2, in_all=100)
    await room.check(1)
    with refused("RATE_LIMITED"):
        await room.check(2)

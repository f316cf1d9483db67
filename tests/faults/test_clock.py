"""A clock that jumps, back and forth, while jobs run: order is the sequence of events, never their times."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from etude.job.v1.job_pb2 import JobState
from tests.orchestrator import conftest
from tests.orchestrator.conftest import Mesh
from tests.orchestrator.stage_servers import document

pytestmark = [pytest.mark.faults]

make_mesh, mesh = conftest.make_mesh, conftest.mesh

JUMPS = (timedelta(hours=-3), timedelta(days=40), timedelta(minutes=-1), timedelta(days=-400), timedelta(0))


class JumpingClock(datetime):
    """The time of day, off by `offset`."""

    offset = timedelta(0)

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz or UTC) + cls.offset


@pytest.fixture(autouse=True)
def jumping_clock(monkeypatch: pytest.MonkeyPatch) -> type[JumpingClock]:
    """The clock that all times the orchestrator writes down come from."""
    monkeypatch.setattr("orchestrator.repositories.wire.datetime", JumpingClock)
    monkeypatch.setattr(JumpingClock, "offset", timedelta(0))
    return JumpingClock


async def test_jobs_end_as_they_should_whatever_the_clock_says(mesh: Mesh, jumping_clock: type[JumpingClock]) -> None:
    async def jump() -> None:
        for offset in itertools.cycle(JUMPS):
            jumping_clock.offset = offset
            await asyncio.sleep(0.05)

    jumping = asyncio.create_task(jump())
    try:
        jobs = [await mesh.client.create(document(pages=3, page_seconds=0.05)) for _ in range(8)]
        for job in jobs:
            done = await mesh.client.settled(job.job_id)
            assert done.state == JobState.JOB_STATE_COMPLETED, done
            events = await mesh.client.watch(job.job_id)
            assert [event.sequence for event in events] == list(range(1, done.last_sequence + 1))
            assert [event.epoch for event in events] == sorted(event.epoch for event in events)
            times = [event.time.ToMicroseconds() for event in events]
            assert times != sorted(times), "the clock has not jumped"
            for stage in ("omr", "fingering", "rendering"):
                assert mesh.journal.count(stage, "start", job.job_id) == 1
    finally:
        jumping.cancel()
        await asyncio.gather(jumping, return_exceptions=True)

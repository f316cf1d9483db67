"""Two orchestrator processes on one PostgreSQL and one S3 bucket; one of them dies, or comes back from the dead."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from etude.job.v1 import job_pb2
from etude.job.v1.job_pb2 import JobState
from etude.mesh.errors import EtudeError
from etude.production.ports import free_ports
from orchestrator.blobs.s3 import S3Location
from tests.orchestrator.conftest import Client, until
from tests.orchestrator.stage_servers import document
from tests.orchestrator.test_restart import STATES, Processes
from tests.support.postgres import PostgresDatabase

SILENCE_S = 3.0


class Pair:
    """Two orchestrators, "a" and "b", and the stages they share."""

    def __init__(self, processes: Processes, settings: dict[str, Any]) -> None:
        self.processes = processes
        self._settings = settings
        self._addresses = dict(zip("ab", (f"127.0.0.1:{port}" for port in free_ports(2)), strict=True))
        self.running: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str) -> Client:
        self.running[name] = await self.processes.start_orchestrator(
            **self._settings,
            address=self._addresses[name],
            data_dir=self.processes.directory / name,
            executor_id=name,
        )
        client = Client(self._addresses[name])
        ready = asyncio.ensure_future(client.channel.channel_ready())
        ended = asyncio.ensure_future(self.running[name].wait())
        await asyncio.wait({ready, ended}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        assert ready.done(), (self.processes.directory / "log").read_text()
        return client

    def starts(self, stage: str, job_id: str) -> int:
        return self.processes.journal.count(stage, "start", job_id)


@pytest.fixture
async def pair(
    tmp_path: Path, postgres_database: PostgresDatabase, s3_location: S3Location
) -> AsyncIterator[Callable[..., Any]]:
    processes = Processes(tmp_path)
    settings = {
        "database_url": postgres_database.url,
        "s3_endpoint": s3_location.endpoint,
        "s3_bucket": s3_location.bucket,
        "s3_access_key": s3_location.access_key,
        "s3_secret_key": s3_location.secret_key,
        "heartbeat_seconds": 0.5,
        "silence_seconds": SILENCE_S,
    }
    try:
        await processes.start_stages()
        yield Pair(processes, settings)
    finally:
        await processes.close()


async def check_whole(client: Client, job_id: str) -> list[job_pb2.JobEvent]:
    """The job is complete, its events have no gap, its artifacts are there once and whole; its events."""
    job = await client.settled(job_id, seconds=120)
    assert job.state == JobState.JOB_STATE_COMPLETED, job
    events = await client.watch(job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.epoch for event in events] == sorted(event.epoch for event in events)
    assert sum(event.state == JobState.JOB_STATE_COMPLETED and event.from_state != 0 for event in events) == 1
    artifacts = await client.list_artifacts(job_id)
    places = [(a.kind, a.score_index, a.page_number) for a in artifacts]
    assert len(places) == len(set(places)) == 10
    for artifact in artifacts:
        assert len(await client.download(artifact.artifact_id)) == artifact.size_bytes
    return events


async def test_each_sees_and_drives_what_the_other_was_given(pair: Pair) -> None:
    a, b = await asyncio.gather(pair.start("a"), pair.start("b"))  # at once: migrations and DBOS's tables are made once
    job = await a.create(document(pages=2))
    events = await check_whole(b, job.job_id)
    assert {event.actor for event in events if event.actor.startswith("orchestrator:")} == {"orchestrator:a"}
    slow = await a.create(document(fingering_seconds=60))
    await b.until(slow.job_id, STATES["fingering"])
    assert (await b.cancel(slow.job_id)).state == JobState.JOB_STATE_CANCELLED
    # The work itself ends too, although it runs elsewhere.
    await until(lambda: pair.processes.journal.count("fingering", "cancelled", slow.job_id) == 1, seconds=30)
    for client in (a, b):
        await client.close()


@pytest.mark.parametrize("stage", ["omr", "rendering"])
async def test_a_survivor_goes_on_with_the_jobs_of_the_dead(pair: Pair, stage: str) -> None:
    a, b = await pair.start("a"), await pair.start("b")
    jobs = [await a.create(document(**{f"{stage}_seconds": 6})) for _ in range(3)]
    for job in jobs:
        await until(lambda job=job: pair.starts(stage, job.job_id) == 1, seconds=60)  # type: ignore[misc]
    await a.close()
    killed = time.monotonic()
    await pair.processes.kill(pair.running["a"])
    for job in jobs:
        events = await check_whole(b, job.job_id)
        taken = [event for event in events if "begins again after an interruption" in event.reason]
        assert [event.actor for event in taken] == ["orchestrator:b"]
        assert pair.starts(stage, job.job_id) == 2
        for other in STATES.keys() - {stage}:  # what was finished is not run again
            assert pair.starts(other, job.job_id) == 1
    assert time.monotonic() - killed < 60
    # The dead one comes back under its name and finds nothing to do.
    a = await pair.start("a")
    await check_whole(a, (await a.create(document())).job_id)
    for client in (a, b):
        await client.close()


async def test_a_zombie_is_refused_and_joins_anew(pair: Pair) -> None:
    a, b = await pair.start("a"), await pair.start("b")
    job = await a.create(document(fingering_seconds=5))
    await until(lambda: pair.starts("fingering", job.job_id) == 1, seconds=60)
    os.killpg(pair.running["a"].pid, signal.SIGSTOP)
    await until(lambda: pair.starts("fingering", job.job_id) == 2, seconds=60)  # b has taken over
    os.killpg(pair.running["a"].pid, signal.SIGCONT)
    await check_whole(b, job.job_id)
    assert pair.starts("rendering", job.job_id) == 1
    log = pair.processes.directory / "log"
    await until(lambda: "another process answers for this orchestrator's jobs" in log.read_text(), seconds=30)
    await check_whole(a, (await a.create(document())).job_id)
    for client in (a, b):
        await client.close()


async def test_a_database_that_goes_away_for_a_while(pair: Pair, postgres_database: PostgresDatabase) -> None:
    client = await pair.start("a")
    before = await client.create(document())
    await check_whole(client, before.job_id)
    # As a restart of the server would: every connection is cut.
    postgres_database.server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres_database.name}'"
    )
    for _ in range(20):  # a call may meet a connection that was cut while it was used
        try:
            job = await client.create(document())
            break
        except EtudeError:
            await asyncio.sleep(0.2)
    await check_whole(client, job.job_id)
    await client.close()

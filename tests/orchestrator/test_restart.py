"""kill -9 of a real orchestrator process, and a clean stop, in the middle of each stage; then a new start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from etude.job.v1 import job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.job.v1.job_pb2 import JobState
from etude.production.ports import free_ports
from orchestrator.lock import data_dir_lock
from tests.orchestrator.conftest import Client, database_dump, refused, running_orchestrator, settings_for, until
from tests.orchestrator.stage_servers import NAMES, Journal, document, running_stages
from tests.support.stored import stored_names

ROOT = Path(__file__).parents[2]
STATES = {
    "omr": JobState.JOB_STATE_OMR_PROCESSING,
    "fingering": JobState.JOB_STATE_FINGERING_PROCESSING,
    "rendering": JobState.JOB_STATE_RENDERING_PROCESSING,
}


class Processes:
    """The orchestrator and the three stages as processes, each in a group of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = Journal(directory / "journal")
        self.data_dir = directory / "data"
        self.ports = free_ports(4)
        self.target = f"127.0.0.1:{self.ports[0]}"
        self._running: list[asyncio.subprocess.Process] = []

    async def start_stages(self) -> asyncio.subprocess.Process:
        ports = [str(port) for port in self.ports[1:]]
        arguments = ["-m", "tests.orchestrator.stage_servers", str(self.journal.path), *ports]
        process = await self._start(arguments, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        while await process.stdout.readline() != b"ready\n":
            assert process.returncode is None
        return process

    async def start_orchestrator(self, **settings: Any) -> asyncio.subprocess.Process:
        values = {
            "ETUDE_ORCHESTRATOR_ADDRESS": self.target,
            "ETUDE_ORCHESTRATOR_DATA_DIR": str(self.data_dir),
            "ETUDE_ORCHESTRATOR_DRAIN_SECONDS": "1",
            **{f"ETUDE_ORCHESTRATOR_{name.upper()}": str(value) for name, value in settings.items()},
            **{
                f"ETUDE_{name.upper()}_TARGET": f"127.0.0.1:{port}"
                for name, port in zip(NAMES, self.ports[1:], strict=True)
            },
        }
        return await self._start(["-m", "orchestrator"], env={**os.environ, **values})

    async def _start(self, arguments: list[str], **options: Any) -> asyncio.subprocess.Process:
        log = (self.directory / "log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=ROOT, stderr=log, start_new_session=True, **options
        )
        self._running.append(process)
        return process

    async def kill(self, *processes: asyncio.subprocess.Process) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in processes:
            await process.wait()

    async def close(self) -> None:
        await self.kill(*self._running)

    async def connect(self) -> Client:
        client = Client(self.target)
        async with asyncio.timeout(30):
            await client.channel.channel_ready()
        return client


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    running = Processes(tmp_path)
    try:
        yield running
    finally:
        await running.close()


def slow(stage: str) -> bytes:
    """A document that keeps one stage busy for a while."""
    return document(**{f"{stage}_seconds": 1.5}, pages=3, scores=2 if stage == "rendering" else 1)


async def check_whole(client: Client, processes: Processes, job_id: str) -> job_pb2.Job:
    """The job is complete, nothing is missing, and nothing is there twice."""
    job = await client.settled(job_id, seconds=60)
    assert job.state == JobState.JOB_STATE_COMPLETED, job
    events = await client.watch(job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    epochs = [event.epoch for event in events]
    assert epochs == sorted(epochs)
    artifacts = await client.list_artifacts(job_id)
    places = [(a.kind, a.score_index, a.page_number, a.revision) for a in artifacts]
    assert len(places) == len(set(places))
    assert {a.revision for a in artifacts} == {1}
    scores = job.summary.score_count
    wanted = {
        ArtifactKind.ARTIFACT_KIND_SOURCE: 1,
        ArtifactKind.ARTIFACT_KIND_IR_V1: scores,
        ArtifactKind.ARTIFACT_KIND_IR_V2: scores,
        ArtifactKind.ARTIFACT_KIND_MUSICXML: scores,
        ArtifactKind.ARTIFACT_KIND_MIDI: scores,
        ArtifactKind.ARTIFACT_KIND_SVG: 2 * scores,
        ArtifactKind.ARTIFACT_KIND_SCORE_PDF: scores,
        ArtifactKind.ARTIFACT_KIND_ANNOTATED_PDF: 1,
        ArtifactKind.ARTIFACT_KIND_REVIEW: 1,
    }
    assert {kind: sum(a.kind == kind for a in artifacts) for kind in wanted} == wanted
    for artifact in artifacts:
        assert len(await client.download(artifact.artifact_id)) == artifact.size_bytes
    stored = [Path(name).name for name in stored_names(processes.data_dir) if job_id in name]
    assert sorted(name.split(".")[0] for name in stored) == sorted(a.artifact_id for a in artifacts)
    return job


@pytest.mark.parametrize("stage", STATES)
@pytest.mark.parametrize("victim", ["mesh", "orchestrator"])
async def test_kill_9_in_the_middle_of_a_stage(processes: Processes, stage: str, victim: str) -> None:
    stages = await processes.start_stages()
    orchestrator = await processes.start_orchestrator()
    client = await processes.connect()
    job = await client.create(slow(stage))
    other = await client.create(document())
    await client.until(job.job_id, STATES[stage])
    await until(lambda: processes.journal.count(stage, "start", job.job_id) >= 1)
    before = await client.get(job.job_id)
    await client.close()
    await processes.kill(orchestrator, *([stages] if victim == "mesh" else []))

    if victim == "mesh":
        await processes.start_stages()
    await processes.start_orchestrator()
    client = await processes.connect()
    done = await check_whole(client, processes, job.job_id)
    await check_whole(client, processes, other.job_id)
    assert done.epoch > before.epoch
    events = await client.watch(job.job_id)
    assert any("begins again after an interruption" in event.reason for event in events)
    for name in STATES:
        if name == stage:
            assert processes.journal.count(name, "start", job.job_id) >= 2
        else:  # what was finished is not run again
            expected = 2 if name == "fingering" and done.summary.score_count == 2 else 1
            assert processes.journal.count(name, "start", job.job_id) == expected, name
    await client.close()


async def test_a_stop_hands_back_what_runs(processes: Processes) -> None:
    await processes.start_stages()
    orchestrator = await processes.start_orchestrator()
    client = await processes.connect()
    job = await client.create(document(pages=2, fingering_seconds=3))
    await client.until(job.job_id, STATES["fingering"])
    await until(lambda: processes.journal.count("fingering", "start") == 1)
    watching = asyncio.create_task(client.watch(job.job_id))
    await asyncio.sleep(0.3)
    orchestrator.terminate()
    with refused("SHUTTING_DOWN"):  # watchers are told at once, and not after the drain
        await watching
    async with asyncio.timeout(20):
        assert await orchestrator.wait() == 0
    await until(lambda: processes.journal.count("fingering", "cancelled") == 1)
    await client.close()
    await processes.start_orchestrator()
    client = await processes.connect()
    await check_whole(client, processes, job.job_id)
    assert processes.journal.count("omr", "start") == 1
    await client.close()


async def test_a_job_that_kills_its_process_again_and_again_is_given_up(processes: Processes) -> None:
    await processes.start_stages()
    orchestrator = await processes.start_orchestrator(step_runs_limit=2)
    client = await processes.connect()
    job = await client.create(document(omr_seconds=60))
    for run in range(1, 3):
        await until(lambda run=run: processes.journal.count("omr", "start") == run, seconds=30)  # type: ignore[misc]
        await client.close()
        await processes.kill(orchestrator)
        orchestrator = await processes.start_orchestrator(step_runs_limit=2)
        client = await processes.connect()
    done = await client.settled(job.job_id)
    assert done.state == JobState.JOB_STATE_FAILED
    assert "begun 2 times and never ended" in done.error.message
    await client.close()


async def test_jobs_the_engine_never_heard_of_are_submitted(tmp_path: Path) -> None:
    """The process died between the row of a job and the engine's own."""
    async with running_stages(Journal(tmp_path / "journal")) as stages:
        settings = settings_for(tmp_path / "data", stages)
        async with running_orchestrator(settings) as client:
            job = await client.create(document(omr_seconds=30))
            await client.until(job.job_id, STATES["omr"])
            await until(lambda: Journal(tmp_path / "journal").count("omr", "start") == 1)
        for path in (tmp_path / "data").glob("engine.sqlite*"):
            path.unlink()
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "etude.sqlite")) as connection:
            row = connection.execute("SELECT state, last_sequence FROM jobs").fetchone()
        assert row[0] == "OMR_PROCESSING"
        async with running_orchestrator(settings) as client:
            await until(lambda: Journal(tmp_path / "journal").count("omr", "start") == 2)
            assert (await client.get(job.job_id)).epoch == 3
            await client.cancel(job.job_id)


async def test_what_a_dead_process_left_is_swept(tmp_path: Path) -> None:
    async with running_stages(Journal(tmp_path / "journal")) as stages:
        settings = settings_for(tmp_path / "data", stages, inline_artifact_bytes=0)
        async with running_orchestrator(settings) as client:
            job = await client.create(document())
            await client.settled(job.job_id)
        artifacts = tmp_path / "data" / "artifacts"
        before = {path for path in artifacts.rglob("*") if path.is_file()}
        orphan = artifacts / "blobs" / "jobs" / job.job_id / "artifacts" / "orphan.svg"
        orphan.write_text("no row")
        (artifacts / "blobs" / "jobs" / "gone" / "artifacts").mkdir(parents=True)
        (artifacts / "blobs" / "jobs" / "gone" / "artifacts" / "x.pdf").write_text("no job")
        (artifacts / "uploads" / "tmphalf").write_text("half")
        async with running_orchestrator(settings) as client:
            assert {path for path in artifacts.rglob("*") if path.is_file()} == before
            for artifact in await client.list_artifacts(job.job_id):
                await client.download(artifact.artifact_id)
            await client.delete(job.job_id)
        assert job.job_id not in database_dump(tmp_path / "data")


async def test_one_orchestrator_per_data_directory(processes: Processes) -> None:
    with (
        data_dir_lock(processes.data_dir),
        pytest.raises(OSError, match=str(os.getpid())),
        data_dir_lock(processes.data_dir),
    ):
        pass
    first = await processes.start_orchestrator()
    client = await processes.connect()
    second = await processes.start_orchestrator(address="127.0.0.1:0", log_format="json")
    async with asyncio.timeout(20):
        assert await second.wait() == 2
    lines = [line for line in (processes.directory / "log").read_text().splitlines() if "another orchestrator" in line]
    assert f"process {first.pid}" in json.loads(lines[-1])["error"]
    await processes.kill(first)
    await client.close()
    await processes.start_orchestrator()  # the lock goes with its process
    await (await processes.connect()).close()

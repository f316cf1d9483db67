"""A step works beside the transaction that ends the step before, and whatever becomes of that, the job is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from etude.job.v1 import job_pb2, job_service_pb2
from etude.job.v1.job_pb2 import JobState
from orchestrator.changes import Added, Changed, RowChange
from orchestrator.database import Database
from orchestrator.failures import StorageUnavailableError
from orchestrator.tables import jobs
from tests.orchestrator.conftest import Mesh, refused, until
from tests.orchestrator.stage_servers import document

COMPLETED = JobState.JOB_STATE_COMPLETED
_Apply = Callable[[], Awaitable[bool]]


@pytest.fixture
def at_the_end_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has something else happen instead of the first transaction in which a job enters a state."""

    def install(state: str, instead: Callable[[_Apply], Awaitable[bool]]) -> None:
        original, left = Database.apply, [instead]

        async def apply(database: Database, changes: Sequence[RowChange]) -> bool:
            enters = any(isinstance(each, Changed) and each.values.get("state") == state for each in changes)
            if enters and left:
                return await left.pop()(lambda: original(database, changes))
            return await original(database, changes)

        monkeypatch.setattr(Database, "apply", apply)

    return install


@pytest.fixture
def at_the_creation(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has something else happen instead of the next transactions that create a job."""

    def install(instead: Callable[[_Apply], Awaitable[bool]], times: int = 1) -> None:
        original, left = Database.apply, [instead] * times

        async def apply(database: Database, changes: Sequence[RowChange]) -> bool:
            if left and isinstance(changes[0], Added) and changes[0].table is jobs:
                return await left.pop()(lambda: original(database, changes))
            return await original(database, changes)

        monkeypatch.setattr(Database, "apply", apply)

    return install


async def check_whole(mesh: Mesh, job_id: str) -> Sequence[job_pb2.JobEvent]:
    """The job is complete, and nothing is missing or there twice; its events."""
    job = await mesh.client.settled(job_id)
    assert job.state == COMPLETED, job
    events = await mesh.client.watch(job_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    artifacts = await mesh.client.list_artifacts(job_id)
    assert len(artifacts) == 10
    for artifact in artifacts:
        assert len(await mesh.client.download(artifact.artifact_id)) == artifact.size_bytes
    return events


def entered(events: Sequence[job_pb2.JobEvent], state: JobState.ValueType) -> int:
    return sum(event.state == state and event.from_state != state and event.reason != "" for event in events)


async def test_the_next_stage_works_while_the_end_of_the_one_before_is_written(mesh: Mesh, at_the_end_of: Any) -> None:
    states: list[JobState.ValueType] = []

    async def slowly(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("fingering", "end") == 1)
        await asyncio.sleep(0.1)  # what it reports and makes must wait
        (job,) = (await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())).jobs
        states.append(job.state)
        return await apply()

    at_the_end_of("FINGERING_PROCESSING", slowly)
    job = await mesh.client.create(document())
    await check_whole(mesh, job.job_id)
    assert states == [JobState.JOB_STATE_OMR_PROCESSING]
    assert [mesh.journal.count(stage, "start") for stage in ("omr", "fingering", "rendering")] == [1, 1, 1]


async def test_an_end_that_could_not_be_written_is_come_to_again(mesh: Mesh, at_the_end_of: Any) -> None:
    async def broken(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("fingering", "start") == 1)
        raise StorageUnavailableError("database", "planned")

    at_the_end_of("FINGERING_PROCESSING", broken)
    job = await mesh.client.create(document(fingering_seconds=0.5))
    events = await check_whole(mesh, job.job_id)
    assert [mesh.journal.count(stage, "start") for stage in ("omr", "fingering", "rendering")] == [2, 2, 1]
    assert [mesh.journal.count(stage, "end") for stage in ("omr", "fingering", "rendering")] == [2, 1, 1]
    assert entered(events, JobState.JOB_STATE_FINGERING_PROCESSING) == 1


async def test_an_end_that_was_written_and_not_told_of_is_not_come_to_again(mesh: Mesh, at_the_end_of: Any) -> None:
    async def untold(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("fingering", "start") == 1)
        await apply()
        raise StorageUnavailableError("database", "planned")

    at_the_end_of("FINGERING_PROCESSING", untold)
    job = await mesh.client.create(document(fingering_seconds=0.5))
    await check_whole(mesh, job.job_id)
    assert [mesh.journal.count(stage, "start") for stage in ("omr", "fingering", "rendering")] == [1, 2, 1]


async def test_a_stage_that_fails_at_once_fails_the_job_after_the_end_before_it(mesh: Mesh, at_the_end_of: Any) -> None:
    async def slowly(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("fingering", "failed") == 1)
        await asyncio.sleep(0.1)
        return await apply()

    at_the_end_of("FINGERING_PROCESSING", slowly)
    job = await mesh.client.create(document(fingering_error="INVALID_SCORE"))
    settled = await mesh.client.settled(job.job_id)
    assert settled.state == JobState.JOB_STATE_FINGERING_FAILED
    states = [event.state for event in await mesh.client.watch(job.job_id)]
    assert list(dict.fromkeys(states))[-3:] == [
        JobState.JOB_STATE_OMR_COMPLETED,
        JobState.JOB_STATE_FINGERING_PROCESSING,
        JobState.JOB_STATE_FINGERING_FAILED,
    ]


async def test_a_job_cancelled_meanwhile_stays_cancelled(mesh: Mesh, at_the_end_of: Any) -> None:
    reached = asyncio.Event()

    async def late(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("fingering", "start") == 1)
        reached.set()
        await asyncio.sleep(60)
        return await apply()

    at_the_end_of("FINGERING_PROCESSING", late)
    job = await mesh.client.create(document(fingering_seconds=60))
    await reached.wait()
    assert (await mesh.client.cancel(job.job_id)).state == JobState.JOB_STATE_CANCELLED
    await until(lambda: mesh.journal.count("fingering", "cancelled") == 1)
    await asyncio.sleep(0.1)
    settled = await mesh.client.get(job.job_id)
    assert settled.state == JobState.JOB_STATE_CANCELLED
    with refused("INVALID_STATE"):
        await mesh.client.cancel(job.job_id)


async def test_the_end_of_the_last_stage_is_told_when_it_is_written(mesh: Mesh, at_the_end_of: Any) -> None:
    async def slowly(apply: _Apply) -> bool:
        await asyncio.sleep(0.3)
        return await apply()

    at_the_end_of("COMPLETED", slowly)
    job = await mesh.client.create(document())
    await until(lambda: mesh.journal.count("rendering", "end") == 1)
    assert (await mesh.client.get(job.job_id)).state == JobState.JOB_STATE_RENDERING_PROCESSING
    await check_whole(mesh, job.job_id)


async def test_the_first_stage_works_while_the_creation_is_written(mesh: Mesh, at_the_creation: Any) -> None:
    found: list[int] = []

    async def slowly(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("omr", "end") == 1)
        await asyncio.sleep(0.1)  # what it reports and makes must wait
        found.append(len((await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())).jobs))
        return await apply()

    at_the_creation(slowly)
    job = await mesh.client.create(document())
    assert job.state == JobState.JOB_STATE_PENDING
    events = await check_whole(mesh, job.job_id)
    assert found == [0]
    states = list(dict.fromkeys(event.state for event in events))
    assert states[:2] == [JobState.JOB_STATE_PENDING, JobState.JOB_STATE_OMR_PROCESSING]
    assert [mesh.journal.count(stage, "start") for stage in ("omr", "fingering", "rendering")] == [1, 1, 1]


async def test_a_creation_that_could_not_be_written_leaves_no_job(mesh: Mesh, at_the_creation: Any) -> None:
    attempts = 4  # of a client's channel

    async def broken(apply: _Apply) -> bool:
        begun = mesh.journal.count("omr", "cancelled") + 1
        await until(lambda: mesh.journal.count("omr", "start") == begun)
        raise StorageUnavailableError("database", "planned")

    at_the_creation(broken, attempts)
    with refused("DEPENDENCY_UNAVAILABLE"):
        await mesh.client.create(document(omr_seconds=60))
    await until(lambda: mesh.journal.count("omr", "cancelled") == attempts)
    await asyncio.sleep(0.7)  # each is come to again after half a second, and there is nothing to come to
    assert not (await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())).jobs
    assert mesh.journal.count("omr", "start") == attempts


async def test_a_creation_that_was_written_and_not_told_of_is_a_job(mesh: Mesh, at_the_creation: Any) -> None:
    async def untold(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("omr", "start") == 1)
        await apply()
        raise StorageUnavailableError("database", "planned")

    at_the_creation(untold)
    content = document(omr_seconds=0.3, padding="x" * (40 << 10))  # a blob, which must not go
    request_id = "11111111-2222-4333-8444-555555555554"
    job = await mesh.client.create(content, request_id=request_id)  # its channel tries again
    await check_whole(mesh, job.job_id)
    assert len((await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())).jobs) == 1


async def test_a_request_sent_twice_makes_one_job_and_its_stage_is_left(mesh: Mesh, at_the_creation: Any) -> None:
    async def slowly(apply: _Apply) -> bool:
        await until(lambda: mesh.journal.count("omr", "start") == 2)
        return await apply()

    request_id = "11111111-2222-4333-8444-555555555555"
    content = document(omr_seconds=0.5)
    first = await mesh.client.create(content, request_id=request_id)
    await until(lambda: mesh.journal.count("omr", "start") == 1)
    at_the_creation(slowly)
    again = await mesh.client.create(content, request_id=request_id)
    assert again.job_id == first.job_id
    await until(lambda: mesh.journal.count("omr", "cancelled") == 1)
    await check_whole(mesh, first.job_id)
    assert len((await mesh.client.jobs.ListJobs(job_service_pb2.ListJobsRequest())).jobs) == 1

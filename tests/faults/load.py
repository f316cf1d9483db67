"""Clients that send work to a mesh, wait for it however long it takes, and look at what became of it.

A process of its own, because whoever starts and kills servers must not have gRPC's threads:

    python -m tests.faults.load TARGET JOBS SEED

says "ready", "loaded" and "checked" on standard output, and fails when something is not as it must be.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from etude.client import AsyncEtudeClient, job_options
from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.job.v1.job_pb2 import JobEventKind, JobState
from etude.mesh.errors import EtudeError
from tests.e2e.conftest import SHORT

_T = TypeVar("_T")

IN_FLIGHT = 6
CALL_S = 600.0

TUNE = """<?xml version="1.0"?><score-partwise version="3.1"><work><work-title>{title}</work-title></work>
<part-list><score-part id="P1"><part-name>Piano</part-name></score-part></part-list><part id="P1">
<measure number="1"><attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>
<clef><sign>G</sign><line>2</line></clef></attributes>{notes}</measure></part></score-partwise>"""
NOTE = "<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration><type>quarter</type></note>"


@dataclass(frozen=True)
class Work:
    """A document to send, and how its job may end."""

    name: str
    content: bytes
    ends: frozenset[JobState.ValueType]
    cancel: bool = False


def work(number: int, rng: random.Random) -> Work:
    """Mostly small documents of notation, now and then a page to be read, one without music, one to be cancelled."""
    kind = rng.random()
    completed = frozenset({JobState.JOB_STATE_COMPLETED})
    if kind < 0.12:
        return Work(f"page-{number}.pdf", SHORT.read_bytes(), completed)
    notes = "".join(NOTE.format(step=rng.choice("CDEFGAB")) for _ in range(4))
    tune = TUNE.format(title=f"Tune {number}", notes=notes).encode()
    if kind < 0.2:
        return Work(f"cancelled-{number}.musicxml", tune, completed | {JobState.JOB_STATE_CANCELLED}, cancel=True)
    return Work(f"tune-{number}.musicxml", tune, completed)


@dataclass
class Load:
    """Clients that send work and wait for it, as patiently as one who needs it done."""

    target: str
    jobs: int
    rng: random.Random
    done: dict[str, tuple[Work, job_pb2.Job]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    token: str = ""

    async def log_in(self) -> None:
        """Become a user with an API key, while nothing is wrong yet."""
        async with AsyncEtudeClient(self.target) as client:
            email = f"load-{self.rng.randrange(10**9)}@example.org"
            registered = await client.register(email, "twelve or more characters")
        async with AsyncEtudeClient(self.target, token=registered.tokens.access_token) as client:
            self.token = (await client.create_api_key("load")).secret

    async def run(self) -> None:
        works = [work(number, self.rng) for number in range(self.jobs)]
        room = asyncio.Semaphore(IN_FLIGHT)
        async with AsyncEtudeClient(self.target, token=self.token) as client:
            await asyncio.gather(*(self._one(client, each, room) for each in works))

    async def _one(self, client: AsyncEtudeClient, each: Work, room: asyncio.Semaphore) -> None:
        pause_s = self.rng.uniform(0, 3)  # so that the load lasts for some faults
        async with room:
            await asyncio.sleep(pause_s)
            options = job_options(filename=each.name, formats=("midi", "musicxml"))
            # The same request again and again until it is answered makes one job.
            request_id = str(uuid.uuid5(uuid.NAMESPACE_URL, each.name))
            job = await _patiently(lambda: client.create_job(each.content, options, request_id=request_id))
            if each.cancel:
                with contextlib.suppress(EtudeError):
                    await _patiently(lambda: client.cancel(job.job_id))
            while (job := await _patiently(lambda: client.get_job(job.job_id))).state not in AT_REST:
                await asyncio.sleep(0.3)
                if job.state in RETRIED:
                    with contextlib.suppress(EtudeError):
                        await client.retry(job.job_id)
            self.done[job.job_id] = (each, job)


AT_REST = {JobState.JOB_STATE_COMPLETED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED}
#: A stage was away for longer than the orchestrator is patient: the owner tries again.
RETRIED = {JobState.JOB_STATE_OMR_FAILED, JobState.JOB_STATE_FINGERING_FAILED}
_PASSES = {"DEPENDENCY_UNAVAILABLE", "SHUTTING_DOWN", "RATE_LIMITED", "TIME_LIMIT", "CANCELLED"}


async def _patiently(call: Callable[[], Awaitable[_T]]) -> _T:
    """The answer to a call that is made again while what it fails for passes."""
    deadline = time.monotonic() + CALL_S
    while True:
        try:
            return await call()
        except EtudeError as error:
            if error.reason not in _PASSES or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.3)


async def check_all(load: Load) -> None:
    """What must be true whatever happened."""
    assert len(load.done) == load.jobs
    async with AsyncEtudeClient(load.target, token=load.token) as client:
        for job_id, (each, job) in load.done.items():
            assert job.state in each.ends, (each.name, job)
            events = [event async for event in client.watch_job(job_id)]
            check_trail(job, events)
            artifacts = (await _patiently(partial(client.artifacts_page, job_id, latest_only=False))).artifacts
            if job.state == JobState.JOB_STATE_COMPLETED:
                await check_artifacts(client, job, artifacts)


def check_trail(job: job_pb2.Job, events: Sequence[job_pb2.JobEvent]) -> None:
    """The audit trail has no gap, its states follow each other, and no finished stage was run again."""
    assert [event.sequence for event in events] == list(range(1, job.last_sequence + 1)), job.job_id
    epochs = [event.epoch for event in events]
    assert epochs == sorted(epochs), job.job_id
    changes = [event for event in events if event.kind == JobEventKind.JOB_EVENT_KIND_STATE_CHANGED]
    for before, after in itertools.pairwise(changes):
        assert after.from_state == before.state, (job.job_id, before, after)
        assert after.epoch == before.epoch + 1, (job.job_id, before, after)
    states = [event.state for event in changes]
    for finished in (JobState.JOB_STATE_OMR_COMPLETED, JobState.JOB_STATE_FINGERING_COMPLETED, *AT_REST):
        assert states.count(finished) <= 1, (job.job_id, states)
    for finished, processing in (
        (JobState.JOB_STATE_OMR_COMPLETED, JobState.JOB_STATE_OMR_PROCESSING),
        (JobState.JOB_STATE_FINGERING_COMPLETED, JobState.JOB_STATE_FINGERING_PROCESSING),
    ):
        if finished in states:
            assert processing not in states[states.index(finished) :], (job.job_id, states)
    assert states[-1] == job.state


async def check_artifacts(
    client: AsyncEtudeClient, job: job_pb2.Job, artifacts: Sequence[artifact_service_pb2.Artifact]
) -> None:
    """Everything is there once and whole, and comes from where it says."""
    kinds = sorted(ArtifactKind.Name(artifact.kind).removeprefix("ARTIFACT_KIND_") for artifact in artifacts)
    assert kinds == ["IR_V1", "IR_V2", "MIDI", "MUSICXML", "SOURCE"], (job.job_id, kinds)
    ids = {artifact.artifact_id: artifact for artifact in artifacts}
    for artifact in artifacts:
        content = b"".join([chunk async for chunk in client.read(artifact.artifact_id)])  # checked by its SHA-256
        assert len(content) == artifact.size_bytes
        lineage = await _patiently(partial(client.lineage, artifact.artifact_id))
        sources = {
            edge.source_artifact_id for edge in lineage.edges if edge.derived_artifact_id == artifact.artifact_id
        }
        if artifact.kind == ArtifactKind.ARTIFACT_KIND_SOURCE:
            assert not sources
        else:
            assert len(sources) == 1
            assert sources <= ids.keys()


async def main(target: str, jobs: int, seed: int) -> None:
    load = Load(target, jobs, random.Random(seed))
    await load.log_in()
    print("ready", flush=True)
    await load.run()
    print("loaded", flush=True)
    await check_all(load)
    print("checked", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

"""The clients of a load test: each sends a small job, watches it to its end, and sends the next."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from etude.client import AsyncEtudeClient
from etude.job.v1 import job_pb2
from etude.mesh.errors import EtudeError

#: What a server says that wants fewer calls; the client comes back after the time it asks for.
_BACKPRESSURE = "RATE_LIMITED"
#: Seconds by which asyncio's timer may be late on an idle machine.
_TIMER = 0.002


@dataclass(slots=True)
class Results:
    """What the clients saw.

    Attributes:
        jobs: Seconds of each job, by its id, from SubmitJob until its end was seen.
        events: Seconds from the making of an event to its arrival, of the events that were made after the watch began.
        backpressure: How often a client was told to come back later.
        errors: Other errors, by reason.
        seconds: How long all of it took.
        last_job: The id of a job that completed.
    """

    jobs: dict[str, float] = field(default_factory=dict)
    events: list[float] = field(default_factory=list)
    backpressure: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    last_job: str = ""

    def beyond(self, stage_seconds: Mapping[str, float]) -> Sequence[float]:
        """Seconds of each job less those within the stages' handlers.

        Raises:
            KeyError: It is not known how long the stages worked for one of the jobs.
        """
        return [seconds - stage_seconds[job_id] for job_id, seconds in self.jobs.items()]


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        content: The document.
        options: The jobs' options.
        clients: How many clients there are, each with a connection of its own.
        jobs: How many jobs they send together; None to send until the time is up.
        seconds: When to stop sending; None for no limit.
        rate: Jobs per second that all of them send together, at random moments; 0 to send the next job at once.
    """

    content: bytes
    options: job_pb2.JobOptions
    clients: int
    jobs: int | None = None
    seconds: float | None = None
    rate: float = 0.0


async def send(load: Load, targets: Sequence[str], *, seed: int = 1) -> Results:
    """Sends jobs to some orchestrators, each client to one of them in turn.

    With a rate, a job that is due while all clients are busy waits for one, and that wait counts as its time: a slow
    server cannot make the load lighter.
    """
    results, dice = Results(), random.Random(seed)
    due: asyncio.Queue[float | None] = asyncio.Queue(maxsize=0 if load.rate else load.clients)

    async def hand_out() -> None:
        began, number = time.perf_counter(), 0
        moment = began
        while (load.jobs is None or number < load.jobs) and (
            load.seconds is None or time.perf_counter() - began < load.seconds
        ):
            if load.rate:
                moment += dice.expovariate(load.rate)
                await _until(moment)
            await due.put(moment if load.rate else 0.0)
            number += 1
        for _ in range(load.clients):
            await due.put(None)

    async def work(target: str) -> None:
        async with AsyncEtudeClient(target) as client:
            await client.list_jobs_page(page_size=1)  # connects
            while (moment := await due.get()) is not None:
                await _one_job(client, load, moment or time.perf_counter(), results)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        group.create_task(hand_out())
        for number in range(load.clients):
            group.create_task(work(targets[number % len(targets)]))
    results.seconds = time.perf_counter() - started
    return results


async def _until(moment: float) -> None:
    """Waits for a moment of `time.perf_counter`, and not past it as asyncio's timer does, which knows whole ms only."""
    await asyncio.sleep(max(0.0, moment - time.perf_counter() - _TIMER))
    while time.perf_counter() < moment:  # noqa: ASYNC110 - nothing tells of a moment more exactly
        await asyncio.sleep(0)


async def _one_job(client: AsyncEtudeClient, load: Load, started: float, results: Results) -> None:
    try:
        job = await _created(client, load, results)
        watching, state = time.time(), job.state
        async for event in client.watch_job(job.job_id):
            made, now = event.time.ToDatetime(tzinfo=UTC).timestamp(), time.time()
            if made > watching:
                results.events.append(now - made)
            state = event.state
            if state == job_pb2.JOB_STATE_COMPLETED:
                break
    except EtudeError as error:
        results.errors[error.reason] += 1
        return
    if state != job_pb2.JOB_STATE_COMPLETED:
        results.errors[job_pb2.JobState.Name(state)] += 1
        return
    results.jobs[job.job_id] = time.perf_counter() - started
    results.last_job = job.job_id


async def _created(client: AsyncEtudeClient, load: Load, results: Results) -> job_pb2.Job:
    while True:
        try:
            return await client.create_job(load.content, load.options)
        except EtudeError as error:
            if error.reason != _BACKPRESSURE:
                raise
            results.backpressure += 1
            await asyncio.sleep(error.retry_after_s or 1.0)


async def sampled(read: Callable[[], Sequence[float]], every_s: float, into: list[Sequence[float]]) -> None:
    """Puts what `read` gives into a list at an interval, until cancelled; `read` runs in a thread."""
    while True:
        into.append(await asyncio.to_thread(read))
        await asyncio.sleep(every_s)

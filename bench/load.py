"""The mesh under load on PostgreSQL: `python -m bench.load [--jobs N] [--clients N] [--rate N] [--minutes N]`.

Every server is a process of its own: PostgreSQL, three stages that do nothing, orchestrators, the gateway. Clients send
small jobs for all formats, first as many as the mesh takes, then at a rate. Overhead is the time of a job less that
within the stages' handlers: what the mesh costs, the client's own part of it included. Exits with 1 when a call failed,
or when the database shows a job that did not complete or is not whole.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import grpc.aio

from bench.figures import Figure, percentile, report
from bench.load_clients import Load, Results, sampled, send
from bench.load_servers import Servers, running_servers
from bench.overhead import FORMATS, http_get, timed
from bench.surroundings import surroundings
from etude.job.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc
from tests.orchestrator.stage_servers import document

_WARM_UP_JOBS = 100
_ROUNDS = 20
_CALLS = 20


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is sent.

    Attributes:
        clients: Clients at a time.
        jobs: Jobs they send together as fast as they can.
        rate: Jobs per second after that.
        minutes: How long they send at that rate.
        orchestrators: Orchestrators on the one database.
        durable: Whether PostgreSQL flushes to the disk.
    """

    clients: int = 50
    jobs: int = 2000
    rate: float = 5.0
    minutes: float = 1.0
    orchestrators: int = 1
    durable: bool = True


@dataclass(frozen=True, slots=True)
class Answers:
    """Seconds of the same question in four ways, asked in turn by one client with nothing else going on."""

    grpc: Sequence[float]
    gateway: Sequence[float]
    plain_grpc: Sequence[float]
    plain_http: Sequence[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load test found; `overheads` are seconds of the paced jobs beyond the stages' work."""

    warm_up: Results
    burst: Results
    paced: Results
    overheads: Sequence[float]
    answers: Answers
    memory: Sequence[Sequence[float]]
    faults: Sequence[str]

    @property
    def failures(self) -> Sequence[str]:
        """Calls that failed and jobs that are not whole."""
        counted = self.warm_up.errors + self.burst.errors + self.paced.errors
        return [*(f"{count} times {reason}" for reason, count in counted.items()), *self.faults]


async def run(extent: Extent, servers: Servers) -> Outcome:
    """Sends the load and asks the database about it."""
    options = job_pb2.JobOptions(filename="load.pdf", formats=FORMATS)
    targets = [server.address for server in servers.orchestrators]

    def load(**amount: Any) -> Load:
        return Load(document(), options, extent.clients, **amount)

    warm_up = await send(load(jobs=min(_WARM_UP_JOBS, extent.jobs)), targets)
    burst = await send(load(jobs=extent.jobs), targets)
    memory: list[Sequence[float]] = []
    sampling = asyncio.create_task(sampled(servers.memory_mb, min(1.0, 6 * extent.minutes), memory))
    paced = await send(load(seconds=60 * extent.minutes, rate=extent.rate), targets)
    sampling.cancel()
    await asyncio.gather(sampling, return_exceptions=True)
    answers = await compare(servers, burst.last_job)
    jobs = sum(len(results.jobs) for results in (warm_up, burst, paced))
    overheads = paced.beyond(servers.stage_seconds())
    faults = await asyncio.to_thread(servers.faults, jobs)
    return Outcome(warm_up, burst, paced, overheads, answers, memory, faults)


async def compare(servers: Servers, job_id: str) -> Answers:
    """GetJob by gRPC and through the gateway, and the same answers by servers that do nothing else."""
    request = job_service_pb2.GetJobRequest(job_id=job_id)
    path = f"/api/v1/jobs/{job_id}"
    async with AsyncExitStack() as stack:

        async def asked_by_grpc(target: str) -> Callable[[], Any]:
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(target))
            stub: Any = job_service_pb2_grpc.JobServiceStub(channel)
            return lambda: stub.GetJob(request, timeout=10)

        mesh = await asked_by_grpc(servers.orchestrators[0].address)
        job = (await mesh()).job
        plain_grpc, plain_http = stack.enter_context(servers.plain(job.SerializeToString()))
        plain = await asked_by_grpc(plain_grpc)

        async def http(address: str) -> list[float]:
            host, _, port = address.rpartition(":")
            return await http_get(host, int(port), path, _CALLS)

        found: tuple[list[float], ...] = ([], [], [], [])
        for number in range(_ROUNDS + 1):
            once = (
                await timed(mesh, _CALLS),
                await http(servers.http_address),
                await timed(plain, _CALLS),
                await http(plain_http),
            )
            for all_of_them, new in zip(found, once, strict=True):
                all_of_them.extend(new if number else ())  # the first round connects and warms up
        return Answers(*found)


def figures(extent: Extent, outcome: Outcome) -> list[Figure]:
    """What was found, with the targets."""
    burst, paced, answers = outcome.burst, outcome.paced, outcome.answers
    direct, gateway, plain, plain_http = (
        1000 * percentile(values, 0.5)
        for values in (answers.grpc, answers.gateway, answers.plain_grpc, answers.plain_http)
    )
    at_once = f"{extent.clients} clients, {extent.jobs} jobs, each client the next as soon as one is done"
    slowly = f"the same clients, {extent.rate:g} jobs/s at random moments for {extent.minutes:g} min"
    whole = "from the moment a job is due until its end is seen"
    beyond = f"{whole}, less the time within the stages' handlers"
    asked = f"{len(answers.grpc)} calls each, taken in turn, one at a time"
    failed = "calls and jobs, other than asked-for backpressure; and what the database shows that is not whole"
    made = [
        Figure("what failed", len(outcome.failures), "failures", "; ".join([failed, *outcome.failures[:3]]), 0),
        Figure("jobs at full load", len(burst.jobs) / burst.seconds, "jobs/s", at_once),
        Figure("backpressure", burst.backpressure + paced.backpressure, "answers", "told to come back later, and did"),
        *_times(
            "a job at full load", burst.jobs.values(), "from SubmitJob to COMPLETED at the watcher, waiting included"
        ),
        *_times("event to client at full load", burst.events, "from the time an event has to its arrival", ("p95",)),
        *_times("overhead of a job at a rate", outcome.overheads, f"{slowly}; {beyond}", targets=(25, 150)),
        *_times("whole job at a rate", paced.jobs.values(), "the same with the stages' handlers (nothing taken off)"),
        *_times("event to client at a rate", paced.events, "the same", ("p95",), (100,)),
        Figure("GetJob over gRPC: p50", direct, "ms", asked),
        Figure("GetJob through the gateway: p50", gateway, "ms", "the same over HTTP, one connection"),
        Figure("gateway overhead: p50", gateway - direct, "ms", "the difference of the two", 1.5),
        Figure("bare grpc.aio: p50", plain, "ms", "the same answer by a server that does nothing else"),
        Figure("bare FastAPI: p50", plain_http, "ms", "the same answer as JSON"),
        Figure("GetJob to bare grpc.aio", direct / plain, "times", "p50 of both"),
        Figure("gateway to bare FastAPI", gateway / plain_http, "times", "p50 of both"),
    ]
    for number, name in enumerate([*(f"orchestrator {n}" for n in range(extent.orchestrators)), "gateway"]):
        values = [sample[number] for sample in outcome.memory]
        size = max(1, len(values) // 4)
        quarters = [fmean(values[start : start + size]) for start in range(0, 4 * size, size) if values[start:]]
        made.append(Figure(f"memory of the {name}", quarters[-1], "MB", "PSS, mean of the last quarter of that time"))
        course = ", ".join(f"{mean:.1f}" for mean in quarters)
        made.append(
            Figure(f"its growth ({name})", quarters[-1] - quarters[0], "MB", f"means of the quarters: {course}")
        )
    return made


def _times(
    name: str,
    seconds: Iterable[float],
    how: str,
    which: Sequence[str] = ("p50", "p99"),
    targets: Sequence[float | None] = (None, None),
) -> list[Figure]:
    seconds = list(seconds)
    return [
        Figure(f"{name}: {p}", 1000 * percentile(seconds, int(p[1:]) / 100), "ms", how, target)
        for p, target in zip(which, targets, strict=False)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and keeps the figures; 1 when something failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    default = Extent()
    parser.add_argument("--clients", type=int, default=default.clients, help="clients at a time [%(default)s]")
    parser.add_argument("--jobs", type=int, default=default.jobs, help="jobs at full load [%(default)s]")
    parser.add_argument("--rate", type=float, default=default.rate, help="jobs per second after that [%(default)s]")
    parser.add_argument("--minutes", type=float, default=default.minutes, help="for how long [%(default)s]")
    parser.add_argument("--orchestrators", type=int, default=default.orchestrators, help="how many [%(default)s]")
    parser.add_argument("--not-durable", action="store_true", help="PostgreSQL flushes nothing to the disk")
    parser.add_argument("--output", type=Path, help="directory for load.json and load.md")
    given = parser.parse_args(arguments)
    extent = Extent(
        given.clients, given.jobs, given.rate, given.minutes, given.orchestrators, durable=not given.not_durable
    )
    where = surroundings()
    with tempfile.TemporaryDirectory(prefix="etude-load-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # PostgreSQL runs as somebody else when we are root
        with running_servers(directory, orchestrators=extent.orchestrators, durable=extent.durable) as servers:
            outcome = asyncio.run(run(extent, servers))
    found = figures(extent, outcome)
    text = report(where, {"Under load": found}).replace("# The mesh, measured", "# The mesh under load", 1)
    print(text)
    for failure in outcome.failures:
        print(failure, file=sys.stderr)
    if given.output:
        given.output.mkdir(parents=True, exist_ok=True)
        content = {"surroundings": where, "extent": asdict(extent), "figures": [figure.as_json() for figure in found]}
        (given.output / "load.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        (given.output / "load.md").write_text(text)
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the mesh adds to the work of the stages: a job through the real orchestrator, and a request through the gateway.

The orchestrator (SQLite, files, DBOS), three stage servers and the gateway run in this process, called by one another
as in `etude serve` (without a socket), and by the client over loopback; the stages speak the contract and do next to
nothing. The same calls made to the same stages over bare grpc.aio are what the orchestrator's time is compared with.
The same jobs are also sent through an orchestrator that calls the stages over their sockets, as one elsewhere would.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio

from bench.figures import Figure, percentile
from etude.client import AsyncEtudeClient
from etude.job.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc
from etude.mesh.logging import configure_logging
from etude.mesh.memory import settle_memory
from etude.mesh.server import ServerHandle, running_server
from etude.production.ports import free_ports
from etude.stage.v1 import (
    fingering_service_pb2,
    fingering_service_pb2_grpc,
    omr_service_pb2,
    omr_service_pb2_grpc,
    renderer_service_pb2,
    renderer_service_pb2_grpc,
)
from gateway.definition import DEFINITION as GATEWAY
from gateway.settings import GatewaySettings
from orchestrator.definition import DEFINITION as ORCHESTRATOR
from orchestrator.settings import OrchestratorSettings
from tests.orchestrator.stage_servers import Journal, document, running_stages

FORMATS = [value for value in renderer_service_pb2.OutputFormat.values() if value != 0]


class Stopwatch(Journal):
    """Adds up the seconds the stages spend in their handlers, and writes nothing."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))
        self.seconds = 0.0

    def write(self, **entry: Any) -> None:
        """Writes nothing."""

    @contextlib.asynccontextmanager
    async def call(self, stage: str, context: Any, plan: dict[str, Any]) -> AsyncIterator[None]:
        """Takes the time of the block."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started


@dataclass(frozen=True)
class JobTime:
    """Seconds of one job: from SubmitJob to its end as its watcher sees it, and of the stages' handlers within."""

    total: float
    stages: float

    @property
    def overhead(self) -> float:
        """What is left without the stages' work."""
        return self.total - self.stages


async def one_job(
    client: AsyncEtudeClient,
    content: bytes,
    watch: Stopwatch,
    formats: Sequence[renderer_service_pb2.OutputFormat.ValueType],
) -> tuple[str, JobTime]:
    """Runs a job to its end.

    Raises:
        RuntimeError: It did not complete.
    """
    before, started = watch.seconds, time.perf_counter()
    options = job_pb2.JobOptions(filename="bench.pdf", formats=formats)
    job = await client.create_job(content, options)
    state = job.state
    async for event in client.watch_job(job.job_id):
        state = event.state
        if state == job_pb2.JOB_STATE_COMPLETED:
            break
    spent = JobTime(time.perf_counter() - started, watch.seconds - before)
    if state != job_pb2.JOB_STATE_COMPLETED:
        raise RuntimeError(f"the job ended in {job_pb2.JobState.Name(state)}")
    return job.job_id, spent


class RawRound:
    """The calls of a job to the stages, over bare channels, one after the other."""

    def __init__(self, targets: dict[str, str], content: bytes) -> None:
        self._channels = {name: grpc.aio.insecure_channel(target) for name, target in targets.items()}
        self._omr: Any = omr_service_pb2_grpc.OmrServiceStub(self._channels["omr"])
        self._fingering: Any = fingering_service_pb2_grpc.FingeringServiceStub(self._channels["fingering"])
        self._renderer: Any = renderer_service_pb2_grpc.RendererServiceStub(self._channels["renderer"])
        self._content = content

    async def close(self) -> None:
        """Closes the channels."""
        await asyncio.gather(*(channel.close(None) for channel in self._channels.values()))

    async def run(self) -> float:
        """Seconds of InspectFile, RecognizeFile, Annotate and RenderScores, for all formats."""
        started = time.perf_counter()
        options = omr_service_pb2.RecognizeOptions(filename="bench.pdf")
        opening = omr_service_pb2.InspectFileRequest(options=options, content=self._content)
        await self._omr.InspectFile(opening, timeout=10)
        reading = omr_service_pb2.RecognizeFileRequest(options=options, content=self._content)
        read = [r async for r in self._omr.RecognizeFile(reading, timeout=10)][-1].result.scores[0]
        request = fingering_service_pb2.AnnotateRequest(score=read)
        fingered = [r async for r in self._fingering.Annotate(request, timeout=10)][-1].result.score
        rendering = renderer_service_pb2.RenderScoresRequest(
            options=renderer_service_pb2.RenderOptions(formats=FORMATS, inline_small_files=True),
            scores=[fingered],
            original=self._content,
        )
        async for _ in self._renderer.RenderScores(rendering, timeout=10):
            pass
        return time.perf_counter() - started


def fsync_seconds(directory: Path, times: int) -> list[float]:
    """What the disk takes to make 4 KiB of a new file durable."""
    found = []
    for number in range(times):
        with (directory / f"fsync-{number}").open("wb") as file:
            file.write(bytes(4096))
            started = time.perf_counter()
            file.flush()
            os.fsync(file.fileno())
            found.append(time.perf_counter() - started)
    return found


async def http_get(host: str, port: int, path: str, times: int) -> list[float]:
    """Seconds of each of some GETs over one connection, without an HTTP library in the way.

    Raises:
        RuntimeError: The answer is not 200.
    """
    reader, writer = await asyncio.open_connection(host, port)
    found = []
    for _ in range(times):
        started = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if " 200 " not in head.partition("\r\n")[0]:
            raise RuntimeError(head)
        await reader.readexactly(int(head.partition("content-length:")[2].partition("\r\n")[0]))
        found.append(time.perf_counter() - started)
    writer.close()
    await writer.wait_closed()
    return found


async def timed(call: Callable[[], Any], times: int) -> list[float]:
    """Seconds of each of some awaited calls."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        await call()
        found.append(time.perf_counter() - started)
    return found


def _ms(values: list[float], share: float) -> float:
    return 1000 * percentile(values, share)


@contextlib.asynccontextmanager
async def orchestrator_for(targets: Mapping[str, str], data: Path) -> AsyncIterator[ServerHandle]:
    """An orchestrator on SQLite and files in `data`, with the stages at their targets."""
    settings = OrchestratorSettings(
        address="127.0.0.1:0",
        data_dir=data,
        omr_target=targets["omr"],
        fingering_target=targets["fingering"],
        renderer_target=targets["renderer"],
        drain_seconds=1.0,
    )
    async with running_server(ORCHESTRATOR, settings) as handle:
        yield handle


async def over_sockets(jobs: int, warm_up: int, targets: Mapping[str, str], watch: Stopwatch) -> list[JobTime]:
    """Jobs through an orchestrator that calls the stages over sockets."""
    with tempfile.TemporaryDirectory(prefix="etude-bench-") as directory:
        async with (
            orchestrator_for(targets, Path(directory)) as handle,
            AsyncEtudeClient(handle.address) as client,
        ):
            found = [(await one_job(client, document(), watch, FORMATS))[1] for _ in range(warm_up + jobs)]
            return found[warm_up:]


@dataclass(frozen=True)
class Found:
    """What was measured of some jobs in turn; all but `cpu`, `raw_cpu` and `at_once` one value of seconds each.

    Attributes:
        full: Jobs for all formats.
        small: Jobs for MIDI alone.
        files: Jobs with larger artifacts, which become files.
        rounds: The calls of a job to the stages over bare channels.
        cpu: Seconds of CPU per job for all formats.
        raw_cpu: Seconds of CPU per round.
        at_once: Jobs per second, several at a time.
        job_id: One of the jobs.
    """

    full: list[JobTime]
    small: list[JobTime]
    files: list[JobTime]
    rounds: list[float]
    cpu: float
    raw_cpu: float
    at_once: float
    job_id: str


async def jobs_in_turn(client: AsyncEtudeClient, raw: RawRound, watch: Stopwatch, jobs: int, warm_up: int) -> Found:
    """Jobs of each kind and bare rounds in turn, so that all of them meet the same noise of the machine."""
    content = document()
    larger = document(padding="x" * (40 << 10))  # within the document, both Scores, and what shows its pages
    for _ in range(warm_up):
        job_id, _ = await one_job(client, content, watch, FORMATS)
        await raw.run()
    settle_memory()  # as `etude serve` does

    full, small, files, rounds = [], [], [], []
    cpu = raw_cpu = 0.0
    for _ in range(jobs):
        before = time.process_time()
        full.append((await one_job(client, content, watch, FORMATS))[1])
        cpu += time.process_time() - before
        small.append((await one_job(client, content, watch, [renderer_service_pb2.OUTPUT_FORMAT_MIDI]))[1])
        files.append((await one_job(client, larger, watch, FORMATS))[1])
        before = time.process_time()
        rounds.append(await raw.run())
        raw_cpu += time.process_time() - before
    started = time.perf_counter()
    await asyncio.gather(*(one_job(client, content, watch, FORMATS) for _ in range(min(jobs, 8))))
    at_once = min(jobs, 8) / (time.perf_counter() - started)
    return Found(full, small, files, rounds, cpu / jobs, raw_cpu / jobs, at_once, job_id)


async def asked_both_ways(orchestrator: str, job_id: str, calls: int, warm_up: int) -> tuple[list[float], list[float]]:
    """Seconds of GetJob over a bare channel, and through a gateway."""
    (port,) = free_ports(1)
    settings = GatewaySettings(
        address="127.0.0.1:0", http_address=f"127.0.0.1:{port}", orchestrator_target=orchestrator, drain_seconds=1.0
    )
    async with running_server(GATEWAY, settings), grpc.aio.insecure_channel(orchestrator) as channel:
        stub: Any = job_service_pb2_grpc.JobServiceStub(channel)
        request, path = job_service_pb2.GetJobRequest(job_id=job_id), f"/api/v1/jobs/{job_id}"
        await timed(lambda: stub.GetJob(request), warm_up)
        await http_get("127.0.0.1", port, path, warm_up)
        direct = await timed(lambda: stub.GetJob(request), calls)
        return direct, await http_get("127.0.0.1", port, path, calls)


async def measure(jobs: int, warm_up: int = 10) -> list[Figure]:
    """The figures over so many jobs, one after the other."""
    configure_logging("error")
    watch = Stopwatch()
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="etude-bench-")))
        stages = await stack.enter_async_context(running_stages(watch))
        targets = {name: handle.address for name, handle in stages.items()}
        apart = await over_sockets(jobs, warm_up, targets, watch)
        near = {name: handle.near_target for name, handle in stages.items()}
        orchestrator = (await stack.enter_async_context(orchestrator_for(near, directory / "data"))).address
        client = await stack.enter_async_context(AsyncEtudeClient(orchestrator))
        raw = RawRound(targets, document())
        stack.push_async_callback(raw.close)
        found = await jobs_in_turn(client, raw, watch, jobs, warm_up)
        disk = fsync_seconds(directory, 50)
        direct, over_http = await asked_both_ways(orchestrator, found.job_id, 4 * jobs, warm_up)
    return figures(jobs, found, apart, disk, direct, over_http)


def figures(
    jobs: int,
    found: Found,
    apart: list[JobTime],
    disk: list[float],
    direct: list[float],
    over_http: list[float],
) -> list[Figure]:
    """What was measured over so many jobs: see `Found`; over sockets; the disk; GetJob by gRPC, and through HTTP."""
    overheads, totals, least = (
        [j.overhead for j in found.full],
        [j.total for j in found.full],
        [j.overhead for j in found.small],
    )
    how = f"{jobs} jobs one after the other, stages that do nothing, all formats, SQLite; one process, as `etude serve`"
    without = "from SubmitJob to COMPLETED at the watcher, less the time within the stages' handlers"
    ratio = percentile(totals, 0.5) / percentile(found.rounds, 0.5)
    return [
        Figure("orchestration overhead per job: p50", _ms(overheads, 0.5), "ms", f"{how}; {without}", 15),
        Figure("orchestration overhead per job: p99", _ms(overheads, 0.99), "ms", "the same"),
        Figure(
            "overhead with stages behind sockets: p50",
            _ms([j.overhead for j in apart], 0.5),
            "ms",
            "the same jobs; the orchestrator calls the stages over loopback, as if they ran elsewhere",
        ),
        Figure("overhead of a job for MIDI only: p50", _ms(least, 0.5), "ms", "the same with 4 artifacts instead of 9"),
        Figure(
            "overhead of a job of larger artifacts: p50",
            _ms([j.overhead for j in found.files], 0.5),
            "ms",
            "the same with 5 of the 10 artifacts above the bound up to which they lie in the database: files",
        ),
        Figure("whole job: p50", _ms(totals, 0.5), "ms", "the same with the stages' handlers (nothing taken off)"),
        Figure("CPU per job", 1000 * found.cpu, "ms", "of the one process: orchestrator, stages and client together"),
        Figure(
            "bare gRPC round: p50",
            _ms(found.rounds, 0.5),
            "ms",
            "InspectFile, RecognizeFile, Annotate, RenderScores to the same stages",
        ),
        Figure("bare gRPC round: p99", _ms(found.rounds, 0.99), "ms", "the same"),
        Figure("CPU per bare round", 1000 * found.raw_cpu, "ms", "of the one process: stages and caller together"),
        Figure("whole job to bare round", ratio, "times", "p50 of both, taken in turn in one run"),
        Figure("jobs at a time", found.at_once, "jobs/s", f"{min(jobs, 8)} of these jobs sent at once"),
        Figure("fsync of 4 KiB: p50", _ms(disk, 0.5), "ms", "the disk under the data directory"),
        Figure("GetJob over gRPC: p50", _ms(direct, 0.5), "ms", f"{4 * jobs} calls, bare channel"),
        Figure("GET of the job over HTTP: p50", _ms(over_http, 0.5), "ms", "the same answer as JSON, one connection"),
        Figure(
            "gateway overhead: p50",
            _ms(over_http, 0.5) - _ms(direct, 0.5),
            "ms",
            "the difference of the two; gateway, orchestrator and caller share one event loop",
        ),
    ]

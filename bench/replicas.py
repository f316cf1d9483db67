"""How much faster two replicas of the OMR service read a long document than one.

    python -m bench.replicas [--pages 40] [--rounds 2]

Each replica is a process with one worker. One and two take turns; the least of the rounds counts. On a machine that is
busy with other things, the CPU time of the busier replica says more than the clock. The Scores are compared byte for
byte.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import io
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pikepdf

from etude.mesh.channels import open_channel
from etude.mesh.health import check_health
from etude.production.ports import free_ports
from etude.production.services import target
from etude.stage.v1 import omr_service_pb2, omr_service_pb2_grpc, stage_pb2
from orchestrator.exchange import Content
from orchestrator.pages import Document, OnProgress, PageFanOut, parts_of
from orchestrator.settings import OrchestratorSettings

EXAMPLES = Path(__file__).parents[1] / "examples"


def long_document(pages: int) -> bytes:
    """The examples, one after the other, until there are so many pages."""
    out = pikepdf.new()
    while len(out.pages) < pages:
        for path in sorted(EXAMPLES.glob("*.pdf")):
            with pikepdf.open(path) as pdf:
                out.pages.extend(list(pdf.pages)[: pages - len(out.pages)])
    buffer = io.BytesIO()
    out.save(buffer)
    return buffer.getvalue()


@contextlib.asynccontextmanager
async def running_replicas(number: int) -> AsyncIterator[dict[str, asyncio.subprocess.Process]]:
    """So many servers with one worker each, by address."""
    replicas: dict[str, asyncio.subprocess.Process] = {}
    try:
        for port in free_ports(number):
            address = f"127.0.0.1:{port}"
            environment = {**os.environ, "ETUDE_OMR_ADDRESS": address, "ETUDE_OMR_WORKERS": "1"}
            replicas[address] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "omr_service",
                env=environment | {"ETUDE_LOG_LEVEL": "error"},
                start_new_session=True,
            )
        for address in replicas:
            async with open_channel(address) as channel, asyncio.timeout(60):
                while not await check_health(channel):  # noqa: ASYNC110 - another process cannot set an event
                    await asyncio.sleep(0.1)
        yield replicas
    finally:
        for process in replicas.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def document_of(data: bytes, pages: int) -> Document:
    """A document in memory."""

    async def content() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1 << 20):
            yield data[start : start + (1 << 20)]

    return Document(Content(content, len(data)), hashlib.sha256(data).hexdigest(), pages)


async def read(addresses: list[str], document: Document, on_progress: OnProgress | None = None) -> tuple[bytes, float]:
    """What some replicas read, serialized, and the seconds it took once there were connections."""

    async def pass_over(_: stage_pb2.Progress) -> None:
        return

    options = omr_service_pb2.RecognizeOptions(filename="long.pdf")
    with tempfile.TemporaryDirectory() as folder:
        settings = OrchestratorSettings(data_dir=Path(folder))
        async with open_channel(target(addresses), health_service="etude.stage.v1.OmrService") as channel:
            # The first calls of a new channel all go to whichever replica answers first; an orchestrator's is old.
            await channel.channel_ready()
            await asyncio.sleep(1.0)
            fan_out = PageFanOut(omr_service_pb2_grpc.OmrServiceStub(channel), settings)
            parts = parts_of(options, document.page_count)
            started = time.perf_counter()
            result = await fan_out.read(options, document, parts, on_progress or pass_over)
            seconds = time.perf_counter() - started
    assert result is not None
    return result.SerializeToString(deterministic=True), seconds


def cpu_seconds(session: int) -> float:
    """CPU time of a replica and its workers so far: of all processes of its session."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def main(pages: int, rounds: int) -> None:
    document = document_of(long_document(pages), pages)
    async with running_replicas(2) as replicas:
        addresses = list(replicas)
        await read(addresses, document_of(long_document(8), 8))  # everything is loaded
        pids = [process.pid for process in replicas.values()]
        wall: dict[int, list[float]] = {1: [], 2: []}
        cpu: dict[int, list[float]] = {1: [], 2: []}
        results = set()
        for _ in range(rounds):
            for number in (1, 2):
                before = [cpu_seconds(pid) for pid in pids]
                result, seconds = await read(addresses[:number], document)
                results.add(result)
                wall[number].append(seconds)
                cpu[number].append(max(cpu_seconds(pid) - b for pid, b in zip(pids, before, strict=True)))
                told = f"{wall[number][-1]:.2f} s, the busier one {cpu[number][-1]:.2f} s of CPU"
                print(f"{number} replicas: {told}, load {os.getloadavg()[0]:.1f}", flush=True)
    assert len(results) == 1, "the Scores differ"
    print(
        f"{pages} pages with two: {min(wall[1]) / min(wall[2]):.2f} times as fast, "
        f"{min(cpu[1]) / min(cpu[2]):.2f} by the CPU time of the busier replica; the Score is the same"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.pages, arguments.rounds))

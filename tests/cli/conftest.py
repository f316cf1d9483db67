"""The `etude` command as a process, and a contract server for it to talk to."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.mesh.server import running_server
from etude.mesh.settings import ServiceSettings
from tests.gateway.contract_server import Store, contract_definition, failed

SCORE = {
    "measures": [{"number": str(number)} for number in range(1, 9)],
    "doubts": [{"measureIndex": 2}, {"measureIndex": 3}, {"measureIndex": 4}, {"measureIndex": 4}, {}],
}


@dataclass(frozen=True)
class Outcome:
    """How a process ended."""

    code: int
    out: str
    err: str


Etude = Callable[..., Awaitable[Outcome]]


async def start_etude(*arguments: object, cwd: Path, **env: str) -> asyncio.subprocess.Process:
    """Starts the command in a directory, without settings of the machine it runs on."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ETUDE_", "OTEL_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "etude.cli.main",
        *(str(argument) for argument in arguments),
        cwd=cwd,
        env={**clean, "XDG_CACHE_HOME": str(cwd / ".cache"), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.fixture
def etude(tmp_path: Path) -> Etude:
    """Runs the command to its end in the test's directory."""

    async def run(*arguments: object, **env: str) -> Outcome:
        process = await start_etude(*arguments, cwd=tmp_path, **env)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return Outcome(process.returncode or 0, out.decode(), err.decode())

    return run


async def finger(store: Store, job_id: str) -> None:
    """What a mesh does with a job: a document whose bytes say "bad" holds no music, one that says "slow" takes long."""
    content = store.files[job_id]
    await store.move(job_id, job_pb2.JOB_STATE_OMR_PROCESSING)
    await store.progress(job_id, "omr", 1, 2, 0.5)
    if b"slow" in content:
        return
    if b"bad" in content:
        store.jobs[job_id].error.CopyFrom(failed("NO_MUSIC", "There is no piano music in this file."))
        await store.move(job_id, job_pb2.JOB_STATE_OMR_FAILED)
        return
    await store.progress(job_id, "omr", 2, 2, 1.0)
    kinds = artifact_service_pb2
    add = store.add_artifact
    add(job_id, kinds.ARTIFACT_KIND_SOURCE, content, "application/pdf")
    add(job_id, kinds.ARTIFACT_KIND_IR_V1, b"{}", "application/json")
    add(job_id, kinds.ARTIFACT_KIND_IR_V2, json.dumps(SCORE).encode(), "application/json")
    add(job_id, kinds.ARTIFACT_KIND_MUSICXML, b"<score-partwise/>", "application/vnd.recordare.musicxml+xml")
    add(job_id, kinds.ARTIFACT_KIND_MIDI, b"MThd", "audio/midi")
    for page in (1, 2):
        add(job_id, kinds.ARTIFACT_KIND_SVG, f"<svg>{page}</svg>".encode(), "image/svg+xml", page_number=page)
    add(job_id, kinds.ARTIFACT_KIND_SCORE_PDF, b"%PDF engraved", "application/pdf")
    add(job_id, kinds.ARTIFACT_KIND_ANNOTATED_PDF, b"%PDF annotated", "application/pdf", score_index=-1)
    summary = store.jobs[job_id].summary
    summary.page_count = summary.pages_read = 2
    summary.score_count, summary.measure_count = 1, 8
    summary.note_count = summary.fingered_note_count = 1234
    await store.move(job_id, job_pb2.JOB_STATE_COMPLETED)


@pytest.fixture
def store() -> Store:
    return Store(worker=finger)


@pytest.fixture
async def server(store: Store) -> AsyncIterator[str]:
    settings = ServiceSettings(address="127.0.0.1:0", drain_seconds=0.2)
    async with running_server(contract_definition(store), settings) as handle:
        yield handle.address

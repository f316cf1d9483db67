"""The work of `etude annotate`: files through a mesh, several at a time, each with its own fate."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from etude.cli.doubts import Doubts, read_doubts
from etude.cli.outputs import Formats, foreign_file, outdated_files, safe_name
from etude.cli.progress import ProgressDisplay
from etude.cli.report import FileReport
from etude.client import AsyncEtudeClient
from etude.client.files import file_names
from etude.client.jobs import raise_for_state
from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.mesh.errors import EtudeError

FAULTS_OF_FILES = frozenset(
    {
        "CORRUPT_FILE",
        "ENCRYPTED_FILE",
        "NO_PAGES",
        "TOO_MANY_PAGES",
        "PAGE_SIZE",
        "OUT_OF_RANGE",
        "NO_MUSIC",
        "NO_VECTOR_MUSIC",
    }
)
"""Reasons for which trying the same file again is of no use: once they are told, the job is not kept either."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        stems: The inputs and the stem of each one's outputs.
        directory: Where outputs go.
        options: Of every job.
        formats: What is written.
        replace: Overwrites whatever is in the way, except inputs.
        parallel: Most files worked on at a time.
        timeout_s: Longest time for one file; None for no limit.
    """

    stems: Mapping[Path, str]
    directory: Path
    options: job_pb2.JobOptions
    formats: Formats
    replace: bool
    parallel: int
    timeout_s: float | None = None


async def annotate_files(client: AsyncEtudeClient, plan: Plan, display: ProgressDisplay) -> AsyncIterator[FileReport]:
    """A report for each file, in the order they are done. A file that fails does not stop the others."""
    turns = asyncio.Semaphore(plan.parallel)

    async def take_turn(file: Path) -> FileReport:
        async with turns:
            try:
                return await _annotate(client, plan, file, display)
            except (EtudeError, OSError) as error:
                return FileReport(file=file, error=error)

    tasks = [asyncio.create_task(take_turn(file)) for file in plan.stems]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _annotate(client: AsyncEtudeClient, plan: Plan, file: Path, display: ProgressDisplay) -> FileReport:
    stem = plan.stems[file]
    in_the_way = None if plan.replace else foreign_file(plan.directory, stem, plan.stems)
    if in_the_way is not None:
        raise EtudeError(
            "INVALID_REQUEST",
            f"{in_the_way} is in the way and does not look like an earlier output; choose another directory with -o, "
            "or say --overwrite.",
        )
    progress = display.begin(file.name)
    try:
        job = await client.create_job(file, plan.options)
        try:
            job = await client.wait(job.job_id, timeout_s=plan.timeout_s, on_event=progress.on_event)
        except (asyncio.CancelledError, EtudeError):
            await client.cancel_quietly(job.job_id, "etude annotate was stopped.")
            raise
        try:
            raise_for_state(job)
        except EtudeError as error:
            if job.state == job_pb2.JOB_STATE_OMR_FAILED and error.reason in FAULTS_OF_FILES:
                await client.delete_quietly(job.job_id)
            raise
        return await _write(client, plan, file, job)
    finally:
        progress.finish()


async def _write(client: AsyncEtudeClient, plan: Plan, file: Path, job: job_pb2.Job) -> FileReport:
    artifacts = [artifact async for artifact in client.artifacts(job.job_id)]
    outputs, replaced = [], 0
    for artifact, name in file_names(artifacts, plan.stems[file]):
        if artifact.kind in plan.formats.kinds:
            path = plan.directory / safe_name(plan.directory, name, plan.stems)
            replaced += path.exists()
            outputs.append(await client.download(artifact, path))
    if replaced:
        # A fifth page beside four new ones would be taken for one of them.
        for path in outdated_files(plan.directory, plan.stems[file], outputs, plan.formats.kinds):
            path.unlink()
    doubts = [
        await _doubts(client, artifact)
        for artifact in sorted(artifacts, key=lambda artifact: artifact.score_index)
        if artifact.kind == artifact_service_pb2.ARTIFACT_KIND_IR_V2
    ]
    return FileReport(file=file, job=job, doubts=doubts, outputs=outputs, replaced=replaced)


async def _doubts(client: AsyncEtudeClient, score: artifact_service_pb2.Artifact) -> Doubts:
    async with aclosing(client.read(score.artifact_id)) as chunks:
        return read_doubts(b"".join([chunk async for chunk in chunks]))

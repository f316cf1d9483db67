"""The asyncio client of a mesh."""

import asyncio
from pathlib import Path
from typing import Any

from etude.client.annotation import AnnotationResult
from etude.client.artifacts import ArtifactCalls
from etude.client.files import file_names
from etude.client.identity import IdentityCalls
from etude.client.jobs import EventHandler, JobCalls, raise_for_state
from etude.client.options import job_options
from etude.client.source import SourceLike
from etude.mesh.errors import EtudeError


class AsyncEtudeClient(JobCalls, ArtifactCalls, IdentityCalls):
    """Typed calls to a mesh. Every error is an `etude.mesh.errors.EtudeError` with a reason and a sentence.

    >>> async with AsyncEtudeClient() as client:                                     # doctest: +SKIP
    ...     job = await client.create_job("sonata.pdf", job_options(hand_size="S"))
    ...     async for event in client.watch_job(job.job_id):
    ...         print(event.progress.stage, event.progress.fraction)
    """

    async def annotate(
        self,
        source: SourceLike,
        *,
        out_dir: Path | str | None = None,
        on_event: EventHandler | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AnnotationResult:
        """Sends a document, waits until it is fingered and, with `out_dir`, writes what came of it there.

        Args:
            source: Path, bytes, or a binary file that can seek.
            out_dir: Where files are written; None writes none.
            on_event: Called with each event of the job.
            timeout_s: Longest wait; the job is cancelled when it is over.
            options: As `job_options` takes them: hand_size, formats, density, pages and so on.

        Raises:
            EtudeError: As `create_job`; the job's own error when it fails, for example NO_MUSIC.
        """
        job = await self.create_job(source, job_options(**options))
        try:
            job = await self.wait(job.job_id, timeout_s=timeout_s, on_event=on_event)
        except (asyncio.CancelledError, EtudeError):
            await self.cancel_quietly(job.job_id, "The caller stopped waiting.")
            raise
        raise_for_state(job)
        artifacts = [artifact async for artifact in self.artifacts(job.job_id)]
        files = []
        if out_dir is not None:
            for artifact, name in file_names(artifacts, Path(job.source.filename).stem):
                files.append(await self.download(artifact, Path(out_dir) / name))
        return AnnotationResult(job=job, artifacts=artifacts, files=files)

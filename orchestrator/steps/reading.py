"""Reading: the user's file becomes one Score per piece (ir_v1)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from etude.job.v1 import job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.stage.v1.omr_service_pb2 import RecognizeOptions
from orchestrator.repositories.jobs import JobRef
from orchestrator.steps.base import Outcome, Report, Workshop
from orchestrator.summary import remarks_on_pages, summary_of_reading


def reading_options(job: job_pb2.Job) -> RecognizeOptions:
    """How the OMR stage is to read the document of a job."""
    return RecognizeOptions(
        filename=job.source.filename,
        reader=job.options.reader,
        uncertainty_policy=job.options.uncertainty_policy,
        first_page=job.options.first_page,
        last_page=job.options.last_page,
    )


async def read_document(workshop: Workshop, job: job_pb2.Job, report: Report) -> Outcome:
    """Have the OMR stage read the job's source and store what it read.

    Raises:
        EtudeError: The stage's reason.
    """
    (source,) = await workshop.latest(JobRef(job.tenant_id, job.job_id), ArtifactKind.ARTIFACT_KIND_SOURCE)

    def content() -> AsyncIterator[bytes]:
        return workshop.store.blobs.read(source.blob_key)

    result = await workshop.stages.recognize(reading_options(job), content, report)
    artifacts = [
        await workshop.store_score(
            job,
            score,
            ArtifactKind.ARTIFACT_KIND_IR_V1,
            score_index=index,
            score_count=len(result.scores),
            revision=1,
            source_ids=[source.artifact.artifact_id],
            transformation="omr",
        )
        for index, score in enumerate(result.scores)
    ]
    summary = summary_of_reading(result.scores, result.pages)
    return Outcome(
        message=f"read {summary.pages_read} of {summary.page_count} pages: {summary.note_count} notes in "
        f"{summary.measure_count} measures",
        artifacts=artifacts,
        summary=summary,
        remarks=remarks_on_pages(result.pages),
    )

"""Reading: the user's file becomes one Score per piece (ir_v1)."""

from __future__ import annotations

from etude.job.v1 import job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.media_types import NAMES, NOTATION
from etude.stage.v1.omr_service_pb2 import RecognizeOptions
from orchestrator.pages import Document
from orchestrator.steps.base import NewScore, Outcome, Report, Task, Workshop
from orchestrator.summary import remarks_on_pages, remarks_on_parts, summary_of_reading


def reading_options(job: job_pb2.Job) -> RecognizeOptions:
    """How the OMR stage is to read the document of a job."""
    return RecognizeOptions(
        filename=job.source.filename,
        reader=job.options.reader,
        uncertainty_policy=job.options.uncertainty_policy,
        first_page=job.options.first_page,
        last_page=job.options.last_page,
    )


async def read_document(workshop: Workshop, task: Task, report: Report) -> Outcome:
    """Have the OMR stage read the job's source and store what it read.

    Raises:
        EtudeError: The stage's reason.
    """
    job, (source,) = task.job, task.of_kind(ArtifactKind.ARTIFACT_KIND_SOURCE)

    document = Document(workshop.content(source), job.source.sha256, job.summary.page_count)
    result = await workshop.stages.recognize(reading_options(job), document, report)
    scores = [
        NewScore(score, index, len(result.scores), source.artifact.artifact_id)
        for index, score in enumerate(result.scores)
    ]
    transformation = "import" if job.source.media_type in NOTATION else "omr"
    artifacts = await workshop.store_scores(job, scores, ArtifactKind.ARTIFACT_KIND_IR_V1, transformation)
    summary = summary_of_reading(result.scores, result.pages)
    return Outcome(
        message=f"{_told(job, summary)}: {summary.note_count} notes in {summary.measure_count} measures",
        artifacts=artifacts,
        summary=summary,
        remarks=[*remarks_on_pages(result.pages), *remarks_on_parts(result.scores)],
    )


def _told(job: job_pb2.Job, summary: job_pb2.JobSummary) -> str:
    if job.source.media_type in NOTATION:
        return f"imported {NAMES[job.source.media_type]}"
    return f"read {summary.pages_read} of {summary.page_count} pages"

"""Fingering: every ir_v1 becomes an ir_v2."""

from __future__ import annotations

from etude.job.v1 import job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.score.v1 import score_pb2
from etude.stage.v1.fingering_service_pb2 import AnnotateRequest
from etude.stage.v1.stage_pb2 import Progress
from orchestrator.repositories.editor import NewArtifact
from orchestrator.repositories.jobs import JobRef
from orchestrator.steps.base import Outcome, Report, Workshop
from orchestrator.summary import add_fingering


async def finger_scores(workshop: Workshop, job: job_pb2.Job, report: Report) -> Outcome:
    """Have the fingering stage finger every Score of the job.

    Raises:
        EtudeError: The stage's reason.
    """
    sources = await workshop.latest(JobRef(job.tenant_id, job.job_id), ArtifactKind.ARTIFACT_KIND_IR_V1)
    artifacts: list[NewArtifact] = []
    fingered: list[score_pb2.Score] = []
    for index, source in enumerate(sources):
        request = AnnotateRequest(
            score=await workshop.score(source),
            hand_profile=job.options.hand_profile,
            model=job.options.fingering_model,
        )
        result = await workshop.stages.annotate(request, _share_of(report, index, len(sources)))
        fingered.append(result.score)
        artifacts.append(
            await workshop.store_score(
                job,
                result.score,
                ArtifactKind.ARTIFACT_KIND_IR_V2,
                score_index=source.artifact.score_index,
                score_count=len(sources),
                revision=1,
                source_ids=[source.artifact.artifact_id],
                transformation="fingering",
            )
        )
    summary = job_pb2.JobSummary()
    summary.CopyFrom(job.summary)
    add_fingering(summary, fingered)
    return Outcome(
        message=f"fingered {summary.fingered_note_count} of {summary.note_count} notes",
        artifacts=artifacts,
        summary=summary,
    )


def _share_of(report: Report, index: int, count: int) -> Report:
    """Progress of one of several Scores as progress of the step."""
    if count == 1:
        return report

    async def share(progress: Progress) -> None:
        part = Progress()
        part.CopyFrom(progress)
        part.fraction = (index + progress.fraction) / count
        await report(part)

    return share

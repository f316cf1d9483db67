"""Fingering: every ir_v1 becomes an ir_v2."""

from __future__ import annotations

from etude.job.v1 import job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.stage.v1.fingering_service_pb2 import AnnotateRequest
from etude.stage.v1.stage_pb2 import Progress
from orchestrator.steps.base import NewScore, Outcome, Report, Task, Workshop
from orchestrator.summary import add_fingering


async def finger_scores(workshop: Workshop, task: Task, report: Report) -> Outcome:
    """Have the fingering stage finger every Score of the job.

    Raises:
        EtudeError: The stage's reason.
    """
    job, sources = task.job, task.of_kind(ArtifactKind.ARTIFACT_KIND_IR_V1)
    fingered: list[NewScore] = []
    for index, source in enumerate(sources):
        request = AnnotateRequest(
            score=await workshop.score(source),
            hand_profile=job.options.hand_profile,
            model=job.options.fingering_model,
        )
        result = await workshop.stages.annotate(request, _share_of(report, index, len(sources)))
        about = source.artifact
        fingered.append(NewScore(result.score, about.score_index, len(sources), about.artifact_id))
    artifacts = await workshop.store_scores(job, fingered, ArtifactKind.ARTIFACT_KIND_IR_V2, "fingering")
    summary = job_pb2.JobSummary()
    summary.CopyFrom(job.summary)
    add_fingering(summary, [new.score for new in fingered])
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

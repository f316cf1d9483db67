"""Fingering: every ir_v1 becomes an ir_v2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etude.job.v1 import job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.mesh.errors import EtudeError
from etude.notation.measures import measure_name
from etude.score.v1 import score_pb2
from etude.stage.v1.fingering_service_pb2 import AnnotateRequest, AnnotateResult
from etude.stage.v1.stage_pb2 import Progress
from orchestrator.carrying import Carried, carry_pins
from orchestrator.repositories.artifacts import ArtifactRepository
from orchestrator.steps.base import NewScore, Outcome, Report, Task, Workshop
from orchestrator.summary import add_fingering


async def finger_scores(workshop: Workshop, task: Task, report: Report) -> Outcome:
    """Have the fingering stage finger every Score of the job; pins of an earlier job hold where the note is the same.

    Raises:
        EtudeError: The stage's reason.
    """
    job, sources = task.job, task.of_kind(ArtifactKind.ARTIFACT_KIND_IR_V1)
    earlier = await _earlier_scores(workshop, job)
    fingered: list[NewScore] = []
    held = 0
    lost: list[str] = []
    for index, source in enumerate(sources):
        about = source.artifact
        score = await workshop.score(source)
        before = earlier.get(about.score_index)
        carried = carry_pins(before, score) if before else Carried((), ())
        request = AnnotateRequest(
            score=score,
            hand_profile=job.options.hand_profile,
            model=job.options.fingering_model,
            pins=carried.pins,
        )
        result, given_up = await _annotate(workshop, request, _share_of(report, index, len(sources)))
        held += len(request.pins)
        lost += [*carried.lost, *given_up]
        fingered.append(NewScore(result.score, about.score_index, len(sources), about.artifact_id))
    artifacts = await workshop.store_scores(job, fingered, ArtifactKind.ARTIFACT_KIND_IR_V2, "fingering")
    summary = job_pb2.JobSummary()
    summary.CopyFrom(job.summary)
    add_fingering(summary, [new.score for new in fingered])
    message = f"fingered {summary.fingered_note_count} of {summary.note_count} notes"
    return Outcome(
        message=f"{message}, {held} as pinned before" if held else message,
        artifacts=artifacts,
        summary=summary,
        remarks=_remarks(job, lost),
    )


async def _earlier_scores(workshop: Workshop, job: job_pb2.Job) -> Mapping[int, score_pb2.Score]:
    """The latest fingered Scores, by index, of the job whose pins are wanted; none when it is gone by now."""
    if not job.options.pins_from_job_id:
        return {}
    async with workshop.store.database.read() as connection:
        found = await ArtifactRepository(connection, job.tenant_id).list(
            job.options.pins_from_job_id, kinds=[ArtifactKind.ARTIFACT_KIND_IR_V2], latest_only=True
        )
    return {stored.artifact.score_index: await workshop.score(stored) for stored in found}


async def _annotate(workshop: Workshop, request: AnnotateRequest, report: Report) -> tuple[AnnotateResult, list[str]]:
    """The stage's answer, and the measures of the pins that `request` had to give up.

    A chord may have been read with more keys than before, so that what was pinned to it cannot be played any more.
    """
    given_up: list[str] = []
    while True:
        try:
            return await workshop.stages.annotate(request, report), given_up
        except EtudeError as error:
            excluded = {note_id for note_id, _ in error.violations}
            kept = [pin for pin in request.pins if pin.note_id not in excluded]
            if error.reason != "IMPOSSIBLE_CONSTRAINT" or len(kept) == len(request.pins):
                raise
            given_up += _measures_of(request.score, excluded & {pin.note_id for pin in request.pins})
            del request.pins[:]
            request.pins.extend(kept)


def _measures_of(score: score_pb2.Score, note_ids: set[str]) -> list[str]:
    return [
        measure_name(score.measures, event.measure_index)
        for event in score.events
        for note in event.notes
        if note.note_id in note_ids
    ]


def _remarks(job: job_pb2.Job, lost: Sequence[str]) -> list[str]:
    if not lost:
        return []
    where = ", ".join(dict.fromkeys(lost))
    return [
        f"{len(lost)} pinned fingers of job {job.options.pins_from_job_id} do not hold any more, because their notes "
        f"were read differently this time: measures {where}"
    ]


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

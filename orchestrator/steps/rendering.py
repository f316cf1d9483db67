"""Rendering: the ir_v2 of all Scores become the files the user asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.media_types import NAMES, NOTATION
from etude.score.v1 import score_pb2
from etude.stage.v1.fingering_service_pb2 import FingeringDensity
from etude.stage.v1.renderer_service_pb2 import OutputFormat, RenderOptions
from orchestrator import naming
from orchestrator.repositories.artifacts import StoredArtifact
from orchestrator.repositories.editor import NewArtifact
from orchestrator.stages import RenderedFile
from orchestrator.steps.base import NewFile, Outcome, Report, Task, Workshop

ALL_FORMATS = tuple(format_ for format_ in OutputFormat.values() if format_ != OutputFormat.OUTPUT_FORMAT_UNSPECIFIED)
_ANNOTATED = OutputFormat.OUTPUT_FORMAT_ANNOTATED_PDF
OF_PAGES = frozenset({_ANNOTATED, OutputFormat.OUTPUT_FORMAT_REVIEW})
"""Formats that show the user's own pages."""


async def render_scores(workshop: Workshop, task: Task, report: Report) -> Outcome:
    """Have the renderer write all formats the job asks for.

    Raises:
        EtudeError: The stage's reason.
    """
    job, (source,) = task.job, task.of_kind(ArtifactKind.ARTIFACT_KIND_SOURCE)
    fingered = task.of_kind(ArtifactKind.ARTIFACT_KIND_IR_V2)
    files, remarks = await render(
        workshop,
        job,
        formats=formats_of(job),
        scores=[await workshop.score(stored) for stored in fingered],
        source=source,
        report=report,
    )
    artifacts = await store_files(
        workshop,
        job,
        files,
        score_ids={stored.artifact.score_index: stored.artifact.artifact_id for stored in fingered},
        score_indices=[stored.artifact.score_index for stored in fingered],
        source=source,
    )
    told = [*remarks, *([without] if (without := without_pages(job)) else [])]
    return Outcome(message=f"wrote {len(artifacts)} files", artifacts=artifacts, summary=job.summary, remarks=told)


def formats_of(job: job_pb2.Job) -> Sequence[OutputFormat.ValueType]:
    """The formats a job makes: those asked for, or all, as far as they apply to its source."""
    asked = dict.fromkeys(job.options.formats or ALL_FORMATS)
    return [format_ for format_ in asked if job.source.media_type not in NOTATION or format_ not in OF_PAGES]


def without_pages(job: job_pb2.Job) -> str:
    """Why a job makes no annotated PDF where it was asked for one or for all formats; "" where there is no reason."""
    if job.source.media_type not in NOTATION or _ANNOTATED not in (job.options.formats or ALL_FORMATS):
        return ""
    name = NAMES.get(job.source.media_type, job.source.media_type)
    return f"No annotated PDF was made: it shows fingers on the pages of a PDF or a picture, and the file was {name}."


async def render(
    workshop: Workshop,
    job: job_pb2.Job,
    *,
    formats: Sequence[OutputFormat.ValueType],
    scores: Sequence[score_pb2.Score],
    source: StoredArtifact,
    report: Report,
) -> tuple[Sequence[RenderedFile], Sequence[str]]:
    """The files of one call of the renderer, and its remarks.

    Raises:
        EtudeError: The stage's reason.
    """

    options = RenderOptions(
        formats=formats,
        density=job.options.density,
        filename_stem=naming.stem_of(job.source.filename),
        inline_small_files=True,
    )
    original = workshop.content(source) if OF_PAGES & set(formats) else None
    files, result = await workshop.stages.render(options, scores, original, report)
    return files, list(result.remarks)


async def store_files(
    workshop: Workshop,
    job: job_pb2.Job,
    files: Sequence[RenderedFile],
    *,
    score_ids: dict[int, str],
    score_indices: Sequence[int],
    source: StoredArtifact,
    revisions: Mapping[tuple[ArtifactKind.ValueType, int], int] | None = None,
) -> list[NewArtifact]:
    """Store the bytes of rendered files.

    Args:
        workshop: What to work with.
        job: The job.
        files: The files of one call.
        score_ids: The ir_v2 artifact of each Score of the job, by its index in the job.
        score_indices: Index in the job of each Score of the call.
        source: The user's file, which annotated pages are derived from too.
        revisions: Latest revision there is by kind and index of the Score in the job; the new files follow it.
    """
    version = (await workshop.stages.info("rendering")).version
    density = job.options.density or FingeringDensity.FINGERING_DENSITY_ALL
    pages = Counter((file.head.format, file.head.score_index) for file in files)

    def described(file: RenderedFile) -> NewFile:
        head = file.head
        kind = naming.KIND_OF_FORMAT[head.format]
        score_index = score_indices[head.score_index] if head.score_index >= 0 else -1
        sources = [score_ids[score_index]] if score_index >= 0 else [score_ids[index] for index in score_indices]
        if head.format in OF_PAGES:
            sources.append(source.artifact.artifact_id)
        artifact = artifact_service_pb2.Artifact(
            kind=kind,
            score_index=score_index,
            page_number=head.page_number,
            revision=1 + (revisions or {}).get((kind, score_index), 0),
            filename=naming.artifact_filename(
                naming.stem_of(job.source.filename),
                kind,
                score_index=score_index,
                score_count=len(score_ids),
                page_number=head.page_number,
                page_count=pages[head.format, head.score_index],
            ),
            media_type=head.media_type,
            producer_version=version,
            parameters={"density": FingeringDensity.Name(density).removeprefix("FINGERING_DENSITY_")},
            uncertainty_policy=job.options.uncertainty_policy,
        )
        return NewFile(artifact, file.content, sources)

    return await workshop.store_files(job, [described(file) for file in files], "rendering")

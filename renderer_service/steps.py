"""The steps of a rendering: what each makes, and the function a worker runs for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import typst

from etude.mesh.errors import EtudeError
from etude.mesh.scratch import scratch_directory
from etude.notation.validate import validate
from etude.review.document import review_html
from etude.score.v1 import score_pb2
from etude.stage.v1 import fingering_service_pb2
from renderer_service.annotation import AnnotationError, annotate_pdf
from renderer_service.engraving import EngravingError, engraved_pages, pdf_bytes
from renderer_service.fingers import Density, without_fingers
from renderer_service.formats import ANNOTATED_PDF, MIDI, MUSICXML, PDF, REVIEW, SVG, File, OutputFormat
from renderer_service.midi import midi_bytes
from renderer_service.musicxml import musicxml_bytes


@dataclass(frozen=True, slots=True)
class StepInput:
    """What a step works on.

    Attributes:
        scores: Serialized Scores.
        score_index: Index in the call of the first of them.
        original: The user's own file, for the step that needs it; else empty.
        formats: The formats wanted.
        density: Which fingers are shown.
        filename_stem: Title of a piece that has none.
    """

    scores: tuple[bytes, ...]
    score_index: int
    original: bytes
    formats: frozenset[OutputFormat]
    density: Density
    filename_stem: str

    def decoded(self) -> list[score_pb2.Score]:
        """The Scores."""
        return [score_pb2.Score.FromString(data) for data in self.scores]


@dataclass(frozen=True, slots=True)
class Failure:
    """A format that could not be made.

    Attributes:
        format: Which.
        reason: Name of an ErrorReason.
        message: Why, for a person.
    """

    format: OutputFormat
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a step made."""

    files: tuple[File, ...] = ()
    remarks: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A step.

    Attributes:
        name: For progress messages: what is being done.
        makes: Formats it makes; it runs when one of them is wanted.
        per_score: True when it runs once for each Score, False when once for all of them.
        function: Runs in a worker.
        weight: Share of the time of a rendering it takes, roughly.
    """

    name: str
    makes: frozenset[OutputFormat]
    per_score: bool
    function: Callable[[StepInput], StepOutput]
    weight: float


def check(task: StepInput) -> None:
    """Returns when all Scores are valid.

    Raises:
        EtudeError: INVALID_SCORE, naming what is broken.
    """
    for index, score in enumerate(task.decoded(), task.score_index):
        violations = validate(score)
        if violations:
            raise EtudeError(
                "INVALID_SCORE",
                f"Score {index} breaks {len(violations)} invariants; the first: {violations[0]}",
                violations=[(violation.field, str(violation)) for violation in violations],
            )


def write(task: StepInput) -> StepOutput:
    """MusicXML."""
    return StepOutput(
        tuple(
            File(MUSICXML, index, 0, musicxml_bytes(score, density=task.density, fallback_title=task.filename_stem))
            for index, score in enumerate(task.decoded(), task.score_index)
        )
    )


def perform(task: StepInput) -> StepOutput:
    """MIDI."""
    return StepOutput(
        tuple(
            File(MIDI, index, 0, midi_bytes(score, fallback_title=task.filename_stem))
            for index, score in enumerate(task.decoded(), task.score_index)
        )
    )


def engrave(task: StepInput) -> StepOutput:
    """SVG pages and the PDF of them, as wanted."""
    files: list[File] = []
    failures: list[Failure] = []
    for index, score in enumerate(task.decoded(), task.score_index):
        try:
            pages = engraved_pages(score, task.density, fallback_title=task.filename_stem)
        except EngravingError as error:
            failures += [Failure(format_, "INTERNAL", str(error)) for format_ in (SVG, PDF) if format_ in task.formats]
            continue
        if SVG in task.formats:
            files += [File(SVG, index, number, page.encode()) for number, page in enumerate(pages, 1)]
        if PDF in task.formats:
            title = score.metadata.title or score.metadata.movement_title or task.filename_stem
            try:
                files.append(File(PDF, index, 0, pdf_bytes(pages, title, score.metadata.composer)))
            except typst.TypstError as error:
                failures.append(Failure(PDF, "INTERNAL", f"The engraved pages could not be put into a PDF: {error}"))
    return StepOutput(tuple(files), failures=tuple(failures))


def annotate(task: StepInput) -> StepOutput:
    """The user's own pages with the fingers of all Scores."""
    try:
        annotated = annotate_pdf(task.original, task.decoded(), density=task.density)
    except AnnotationError as error:
        return StepOutput(failures=(Failure(ANNOTATED_PDF, error.reason, str(error)),))
    return StepOutput((File(ANNOTATED_PDF, -1, 0, annotated.data),), annotated.remarks)


def review(task: StepInput) -> StepOutput:
    """What was read under the user's own pages; without the fingers, which nobody read."""
    scores = [without_fingers(score) for score in task.decoded()]
    if not task.original:
        failure = Failure(REVIEW, "INVALID_REQUEST", "the original was not sent along with the score.")
        return StepOutput(failures=(failure,))
    with scratch_directory(Path(gettempdir()), "etude-review-") as folder:
        document = folder / "original"
        document.write_bytes(task.original)
        paths = [folder / f"{number}.musicxml" for number in range(len(scores))]
        for path, score in zip(paths, scores, strict=True):
            path.write_bytes(musicxml_bytes(score, fallback_title=task.filename_stem))
        pages = [page for score in scores for page in score.pages]
        html = review_html(document, scores, pages, paths, title=task.filename_stem)
    return StepOutput((File(REVIEW, -1, 0, html.encode()),))


# Each step begins at the Scores, so that one that fails takes no other with it; that the engraving writes the MusicXML
# once more costs little beside what it does with it. Those that find what they made before when the same worker has
# them again come first, so that they get it.
STEPS: tuple[Step, ...] = (
    Step("engraving", frozenset({SVG, PDF}), True, engrave, 3.0),
    Step("annotating", frozenset({ANNOTATED_PDF}), False, annotate, 3.0),
    Step("writing", frozenset({MUSICXML}), True, write, 0.5),
    Step("performing", frozenset({MIDI}), True, perform, 0.5),
    Step("reviewing", frozenset({REVIEW}), False, review, 3.0),
)


def tasks_of(task: StepInput) -> list[tuple[Step, StepInput]]:
    """The steps that make what is wanted, each with its own input, in order."""
    tasks: list[tuple[Step, StepInput]] = []
    for step in STEPS:
        if not step.makes & task.formats:
            continue
        original = task.original if step.makes & {ANNOTATED_PDF, REVIEW} else b""
        parts: Sequence[tuple[int, tuple[bytes, ...]]]
        parts = [(i, (data,)) for i, data in enumerate(task.scores)] if step.per_score else [(0, task.scores)]
        for index, scores in parts:
            part = StepInput(scores, index, original, task.formats, task.density, task.filename_stem)
            tasks.append((step, part))
    return tasks


def warm_up() -> None:
    """Called once in a new worker: engraves a bar, so that fonts and libraries are loaded before the first call."""
    empty = score_pb2.Score(schema_version="1.0.0", divisions=1)
    empty.parts.add(part_id="P1", staff_count=1)
    empty.clefs.add(clef_id="c1", part_id="P1", staff=1, sign=1, line=2)
    empty.measures.add(measure_id="m1", number="1", length_ticks=4).time_signature.beat_type = 4
    empty.measures[0].time_signature.beats.append(4)
    rest = empty.events.add(event_id="e1", part_id="P1", staff=1, voice=1, duration_ticks=4)
    rest.rest.whole_measure = True
    pdf_bytes(engraved_pages(empty, fingering_service_pb2.FINGERING_DENSITY_ALL))

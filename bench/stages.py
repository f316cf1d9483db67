"""The work of the stages, without the mesh around it: reading, fingering and rendering in this process, once each.

What is called is what the services' workers call, so checking and serializing are in it. Every document is worked on
once, after a warm-up on another Score: what a stage remembers of an earlier time does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.figures import Figure, percentile
from etude.score.v1 import score_pb2
from etude.stage.v1 import fingering_service_pb2, renderer_service_pb2
from fingering_service.work import registry, respond
from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, read_page, write_scores
from renderer_service.formats import OutputFormat
from renderer_service.steps import StepInput, check, tasks_of, warm_up

FORMATS: frozenset[OutputFormat] = frozenset(
    value for value in renderer_service_pb2.OutputFormat.values() if value != 0
)


@dataclass
class Clock:
    """Seconds of a piece of work, summed over its parts."""

    cpu: float = 0.0
    wall: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Adds the time of the block: CPU seconds of all threads of this process, and wall time."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu += time.process_time() - cpu
        self.wall += time.perf_counter() - wall


@dataclass
class Measured:
    """One document through the stages."""

    name: str
    pages: int = 0
    bars: int = 0
    notes: int = 0
    reading: Clock = field(default_factory=Clock)
    fingering: Clock = field(default_factory=Clock)
    rendering: Clock = field(default_factory=Clock)

    def as_json(self) -> dict[str, object]:
        """The document's own figures."""
        clocks = {name: getattr(self, name) for name in ("reading", "fingering", "rendering")}
        seconds = {name: {"cpu": round(c.cpu, 4), "wall": round(c.wall, 4)} for name, c in clocks.items()}
        return {"name": self.name, "pages": self.pages, "bars": self.bars, "notes": self.notes, "seconds": seconds}


def measure(pdf: Path) -> Measured:
    """Reads, fingers and renders one document.

    Raises:
        EtudeError: It cannot be read.
    """
    done = Measured(pdf.stem)
    data = pdf.read_bytes()
    with done.reading.running():
        with open_document(data) as document:
            outcomes = [read_page(document, number + 1) for number in range(document.page_count)]
        pages = [outcome.music for outcome in outcomes if outcome.music is not None]
        scores = write_scores(pages, Source(pdf.name, "sha256:bench"))
    with done.fingering.running():
        fingered = [_fingered(score) for score in scores]
    done.pages = len(outcomes)
    done.bars = sum(len(score.measures) for score in scores)
    done.notes = sum(len(event.notes) for score in scores for event in score.events)
    with done.rendering.running():
        task = StepInput(
            tuple(s.SerializeToString() for s in fingered),
            0,
            data,
            FORMATS,
            fingering_service_pb2.FINGERING_DENSITY_ALL,
            pdf.stem,
        )
        check(task)
        for step, part in tasks_of(task):
            if failures := step.function(part).failures:
                raise ValueError(f"{pdf.name}: {failures[0].message}")
    return done


def _fingered(score: score_pb2.Score) -> score_pb2.Score:
    return respond(fingering_service_pb2.AnnotateRequest(score=score), registry()).score


def ready() -> None:
    """Loads what the stages' workers load before their first call."""
    warm_up()
    registry()


def figures(documents: Sequence[Measured], of: str) -> list[Figure]:
    """The stages' figures over some documents, `of` saying which."""
    pages, bars, notes = (sum(getattr(d, name) for d in documents) for name in ("pages", "bars", "notes"))
    amounts = f"over {of}: {len(documents)} documents, {pages} pages, {bars} bars, {notes} notes"
    made: list[Figure] = []
    per: tuple[tuple[str, str, str, float, Callable[[Measured], float], float], ...] = (
        ("reading", "an engraved page", "s/page", 0.5, lambda d: d.pages, pages),
        ("fingering", "1,000 notes", "s/1,000 notes", 1.0, lambda d: d.notes / 1000, notes / 1000),
        ("rendering", "all formats of 100 bars", "s/100 bars", 2.0, lambda d: d.bars / 100, bars / 100),
    )
    for stage, what, unit, target, amount, total in per:
        cpu = sum(getattr(d, stage).cpu for d in documents)
        wall = sum(getattr(d, stage).wall for d in documents)
        worst = percentile([getattr(d, stage).cpu / amount(d) for d in documents], 1.0)
        name = f"{stage}, {what}"
        made += [
            Figure(f"{name}: CPU", cpu / total, unit, f"CPU seconds of one process, {amounts}", target),
            Figure(f"{name}: wall", wall / total, unit, "the same in wall time"),
            Figure(f"{name}: CPU of the slowest document", worst, unit, "the worst of the documents by this measure"),
        ]
    return made

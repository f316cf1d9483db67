"""Systems of Scores with the doubts in them: what a reviewer looks at, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from etude.notation.measures import measure_names
from etude.score.v1 import page_pb2, provenance_pb2, score_pb2

_BAR_KINDS = frozenset(
    {
        provenance_pb2.DOUBT_KIND_MEASURE_LENGTH,
        provenance_pb2.DOUBT_KIND_ALIGNMENT,
        provenance_pb2.DOUBT_KIND_UNREADABLE,
    }
)
"""Doubts about a whole bar: its times do not add up, or it could not be read."""


@dataclass(frozen=True, slots=True)
class ReviewedDoubt:
    """A doubt as it is shown: what its bar is called, what is doubtful, whether it is about the whole bar."""

    bar: str
    text: str
    whole_bar: bool


@dataclass(frozen=True, slots=True)
class ReviewedSystem:
    """A system, the part of a line of music that one looks at.

    Attributes:
        score_index: Of its Score in the document, from 0.
        first: Position of its first bar in the Score, from 0.
        count: Number of bars.
        names: What they are called.
        region: Where it stands; None where the Score knows no pages.
        doubts: What is doubtful in it.
        wrong_bars: Positions within the system, from 0, of bars that do not add up.
        ids: What of it is doubtful, by id.
        bar_regions: Where the bars that do not add up stand.
        symbol_regions: Where doubtful symbols stand.
    """

    score_index: int
    first: int
    count: int
    names: tuple[str, ...]
    region: page_pb2.PageRegion | None
    doubts: tuple[ReviewedDoubt, ...]
    wrong_bars: frozenset[int]
    ids: frozenset[str]
    bar_regions: tuple[page_pb2.PageRegion, ...]
    symbol_regions: tuple[page_pb2.PageRegion, ...]


def systems_of(scores: Sequence[score_pb2.Score]) -> Iterator[ReviewedSystem]:
    """The systems of all Scores, in the order of the document; without pages, lines as the measures start them."""
    for index, score in enumerate(scores):
        found = [
            (system.first_measure_index, system.measure_count, _region_of(system))
            for page in score.pages
            for system in page.systems
            if system.measure_count
        ]
        for first, count, region in found or _lines(score):
            yield _system(index, score, first, count, region)


def _region_of(system: page_pb2.System) -> page_pb2.PageRegion:
    """Where a system stands; where only its staves are placed, the box around them."""
    boxes = [staff.region for staff in system.staves if staff.region.page_number]
    if system.region.page_number or not boxes:
        return system.region
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.x + box.width for box in boxes), max(box.y + box.height for box in boxes)
    number = boxes[0].page_number
    return page_pb2.PageRegion(page_number=number, x=left, y=top, width=right - left, height=bottom - top)


def _lines(score: score_pb2.Score) -> Iterator[tuple[int, int, None]]:
    """First bar and number of bars of each line; four at a time where no line break is known."""
    starts = [i for i, measure in enumerate(score.measures) if i and (measure.starts_system or measure.starts_page)]
    starts = [0, *starts] if starts else list(range(0, len(score.measures), 4))
    for first, after in zip(starts, [*starts[1:], len(score.measures)], strict=True):
        yield first, after - first, None


def without_bar(message: str, name: str) -> str:
    """A doubt's message without the name of its bar, which is shown beside it.

    >>> without_bar("Measure 3: its voices do not add up.", "3"), without_bar("Measure 3, Piano: a tie.", "3")
    ('its voices do not add up.', 'Piano: a tie.')
    """
    rest = message.removeprefix(f"Measure {name}")
    return rest[2:] if rest != message and rest[:2] in (": ", ", ") else message


def _system(
    index: int, score: score_pb2.Score, first: int, count: int, region: page_pb2.PageRegion | None
) -> ReviewedSystem:
    doubts = [doubt for doubt in score.doubts if first <= doubt.measure_index < first + count]
    about_bars = [doubt for doubt in doubts if doubt.kind in _BAR_KINDS]
    measures = score.measures[first : first + count]
    names = measure_names(measure.number for measure in score.measures)
    wrong = frozenset(doubt.measure_index - first for doubt in about_bars)
    return ReviewedSystem(
        score_index=index,
        first=first,
        count=count,
        names=tuple(names[first : first + count]),
        region=region,
        doubts=tuple(
            ReviewedDoubt(name := names[d.measure_index], without_bar(d.message, name), d.kind in _BAR_KINDS)
            for d in doubts
        ),
        wrong_bars=wrong,
        ids=frozenset(thing for doubt in doubts if doubt.kind not in _BAR_KINDS for thing in doubt.ids),
        bar_regions=tuple(measures[i].region for i in sorted(wrong) if measures[i].region.page_number),
        symbol_regions=tuple(
            doubt.region for doubt in doubts if doubt.kind not in _BAR_KINDS and doubt.region.page_number
        ),
    )

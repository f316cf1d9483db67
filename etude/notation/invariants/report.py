"""What a broken invariant is reported as, and what the checks share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from etude.notation.index import ScoreIndex
from etude.score.v1 import event_pb2, page_pb2, provenance_pb2, score_pb2


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant.

    Attributes:
        id: Id of the measure, event, note, spanner, ... concerned; empty where it is the Score itself or a thing
            without an id.
        field: Path of the field within the Score, for example "events[12].notes[0].midi_pitch".
        message: What is wrong, in a sentence for people.
    """

    id: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field} ({self.id}): {self.message}" if self.id else f"{self.field}: {self.message}"


class Context:
    """A Score, its index, and which of its measures and things a Doubt speaks of."""

    def __init__(self, score: score_pb2.Score) -> None:
        self.score = score
        self.index = ScoreIndex(score)
        bar_doubts = {
            provenance_pb2.DOUBT_KIND_MEASURE_LENGTH,
            provenance_pb2.DOUBT_KIND_ALIGNMENT,
            provenance_pb2.DOUBT_KIND_UNREADABLE,
        }
        self.doubtful_bars = {doubt.measure_index for doubt in score.doubts if doubt.kind in bar_doubts}
        self.doubtful_ids = {thing for doubt in score.doubts for thing in doubt.ids}
        self.page_numbers = {page.page_number for page in score.pages}

    def bar_is_doubtful(self, measure_index: int) -> bool:
        """True when a Doubt says that the bar's times are not to be trusted."""
        return measure_index in self.doubtful_bars

    def is_doubtful(self, event: event_pb2.Event) -> bool:
        """True when a Doubt names the event or its bar's times."""
        return event.event_id in self.doubtful_ids or self.bar_is_doubtful(event.measure_index)

    def measure_exists(self, measure_index: int) -> bool:
        """True for the index of a measure."""
        return 0 <= measure_index < len(self.score.measures)

    def staff_exists(self, part_id: str, staff: int) -> bool:
        """True for a staff of a known part."""
        part = self.index.parts.get(part_id)
        return part is not None and 1 <= staff <= part.staff_count


def is_probability(value: float) -> bool:
    """True from 0 to 1; single-precision rounding is forgiven."""
    return math.isfinite(value) and -1e-6 <= value <= 1 + 1e-6


def check_confidence(thing_id: str, field: str, value: float) -> Iterator[Violation]:
    """A confidence or probability lies from 0 to 1."""
    if not is_probability(value):
        yield Violation(thing_id, field, f"{value} is no probability from 0 to 1")


def check_region(context: Context, thing_id: str, field: str, region: page_pb2.PageRegion) -> Iterator[Violation]:
    """A box is on a page of the Score and has a size that is not negative."""
    if region == page_pb2.PageRegion():
        return
    numbers = (region.x, region.y, region.width, region.height)
    if not all(map(math.isfinite, numbers)) or region.width < 0 or region.height < 0:
        yield Violation(thing_id, field, "its box needs finite numbers and a width and height that are not negative")
    if region.page_number < 1 or (context.page_numbers and region.page_number not in context.page_numbers):
        yield Violation(
            thing_id, field, f"it is said to be on page {region.page_number}, which the Score does not have"
        )


def check_staff(context: Context, thing_id: str, field: str, part_id: str, staff: int) -> Iterator[Violation]:
    """A part and staff exist."""
    part = context.index.parts.get(part_id)
    if part is None:
        yield Violation(thing_id, f"{field}.part_id", f"there is no part {part_id!r}")
    elif not 1 <= staff <= part.staff_count:
        yield Violation(thing_id, f"{field}.staff", f"part {part_id} has staves 1 to {part.staff_count}, not {staff}")

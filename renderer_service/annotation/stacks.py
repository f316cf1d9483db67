"""What is to be written on a page: stacks of digits, each with the notes it belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from etude.notation.measures import measure_names
from etude.score.v1 import event_pb2, fingering_pb2, page_pb2, score_pb2
from renderer_service.fingers import (
    Density,
    ShownFinger,
    hand_of,
    ornament_fingers,
    shown_finger,
    tie_continuations,
)
from renderer_service.sides import digits_above, voice_sides

GRACE_SCALE = 0.75
"""Size of a grace note's digits beside others."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in page points as displayed: origin top left, y down."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def center_x(self) -> float:
        """Middle between left and right."""
        return (self.x0 + self.x1) / 2


@dataclass(frozen=True, slots=True)
class StaffPlace:
    """The staff a note is printed on.

    Attributes:
        box: From the top line to the bottom line.
        space: Distance between neighbouring lines, in points.
    """

    box: Box
    space: float


@dataclass(frozen=True, slots=True)
class DigitStack:
    """Fingers of notes that are struck together by one hand and written in one column.

    Attributes:
        note_ids: The notes, highest first.
        fingers: Their fingers, in the same order: the order they are written in, downwards.
        heads: Boxes of their noteheads.
        staff: Where they are printed.
        above: True where the stack is wanted above the notes.
        stem: Direction of the notes' stem.
        scale: 1, or less for grace notes.
        measure: What the measure is called, for remarks.
    """

    note_ids: tuple[str, ...]
    fingers: tuple[ShownFinger, ...]
    heads: tuple[Box, ...]
    staff: StaffPlace
    above: bool
    stem: event_pb2.StemDirection.ValueType
    scale: float
    measure: str


@dataclass(frozen=True, slots=True)
class PageStacks:
    """What is to be written on one page.

    Attributes:
        page_number: From 1.
        width, height: Of the page as displayed, in points, as the Score knows it; 0 where it does not.
        rotation: Of the page as it was read, in degrees clockwise; None where the Score does not know the page.
        staves: All staves of the page.
        stacks: From system to system, staff to staff, left to right.
    """

    page_number: int
    width: float
    height: float
    rotation: int | None
    staves: tuple[StaffPlace, ...]
    stacks: tuple[DigitStack, ...]


@dataclass(frozen=True, slots=True)
class CollectedStacks:
    """The stacks of a document.

    Attributes:
        pages: By page, in order.
        without_place: Ids of notes that show a finger and are not known to stand anywhere on a page.
    """

    pages: tuple[PageStacks, ...]
    without_place: tuple[str, ...]


def collect_stacks(scores: Sequence[score_pb2.Score], density: Density) -> CollectedStacks:
    """All digits of the Scores that the pages do not have yet. Printed fingers are there already."""
    pages: dict[int, page_pb2.Page] = {}
    staves: defaultdict[int, list[StaffPlace]] = defaultdict(list)
    stacks: defaultdict[int, list[tuple[tuple[float, ...], DigitStack]]] = defaultdict(list)
    without_place: list[str] = []
    for score in scores:
        staff_places = _staff_places(score)
        for page in score.pages:
            pages.setdefault(page.page_number, page)
        for (number, *_), place in staff_places.items():
            if place not in staves[number]:
                staves[number].append(place)
        known = _Known(
            tie_continuations(score),
            ornament_fingers(score),
            staff_places,
            voice_sides(score),
            measure_names(measure.number for measure in score.measures),
        )
        for event in score.events:
            found, lost = _stacks_of(event, density, known)
            without_place += lost
            for number, stack in found:
                key = (stack.staff.box.y0, stack.heads[0].center_x, stack.heads[0].y0)
                stacks[number].append((key, stack))
    return CollectedStacks(
        tuple(
            PageStacks(
                number,
                pages[number].width if number in pages else 0.0,
                pages[number].height if number in pages else 0.0,
                pages[number].rotation if number in pages else None,
                tuple(sorted(staves[number], key=lambda staff: (staff.box.y0, staff.box.x0))),
                tuple(stack for _, stack in sorted(stacks[number], key=lambda entry: entry[0])),
            )
            for number in sorted(stacks)
        ),
        tuple(without_place),
    )


def box_of(region: page_pb2.PageRegion) -> Box:
    """The region as a box."""
    return Box(region.x, region.y, region.x + region.width, region.y + region.height)


_StaffKey = tuple[int, int, str, int]
"""Page number, measure index, part id, staff number."""


def _staff_places(score: score_pb2.Score) -> dict[_StaffKey, StaffPlace]:
    places: dict[_StaffKey, StaffPlace] = {}
    for page in score.pages:
        for system in page.systems:
            for staff in system.staves:
                place = StaffPlace(box_of(staff.region), staff.staff_space or staff.region.height / 4)
                for index in range(system.first_measure_index, system.first_measure_index + system.measure_count):
                    places[page.page_number, index, staff.part_id, staff.staff] = place
    return places


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a Score before its events are looked at.

    Attributes:
        continuations: Ids of notes held by a tie.
        ornaments: Fingers of ornaments, by note.
        staves: Where its staves stand.
        sides: The side of its staff on which an event has its digits, where two voices share the staff.
        measures: What the measures are called.
    """

    continuations: frozenset[str]
    ornaments: Mapping[str, tuple[int, ...]]
    staves: Mapping[_StaffKey, StaffPlace]
    sides: Mapping[str, bool]
    measures: Sequence[str]


def _stacks_of(
    event: event_pb2.Event, density: Density, known: _Known
) -> tuple[list[tuple[int, DigitStack]], list[str]]:
    """The event's stacks with their pages, one for each staff and hand; and the ids of notes without a place."""
    groups: defaultdict[tuple[int, int, fingering_pb2.Hand.ValueType], list[tuple[event_pb2.Note, ShownFinger]]] = (
        defaultdict(list)
    )
    lost = []
    for note in reversed(event.notes):
        shown = shown_finger(note, density, known.continuations)
        if shown is None or shown.source == fingering_pb2.FINGERING_SOURCE_PRINTED:
            continue
        if note.region.page_number < 1 or note.region.width <= 0:
            lost.append(note.note_id)
            continue
        groups[note.region.page_number, note.staff, hand_of(note)].append(
            (note, replace(shown, ornament=known.ornaments.get(note.note_id, ())))
        )
    found = []
    for (page_number, staff, hand), members in groups.items():
        heads = tuple(box_of(note.region) for note, _ in members)
        place = known.staves.get((page_number, event.measure_index, event.part_id, staff))
        if place is None:  # a note of no known staff: its own head tells the size of things
            space = fmean(head.y1 - head.y0 for head in heads)
            place = StaffPlace(Box(heads[0].x0, heads[0].y0, heads[0].x1, heads[-1].y1), space)
        stack = DigitStack(
            tuple(note.note_id for note, _ in members),
            tuple(shown for _, shown in members),
            heads,
            place,
            digits_above(event, staff, hand, known.sides),
            event.stem,
            GRACE_SCALE if event.HasField("grace") else 1.0,
            known.measures[event.measure_index],
        )
        found.append((page_number, stack))
    return found, lost

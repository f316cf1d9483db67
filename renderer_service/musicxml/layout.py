"""The order in which a part's events are written: measure by measure, each as lanes that never run into themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from etude.score.v1 import event_pb2, measure_pb2, score_pb2


@dataclass(frozen=True, slots=True)
class Lane:
    """Events of one voice in one measure, in the order of writing; none starts before the one before it has ended.

    Attributes:
        voice: Number of the MusicXML voice.
        staff: Staff the voice belongs to.
        events: The events, graces in their places.
        boundaries: Ticks at which an event of the lane starts or ends.
    """

    voice: int
    staff: int
    events: tuple[event_pb2.Event, ...]
    boundaries: frozenset[int]


@dataclass(frozen=True, slots=True)
class MeasureLayout:
    """A measure of one part.

    Attributes:
        measure: The measure.
        index: Its index in the Score.
        lanes: Its lanes, from the upper staff down, voices in order.
    """

    measure: measure_pb2.Measure
    index: int
    lanes: tuple[Lane, ...]


def writing_order(event: event_pb2.Event) -> tuple[int, int, int]:
    """Sort key within a voice: graces before their note, the note, graces after it."""
    if not event.HasField("grace"):
        return event.onset_ticks, 1, 0
    return event.onset_ticks, 2 if event.grace.after else 0, event.grace.order


def _without_overlap(events: Iterable[event_pb2.Event]) -> list[list[event_pb2.Event]]:
    """Splits one voice into the fewest lines in which no event starts before the one before it has ended.

    Only what a reader was unsure of overlaps; such a bar is written with an extra voice instead of a wrong rhythm.
    """
    lines: list[list[event_pb2.Event]] = []
    ends: list[int] = []
    pending: list[event_pb2.Event] = []  # graces travel with the note they stand before
    last = 0
    for event in events:
        if event.HasField("grace"):
            if event.grace.after and lines:
                lines[last].append(event)
            else:
                pending.append(event)
            continue
        for last, line_end in enumerate(ends):  # noqa: B007  (used after the loop)
            if line_end <= event.onset_ticks:
                break
        else:
            lines.append([])
            ends.append(0)
            last = len(lines) - 1
        lines[last] += [*pending, event]
        pending = []
        ends[last] = event.onset_ticks + event.duration_ticks
    if pending:
        if not lines:
            lines.append([])
        lines[0] += pending
    return lines


def voice_numbers(events: Sequence[event_pb2.Event]) -> dict[tuple[int, int], int]:
    """MusicXML voice by (staff, voice) of the Score.

    The Score's own numbers, unless one number stands on two staves of the same measure: then all are numbered anew.
    """
    pairs = sorted({(event.staff, event.voice) for event in events})
    staves_of: dict[tuple[int, int], int] = {}
    for event in events:
        if staves_of.setdefault((event.measure_index, event.voice), event.staff) != event.staff:
            return {pair: number for number, pair in enumerate(pairs, 1)}
    return {(staff, voice): max(1, voice) for staff, voice in pairs}


def part_layout(score: score_pb2.Score, part_id: str) -> list[MeasureLayout]:
    """The measures of a part, in order, each with its lanes."""
    by_measure: defaultdict[int, list[event_pb2.Event]] = defaultdict(list)
    for event in score.events:
        if event.part_id == part_id:
            by_measure[event.measure_index].append(event)
    numbers = voice_numbers([event for events in by_measure.values() for event in events])
    spare = max(numbers.values(), default=0)
    layouts = []
    for index, measure in enumerate(score.measures):
        voices: defaultdict[tuple[int, int], list[event_pb2.Event]] = defaultdict(list)
        for event in by_measure.get(index, ()):
            voices[event.staff, event.voice].append(event)
        lanes, extra = [], spare
        for staff, voice in sorted(voices):
            events = sorted(voices[staff, voice], key=writing_order)
            for copy, line in enumerate(_without_overlap(events)):
                extra += copy > 0
                boundaries = frozenset(
                    tick for event in line for tick in (event.onset_ticks, event.onset_ticks + event.duration_ticks)
                )
                lanes.append(Lane(extra if copy else numbers[staff, voice], staff, tuple(line), boundaries))
        layouts.append(MeasureLayout(measure, index, tuple(lanes)))
    return layouts

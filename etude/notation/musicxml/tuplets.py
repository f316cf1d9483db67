"""Tuplets: which events each covers, their nesting, and the ratios on every event."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from etude.notation.musicxml.raw import RawEvent, RawPart, RawSpanner, RawTuplet
from etude.notation.time import QUARTERS_OF_TYPE, written_quarters
from etude.score.v1 import event_pb2, spanner_pb2


@dataclass(frozen=True, slots=True)
class _Group:
    """A bracket over events `first` to `last` (places in the voice)."""

    mark: RawTuplet
    first: int
    last: int
    events: list[RawEvent]

    def holds(self, other: _Group) -> bool:
        """True when the other group lies within this one."""
        return self.first <= other.first and other.last <= self.last


def read_tuplets(part: RawPart, starts: list[Fraction]) -> list[RawSpanner]:
    """The tuplets of a part; sets the `ratios` of its events.

    Brackets give the tuplets; runs of notes with a <time-modification> but no <tuplet> get one that is not printed.

    Args:
        part: The part, voices settled.
        starts: Start of each measure in quarters.
    """
    spanners: list[RawSpanner] = []
    voices: dict[int, list[RawEvent]] = defaultdict(list)
    for event in part.events:
        _clear_tremolo(event)
        event.ratios = [event.modification] if event.modification != (1, 1) else []
        if event.grace is None:
            voices[event.voice_number].append(event)
    for events in voices.values():
        events.sort(key=lambda event: (event.measure, event.onset))
        covered = _settle(_bracketed(events), events, spanners, starts)
        _unmarked([event for event in events if id(event) not in covered], spanners, starts)
    return spanners


def _clear_tremolo(event: RawEvent) -> None:
    """A tremolo between two notes is written with the time of both and "2 in the time of 1", which is no tuplet."""
    if any(end.kind == "tremolo_between" for end in event.ends):
        actual, normal = event.modification
        ratio = Fraction(actual, 2 * normal)
        event.modification = (ratio.numerator, ratio.denominator) if ratio.denominator < ratio.numerator else (1, 1)


def _bracketed(events: list[RawEvent]) -> list[_Group]:
    """The brackets of a voice, outer before inner."""
    started: dict[str, tuple[RawTuplet, int]] = {}
    groups: list[_Group] = []
    for place, event in enumerate(events):
        for mark in event.tuplets:
            if mark.type == "start":
                started[mark.number] = (mark, place)
        for mark in event.tuplets:
            if mark.type == "stop" and mark.number in started:
                start, first = started.pop(mark.number)
                groups.append(_Group(start, first, place, events[first : place + 1]))
    groups.sort(key=lambda group: (group.first, -group.last, not group.mark.number.isdigit(), group.mark.number))
    return groups


def _settle(
    groups: list[_Group], events: list[RawEvent], spanners: list[RawSpanner], starts: list[Fraction]
) -> set[int]:
    """Gives every event the ratios of the tuplets around it, outermost first; returns the ids of events covered.

    A tuplet whose ratio does not fit into the modifications of its events is passed over.
    """
    around: list[list[tuple[int, int]]] = [[] for _ in events]
    accepted: list[tuple[_Group, tuple[int, int], int]] = []
    for number, group in enumerate(groups):
        depth = len(around[group.first])
        inside = range(group.first, group.last + 1)
        if any(len(around[place]) != depth for place in inside):
            continue  # crosses another tuplet
        inner: list[_Group] = []
        for other in groups[number + 1 :]:
            if other.first > group.last:
                break
            if group.holds(other):
                inner.append(other)
        ratio = _ratio_of(group, around[group.first], inner)
        if ratio is None:
            continue
        for place in inside:
            around[place].append(ratio)
        accepted.append((group, ratio, depth))
    fits = [
        _untimed(event) or _product(ratios) == Fraction(*event.modification)
        for event, ratios in zip(events, around, strict=True)
    ]
    covered: set[int] = set()
    for group, ratio, depth in accepted:
        inside = range(group.first, group.last + 1)
        if not all(fits[place] for place in inside):
            continue
        for place in inside:
            events[place].ratios = list(around[place])
            covered.add(id(events[place]))
        spanners.append(_spanner(group.events, ratio, depth, group.mark, starts))
    return covered


def _untimed(event: RawEvent) -> bool:
    """True for a rest whose length says nothing of its value."""
    return event.type == event_pb2.NOTE_TYPE_UNSPECIFIED


def _product(ratios: list[tuple[int, int]]) -> Fraction:
    product = Fraction(1)
    for actual, normal in ratios:
        product *= Fraction(actual, normal)
    return product


def _ratio_of(group: _Group, outer: list[tuple[int, int]], inner: list[_Group]) -> tuple[int, int] | None:
    """The bracket's own ratio: as stated, or what the events within and no deeper leave for it."""
    if group.mark.actual and group.mark.normal:
        return group.mark.actual, group.mark.normal
    for offset, event in enumerate(group.events):
        place = group.first + offset
        deeper = [other for other in inner if other.first <= place <= other.last]
        stated = [(other.mark.actual, other.mark.normal) for other in deeper if other.mark.actual and other.mark.normal]
        if _untimed(event) or len(stated) < len(deeper):
            continue
        if not outer and not deeper:
            return event.modification if event.modification != (1, 1) else None
        left = Fraction(*event.modification) / _product(outer) / _product(stated)
        return (left.numerator, left.denominator) if left != 1 else None
    return None


def _spanner(
    members: list[RawEvent],
    ratio: tuple[int, int],
    depth: int,
    mark: RawTuplet | None,
    starts: list[Fraction],
) -> RawSpanner:
    stated = mark.normal_type if mark else event_pb2.NOTE_TYPE_UNSPECIFIED
    normal_type = stated or members[0].normal_type or _unit(members, ratio, depth)
    tuplet = spanner_pb2.Tuplet(
        ratio=event_pb2.TupletRatio(actual=ratio[0], normal=ratio[1]),
        normal_type=normal_type,
        number_printed=mark.number_printed if mark else False,
        bracket_printed=mark.bracket if mark else False,
        depth=depth,
    )
    message = spanner_pb2.Spanner(staff=members[0].home_staff, tuplet=tuplet)
    if mark:
        message.placement = mark.placement
    first, last = members[0], members[-1]
    return RawSpanner(message, starts[first.measure] + first.onset, starts[last.measure] + last.end, members)


def _unit(members: list[RawEvent], ratio: tuple[int, int], depth: int) -> event_pb2.NoteType.ValueType:
    """The note type `ratio[0]` of which fill the tuplet; unspecified when there is none."""
    total = Fraction(0)
    for event in members:
        if _untimed(event):
            return event_pb2.NOTE_TYPE_UNSPECIFIED
        inner = _product(event.ratios[depth + 1 :])
        total += written_quarters(event.type, event.dots) / inner
    unit = total / ratio[0]
    return next((t for t, q in QUARTERS_OF_TYPE.items() if q == unit), event_pb2.NOTE_TYPE_UNSPECIFIED)


def _unmarked(events: list[RawEvent], spanners: list[RawSpanner], starts: list[Fraction]) -> None:
    """Groups runs of events with one <time-modification> into tuplets that are not printed.

    A tuplet is full when it lasts `normal` of the note type its ratio counts in, or of any where the file does not say.
    """
    run: list[RawEvent] = []
    for event in [*events, None]:
        follows = (
            event is not None
            and bool(run)
            and event.ratios == run[0].ratios
            and event.measure == run[-1].measure
            and event.onset == run[-1].end
        )
        if run and not follows:
            run = []  # a run that never fills is no tuplet one could draw
        if event is None or not event.ratios or _untimed(event):
            run = []
            continue
        run.append(event)
        actual, normal = run[0].ratios[0]
        unit = sum((member.duration for member in run), Fraction(0)) / normal
        wanted = run[0].normal_type
        if unit == QUARTERS_OF_TYPE[wanted] if wanted else unit in QUARTERS_OF_TYPE.values():
            spanners.append(_spanner(run, (actual, normal), 0, None, starts))
            run = []

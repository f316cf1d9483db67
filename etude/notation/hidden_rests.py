"""Hidden rests for what no event of a voice covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from etude.notation.measures import voice_fill
from etude.notation.ordering import sort_score
from etude.notation.time import QUARTERS_OF_TYPE, InexactTimeError, spell_duration, to_ticks, written_quarters
from etude.score.v1 import event_pb2, score_pb2, spanner_pb2


@dataclass(slots=True)
class _Tuplet:
    """A tuplet and how many ticks it lacks of what its number says."""

    spanner: spanner_pb2.Spanner
    lacks: Fraction

    @property
    def ratio(self) -> event_pb2.TupletRatio:
        return self.spanner.tuplet.ratio


@dataclass(frozen=True, slots=True)
class _Filling:
    """What fills a gap: note values (type, dots, ticks), and the tuplets they are of, outermost first."""

    values: list[tuple[event_pb2.NoteType.ValueType, int, int]]
    tuplets: tuple[_Tuplet, ...] = ()


def fill_with_hidden_rests(score: score_pb2.Score) -> int:
    """Fills, in place, what no event of a voice covers with hidden rests, so that every voice that has an event in a
    measure lasts the whole measure; sorts the Score.

    For writers whose source leaves the time before, between or after the notes of a voice empty (a second voice that
    begins in the middle of a bar). What is missing of a tuplet becomes part of it. Overfull voices stay as they are.

    Returns how many rests were added; their ids are "hr1", "hr2", ... (numbers already taken are passed over).
    """
    taken = {event.event_id for event in score.events}
    voices: dict[tuple[int, str, int], list[event_pb2.Event]] = {}
    for event in score.events:
        voices.setdefault((event.measure_index, event.part_id, event.voice), []).append(event)
    tuplets = _Tuplets(score)
    added: list[event_pb2.Event] = []
    number = 0
    for (measure_index, part_id, voice), events in sorted(voices.items()):
        for start, end in voice_fill(score.measures[measure_index], events).gaps:
            filling = tuplets.filling(start, end, [event for event in events if not event.HasField("grace")])
            rests = []
            ratios = [tuplet.ratio for tuplet in filling.tuplets]
            position = start
            for note_type, dots, ticks in filling.values:
                number += 1
                while f"hr{number}" in taken:
                    number += 1
                rest = event_pb2.Event(
                    event_id=f"hr{number}",
                    part_id=part_id,
                    measure_index=measure_index,
                    staff=events[0].staff,
                    voice=voice,
                    onset_ticks=position,
                    duration_ticks=ticks,
                    type=note_type,
                    dots=dots,
                    tuplet_ratios=ratios,
                    rest=event_pb2.Rest(hidden=True),
                    confidence=1.0,
                )
                rests.append(rest)
                position += ticks
            tuplets.add(rests, filling.tuplets)
            added += rests
    score.events.extend(added)
    sort_score(score)
    return len(added)


class _Tuplets:
    """The tuplets of a Score, of which some are to be completed."""

    def __init__(self, score: score_pb2.Score) -> None:
        self._divisions = score.divisions
        self._events = {event.event_id: event for event in score.events}
        self._of_event: dict[str, list[_Tuplet]] = {}
        for spanner in score.spanners:
            if spanner.WhichOneof("kind") == "tuplet":
                members = [self._events[event_id] for event_id in spanner.event_ids if event_id in self._events]
                tuplet = _Tuplet(spanner, self._lack(spanner.tuplet, members))
                for event in members:
                    self._of_event.setdefault(event.event_id, []).append(tuplet)

    def filling(self, start: int, end: int, events: Sequence[event_pb2.Event]) -> _Filling:
        """What fills a gap of a voice whose events are given (ticks); a value without a type where nothing fits.

        A gap within a tuplet is of it, whatever it is as long as. One at the end of a tuplet, or before it, is where
        no plain values last so long and the tuplet lacks as much.
        """
        ticks = end - start
        before = [t for e in events if e.onset_ticks + e.duration_ticks == start for t in self._around(e)]
        after = [t for e in events if e.onset_ticks == end for t in self._around(e)]
        within = tuple(tuplet for tuplet in before if any(tuplet is other for other in after))
        if within:
            return _Filling(_values(ticks, within, self._divisions) or _untyped(ticks), within)
        plain = _values(ticks, (), self._divisions)
        for beside in (tuple(before), tuple(after)) if plain is None else ():
            values = _values(ticks, beside, self._divisions)
            if values is not None and all(ticks <= tuplet.lacks for tuplet in beside):
                return _Filling(values, beside)
        return _Filling(plain or _untyped(ticks))

    def add(self, rests: Sequence[event_pb2.Event], tuplets: Sequence[_Tuplet]) -> None:
        """Makes rests, one after the other, members of tuplets."""
        self._events |= {rest.event_id: rest for rest in rests}
        for rest in rests:
            self._of_event[rest.event_id] = list(tuplets)
        for tuplet in tuplets:
            spanner = tuplet.spanner
            members = [self._events[event_id] for event_id in spanner.event_ids if event_id in self._events]
            members = sorted([*members, *rests], key=lambda event: event.onset_ticks)
            spanner.event_ids[:] = [event.event_id for event in members]
            if spanner.end_ticks:
                spanner.start_ticks = min(spanner.start_ticks, rests[0].onset_ticks)
                spanner.end_ticks = max(spanner.end_ticks, rests[-1].onset_ticks + rests[-1].duration_ticks)
            tuplet.lacks -= sum(rest.duration_ticks for rest in rests)
            if not spanner.tuplet.normal_type and all(event.type for event in members):
                spanner.tuplet.normal_type = self._unit(spanner.tuplet, members)

    def _around(self, event: event_pb2.Event) -> list[_Tuplet]:
        """The tuplets of an event, outermost first."""
        return sorted(self._of_event.get(event.event_id, ()), key=lambda tuplet: tuplet.spanner.tuplet.depth)

    def _unit(self, tuplet: spanner_pb2.Tuplet, members: Sequence[event_pb2.Event]) -> event_pb2.NoteType.ValueType:
        """The note type as many of which as the tuplet's number says fill it; unspecified where there is none."""
        unit = Fraction(sum(event.duration_ticks for event in members), self._divisions) / tuplet.ratio.actual
        for ratio in members[0].tuplet_ratios[: tuplet.depth + 1]:
            unit *= Fraction(ratio.actual, ratio.normal)
        return next(
            (t for t, quarters in QUARTERS_OF_TYPE.items() if quarters == unit), event_pb2.NOTE_TYPE_UNSPECIFIED
        )

    def _lack(self, tuplet: spanner_pb2.Tuplet, members: Sequence[event_pb2.Event]) -> Fraction:
        """Ticks between what the members last and what the tuplet's number says.

        Where it is not known which notes the number counts, it counts the shortest of the members.
        """
        typed = [event for event in members if event.type]
        if not typed:
            return Fraction(0)
        ratios = typed[0].tuplet_ratios[: tuplet.depth + 1]
        counted = [tuplet.normal_type] if tuplet.normal_type else [event.type for event in typed]
        unit = min(written_quarters(note_type, 0, ratios) for note_type in counted) * self._divisions
        whole = tuplet.ratio.actual * unit
        lasting = sum(event.duration_ticks for event in members)
        return whole * ceil(lasting / whole) - lasting


def _untyped(ticks: int) -> list[tuple[event_pb2.NoteType.ValueType, int, int]]:
    return [(event_pb2.NOTE_TYPE_UNSPECIFIED, 0, ticks)]


def _values(
    ticks: int, tuplets: Iterable[_Tuplet], divisions: int
) -> list[tuple[event_pb2.NoteType.ValueType, int, int]] | None:
    """Note values within tuplets (type, dots, ticks) that last so long together; None where there are none."""
    ratios = [tuplet.ratio for tuplet in tuplets]
    written = Fraction(ticks, divisions)
    for ratio in ratios:
        written *= Fraction(ratio.actual, ratio.normal)
    try:
        return [(t, d, to_ticks(written_quarters(t, d, ratios), divisions)) for t, d in spell_duration(written)]
    except (InexactTimeError, ValueError):
        return None

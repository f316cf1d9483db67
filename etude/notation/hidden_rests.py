"""Hidden rests for what no event of a voice covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from etude.notation.measures import voice_fill
from etude.notation.ordering import sort_score
from etude.notation.time import InexactTimeError, spell_duration, to_ticks, written_quarters
from etude.score.v1 import event_pb2, score_pb2, spanner_pb2


@dataclass(frozen=True, slots=True)
class _Filling:
    """What fills a gap: note values (type, dots, ticks), and the event beside it whose tuplets go on through them."""

    values: list[tuple[event_pb2.NoteType.ValueType, int, int]]
    tuplet_of: event_pb2.Event | None = None


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
                    rest=event_pb2.Rest(hidden=True),
                    confidence=1.0,
                )
                rests.append(rest)
                position += ticks
            if filling.tuplet_of is not None:
                tuplets.add(rests, filling.tuplet_of)
            added += rests
    score.events.extend(added)
    sort_score(score)
    return len(added)


@dataclass(slots=True)
class _Tuplet:
    """A tuplet and how many ticks it lacks of what its number says."""

    spanner: spanner_pb2.Spanner
    lacks: Fraction


class _Tuplets:
    """The tuplets of a Score, of which some are to be completed."""

    def __init__(self, score: score_pb2.Score) -> None:
        self._divisions = score.divisions
        self._of_event: dict[str, list[_Tuplet]] = {}
        events = {event.event_id: event for event in score.events}
        for spanner in score.spanners:
            if spanner.WhichOneof("kind") == "tuplet":
                members = [events[event_id] for event_id in spanner.event_ids if event_id in events]
                tuplet = _Tuplet(spanner, self._lack(spanner.tuplet, members))
                for event in members:
                    self._of_event.setdefault(event.event_id, []).append(tuplet)

    def filling(self, start: int, end: int, events: Sequence[event_pb2.Event]) -> _Filling:
        """What fills a gap of a voice whose events are given (ticks); a value without a type where nothing fits."""
        ticks = end - start
        plain = _values(ticks, (), self._divisions)
        if plain is not None:
            return _Filling(plain)
        for event in events:
            tuplets = self._of_event.get(event.event_id, [])
            beside = event.onset_ticks + event.duration_ticks == start or event.onset_ticks == end
            if beside and tuplets and all(ticks <= tuplet.lacks for tuplet in tuplets):
                values = _values(ticks, event.tuplet_ratios, self._divisions)
                if values is not None:
                    return _Filling(values, event)
        return _Filling([(event_pb2.NOTE_TYPE_UNSPECIFIED, 0, ticks)])

    def add(self, rests: Sequence[event_pb2.Event], beside: event_pb2.Event) -> None:
        """Makes rests members of the tuplets of the event beside them."""
        tuplets = self._of_event[beside.event_id]
        for rest in rests:
            rest.tuplet_ratios.extend(beside.tuplet_ratios)
            self._of_event[rest.event_id] = tuplets
        for tuplet in tuplets:
            ids = list(tuplet.spanner.event_ids)
            at = ids.index(beside.event_id) + (rests[0].onset_ticks > beside.onset_ticks)
            tuplet.spanner.event_ids[:] = [*ids[:at], *(rest.event_id for rest in rests), *ids[at:]]
            if tuplet.spanner.end_ticks:
                end = rests[-1].onset_ticks + rests[-1].duration_ticks
                tuplet.spanner.start_ticks = min(tuplet.spanner.start_ticks, rests[0].onset_ticks)
                tuplet.spanner.end_ticks = max(tuplet.spanner.end_ticks, end)
            tuplet.lacks -= sum(rest.duration_ticks for rest in rests)

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


def _values(
    ticks: int, ratios: Iterable[event_pb2.TupletRatio], divisions: int
) -> list[tuple[event_pb2.NoteType.ValueType, int, int]] | None:
    """Note values within tuplets (type, dots, ticks) that last so long together; None where there are none."""
    ratios = list(ratios)
    written = Fraction(ticks, divisions)
    for ratio in ratios:
        written *= Fraction(ratio.actual, ratio.normal)
    try:
        return [(t, d, to_ticks(written_quarters(t, d, ratios), divisions)) for t, d in spell_duration(written)]
    except (InexactTimeError, ValueError):
        return None

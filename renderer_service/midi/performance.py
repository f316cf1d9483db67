"""The notes of a Score as they sound: ties joined, graces given time, short notes short."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from etude.score.v1 import direction_pb2, event_pb2, score_pb2
from renderer_service.fingers import hand_of

Ticks: TypeAlias = Fraction | int
"""A time: whole ticks, which are quicker to reckon with, wherever no grace note shares them out."""
GRACE_QUARTERS = Fraction(1, 8)
"""Longest time of one grace note, a 32nd note."""
SHORTENED = {
    direction_pb2.ARTICULATION_KIND_STACCATO: Fraction(1, 2),
    direction_pb2.ARTICULATION_KIND_STACCATISSIMO: Fraction(1, 4),
    direction_pb2.ARTICULATION_KIND_DETACHED_LEGATO: Fraction(3, 4),
}
ACCENTED = frozenset({direction_pb2.ARTICULATION_KIND_ACCENT, direction_pb2.ARTICULATION_KIND_STRONG_ACCENT})


@dataclass(frozen=True, slots=True)
class SoundingNote:
    """One struck key.

    Attributes:
        note_id: The note that is struck (the first of a chain of ties).
        part_id: Its part.
        staff: Staff it is printed on.
        hand: Who plays it.
        key: MIDI key number.
        start, end: In ticks of the Score; exact fractions where graces share out time.
        accented: True for an accent.
    """

    note_id: str
    part_id: str
    staff: int
    hand: int
    key: int
    start: Ticks
    end: Ticks
    accented: bool = False


def sounding_notes(score: score_pb2.Score) -> list[SoundingNote]:
    """All struck keys, by part, start and key. Repeats are not played out; trills and tremolos are held notes.

    Graces before a note are played before its time, together in at most half of what the voice has just before; at
    the start of a voice, where there is nothing before, they take from their note. Graces after a note take from its
    end.
    """
    continued_by = {
        spanner.start_note_id: spanner.end_note_id
        for spanner in score.spanners
        if spanner.WhichOneof("kind") == "tie" and spanner.start_note_id and spanner.end_note_id
    }
    event_of = {note.note_id: event for event in score.events for note in event.notes}
    held = set(continued_by.values())
    shortened, accented = _articulations(score.directions)
    starts, ends = _times_with_graces(score)
    found = []
    for event in score.events:
        for note in event.notes:
            if note.note_id in held:
                continue
            start, end = starts[event.event_id], ends[event.event_id]
            last, seen = note.note_id, {note.note_id}
            while continued_by.get(last) in event_of and continued_by[last] not in seen:
                last = continued_by[last]
                seen.add(last)
                end = max(end, ends[event_of[last].event_id])
            if last == note.note_id:
                end = start + (end - start) * shortened.get(event.event_id, 1)
            found.append(
                SoundingNote(
                    note.note_id,
                    event.part_id,
                    note.staff,
                    hand_of(note),
                    note.midi_pitch,
                    start,
                    end,
                    event.event_id in accented,
                )
            )
    return sorted(found, key=lambda n: (n.part_id, n.start, n.key, n.note_id))


def _articulations(directions: Iterable[direction_pb2.Direction]) -> tuple[dict[str, Fraction], set[str]]:
    shortened: dict[str, Fraction] = {}
    accented = set()
    for direction in directions:
        if direction.WhichOneof("kind") == "articulation" and direction.event_id:
            kind = direction.articulation.kind
            if kind in ACCENTED:
                accented.add(direction.event_id)
            if kind in SHORTENED:
                shortened[direction.event_id] = min(shortened.get(direction.event_id, Fraction(1)), SHORTENED[kind])
    return shortened, accented


def _times_with_graces(score: score_pb2.Score) -> tuple[dict[str, Ticks], dict[str, Ticks]]:
    """Start and end in ticks of every event, by id."""
    starts: dict[str, Ticks] = {event.event_id: event.onset_ticks for event in score.events}
    ends: dict[str, Ticks] = {event.event_id: event.onset_ticks + event.duration_ticks for event in score.events}
    voices: defaultdict[tuple[str, int, int], list[event_pb2.Event]] = defaultdict(list)
    for event in score.events:
        voices[event.part_id, event.staff, event.voice].append(event)
    longest = GRACE_QUARTERS * score.divisions
    for events in voices.values():
        mains = sorted((e for e in events if not e.HasField("grace")), key=lambda e: e.onset_ticks)
        main_at = {event.onset_ticks: event for event in reversed(mains)}
        groups: defaultdict[tuple[int, bool], list[event_pb2.Event]] = defaultdict(list)
        for event in events:
            if event.HasField("grace"):
                groups[event.onset_ticks, event.grace.after].append(event)
        for (onset, after), graces in groups.items():
            graces.sort(key=lambda e: e.grace.order)
            main = main_at.get(onset)
            before = max((e.onset_ticks for e in mains if e.onset_ticks < onset), default=None)
            if after and main is not None:
                step = min(longest, Fraction(main.duration_ticks, 2 * len(graces)))
                first = ends[main.event_id] - step * len(graces)
                ends[main.event_id] = first
            elif before is not None:
                step = min(longest, Fraction(onset - before, 2 * len(graces)))
                first = onset - step * len(graces)
            else:
                length = main.duration_ticks if main is not None else score.divisions
                step = min(longest, Fraction(length, 2 * len(graces)))
                first = Fraction(onset)
                if main is not None:
                    starts[main.event_id] = first + step * len(graces)
            for index, grace in enumerate(graces):
                starts[grace.event_id] = first + step * index
                ends[grace.event_id] = first + step * (index + 1)
    return starts, ends


def without_collisions(notes: Iterable[SoundingNote]) -> list[SoundingNote]:
    """The notes of one MIDI channel, so that a key is never struck while it is down.

    Where a key is struck again it is let go first; where two voices strike it at once, one note of the longer
    duration remains.
    """
    by_key: defaultdict[int, list[SoundingNote]] = defaultdict(list)
    for note in sorted(notes, key=lambda n: (n.start, n.end, n.note_id)):
        line = by_key[note.key]
        if line and line[-1].start == note.start:
            line[-1] = replace(note, accented=note.accented or line[-1].accented)
            continue
        if line and line[-1].end > note.start:
            line[-1] = replace(line[-1], end=note.start)
        line.append(note)
    return sorted((n for line in by_key.values() for n in line if n.end > n.start), key=lambda n: (n.start, n.key))

"""The order of things within a Score."""

from __future__ import annotations

from collections.abc import Mapping

from etude.score.v1 import direction_pb2, event_pb2, measure_pb2, score_pb2, spanner_pb2

EventKey = tuple[int, int, int, int, int, int, int]


def part_positions(score: score_pb2.Score) -> dict[str, int]:
    """Position of each part by id."""
    return {part.part_id: position for position, part in enumerate(score.parts)}


def event_key(event: event_pb2.Event, parts: Mapping[str, int]) -> EventKey:
    """Sort key of events: measure, part, staff, voice, onset, then graces before, the chord, graces after."""
    place = 1
    if event.HasField("grace"):
        place = 2 if event.grace.after else 0
    return (
        event.measure_index,
        parts.get(event.part_id, len(parts)),
        event.staff,
        event.voice,
        event.onset_ticks,
        place,
        event.grace.order,
    )


def clef_key(clef: measure_pb2.Clef, parts: Mapping[str, int]) -> tuple[int, int, int]:
    """Sort key of clefs: part, staff, onset."""
    return parts.get(clef.part_id, len(parts)), clef.staff, clef.onset_ticks


def spanner_key(spanner: spanner_pb2.Spanner) -> int:
    """Sort key of spanners: their start. The order among equals is the writer's."""
    return spanner.start_ticks


def direction_key(direction: direction_pb2.Direction) -> int:
    """Sort key of directions: their onset. The order among equals is the writer's."""
    return direction.onset_ticks


def note_key(note: event_pb2.Note) -> tuple[int, int]:
    """Sort key of the notes of a chord: sounding pitch, then written height."""
    return note.midi_pitch, 7 * note.pitch.octave + note.pitch.step


def sort_score(score: score_pb2.Score) -> None:
    """Sorts, in place and stably, notes, events, clefs, spanners and directions into the order the schema asks for."""
    parts = part_positions(score)
    for event in score.events:
        event.notes.sort(key=note_key)
    score.events.sort(key=lambda event: event_key(event, parts))
    score.clefs.sort(key=lambda clef: clef_key(clef, parts))
    score.spanners.sort(key=spanner_key)
    score.directions.sort(key=direction_key)

"""Printed accidentals, where only pitches are known."""

from __future__ import annotations

from etude.notation.index import ScoreIndex
from etude.notation.keys import alteration_in_key
from etude.notation.ordering import event_key
from etude.score.v1 import pitch_pb2, score_pb2

_KINDS = {
    -2: pitch_pb2.ACCIDENTAL_KIND_DOUBLE_FLAT,
    -1: pitch_pb2.ACCIDENTAL_KIND_FLAT,
    0: pitch_pb2.ACCIDENTAL_KIND_NATURAL,
    1: pitch_pb2.ACCIDENTAL_KIND_SHARP,
    2: pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP,
}


def print_accidentals(score: score_pb2.Score) -> None:
    """Sets, in place, the accidental of every note that needs one, and removes all others.

    An accidental holds for its line or space of its staff to the barline; a note that a tie brings over the barline
    needs none and leaves none behind.
    """
    index = ScoreIndex(score)
    parts = index.part_positions
    for position, _ in enumerate(score.measures):
        in_force: dict[tuple[str, int, int, int], int] = {}
        events = sorted(index.events_in(position), key=lambda event: (event.onset_ticks, event_key(event, parts)))
        for event in events:
            for note in event.notes:
                note.ClearField("accidental")
                if index.previous_tied(note.note_id) is not None:
                    continue
                place = (event.part_id, note.staff, note.pitch.step, note.pitch.octave)
                key = index.key_at(position, event.part_id, note.staff)
                if note.pitch.alter != in_force.get(place, alteration_in_key(note.pitch.step, key.fifths)):
                    note.accidental.kind = _KINDS[note.pitch.alter]
                    in_force[place] = note.pitch.alter

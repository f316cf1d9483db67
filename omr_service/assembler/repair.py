"""What a written Score must hold, made to hold: each repair is told by a Doubt."""

from __future__ import annotations

from etude.notation.index import ScoreIndex
from etude.notation.pitch import midi_of
from etude.score.v1 import score_pb2


def set_sounding(score: score_pb2.Score) -> None:
    """Sets, in place, the key each note sounds at: its pitch as written, moved by the octave lines over its onset."""
    index = ScoreIndex(score)
    for event in score.events:
        for note in event.notes:
            lines = index.octave_lines_at(event.part_id, note.staff, event.onset_ticks)
            note.midi_pitch = midi_of(note.pitch) + 12 * sum(line.octave_line.octaves for line in lines)

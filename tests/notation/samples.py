"""Small Scores written out by hand."""

from etude.notation.pitch import midi_of, parse_pitch
from etude.notation.time import written_ticks
from etude.score.v1 import event_pb2, measure_pb2, score_pb2, spanner_pb2


def chord(event_id, names, onset, note_type, *, voice=1, staff=1, measure_index=0, divisions=1, dots=0):
    """A chord of the named pitches; its notes get the ids "<event_id>.1", "<event_id>.2", ..."""
    event = event_pb2.Event(
        event_id=event_id,
        part_id="P1",
        measure_index=measure_index,
        staff=staff,
        voice=voice,
        onset_ticks=onset,
        duration_ticks=written_ticks(note_type, dots, (), divisions),
        type=note_type,
        dots=dots,
        confidence=1.0,
    )
    for number, name in enumerate(names.split(), 1):
        pitch = parse_pitch(name)
        event.notes.add(
            note_id=f"{event_id}.{number}", pitch=pitch, midi_pitch=midi_of(pitch), staff=staff, confidence=1.0
        )
    return event


def two_bars():
    """Two bars of 4/4 in C: C4-tied-C4/E4 and F4; a whole chord and rests below. Divisions 1."""
    score = score_pb2.Score(schema_version="1.0.0", score_id="s", divisions=1)
    score.parts.add(part_id="P1", name="Piano", role=score_pb2.PART_ROLE_KEYBOARD, staff_count=2)
    for position in range(2):
        score.measures.add(
            measure_id=f"m{position + 1}",
            number=str(position + 1),
            onset_ticks=4 * position,
            length_ticks=4,
            time_signature=measure_pb2.TimeSignature(beats=[4], beat_type=4),
            key_signatures=[measure_pb2.KeySignature()],
            confidence=1.0,
        )
    for staff, sign, line in ((1, measure_pb2.CLEF_SIGN_G, 2), (2, measure_pb2.CLEF_SIGN_F, 4)):
        score.clefs.add(clef_id=f"c{staff}", part_id="P1", staff=staff, sign=sign, line=line, confidence=1.0)
    quarter, half, whole = event_pb2.NOTE_TYPE_QUARTER, event_pb2.NOTE_TYPE_HALF, event_pb2.NOTE_TYPE_WHOLE
    score.events.append(chord("e1", "C4", 0, quarter))
    score.events.append(chord("e2", "C4 E4", 1, quarter))
    score.events.append(chord("e3", "F4", 2, half))
    rest = event_pb2.Rest(whole_measure=True)
    common = {"part_id": "P1", "staff": 2, "voice": 5, "duration_ticks": 4, "rest": rest, "confidence": 1.0}
    score.events.add(event_id="e4", measure_index=0, onset_ticks=0, **common)
    score.events.append(chord("e5", "G3 B3 D4", 4, whole, measure_index=1))
    score.events.add(event_id="e6", measure_index=1, onset_ticks=4, **common)
    score.spanners.add(
        spanner_id="s1",
        part_id="P1",
        staff=1,
        start_note_id="e1.1",
        end_note_id="e2.1",
        start_ticks=0,
        end_ticks=1,
        tie=spanner_pb2.Tie(),
        confidence=1.0,
    )
    direction = score.directions.add(
        direction_id="d1", part_id="P1", staff=1, measure_index=1, onset_ticks=4, confidence=1.0
    )
    direction.dynamic.text = "p"
    direction.placement = spanner_pb2.PLACEMENT_BELOW
    return score

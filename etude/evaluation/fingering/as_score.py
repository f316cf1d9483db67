"""Struck notes as a Score, so that a fingering stage can be asked for their fingers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from etude.evaluation.fingering.notes import StruckNote
from etude.notation.io import SCHEMA_VERSION
from etude.notation.ordering import sort_score
from etude.notation.pitch import spell
from etude.notation.time import least_divisions, to_ticks
from etude.score.v1 import event_pb2, fingering_pb2, measure_pb2, provenance_pb2, score_pb2

_PART = "P1"
_SHORTEST = Fraction(1, 1000)
_FINEST = 1_000_000
"""Divisions of a quarter at most: tuplets of many kinds in one piece have no common measure that a Score can hold."""


def as_score(
    notes: Sequence[StruckNote], *, together: Fraction = Fraction(0), quarters_per_minute: float = 0.0
) -> score_pb2.Score:
    """A Score of the notes, without fingers: one measure without meter in which each note is an event of its own.

    Args:
        notes: The notes; that of index 7 has the id "n7".
        together: Notes of one hand that follow within this time are struck together (performances are never exact).
        quarters_per_minute: The tempo; 0 where it is not known.
    """
    onsets = _struck_together(notes, together)
    ends = [onset + max(note.duration, _SHORTEST) for onset, note in zip(onsets, notes, strict=True)]
    divisions = least_divisions([*onsets, *ends])
    if divisions > _FINEST:
        divisions = _FINEST
        onsets, ends = ([Fraction(round(time * divisions), divisions) for time in times] for times in (onsets, ends))
    score = score_pb2.Score(schema_version=SCHEMA_VERSION, score_id="evaluated", divisions=divisions)
    score.parts.add(part_id=_PART, name="Piano", role=score_pb2.PART_ROLE_KEYBOARD, staff_count=2)
    length = to_ticks(max(ends, default=Fraction(1)), divisions)
    measure = score.measures.add(measure_id="m1", number="1", length_ticks=length, confidence=1.0)
    measure.time_signature.symbol = measure_pb2.TIME_SYMBOL_NONE
    measure.key_signatures.add()
    score.doubts.add(
        kind=provenance_pb2.DOUBT_KIND_MEASURE_LENGTH, message="the table has no measures of its own", measure_index=0
    )
    for staff, sign, line in ((1, measure_pb2.CLEF_SIGN_G, 2), (2, measure_pb2.CLEF_SIGN_F, 4)):
        score.clefs.add(clef_id=f"c{staff}", part_id=_PART, staff=staff, sign=sign, line=line, confidence=1.0)
    for index, (note, onset, end) in enumerate(zip(notes, onsets, ends, strict=True)):
        score.events.append(_event(index, note, to_ticks(onset, divisions), to_ticks(end, divisions)))
    if quarters_per_minute:
        mark = score.directions.add(direction_id="tempo", part_id=_PART, staff=1, confidence=1.0)
        mark.tempo.beat_type, mark.tempo.beats_per_minute = event_pb2.NOTE_TYPE_QUARTER, quarters_per_minute
    sort_score(score)
    return score


def _struck_together(notes: Sequence[StruckNote], together: Fraction) -> list[Fraction]:
    """Onsets, those of a chord made one."""
    onsets = [note.onset for note in notes]
    for hand in "RL":
        first: Fraction | None = None
        for index in sorted((i for i, note in enumerate(notes) if note.hand == hand), key=lambda i: notes[i].onset):
            if first is None or notes[index].onset - first > together:
                first = notes[index].onset
            onsets[index] = first
    return onsets


def _event(index: int, note: StruckNote, onset: int, end: int) -> event_pb2.Event:
    event = event_pb2.Event(
        event_id=f"e{index}",
        part_id=_PART,
        staff=note.staff,
        voice=note.staff,
        onset_ticks=onset,
        duration_ticks=0 if note.grace else end - onset,
        # every chord needs a value; what the doubt about the measure says is that values do not make durations
        type=event_pb2.NOTE_TYPE_QUARTER,
        confidence=1.0,
    )
    if note.grace:
        event.grace.order = index
    hand = fingering_pb2.HAND_RIGHT if note.hand == "R" else fingering_pb2.HAND_LEFT
    event.notes.add(
        note_id=f"n{index}",
        pitch=spell(note.midi, 0),
        midi_pitch=note.midi,
        staff=note.staff,
        hand=hand,
        confidence=1.0,
    )
    return event


def with_fingers(notes: Sequence[StruckNote], score: score_pb2.Score) -> list[StruckNote]:
    """The notes with the fingers that the fingered Score gives them."""
    fingers: Mapping[str, int] = {note.note_id: note.fingering.finger for event in score.events for note in event.notes}
    given = [fingers.get(f"n{index}", 0) for index in range(len(notes))]
    return [replace(note, finger=str(finger) if finger else "") for note, finger in zip(notes, given, strict=True)]

"""Readings from Scores."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from etude.evaluation.marks import KINDS, marks_by_measure
from etude.evaluation.reading import Bar, Reading, Spelling, WrittenNote
from etude.notation.index import ScoreIndex
from etude.score.v1 import event_pb2, pitch_pb2, score_pb2, spanner_pb2


def reading_of(scores: Sequence[score_pb2.Score]) -> Reading:
    """The reading that Scores hold, one after the other as pieces or movements of one document are."""
    return Reading(
        bars=tuple(bar for score in scores for bar in _bars(score)),
        kinds=frozenset(KINDS),
        doubts=sum(len(score.doubts) for score in scores),
        movements=tuple(len(score.measures) for score in scores),
        page_sizes={page.page_number: (page.width, page.height) for score in scores for page in score.pages},
    )


def _bars(score: score_pb2.Score) -> list[Bar]:
    index = ScoreIndex(score)
    first_staff = first_staves(score)
    tied = {spanner.start_note_id for spanner in score.spanners if _is_tie_to_a_note(spanner)}
    marks = marks_by_measure(index, first_staff)
    bars = []
    for position, measure in enumerate(score.measures):
        events = index.events_in(position)
        ends = {
            (event.part_id, event.voice, event.onset_ticks): event.onset_ticks + event.duration_ticks
            for event in events
            if not event.HasField("grace")
        }
        notes = tuple(
            _note(event, note, first_staff, _time(event, ends) - measure.onset_ticks, score.divisions, tied)
            for event in events
            for note in event.notes
        )
        region = measure.region if measure.region.page_number else None
        bars.append(Bar(measure.number, notes, tuple(marks[position]), region))
    return bars


def first_staves(score: score_pb2.Score) -> dict[str, int]:
    """By part, the number of staves above its first: two parts of one staff each are as one of two."""
    above: dict[str, int] = {}
    total = 0
    for part in score.parts:
        above[part.part_id] = total
        total += part.staff_count
    return above


def _is_tie_to_a_note(spanner: spanner_pb2.Spanner) -> bool:
    return spanner.WhichOneof("kind") == "tie" and not spanner.tie.laissez_vibrer


def _time(event: event_pb2.Event, ends: dict[tuple[str, int, int], int]) -> int:
    """The tick at which an event is written: a grace note after a note stands where that one ends."""
    if not event.grace.after:
        return event.onset_ticks
    return ends.get((event.part_id, event.voice, event.onset_ticks), event.onset_ticks)


def _note(
    event: event_pb2.Event,
    note: event_pb2.Note,
    first_staff: dict[str, int],
    offset: int,
    divisions: int,
    tied: set[str],
) -> WrittenNote:
    return WrittenNote(
        staff=first_staff.get(event.part_id, 0) + note.staff,
        onset=Fraction(offset, divisions),
        midi=note.midi_pitch,
        spelling=_spelling(note),
        duration=Fraction(event.duration_ticks, divisions),
        grace=event.HasField("grace"),
        tie_start=note.note_id in tied,
    )


def _spelling(note: event_pb2.Note) -> Spelling:
    """The spelling of the sounding pitch: under an octave line the written octave is another."""
    step = pitch_pb2.Step.Name(note.pitch.step).removeprefix("STEP_")
    natural = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step]
    return step, note.pitch.alter, (note.midi_pitch - natural - note.pitch.alter) // 12 - 1

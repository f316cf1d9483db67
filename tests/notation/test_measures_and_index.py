"""Bars and look-ups."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.notation.hidden_rests import fill_with_hidden_rests
from etude.notation.index import ScoreIndex
from etude.notation.measures import (
    measure_at,
    measure_end,
    measure_name,
    measure_names,
    nominal_quarters,
    nominal_ticks,
    time_signature_text,
    voice_fill,
)
from etude.notation.validate import validate
from etude.score.v1 import event_pb2, measure_pb2, score_pb2
from tests.notation.samples import chord, two_bars
from tests.notation.strategies import scores


def test_meters():
    additive = measure_pb2.TimeSignature(beats=[3, 2], beat_type=8)
    assert nominal_quarters(additive) == Fraction(5, 2)
    assert nominal_ticks(additive, 4) == 10
    assert time_signature_text(additive) == "3+2/8"
    assert nominal_quarters(measure_pb2.TimeSignature()) == 0


def test_measures_that_are_not_counted_are_named_by_the_one_before():
    assert measure_names(["0", "1", "X2", "2", "12a", "X13", ""]) == [
        "0", "1", "after 1", "2", "12a", "after 12a", "after 12a",
    ]  # fmt: skip
    assert measure_names(["X1", "", "1"]) == ["1", "2", "1"]
    measures = [measure_pb2.Measure(number=number) for number in ("25", "X26", "26")]
    assert [measure_name(measures, i) for i in range(3)] == ["25", "after 25", "26"]


def test_measure_at_ticks():
    score = two_bars()
    assert [measure_at(score.measures, ticks) for ticks in (0, 3, 4, 7, 8, 99)] == [0, 0, 1, 1, 1, 1]
    with pytest.raises(ValueError, match="no measures"):
        measure_at([], 0)


def test_voice_fill():
    measure = two_bars().measures[0]
    quarter = event_pb2.NOTE_TYPE_QUARTER
    fill = voice_fill(
        measure, [chord("a", "C4", 1, quarter), chord("b", "C4", 1, quarter), chord("c", "C4", 3, quarter)]
    )
    assert fill.gaps == ((0, 1), (2, 3))
    assert fill.overlaps == (("a", "b"),)
    assert fill.end == 4


@given(scores(), st.data())
@settings(max_examples=50)
def test_hidden_rests_fill_what_was_taken_out(score, data):
    chords = [event.event_id for event in score.events if event.notes and not event.HasField("grace")]
    gone = set(data.draw(st.lists(st.sampled_from(chords), unique=True))) if chords else set()
    voices = {(event.measure_index, event.voice) for event in score.events if event.event_id not in gone}
    bare = score_pb2.Score()
    bare.CopyFrom(score)
    del bare.spanners[:], bare.directions[:]
    kept = [event for event in score.events if event.event_id not in gone]
    del bare.events[:]
    bare.events.extend(kept)
    added = fill_with_hidden_rests(bare)
    assert len(bare.events) == len(kept) + added
    times = [violation for violation in validate(bare) if "midi_pitch" not in violation.field]
    assert times == []
    assert {(event.measure_index, event.voice) for event in bare.events} == voices


@given(scores())
@settings(max_examples=50)
def test_the_index_finds_everything(score):
    index = ScoreIndex(score)
    found = [
        event.event_id
        for measure in range(len(score.measures))
        for staff in (1, 2)
        for event in index.events_in(measure, "P1", staff)
    ]
    assert found == [event.event_id for event in score.events]
    for event in score.events:
        assert index.events[event.event_id] is not None
        assert event in index.voices_in(event.measure_index, "P1")[event.voice]
        for note in event.notes:
            assert index.notes[note.note_id].event.event_id == event.event_id
    for spanner in score.spanners:
        for event_id in spanner.event_ids:
            assert spanner in index.spanners_of_event(event_id, spanner.WhichOneof("kind"))
    for direction in score.directions:
        assert direction in index.directions_in(direction.measure_index)
        if direction.event_id:
            assert direction in index.directions_of_event(direction.event_id)


@given(scores())
@settings(max_examples=50)
def test_tie_chains_are_one_key_and_partition_the_notes(score):
    index = ScoreIndex(score)
    heads = 0
    for note_id, (note, event) in index.notes.items():
        chain = index.tie_chain(note_id)
        assert {item.note.midi_pitch for item in chain} == {note.midi_pitch}
        assert note_id in [item.note.note_id for item in chain]
        assert index.sounding_end(note_id) >= event.onset_ticks + event.duration_ticks
        heads += index.previous_tied(note_id) is None
    assert heads + sum(spanner.WhichOneof("kind") == "tie" for spanner in score.spanners) == len(index.notes)


def test_what_is_in_force():
    score = two_bars()
    index = ScoreIndex(score)
    assert index.clef_at("P1", 2, 5).clef_id == "c2"
    assert index.clef_at("P1", 3, 5) is None
    assert index.key_at(1, "P1", 1).fifths == 0
    assert index.measure_at(4) == 1
    score.spanners.add(spanner_id="s9", part_id="P1", staff=1, start_ticks=2, end_ticks=4, octave_line={"octaves": 1})
    index = ScoreIndex(score)
    assert [bool(index.octave_lines_at("P1", 1, ticks)) for ticks in (1, 2, 3, 4)] == [False, True, True, False]
    assert measure_end(score.measures[1]) == 8
    assert [item.note.note_id for item in index.tie_chain("e2.1")] == ["e1.1", "e2.1"]
    assert index.sounding_end("e1.1") == 2
    with pytest.raises(KeyError):
        index.tie_chain("gone")

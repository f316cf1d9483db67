"""Chords of one staff between the hands: who strikes what, and with which fingers."""

from __future__ import annotations

import pytest

from fingering_service.models import Registry
from tests.fingering.support import LEFT, RIGHT, build, finger, pin
from tests.support.score_builder import ScoreBuilder

MODELS = Registry.load().models


def over_a_bass(melody: str, inner: str, bass: str):
    """A melody and an accompaniment on the upper staff over a held bass."""
    builder = ScoreBuilder(divisions=24)
    builder.measure("3/4")
    builder.voice(1, 1, melody)
    builder.voice(1, 2, inner)
    builder.voice(2, 3, bass)
    return builder.score()


def hands_and_fingers(score):
    return {n.midi_pitch: (n.hand, n.fingering.finger) for e in score.events for n in e.notes}


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_a_thumb_that_helps_lies_below_the_fingers_of_the_staff(model):
    score = over_a_bass("g5/4 a5+c6/4 g5/4", "r/4 a4/4 r/4", "a3/2.")
    found = hands_and_fingers(finger(score, model).score)
    assert found[69] == (LEFT, 1)
    assert found[81][0] == found[84][0] == RIGHT
    assert 1 < found[81][1] < found[84][1]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_left_hand_chords_are_helped_by_the_right_thumb(model):
    score = build("r/1", "d4+e4+g4+b-4+d5+e5/1").score()
    found = hands_and_fingers(finger(score, model).score)
    assert found[76] == (RIGHT, 1)
    assert [found[key] for key in (62, 64, 67, 70, 74)] == [(LEFT, f) for f in (5, 4, 3, 2, 1)]


def test_a_chord_its_hand_can_strike_is_not_broken_otherwise():
    score = over_a_bass("e5/4 f5/4 e5/4", "r/4 d4+f4/4 r/4", "a3/2.")
    found = hands_and_fingers(finger(score).score)
    assert found[62][0] == found[65][0] == RIGHT


def test_a_chord_within_reach_is_left_whole_where_another_one_is_rolled_all_the_same():
    score = build("e4+a4+c#5+e5/1", "a2+e3+c#4+a5/1").score()
    found = hands_and_fingers(finger(score).score)
    assert {found[key][0] for key in (64, 69, 73, 76)} == {RIGHT}


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_a_voice_of_the_left_hand_on_the_upper_staff_has_the_thumb_below_the_right_hand(model):
    builder = build("e5/4 f5/4 g5/4 a5/4", "b4/4 a4/4 b4/4 c5/4")
    next(e for e in builder.raw.events if e.staff == 2).notes[0].staff = 1
    upper, lower = (e.notes[0] for e in finger(builder.score(), model).score.events if e.onset_ticks == 0)
    assert (lower.hand, lower.fingering.finger) == (LEFT, 1)
    assert upper.hand == RIGHT and upper.fingering.finger > 1


def test_a_pinned_finger_holds_against_the_thumb_that_helps():
    score = over_a_bass("g5/4 a5+c6/4 g5/4", "r/4 a4/4 r/4", "a3/2.")
    note = next(n.note_id for e in score.events for n in e.notes if n.midi_pitch == 69)
    assert hands_and_fingers(finger(score, pins=[pin(note, 2)]).score)[69] == (LEFT, 2)


@pytest.mark.parametrize(
    ("lower", "hand"), [("s/1", LEFT), ("r/1", RIGHT)], ids=["nothing else there", "a rest is there"]
)
def test_what_goes_over_to_an_empty_staff_is_for_the_other_hand(lower, hand):
    builder = build("b5+g6/8 f5+c#6/8 b4+g5/8 f4+c#5/8 b3+g4/8 f3+c#4/8 b2+g3/8 f2+c#3/8", lower)
    over = [note for event in builder.raw.events[2:4] for note in event.notes]
    for note in over:
        note.staff = 2
    result = finger(builder.score()).score
    assert {n.hand for e in result.events for n in e.notes if n.staff == 2} == {hand}
    assert {n.hand for e in result.events for n in e.notes if n.staff == 1} == {RIGHT}


def test_a_hand_all_of_whose_keys_the_other_one_strikes_too_may_be_left_none():
    score = build("c4+e4/1", "c2+e4+g4/1").score()
    assert all(note.fingering.finger for event in finger(score).score.events for note in event.notes)

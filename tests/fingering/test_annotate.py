"""A Score goes in, the same Score with hands and fingers comes out."""

from __future__ import annotations

import pytest

from etude.mesh.errors import EtudeError
from etude.notation.validate import validate
from etude.score.v1 import fingering_pb2, provenance_pb2
from fingering_service.calibration import Calibration
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.models.learned import Learned
from fingering_service.profile import PROFILES
from tests.fingering.support import LEFT, RIGHT, build, digits, finger, pin
from tests.support.score_builder import ScoreBuilder


def test_scale_of_c_major_as_in_every_method():
    upper = "c5/8 d5/8 e5/8 f5/8 g5/8 a5/8 b5/8 c6/8 | b5/8 a5/8 g5/8 f5/8 e5/8 d5/8 c5/4"
    lower = "c3/8 d3/8 e3/8 f3/8 g3/8 a3/8 b3/8 c4/8 | b3/8 a3/8 g3/8 f3/8 e3/8 d3/8 c3/4"
    result = finger(build(upper, lower).score())
    assert digits(result.score, 1) == "12312345" + "4321321"
    assert digits(result.score, 2) == "54321321" + "2312345"


def test_arpeggio_passes_the_thumb():
    result = finger(build("c4/8 e4/8 g4/8 c5/8 e5/8 g5/8 c6/4", "c2/8 e2/8 g2/8 c3/8 e3/8 g3/8 c4/4").score())
    assert digits(result.score, 1) == "1231235"
    assert digits(result.score, 2) == "5321321"


def test_octaves_are_played_with_thumb_and_little_finger():
    result = finger(build("c4+c5/4 d4+d5/4 e4+e5/4 d4+d5/4", "c2+c3/4 d2+d3/4 e2+e3/4 d2+d3/4").score())
    assert digits(result.score, 1) == "(15)(15)(15)(15)"
    assert digits(result.score, 2) == "(51)(51)(51)(51)"


def test_chord_fingers_rise_with_pitch_in_the_right_hand_and_fall_in_the_left():
    result = finger(build("c4+e4+g4+c5/1", "c3+e3+g3+c4/1").score())
    upper, lower = result.score.events
    assert [n.fingering.finger for n in upper.notes] == sorted({n.fingering.finger for n in upper.notes})
    left = [n.fingering.finger for n in lower.notes]
    assert left == sorted(set(left), reverse=True)


def test_repeated_notes_and_chords_keep_their_fingers():
    result = finger(build("c5/4 c5/4 c5/4 c5/4", "c3+e3+g3/4 c3+e3+g3/4 c3+e3+g3/4 c3+e3+g3/4").score())
    assert len(set(digits(result.score, 1))) == 1
    chords = digits(result.score, 2)
    assert chords == chords[:5] * 4


def test_tied_note_keeps_its_finger_and_is_not_struck_again():
    builder = build("c5/4 d5/4 e5/2 | e5/2 f5/4 g5/4", "r/1 | r/1")
    notes = [n for e in builder.raw.events for n in e.notes]
    builder.tie(notes[2], notes[3])
    result = finger(builder.score())
    fingers = [n.fingering for e in result.score.events for n in e.notes]
    assert fingers[2].finger == fingers[3].finger
    assert not fingers[3].essential


def test_held_note_keeps_its_finger_under_a_moving_voice():
    builder = ScoreBuilder(divisions=24)
    builder.measure("4/4")
    builder.voice(1, 1, "g5/1")
    builder.voice(1, 2, "c5/4 d5/4 e5/4 f5/4")
    builder.voice(2, 3, "R")
    result = finger(builder.score())
    held, *moving = (n.fingering.finger for e in result.score.events for n in e.notes)
    assert held not in moving, "a finger that holds a key plays no other one"
    assert max(moving) < held, "fingers do not cross over a held key"


def test_grace_notes_are_fingered_before_their_main_note():
    result = finger(build("d5/16G c5/4 e5/4 d5/16g e5/16g f5/2", "r/1").score())
    grace, main = result.score.events[0].notes[0], result.score.events[1].notes[0]
    assert grace.fingering.finger and grace.fingering.finger != main.fingering.finger


def test_every_note_has_hand_finger_probability_and_the_score_stays_valid():
    result = finger(build("c5+e5/4 d5/8 e5/8 f5+a5+c6/2", "c3/2 g2+d3/2").score())
    assert validate(result.score) == []
    for event in result.score.events:
        for note in event.notes:
            mark = note.fingering
            assert note.hand == (RIGHT if event.staff == 1 else LEFT)
            assert mark.source == fingering_pb2.FINGERING_SOURCE_PREDICTED
            assert 0 < mark.probability <= 1
            total = mark.probability + sum(a.probability for a in mark.alternatives)
            assert 0.9 < total <= 1.001
            assert mark.finger not in [a.finger for a in mark.alternatives]
            ranked = [a.probability for a in mark.alternatives]
            assert ranked == sorted(ranked, reverse=True)


def test_same_score_gives_same_bytes():
    score = build("c5/8 e5/8 g5/8 b5/8 a5+c6/2", "c3+g3/4 e3/4 f3/2").score()
    first = finger(score, alternative_count=3).SerializeToString(deterministic=True)
    assert finger(score, alternative_count=3).SerializeToString(deterministic=True) == first


def test_input_is_not_changed():
    score = build("c5/1", "c3/1").score()
    before = score.SerializeToString(deterministic=True)
    finger(score)
    assert score.SerializeToString(deterministic=True) == before


def test_a_calibration_changes_what_is_told_of_fingers_and_no_finger():
    score = build("c5/8 e5/8 g5/8 f5/8 d5/8 b4/8 c5/4").score()
    plain = finger(score, Ergonomic()).score
    told = finger(score, Ergonomic(calibration=Calibration(sharpness=1.0, choice=0.5, spread=0.1))).score
    assert digits(told, 1) == digits(plain, 1)
    sure = [[n.fingering.probability for e in s.events for n in e.notes] for s in (plain, told)]
    assert all(after < before for before, after in zip(*sure, strict=True) if before > 0.7)
    assert any(before > 0.7 for before in sure[0])


def test_alternatives_are_ordered_distinct_and_differ_from_the_best():
    result = finger(build("c5/4 d5/4 e5/4 f5/4", "r/1").score(), alternative_count=5)
    assert len(result.alternatives) == 5
    costs = [a.extra_cost for a in result.alternatives]
    assert costs == sorted(costs) and costs[0] >= 0
    best = {n.note_id: n.fingering.finger for e in result.score.events for n in e.notes}
    seen = set()
    for alternative in result.alternatives:
        assert alternative.fingers
        assert all(best[i] != f for i, f in alternative.fingers.items())
        seen.add(tuple(sorted(alternative.fingers.items())))
    assert len(seen) == 5


def test_printed_fingers_hold():
    builder = build("c5/4 d5/4 e5/4 f5/4", "r/1")
    note = builder.raw.events[1].notes[0]
    note.fingering.finger = 4
    note.fingering.source = fingering_pb2.FINGERING_SOURCE_PRINTED
    note.fingering.probability = 1
    result = finger(builder.score())
    mark = result.score.events[1].notes[0].fingering
    assert (mark.finger, mark.source) == (4, fingering_pb2.FINGERING_SOURCE_PRINTED)
    assert mark.essential


def test_printed_fingers_no_hand_can_play_are_given_up_with_a_doubt():
    builder = build("c5+e5+g5/1", "r/1")
    for note, digit in zip(builder.raw.events[0].notes, (5, 3, 1), strict=True):
        note.fingering.finger = digit
        note.fingering.source = fingering_pb2.FINGERING_SOURCE_PRINTED
        note.fingering.probability = 1
    result = finger(builder.score())
    fingers = [n.fingering.finger for n in result.score.events[0].notes]
    assert fingers == sorted(set(fingers))
    assert [d.kind for d in result.score.doubts] == [provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE] * 2
    assert validate(result.score) == []


def test_pins_hold_and_are_marked():
    score = build("c5/8 d5/8 e5/8 f5/8 g5/8 a5/8 b5/8 c6/8", "r/1").score()
    result = finger(score, pins=[pin("n3", 2), pin("n5", 1)])
    marks = {n.note_id: n.fingering for e in result.score.events for n in e.notes}
    assert (marks["n3"].finger, marks["n5"].finger) == (2, 1)
    assert marks["n3"].source == fingering_pb2.FINGERING_SOURCE_PINNED
    assert marks["n3"].probability == 1


def test_pin_on_a_tied_continuation_holds_on_the_whole_tie():
    builder = build("c5/2 e5/2 | e5/1", "r/1 | r/1")
    notes = [n for e in builder.raw.events for n in e.notes]
    builder.tie(notes[1], notes[2])
    result = finger(builder.score(), pins=[pin("n3", 5)])
    assert digits(result.score, 1)[1:] == "55"


def test_one_finger_may_be_pinned_on_two_neighbouring_keys():
    result = finger(build("c5+d5+f5/1", "r/1").score(), pins=[pin("n1", 1), pin("n2", 1)])
    assert digits(result.score, 1).startswith("(11")


@pytest.mark.parametrize("pins", [[("n1", 5), ("n2", 1)], [("n1", 2), ("n3", 2)], [("n1", 2), ("n3", 3)]])
def test_pins_no_hand_can_play_together_are_refused_by_name(pins):
    score = build("c5+e5+c6/1", "r/1").score()
    with pytest.raises(EtudeError) as caught:
        finger(score, pins=[pin(*p) for p in pins])
    assert caught.value.reason == "IMPOSSIBLE_CONSTRAINT"
    assert {field for field, _ in caught.value.violations} == {p[0] for p in pins}


@pytest.mark.parametrize(("note", "digit"), [("nowhere", 1), ("n1", 6), ("n1", 0)])
def test_pins_that_make_no_sense_are_refused(note, digit):
    with pytest.raises(EtudeError) as caught:
        finger(build("c5/1", "r/1").score(), pins=[pin(note, digit)])
    assert caught.value.reason == "INVALID_CONSTRAINT"


def test_correction_changes_only_what_is_near_the_pin():
    bars = " | ".join(["c5/8 d5/8 e5/8 f5/8 g5/8 f5/8 e5/8 d5/8"] * 12)
    first = finger(build(bars, "r/1").score()).score
    before = {n.note_id: n.fingering.finger for e in first.events for n in e.notes}
    again = finger(first, pins=[pin("n40", before["n40"] % 5 + 1)], keep_predicted=True).score
    after = {n.note_id: n.fingering.finger for e in again.events for n in e.notes}
    assert after["n40"] == before["n40"] % 5 + 1
    changed = [int(i[1:]) for i in before if before[i] != after[i]]
    assert all(abs(i - 40) <= 12 for i in changed)


def test_pin_that_confirms_a_finger_changes_nothing_else():
    first = finger(build("c5/8 d5/8 e5/8 f5/8 g5/8 f5/8 e5/8 d5/8", "r/1").score()).score
    current = first.events[3].notes[0].fingering.finger
    again = finger(first, pins=[pin("n4", current)], keep_predicted=True).score
    assert digits(again, 1) == digits(first, 1)
    assert again.events[3].notes[0].fingering.source == fingering_pb2.FINGERING_SOURCE_PINNED


def test_chord_beyond_the_hand_goes_partly_to_the_other_hand():
    result = finger(build("c4+e5+g5+c6/1", "s/1").score())
    hands = [n.hand for n in result.score.events[0].notes]
    assert hands[0] == LEFT and set(hands[1:]) == {RIGHT}


def test_chord_no_hand_reaches_is_rolled_and_doubted():
    result = finger(build("c5+e5+g6/1", "c2+g3/1").score())
    kinds = [d.kind for d in result.score.doubts]
    assert provenance_pb2.DOUBT_KIND_UNREACHABLE in kinds
    assert all(n.fingering.finger for e in result.score.events for n in e.notes)
    assert validate(result.score) == []


def test_small_hand_does_not_span_a_tenth():
    score = build("c4+e5/1", "c2+e2/1").score()
    assert finger(score, profile=PROFILES["S"]).score.doubts
    assert not finger(score, profile=PROFILES["L"]).score.doubts


def test_six_keys_are_shared_or_taken_by_the_thumb():
    result = finger(build("c4+d4+e4+g4+a4+c5/1", "c2+g2/1").score())
    event = result.score.events[0]
    right = [n.fingering.finger for n in event.notes if n.hand == RIGHT]
    assert right == sorted(right)
    assert all(n.fingering.finger for n in event.notes)


def test_keys_both_hands_would_strike_are_left_to_one_when_the_other_has_too_many():
    result = finger(build("a4+c5+f5+a5+c6+f6/1", "f4+a4+c5/1").score())
    upper, lower = result.score.events
    assert [n.hand for n in upper.notes][2:] == [RIGHT] * 4
    assert not [d for d in result.score.doubts if "too many" in d.message]
    by_key = {n.midi_pitch: (n.hand, n.fingering.finger) for n in lower.notes}
    moved = [n for n in upper.notes if n.hand == LEFT]
    assert moved and all(by_key[n.midi_pitch] == (n.hand, n.fingering.finger) for n in moved)


def test_single_staff_is_split_between_the_hands():
    score = build("c3+c5/4 g3+e5/4 c3+g5/4 g3+c5/4", staves=1).score()
    hands = [[n.hand for n in e.notes] for e in finger(score).score.events]
    assert hands == [[LEFT, RIGHT]] * 4


def test_voices_sharing_one_staff_are_shared_by_the_hands_when_the_other_staff_is_empty():
    builder = ScoreBuilder(divisions=24)
    builder.measure("4/4")
    builder.voice(1, 1, "e5/4 f5/4 g5/4 a5/4")
    builder.voice(1, 2, "c4/4 d4/4 e4/4 f4/4")
    builder.voice(2, 3, "s/1")
    result = finger(builder.score())
    hands = {(e.voice, n.hand) for e in result.score.events for n in e.notes}
    assert hands == {(1, RIGHT), (2, LEFT)}


@pytest.mark.parametrize(
    ("melody", "bass", "hand"),
    [
        ("f5/4 f5/4 g5/4", "a3/2.", LEFT),
        ("c5/4 c5/4 b4/4", "a3/2.", RIGHT),
        ("f5/4 f5/4 g5/4", "a2/2.", RIGHT),
        ("f5/4 f5/4 g5/4", "a3/2 r/4", RIGHT),
    ],
    ids=["wider than an octave", "within an octave", "the bass is out of reach", "a rest says the left hand is silent"],
)
def test_an_accompaniment_on_the_upper_staff_over_a_held_bass_is_for_the_left_hand(melody, bass, hand):
    builder = ScoreBuilder(divisions=24)
    builder.measure("3/4")
    builder.voice(1, 1, melody)
    builder.voice(1, 2, "r/4 s/4 e4/4" if "r" in bass else "r/4 e4/4 e4/4")
    builder.voice(2, 3, bass)
    result = finger(builder.score())
    for event in result.score.events:
        hands = {1: RIGHT, 2: hand, 3: LEFT}[event.voice]
        assert {n.hand for n in event.notes} <= {hands}, event.event_id


def test_words_on_the_page_name_the_hand():
    builder = build("c5/4 c4/4 c5/4 c5/4", "r/1")
    builder.direction(24, staff=1, words={"text": "m.s."})
    result = finger(builder.score())
    assert [n.hand for e in result.score.events for n in e.notes] == [RIGHT, LEFT, RIGHT, RIGHT]


def test_pinned_hand_holds():
    result = finger(build("c4/4 e4/4 g4/4 c5/4", "r/1").score(), pins=[pin("n1", 1, hand=LEFT)])
    assert result.score.events[0].notes[0].hand == LEFT


def test_notes_printed_on_the_other_staff_stay_with_the_hand_of_their_voice():
    builder = build("R", "c3/4 g3/4 e4/4 c5/4")
    for event in builder.raw.events:
        for note in event.notes:
            if note.midi_pitch >= 60:
                note.staff = 1
    result = finger(builder.score())
    assert [n.hand for e in result.score.events for n in e.notes] == [LEFT] * 4


@pytest.mark.parametrize("model", [Ergonomic(), Learned()], ids=lambda m: m.name)
def test_hands_that_cross_stay_as_written_and_playable(model):
    upper = "c4+e4+g4/4 c4+e4+g4/4 c4+e4+g4/4 c4+e4+g4/4"
    result = finger(build(upper, "c3/4 c5/4 c3/4 e5/4").score(), model)
    assert {n.hand for e in result.score.events if e.staff == 1 for n in e.notes} == {RIGHT}
    assert {n.hand for e in result.score.events if e.staff == 2 for n in e.notes} == {LEFT}
    for event in result.score.events:
        fingers = [n.fingering.finger for n in event.notes]
        assert fingers == sorted(set(fingers))


def test_a_held_key_changes_its_finger_where_the_hand_could_not_go_on_otherwise():
    builder = ScoreBuilder(divisions=24)
    builder.measure("4/4")
    builder.voice(1, 1, "c5/1")
    builder.voice(1, 2, "r/4 a4/4 f4/4 r/4")
    builder.voice(2, 3, "R")
    result = finger(builder.score(), pins=[pin("n1", 1)])
    held = result.score.events[0].notes[0].fingering
    assert (held.finger, held.source) == (1, fingering_pb2.FINGERING_SOURCE_PINNED)
    assert held.substitution > 1, "a thumb on the upper key leaves no finger for those below"
    below = [n.fingering.finger for e in result.score.events[1:] for n in e.notes]
    assert max(below) < held.substitution


def test_other_instruments_are_not_fingered():
    builder = build("c5/1", "c3/1")
    builder.raw.parts[0].role = 2
    with pytest.raises(EtudeError) as caught:
        finger(builder.score())
    assert caught.value.reason == "NO_MUSIC"


def test_essential_fingers_are_fewer_and_mark_the_thumb_under():
    result = finger(build("c5/8 d5/8 e5/8 f5/8 g5/8 a5/8 b5/8 c6/8", "r/1").score())
    marks = [n.fingering.essential for e in result.score.events for n in e.notes]
    assert marks[0], "the first note"
    assert marks[3], "the thumb passes under"
    assert sum(marks) <= 3

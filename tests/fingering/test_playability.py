"""The playability report: what is wide, far, quick and awkward, and how hard a piece is."""

from __future__ import annotations

import pytest

from etude.score.v1 import direction_pb2, event_pb2, playability_pb2, provenance_pb2
from fingering_service.difficulty import EASIER, percentile
from fingering_service.profile import PROFILES
from tests.fingering.support import LEFT, RIGHT, build, finger, pin
from tests.support.score_builder import ScoreBuilder


def playability(upper: str, lower: str = "R", **options):
    score = build(upper, lower).score()
    return finger(score, **options).score.playability


def kinds(report) -> list[int]:
    return [spot.kind for spot in report.spots]


def test_five_quiet_notes_ask_for_nothing_special():
    report = playability("c4/4 d4/4 e4/4 f4/4")
    assert [hand.hand for hand in report.hands] == [RIGHT]
    assert report.hands[0].struck_keys == 4
    assert report.hands[0].widest_span_semitones == 0
    assert not report.spots


def test_a_chord_is_measured_from_its_lowest_to_its_highest_key():
    report = playability("c4+e4+c5/4 c4+g4/4 c4/2")
    assert report.hands[0].widest_span_semitones == 12


def test_a_chord_wider_than_comfortable_is_told_with_its_notes():
    score = build("c4+e5/4 c4/4 d4/4 e4/4", "c3/1").score()
    report = finger(score, profile=PROFILES["L"]).score.playability
    wide = [s for s in report.spots if s.kind == playability_pb2.AWKWARD_KIND_WIDE_SPAN]
    assert len(wide) == 1
    assert wide[0].measure_index == 0
    assert set(wide[0].note_ids) == {n.note_id for n in score.events[0].notes}
    assert "16 semitones" in wide[0].message


def test_a_quick_jump_is_told_and_a_slow_one_is_not():
    assert playability_pb2.AWKWARD_KIND_JUMP in kinds(playability("c4/8 c6/8 c4/8 c6/8 c4/2"))
    assert playability_pb2.AWKWARD_KIND_JUMP not in kinds(playability("c4/2 c6/2"))


def test_one_finger_on_two_keys_in_a_row_is_told():
    score = build("c4/4 d4/4 e4/4 f4/4", "R").score()
    first, second = (event.notes[0].note_id for event in score.events[:2])
    report = finger(score, pins=[pin(first, 2), pin(second, 2)]).score.playability
    assert next((s.kind, s.note_ids[0]) for s in report.spots) == (playability_pb2.AWKWARD_KIND_SAME_FINGER, second)


def test_the_same_notes_are_harder_when_they_go_quicker():
    def at(speed: float):
        builder = build("c4/8 a4/8 d4/8 b4/8 e4/8 c5/8 f4/8 d5/8", "R")
        score = builder.score()
        score.directions.add(
            direction_id="t1",
            part_id=score.parts[0].part_id,
            staff=1,
            tempo=direction_pb2.Tempo(beat_type=event_pb2.NOTE_TYPE_QUARTER, beats_per_minute=speed),
        )
        return finger(score).score.playability.difficulty

    slow, quick = at(60), at(120)
    assert quick.cost_per_second == pytest.approx(2 * slow.cost_per_second, rel=0.01)
    assert quick.percentile > slow.percentile
    assert not quick.tempo_assumed
    assert playability("c4/1").difficulty.tempo_assumed


def test_both_hands_are_reported():
    report = playability("c5/4 d5/4 e5/4 f5/4", "c3/2 g3/2")
    assert [hand.hand for hand in report.hands] == [RIGHT, LEFT]


def test_ranks_rise_with_the_rate():
    assert list(EASIER) == sorted(EASIER)
    ranks = [percentile(rate) for rate in (0.0, *EASIER, 10 * EASIER[-1])]
    assert ranks == sorted(ranks)
    assert ranks[0] == 0.0
    assert ranks[-1] == 100.0


def test_a_chord_beyond_reach_is_a_doubt_and_a_spot_unless_an_arpeggio_sign_breaks_it():
    score = build("c4+c6/1", "c2+c3/1").score()
    fingered = finger(score).score
    assert [d.kind for d in fingered.doubts] == [provenance_pb2.DOUBT_KIND_UNREACHABLE]
    assert playability_pb2.AWKWARD_KIND_UNREACHABLE in kinds(fingered.playability)
    for event in score.events:
        event.arpeggio = event_pb2.ARPEGGIO_PLAIN
    fingered = finger(score).score
    assert not fingered.doubts
    assert playability_pb2.AWKWARD_KIND_UNREACHABLE not in kinds(fingered.playability)


def test_keys_that_are_held_out_of_reach_of_what_is_struck_are_to_be_let_go():
    b = ScoreBuilder(divisions=4)
    b.measure("2/4")
    b.voice(1, 1, "r/4 f5/4")
    b.voice(1, 2, "e-4+f4/2")
    b.voice(2, 5, "r/2")
    fingered = finger(b.score()).score
    (doubt,) = fingered.doubts
    assert doubt.message == (
        "Measure 1: the right hand cannot strike this and go on holding keys 14 semitones away; "
        "let them go, the pedal may keep their sound."
    )
    (spot,) = [s for s in fingered.playability.spots if s.kind == playability_pb2.AWKWARD_KIND_UNREACHABLE]
    assert "14 semitones" in spot.message

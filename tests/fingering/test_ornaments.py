"""The keys that ornaments add have fingers, too, and leave room for those of their notes."""

from __future__ import annotations

import pytest

from etude.notation.validate import validate
from etude.score.v1 import direction_pb2, score_pb2, spanner_pb2
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.models.learned import Learned
from tests.fingering.support import finger, pin
from tests.support.score_builder import ScoreBuilder

TRILL, TURN = direction_pb2.ORNAMENT_KIND_TRILL, direction_pb2.ORNAMENT_KIND_TURN
MORDENT, SHORT_TRILL = direction_pb2.ORNAMENT_KIND_MORDENT, direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT


def ornamented(text: str, at: int, kind: int, staff: int = 1, fifths: int = 0, **fields: object) -> ScoreBuilder:
    """One measure of music on a staff, with an ornament at one of its events."""
    builder = ScoreBuilder(divisions=24)
    builder.measure("4/4", fifths=fifths)
    events = {1: [], 2: []}
    for number in (1, 2):
        events[number] = builder.voice(number, number, text if number == staff else "R")
    placement = fields.pop("placement", 0)
    ornament = direction_pb2.Ornament(kind=kind, **fields)
    builder.direction(0, staff, events[staff][at], ornament=ornament, placement=placement)
    return builder


def auxiliaries(score: score_pb2.Score) -> list[tuple[int, int]]:
    return [(k.midi_pitch, k.finger) for d in score.directions for k in d.ornament.auxiliaries]


def fingers(score: score_pb2.Score) -> list[int]:
    return [n.fingering.finger for e in score.events for n in e.notes]


@pytest.mark.parametrize("model", [Ergonomic(), Learned()], ids=lambda m: m.name)
@pytest.mark.parametrize(("staff", "text"), [(1, "c5/4 d5/4 e5/4 f5/4"), (2, "c3/4 d3/4 e3/4 f3/4")])
@pytest.mark.parametrize("kind", [TRILL, TURN, MORDENT, SHORT_TRILL])
def test_neighbours_get_the_fingers_beside(kind, staff, text, model):
    result = finger(ornamented(text, 2, kind, staff).score(), model).score
    assert validate(result) == []
    main = next(n for e in result.events for n in e.notes if n.note_id == "n3")
    found = auxiliaries(result)
    for midi, digit in found:
        assert 1 <= digit <= 5
        outwards = (midi > main.midi_pitch) == (staff == 1)
        assert (digit > main.fingering.finger) == outwards
    expected = {TRILL: [1], SHORT_TRILL: [1], MORDENT: [-2], TURN: [1, -2]}[kind]
    assert [midi - main.midi_pitch for midi, _ in found] == expected
    assert all(0 < k.probability <= 1 for d in result.directions for k in d.ornament.auxiliaries)


def test_key_signature_and_accidentals_decide_the_neighbours():
    flats = finger(ornamented("d5/4 e5/4 f5/4 g5/4", 0, TURN, fifths=-3).score()).score
    assert [midi for midi, _ in auxiliaries(flats)] == [75, 72]  # e flat and c
    sharp = {"accidental_below": 1, "accidental_below_printed": True}
    marked = finger(ornamented("d5/4 e5/4 f5/4 g5/4", 0, TURN, fifths=-3, **sharp).score()).score
    assert [midi for midi, _ in auxiliaries(marked)] == [75, 73]


def test_in_a_chord_the_sign_stands_at_the_note_on_its_side():
    above = finger(ornamented("c5+g5/2 e5/2", 0, TRILL, placement=spanner_pb2.PLACEMENT_ABOVE).score()).score
    below = finger(ornamented("c5+g5/2 e5/2", 0, TRILL, placement=spanner_pb2.PLACEMENT_BELOW).score()).score
    assert ([m for m, _ in auxiliaries(above)], [m for m, _ in auxiliaries(below)]) == ([81], [74])
    low, high = (n.fingering.finger for n in below.events[0].notes)
    assert low < auxiliaries(below)[0][1] < high


def test_a_trill_is_not_left_to_the_last_finger():
    result = finger(ornamented("c5/8 d5/8 e5/8 f5/8 g5/2", 4, TRILL).score()).score
    assert fingers(result)[4] < 5, "a finger is needed for the upper neighbour"


@pytest.mark.parametrize("at", range(14))
def test_fingers_that_trill_lie_near_each_other(at):
    keys = "bb4 ab4 g4 f4 eb4 d4 c4 bb3 ab3 g3 f3 eb3 d3 c3 bb2 a2"
    run = " ".join(f"{key}/16" for key in keys.split())
    result = finger(ornamented(run, at, TRILL, fifths=-3).score(), Learned()).score
    [(_, upper)] = auxiliaries(result)
    assert 1 <= upper - fingers(result)[at] <= 2


def test_a_correction_elsewhere_leaves_them_alone_and_a_second_run_says_the_same():
    text = " ".join(["c5/32 d5/32 e5/32 f5/32 g5/32 f5/32 e5/32 d5/32"] * 4)
    first = finger(ornamented(text, 1, TURN).score()).score
    again = finger(first, pins=[pin("n30", 5)], keep_predicted=True).score
    assert auxiliaries(again) == auxiliaries(first)
    assert auxiliaries(finger(first).score) == auxiliaries(first)


def test_other_signs_and_ornaments_on_rests_add_nothing():
    slide = finger(ornamented("c5/4 d5/4 e5/4 f5/4", 2, direction_pb2.ORNAMENT_KIND_SCHLEIFER).score()).score
    assert auxiliaries(slide) == []
    rest = finger(ornamented("c5/4 d5/4 r/4 f5/4", 2, TRILL).score()).score
    assert auxiliaries(rest) == []

"""What no event of a voice covers is filled with hidden rests, which complete a tuplet."""

from __future__ import annotations

import pytest

from etude.notation.hidden_rests import fill_with_hidden_rests
from etude.notation.validate import validate
from etude.score.v1 import event_pb2, spanner_pb2
from tests.support.score_builder import ScoreBuilder

QUARTER, EIGHTH = event_pb2.NOTE_TYPE_QUARTER, event_pb2.NOTE_TYPE_EIGHTH
SEVEN = spanner_pb2.Tuplet(ratio=event_pb2.TupletRatio(actual=7, normal=6))


def _written(score) -> list[tuple[str, int, int]]:
    """Events of the one voice, in order: note or rest, type, dots."""
    return [("note" if event.notes else "rest", event.type, event.dots) for event in score.events]


@pytest.mark.parametrize(
    ("before", "after"), [(["b4"], ["e5", "b5", "c6"]), (["g4", "g5", "b5", "c6"], []), ([], ["e5", "b5", "c6", "d6"])]
)
def test_what_is_missing_of_a_tuplet_is_part_of_it(before, after):
    builder = ScoreBuilder(divisions=84)
    builder.measure("3/4")
    missing = 7 - len(before) - len(after)
    events = builder.voice(1, 1, " ".join(f"{pitch}/8(7:6)" for pitch in before))
    offset = 36 * (len(before) + missing)
    events += builder.voice(1, 1, " ".join(f"{pitch}/8(7:6)" for pitch in after), offset=offset)
    builder.spanner(events, tuplet=SEVEN)
    score = builder.score()
    score.spanners[0].spanner_id = ""  # ids are given later
    assert fill_with_hidden_rests(score) == 1
    rest = [("rest", QUARTER, missing - 2)]
    assert _written(score) == [("note", EIGHTH, 0)] * len(before) + rest + [("note", EIGHTH, 0)] * len(after)
    [tuplet] = score.spanners
    assert list(tuplet.event_ids) == [event.event_id for event in score.events]
    assert tuplet.tuplet.normal_type == EIGHTH
    assert (tuplet.start_ticks, tuplet.end_ticks) == (0, 252)
    tuplet.spanner_id = "s1"
    assert validate(score) == []


def test_a_gap_within_a_tuplet_is_of_it_though_plain_values_fit():
    builder = ScoreBuilder(divisions=12)
    builder.measure("2/4")
    outer = builder.voice(1, 1, "c5/8(6:4) d5/8(6:4)")
    outer += builder.voice(1, 1, "e5/8(6:4)", offset=20)
    builder.spanner(outer, tuplet=spanner_pb2.Tuplet(ratio=event_pb2.TupletRatio(actual=6, normal=4)))
    score = builder.score()
    assert fill_with_hidden_rests(score) == 1
    [rest] = [event for event in score.events if not event.notes]
    assert (rest.onset_ticks, rest.type, rest.dots) == (8, QUARTER, 1)
    assert [event.event_id for event in score.events] == list(score.spanners[0].event_ids)
    assert validate(score) == []


def test_a_tuplet_that_is_whole_takes_nothing_more():
    builder = ScoreBuilder(divisions=12)
    builder.measure("2/4")
    triplet = builder.voice(1, 1, "c5/8(3:2) d5/8(3:2) e5/8(3:2)")
    builder.spanner(triplet, tuplet=spanner_pb2.Tuplet(ratio=event_pb2.TupletRatio(actual=3, normal=2)))
    builder.voice(1, 1, "c5/8(3:2) d5/8(3:2)", offset=16)
    score = builder.score()
    assert fill_with_hidden_rests(score) == 1
    [rest] = [event for event in score.events if not event.notes]
    assert (rest.onset_ticks, rest.duration_ticks, rest.type) == (12, 4, event_pb2.NOTE_TYPE_UNSPECIFIED)
    assert len(score.spanners[0].event_ids) == 3

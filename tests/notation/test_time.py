"""Exact time."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.notation.time import (
    InexactTimeError,
    event_quarters,
    least_divisions,
    normalize_divisions,
    rescale,
    spell_duration,
    to_quarters,
    to_ticks,
    written_quarters,
    written_ticks,
)
from etude.score.v1 import event_pb2
from tests.notation.samples import two_bars

QUARTER, EIGHTH = event_pb2.NOTE_TYPE_QUARTER, event_pb2.NOTE_TYPE_EIGHTH


def ratio(actual, normal):
    return event_pb2.TupletRatio(actual=actual, normal=normal)


@pytest.mark.parametrize(
    ("note_type", "dots", "ratios", "quarters"),
    [
        (QUARTER, 0, [], Fraction(1)),
        (QUARTER, 1, [], Fraction(3, 2)),
        (QUARTER, 2, [], Fraction(7, 4)),
        (EIGHTH, 0, [ratio(3, 2)], Fraction(1, 3)),
        (EIGHTH, 1, [ratio(3, 2)], Fraction(1, 2)),
        (EIGHTH, 0, [ratio(3, 2), ratio(5, 4)], Fraction(4, 15)),
        (event_pb2.NOTE_TYPE_LONG, 0, [], Fraction(16)),
        (event_pb2.NOTE_TYPE_256TH, 0, [], Fraction(1, 64)),
    ],
)
def test_written_values(note_type, dots, ratios, quarters):
    assert written_quarters(note_type, dots, ratios) == quarters


def test_a_note_value_needs_a_type():
    with pytest.raises(ValueError, match="note type"):
        written_quarters(event_pb2.NOTE_TYPE_UNSPECIFIED)


def test_graces_and_typeless_rests_have_no_written_time():
    assert event_quarters(event_pb2.Event(type=QUARTER, grace=event_pb2.Grace())) is None
    assert event_quarters(event_pb2.Event(rest=event_pb2.Rest())) is None


def test_ticks_are_exact_or_refused():
    assert written_ticks(EIGHTH, 0, [ratio(13, 8)], 26) == 8
    assert to_quarters(8, 26) == Fraction(4, 13)
    with pytest.raises(InexactTimeError):
        to_ticks(Fraction(1, 3), 4)
    assert to_ticks(3, 4) == 12


def test_least_divisions():
    assert least_divisions([Fraction(1, 3), Fraction(1, 4), 2]) == 12
    assert least_divisions([Fraction(2, 7), Fraction(4, 11), Fraction(1, 13)]) == 1001
    assert least_divisions([]) == 1


def test_spelled_durations():
    assert spell_duration(Fraction(3, 2)) == [(QUARTER, 1)]
    assert spell_duration(Fraction(5, 4)) == [(QUARTER, 0), (event_pb2.NOTE_TYPE_16TH, 0)]
    with pytest.raises(ValueError, match="no sum"):
        spell_duration(Fraction(1, 3))
    with pytest.raises(ValueError, match="positive"):
        spell_duration(Fraction(0))


@given(st.integers(1, 2000))
def test_a_spelled_duration_adds_up(sixty_fourths):
    quarters = Fraction(sixty_fourths, 64)
    assert sum(written_quarters(*value) for value in spell_duration(quarters)) == quarters


def test_rescaling_refuses_what_would_not_be_exact():
    score = rescale(two_bars(), 6)
    score.events[0].duration_ticks = 5
    with pytest.raises(InexactTimeError, match="no whole tick"):
        rescale(score, 2)
    with pytest.raises(InexactTimeError, match="positive"):
        rescale(score, 0)
    assert normalize_divisions(score).divisions == 6

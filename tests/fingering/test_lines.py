"""Lines of what is performed, whose keys are let go a little early or late, beside the same as it is written."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from fingering_service.lines import Strike, build_line


def line_of(*strikes: tuple[int, Fraction, Fraction], length: Fraction = Fraction(1)):
    """A right hand's line of keys, onsets and durations; `length` is what part of the durations is played."""
    made = [Strike((i,), key, on, on + own * length) for i, (key, on, own) in enumerate(strikes)]
    return build_line(made, right=True, max_span=15)


def without_times(line):
    return [replace(moment, onset=Fraction(0)) for moment in line.slices]


HALF, QUARTER, EIGHTH = Fraction(2), Fraction(1), Fraction(1, 2)
MELODY = [(60, Fraction(0), QUARTER), (64, QUARTER, EIGHTH), (62, 3 * EIGHTH, EIGHTH), (67, HALF, HALF)]
CHORDS = [(k, Fraction(beat), QUARTER) for beat in range(3) for k in (60 + beat, 64 + beat)]


@pytest.mark.parametrize(
    ("written", "length"),
    [(MELODY, part) for part in (Fraction(4, 5), Fraction(19, 20), Fraction(21, 20))]
    + [(CHORDS, part) for part in (Fraction(4, 5), Fraction(6, 5))],
)
def test_articulation_is_neither_silence_nor_a_held_key(written, length):
    assert without_times(line_of(*written, length=length)) == without_times(line_of(*written))


def test_written_rests_are_silence():
    line = line_of((60, Fraction(0), EIGHTH / 2), (62, EIGHTH, EIGHTH), (64, HALF, QUARTER))
    assert [moment.gap for moment in line.slices] == [0.0, 0.25, 1.0]


def test_suspensions_and_held_keys_are_held():
    suspended = line_of((72, Fraction(0), HALF + EIGHTH), (64, HALF, QUARTER), (71, HALF + EIGHTH, EIGHTH))
    assert [slot.struck for slot in suspended.slices[1].slots] == [True, False]
    held = line_of((60, Fraction(0), HALF), *((67 + i, i * EIGHTH, EIGHTH) for i in range(4)))
    assert [len(moment.slots) for moment in held.slices] == [2, 2, 2, 2]

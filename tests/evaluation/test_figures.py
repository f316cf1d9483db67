"""Figures of small readings, counted by hand."""

from fractions import Fraction

import pytest

from etude.evaluation.alignment import align_bars
from etude.evaluation.figures import compare
from etude.evaluation.reading import NOTHING, Bar, Mark, Reading, WrittenNote

KEYS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def note(name, onset=0, duration=1, staff=1, grace=False, tie=False):
    step, octave = name[0], int(name[-1])
    alter = name.count("#") - name.count("b")
    midi = 12 * (octave + 1) + KEYS[step] + alter
    length = Fraction(0) if grace else Fraction(duration)
    return WrittenNote(staff, Fraction(onset), midi, (step, alter, octave), length, grace, tie)


def bar(*notes, marks=(), number=""):
    return Bar(number, tuple(notes), tuple(marks))


def reading(*bars, kinds=()):
    return Reading(tuple(bars), frozenset(kinds))


SCALE = [bar(note(f"{step}4", 0), note(f"{step}5", 1)) for step in "CDEFGAB"]


def test_the_same_is_perfect():
    comparison = compare(reading(*SCALE), reading(*SCALE))
    assert comparison.pairs == tuple((i, i) for i in range(7))
    assert comparison.bars.perfect_share == 1.0
    assert comparison.figures["full"].f1 == 1.0
    assert comparison.figures["grace"].f1 is None, "nobody has grace notes"
    assert comparison.bars.wholly_right is None, "the truth tells of no marks"


def test_nothing_read_misses_everything():
    comparison = compare(reading(*SCALE, kinds=["slurs"]), NOTHING)
    assert comparison.bars.aligned == 0
    assert comparison.figures["onset"].recall == 0.0
    assert comparison.figures["onset"].precision == 0.0
    assert comparison.figures["onset"].truth == 14


def test_each_figure_asks_for_its_own():
    graces = [note("D5", 3, grace=True)]
    truth = [note("C4"), note("E4", 1), note("G4", 2), note("Bb4", 3), note("C5", tie=True)]
    pred = [note("C4"), note("E4", 2), note("G4", 2, 2), note("A#4", 3), note("C5")]
    figures = compare(reading(bar(*truth, *graces)), reading(bar(*pred, *graces))).figures
    assert figures["pitch"].matched == 5, "all five keys, wherever they are"
    assert figures["onset"].matched == 4, "E4 is late"
    assert figures["full"].matched == 3, "G4 is too long"
    assert figures["spelling"].matched == 4, "A# is not Bb"
    assert figures["grace"].matched == 1
    assert (figures["tie"].matched, figures["tie"].truth, figures["tie"].pred) == (0, 1, 0)


def test_the_hand_counts_unless_it_is_left_out():
    comparison = compare(reading(bar(note("C4", staff=1))), reading(bar(note("C4", staff=2))))
    assert comparison.figures["onset"].matched == 0
    assert comparison.hand_agnostic["onset"].matched == 1


@pytest.mark.parametrize("gone", range(7))
def test_a_missing_bar_costs_only_its_notes(gone):
    comparison = compare(reading(*SCALE), reading(*SCALE[:gone], *SCALE[gone + 1 :]))
    assert comparison.bars.perfect == 6
    assert comparison.figures["full"].matched == 12
    assert comparison.figures["full"].precision == 1.0


def test_bars_with_nothing_in_common_are_not_paired():
    assert align_bars([bar(note("C4"))], [bar(note("D4"))]) == []


def test_empty_bars_are_paired():
    """A bar of rests that is read as a bar of rests is right."""
    comparison = compare(reading(SCALE[0], bar()), reading(SCALE[0], bar()))
    assert comparison.bars.perfect == 2


def test_a_chord_of_the_same_key_twice_counts_twice():
    comparison = compare(reading(bar(note("C4"), note("C4"))), reading(bar(note("C4"))))
    assert (comparison.figures["full"].matched, comparison.figures["full"].truth) == (1, 2)


def test_marks_by_place_and_in_bar():
    truth = bar(note("C4"), marks=[Mark("dynamics", "p", Fraction(0)), Mark("dynamics", "f", Fraction(2))])
    pred = bar(note("C4"), marks=[Mark("dynamics", "p", Fraction(0)), Mark("dynamics", "f", Fraction(3))])
    comparison = compare(reading(truth, kinds=["dynamics"]), reading(pred, kinds=["dynamics", "slurs"]))
    assert list(comparison.kinds) == ["dynamics"], "only what both sides tell of is compared"
    assert comparison.kinds["dynamics"].placed.matched == 1
    assert comparison.kinds["dynamics"].in_bar.matched == 2
    assert comparison.bars.perfect == 1
    assert comparison.bars.wholly_right == 0


def test_a_bar_with_a_wrong_grace_note_is_perfect_but_not_wholly_right():
    truth = reading(bar(note("C4"), note("D4", grace=True)), kinds=["slurs"])
    comparison = compare(truth, reading(bar(note("C4")), kinds=["slurs"]))
    assert comparison.bars.perfect == 1
    assert comparison.bars.wholly_right == 0

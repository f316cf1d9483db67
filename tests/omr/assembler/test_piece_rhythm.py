"""The rhythm of bars that only those around them can tell: music without a meter, or without numbers of tuplets."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from omr_service.assembler.geometry import Barline, Staff, System
from omr_service.assembler.music import MeasureSigns, PageMusic, SystemSigns
from omr_service.assembler.page.meters import MeterSign
from omr_service.assembler.piece.draft import ScoreDraft
from omr_service.assembler.piece.measure_order import step_measures
from omr_service.assembler.piece.rhythm import step_rhythm
from omr_service.assembler.rhythm.even_groups import threes_left_out
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from tests.omr.assembler.test_rhythm import chord

STAFF = Staff(0, 0, 1000, (0, 1, 2, 3, 4), 0.0, 1.0)
OTHER = Staff(1, 0, 1000, (12, 13, 14, 15, 16), 0.0, 1.0)


def solved(*bars, meter=None):
    """A piece, mostly without a meter, its rhythm worked out: a list of chords for each bar."""
    measures = []
    for k, elements in enumerate(bars):
        edge = Barline(60.0 * k + 60, 60.0 * k + 60, "L", False, False, False, 0, 4)
        left = measures[-1].right if measures else None
        measures.append(MeasureSigns(60.0 * k, 60.0 * k + 60, tuple(elements), (), None, meter, left, edge))
        meter = None
    system = SystemSigns(System(0, (STAFF, OTHER), (0, 1)), tuple(measures), ())
    draft = ScoreDraft([PageMusic(1, 1000, 100, 0, (system,), ())])
    step_measures(draft)
    step_rhythm(draft)
    return draft.measures


def threes(bar):
    """Twelve eighths under beams of three."""
    return [
        chord(100 * bar + k, 60 * bar + 3.0 + 4.0 * k, 1, beam=10 * bar + k // 3, step=4 + k % 3) for k in range(12)
    ]


def row(bar, *levels):
    """Notes without beams, spaced by their values."""
    x = 60.0 * bar + 3.0
    found = []
    for k, level in enumerate(levels):
        found.append(chord(100 * bar + k, x, level))
        x += 12.0 if level == 0 else 17.0
    return found


@pytest.mark.parametrize("last", [(0, 0, -1), (0, 0, 0, 0)])
def test_threes_under_beams_are_triplets_where_another_bar_has_the_length_that_makes(last):
    measures = solved(threes(0), threes(1), threes(2), row(3, *last))
    assert [m.rhythm.length for m in measures] == [4, 4, 4, 4]
    assert {t.duration for m in measures[:3] for t in m.rhythm.timings.values()} == {Fraction(1, 3)}


def test_threes_under_beams_are_dotted_beats_where_no_other_bar_tells():
    assert [m.rhythm.length for m in solved(threes(0), threes(1), threes(2))] == [6, 6, 6]


def test_threes_under_beams_are_dotted_beats_where_other_bars_have_that_length():
    measures = solved(threes(0), row(1, 0, 0, 0, 0, 0, 0), threes(2), row(3, 0, 0, -1))
    assert [m.rhythm.length for m in measures] == [6, 6, 6, 4]


def test_in_such_a_passage_a_beam_of_six_is_two_triplets_and_one_of_four_none():
    beams = [chord(k, 4.0 * k, 1, beam=0 if k < 6 else 1) for k in range(10)]
    assert [sign.options for sign in threes_left_out(beams, ())] == [((0, 1, 2),), ((3, 4, 5),)]


def mostly_threes(bar):
    """Twelve eighths in each hand under beams of three; the very first of the left hand has a flag."""
    right, left = threes(bar), [replace(n, index=n.index + 50, staff=1, beam=n.beam + 5) for n in threes(bar)]
    return [*right, replace(left[0], beam=-1, flagged=True), *left[1:]]


def test_a_bar_half_as_long_again_as_the_others_is_in_triplets_that_need_not_all_be_under_beams():
    others = [row(bar, 0, 0, 0, 0) for bar in (0, 1, 2)]
    measures = solved(*others, mostly_threes(3))
    assert measures[3].rhythm.length == 4
    assert {t.duration for t in measures[3].rhythm.timings.values()} == {Fraction(1, 3)}


def test_equal_notes_without_beams_beside_threes_are_triplets_too():
    left = [replace(chord(50 + k, 3.0 + 8.0 * k, 0), staff=1) for k in range(6)]
    assert [m.rhythm.length for m in solved([*threes(0), *left], row(1, 0, 0, -1))] == [4, 4]


@pytest.mark.parametrize(("dots", "length"), [(0, 4), (1, 6)])
def test_other_bars_tell_whether_threes_throughout_a_piece_are_triplets(dots, length):
    def half_of_threes(bar):
        return [*threes(bar)[:6], chord(100 * bar + 50, 60.0 * bar + 27.0, -1, dots=dots)]

    bars = [threes(0), half_of_threes(1), threes(2), half_of_threes(3), threes(4), half_of_threes(5), threes(6)]
    assert [m.rhythm.length for m in solved(*bars)] == [length] * 7


def test_bars_that_are_all_in_threes_leave_out_the_numbers_of_one_kind_of_tuplet():
    """Where a single bar tells that they are triplets, it is known of all of them: it costs each the less."""
    measures = solved(threes(0), threes(1), threes(2), row(3, 0, 0, -1))
    unknown = solve_measure(threes(0), (), Fraction(4), 1.0, compound=False)
    assert all(m.rhythm.cost < unknown.cost for m in measures[:3])


def half_in_threes(bar):
    """Two triplets and a half note."""
    return [*threes(bar)[:6], chord(100 * bar + 50, 60.0 * bar + 27.0, -1)]


def voices_in_threes(bar):
    """Twelve eighths under beams of three in four voices."""
    voices = [(0, True), (0, False), (1, True), (1, False)]
    return [
        replace(e, index=e.index + 20 * k, beam=e.beam + 300 * k, staff=staff, up=up)
        for k, (staff, up) in enumerate(voices)
        for e in threes(bar)
    ]


COMMON = MeterSign(0.0, 1.0, (4,), 4, "common")


@pytest.mark.parametrize(("after", "length"), [(3, 4), (2, 6)], ids=["a habit", "once or twice"])
def test_where_most_threes_are_triplets_without_numbers_those_of_a_full_bar_are_triplets_too(after, length):
    measures = solved(voices_in_threes(0), *(half_in_threes(k) for k in range(1, after + 1)), meter=COMMON)
    assert [m.rhythm.length for m in measures] == [length, *[4] * after]


def melody_over_threes(bar):
    """The same, but for a melody of quarters and eighths in place of one voice."""
    x = [60.0 * bar + 3.0 + 4.0 * k for k in range(12)]
    melody = [chord(100 * bar + 80 + k, x[k], 1 if k % 3 else 0) for k in range(12) if k % 3 != 1]
    return [*melody, *voices_in_threes(bar)[12:]]


def test_without_a_meter_threes_are_triplets_where_most_are_in_bars_of_the_usual_length():
    others = [row(k, 0, 0, 0, 0) if k > 3 else half_in_threes(k) for k in range(1, 11)]
    measures = solved(melody_over_threes(0), *others)
    assert [m.rhythm.length for m in measures] == [4] * 11
    melody = [t.duration for index, t in sorted(measures[0].rhythm.timings.items()) if 80 <= index < 100]
    assert melody == [Fraction(2, 3), Fraction(1, 3)] * 4


def test_threes_that_fill_their_bar_as_they_are_written_stay_so_among_triplets():
    plain = [*threes(0)[:6], chord(50, 27.0, 0)]
    measures = solved(plain, *(half_in_threes(k) for k in range(1, 5)), meter=COMMON)
    assert [m.rhythm.timings[0].duration for m in measures[:1]] == [Fraction(1, 2)]
    assert [m.rhythm.length for m in measures] == [4] * 5


EIGHTHS = MeterSign(0.0, 1.0, (3,), 8, "")


def pairs(bar):
    """Two eighths under a beam in either hand."""
    return [
        chord(100 * bar + 10 * staff + k, 60.0 * bar + 3.0 + 20.0 * k, 1, staff=staff, beam=10 * bar + staff)
        for staff in (0, 1)
        for k in range(2)
    ]


def single(bar):
    """Two eighths without a beam in either hand."""
    return [replace(e, beam=-1) for e in pairs(bar)]


@pytest.mark.parametrize(("changed", "length"), [(6, 1), (3, Fraction(3, 2))], ids=["a passage", "a few bars"])
def test_bars_that_agree_on_another_length_tell_of_a_meter_that_was_not_seen(changed, length):
    threes = [[chord(100 * bar + k, 60.0 * bar + 3.0 + 15.0 * k, 1) for k in range(3)] for bar in range(4)]
    two = [single(bar) for bar in range(4, 4 + changed)]
    measures = solved(*threes, two[0], pairs(20), *two[1:], meter=EIGHTHS)
    assert [m.rhythm.length for m in measures[:4]] == [Fraction(3, 2)] * 4
    assert measures[5].rhythm.length == length
    assert {m.rhythm.length for m in measures[6:]} == {1}

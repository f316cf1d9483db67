"""Bars as a page shows them: hidden rests, small notes, chords that share a stem, tuplets without their number."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from omr_service.assembler.music import Element, NoteSign, TupletSign
from omr_service.assembler.rhythm.bar_model import USUAL
from omr_service.assembler.rhythm.even_groups import threes_of_one_line
from omr_service.assembler.rhythm.measure_problem import MeasureProblem
from omr_service.assembler.rhythm.measure_rhythm import grace_notes, solve_measure
from omr_service.assembler.rhythm.spacing import spacing_cost
from omr_service.symbols import Box

Q = Fraction


def chord(index, x, level, *, staff=0, step=4, dots=0, up=True, beam=-1, small=False, shared=False):
    """A chord of one note, in staff spaces of one point."""
    box = Box(x, 0, x + 1.2, 1)
    note = NoteSign(index, staff, step, box, "noteheadBlack", None, 1.0)
    return Element(
        index, staff, x, x + 1.2, (note,), level, dots, up, 0.0, beam, small, False, 0, 4.0, box, 1.0, shared=shared
    )


def times(elements, expected, tuplets=()):
    """Onset and duration of each element that takes time, by its number."""
    timing = solve_measure(elements, tuplets, Q(expected), 1.0)
    return {k: (t.onset, t.duration) for k, t in sorted(timing.timings.items())}


def test_a_voice_begins_after_a_rest_that_is_hidden_and_goes_on_after_another():
    bass = [chord(0, 0, -1, step=2), chord(1, 8.8, -1, step=2)]
    inner = [chord(2 + k, x, 1, step=8, up=False, beam=9) for k, x in enumerate((2.2, 4.4, 6.6))]
    inner += [chord(5 + k, x, 1, step=8, up=False, beam=10) for k, x in enumerate((11.0, 13.2, 15.4))]
    found = times([*bass, *inner], 4)
    assert [found[k][0] for k in range(2, 8)] == [Q(1, 2), 1, Q(3, 2), Q(5, 2), 3, Q(7, 2)]
    assert found[0] == (0, 2) and found[1] == (2, 2)


def test_small_notes_under_a_beam_with_full_ones_are_in_time():
    run = [chord(k, 3.0 * k, 2, beam=5, small=k in (1, 2, 3)) for k in range(4)]
    assert grace_notes(run) == []
    assert [onset for onset, _ in times(run, 1).values()] == [0, Q(1, 4), Q(1, 2), Q(3, 4)]


def test_small_notes_that_lean_on_a_note_take_no_time():
    grace = chord(0, 0, 2, small=True)
    assert times([grace, chord(1, 2, 0), chord(2, 8, 0)], 2) == {1: (0, 1), 2: (1, 1)}


def test_a_run_of_small_notes_fills_the_time_that_nothing_else_does():
    before, after = chord(0, 0, 0), chord(1, 40, 0)
    run = [chord(2 + k, 13.3 + 2.6 * k, 2, beam=5, small=True) for k in range(10)]
    pulse = [chord(20 + k, 13.3 * k, 0, staff=1) for k in range(4)]
    found = times([before, *run, after, *pulse], 4)
    assert found[1] == (3, 1)
    assert [found[2 + k] for k in range(10)] == [(1 + Q(k, 5), Q(1, 5)) for k in range(10)]


@pytest.mark.parametrize(("beats", "in_time"), [((0, 14, 28), True), ((0, 27, 28.2), False)], ids=["beside", "before"])
def test_small_notes_beside_which_others_begin_are_in_time(beats, in_time):
    """Eight small eighths before a quarter, in a bar of three quarters."""
    run = [chord(k, 3.0 * k, 1, beam=5, small=True) for k in range(8)]
    bass = [chord(20 + k, x, 0, staff=1) for k, x in enumerate(beats)]
    found = times([*run, chord(10, 28, 0), *bass], 3)
    assert found[10] == (2, 1)
    assert [found.get(k) for k in range(8)] == [(Q(k, 4), Q(1, 4)) if in_time else None for k in range(8)]


def test_of_two_chords_on_one_stem_each_may_have_its_own_value():
    upper = [chord(k, 4.0 * k, 1, beam=5, step=8) for k in range(2)]
    shared = [chord(2, 8.0, 0, step=8, shared=True), chord(3, 8.0, 0, step=8, shared=True)]
    rest = [chord(4, 12.0, 1, step=8)]
    found = times([*upper, *shared, *rest], 2)
    assert sorted(found[k] for k in (2, 3)) == [(1, Q(1, 2)), (1, 1)]
    assert found[4] == (Q(3, 2), Q(1, 2))


def test_equal_numbers_replace_the_same_when_the_bar_asks_for_it():
    runs = [[chord(7 * s + k, 3.0 * k, 1, staff=s, beam=s) for k in range(7)] for s in range(2)]
    signs = [TupletSign(7, 0, (tuple(e.index for e in run),), True, True, Box(0, 0, 1, 1)) for run in runs]
    found = times([e for run in runs for e in run], 3, signs)
    assert [found[k] for k in range(7)] == [(Q(3, 7) * k, Q(3, 7)) for k in range(7)]


@pytest.mark.parametrize("xs", [[0, 4, 8, 12], [0, 4, 8, 14.5]])
def test_columns_set_as_engravers_do_cost_nothing(xs):
    assert spacing_cost(list(enumerate(xs))) == 0


def test_a_long_time_in_little_room_costs():
    assert spacing_cost([(0, 0.0), (1, 4.0), (2, 8.0), (6, 11.0), (7, 15.0)]) > 0.5


def test_voices_that_share_a_printed_rest_both_pause_under_their_beams():
    upper = [chord(0, 0, 1, beam=1, step=8), chord(1, 8, 2, beam=1, step=8)]
    lower = [chord(2, 0, 1, beam=2, up=False), chord(3, 8, 2, beam=2, up=False)]
    rest = replace(chord(4, 4, 2, up=None), notes=())
    pulse = [chord(5, 0, 1, staff=1, beam=3), chord(6, 4, 1, staff=1, beam=3)]
    assert times([*upper, *lower, rest, *pulse], 1) == {
        0: (0, Q(1, 2)),
        1: (Q(3, 4), Q(1, 4)),
        2: (0, Q(1, 2)),
        3: (Q(3, 4), Q(1, 4)),
        4: (Q(1, 2), Q(1, 4)),
        5: (0, Q(1, 2)),
        6: (Q(1, 2), Q(1, 2)),
    }


@pytest.mark.parametrize(("count", "ratio"), [(17, (17, 8)), (16, (16, 8)), (8, None)])
def test_notes_under_one_beam_share_the_time_that_the_other_hand_tells(count, ratio):
    run = [chord(k, 2.0 * k, 3, beam=1) for k in range(count)]
    right = 2.0 * count
    after = [chord(50, right, 0), chord(51, right + 8, 0)]
    left = [chord(60, 0, 0, staff=1), chord(61, right, 0, staff=1), chord(62, right + 8, 0, staff=1)]
    timing = solve_measure([*run, *after, *left], (), Q(3), 1.0)
    assert [timing.timings[k].onset for k in range(count)] == [Q(k, count) for k in range(count)]
    assert timing.timings[50].onset == 1 and timing.fits
    assert [r for _, r in timing.unmarked] == ([ratio] if ratio else [])


def test_six_notes_do_not_replace_eight_where_the_beat_is_plain():
    """The bar is half as long as its meter, in both hands."""
    runs = [[chord(20 * s + k, 3.0 * k, 2, staff=s, beam=s) for k in range(6)] for s in range(2)]
    signs = [TupletSign(6, 0, (tuple(e.index for e in run),), False, True, Box(0, 0, 1, 1)) for run in runs]
    timing = solve_measure([e for run in runs for e in run], signs, Q(2), 1.0, compound=False)
    assert timing.length == 1 and {t.ratios for t in timing.timings.values()} == {((6, 4),)}


def test_a_bar_of_many_voices_is_searched_until_they_add_up():
    """Halves of two voices at once, an upper voice after a hidden rest, and the other hand above."""
    bass = [chord(0, 0, -1, staff=1, up=False), chord(1, 0, -1, staff=1)]
    groups = ((10, (2.0, 4.0, 6.0), 22), (13, (10.1, 12.1, 14.1), 28))
    inner = [
        chord(first + k, x, 1, staff=1, step=8, up=False, beam=beam)
        for first, xs, beam in groups
        for k, x in enumerate(xs)
    ]
    upper = [chord(20, 0, 0, up=False), chord(21, 4.0, 0, up=False)]
    rest = replace(chord(22, 8.0, 1, up=None), notes=())
    run = [chord(23 + k, x, 1, up=False, beam=29) for k, x in enumerate((10.1, 12.1, 14.1))]
    timing = solve_measure([*bass, *inner, *upper, rest, *run], (), Q(4), 1.0, compound=False)
    onsets = [timing.timings[k].onset for k in (10, 11, 12, 13, 14, 15)]
    assert timing.length == 4 and onsets == [Q(1, 2), 1, Q(3, 2), Q(5, 2), 3, Q(7, 2)]


def test_numbers_over_dotted_beats_replace_multiples_of_three():
    """Seven and fourteen notes on the two beats of 6/8, over eighths."""
    runs = [
        [chord(k, 9.0 * k, 2, beam=1) for k in range(7)],
        [chord(10 + k, 63 + 4.5 * k, 3, beam=2) for k in range(14)],
    ]
    signs = [TupletSign(len(run), 0, (tuple(e.index for e in run),), False, False, Box(0, 0, 1, 1)) for run in runs]
    pulse = [chord(40 + k, 21.0 * k, 1, staff=1, beam=3 + k // 3) for k in range(6)]
    timing = solve_measure([*runs[0], *runs[1], *pulse], signs, Q(3), 1.0)
    assert {timing.timings[k].ratios for k in (0, 10)} == {((7, 6),), ((14, 12),)}
    assert timing.timings[10].onset == Q(3, 2) and timing.length == 3


def test_cues_fill_the_time_that_they_are_written_with():
    pulse = [chord(20 + k, 10.0 * k, 0, staff=1) for k in range(4)]
    cues = [chord(k, 10.0 * k, 0, small=True) for k in (1, 2, 3)]
    found = times([chord(0, 0, 0), *cues, *pulse], 4)
    assert [found[k] for k in range(4)] == [(0, 1), (1, 1), (2, 1), (3, 1)]


def test_a_bar_of_nothing_but_cues_is_in_time():
    assert times([chord(k, 10.0 * k, 0, small=True) for k in range(3)], 3) == {0: (0, 1), 1: (1, 1), 2: (2, 1)}


def test_voices_that_enter_one_after_the_other_are_held_and_fill_their_bar():
    bass = chord(0, 0.0, -1, dots=2, step=-2)
    entries = [chord(1, 5.0, 1, step=2), chord(2, 10.0, -1, dots=1, step=9), chord(3, 15.0, 1, step=6, up=False)]
    entries += [chord(4, 20.0, -1, step=13, up=False), chord(5, 25.0, 1, step=4), chord(6, 30.0, 0, step=11)]
    last = [chord(7, 35.0, 1, step=-9), chord(8, 35.0, 1, staff=1, step=-5)]
    found = times([bass, *entries, *last], 4)
    assert [found[k][0] for k in range(9)] == [0, Q(1, 2), 1, Q(3, 2), 2, Q(5, 2), 3, Q(7, 2), Q(7, 2)]


def test_a_bar_at_a_repeat_may_be_shorter_than_the_meter_but_is_no_longer():
    sixteenths = [chord(k, 3.0 * k, 2, beam=k // 6) for k in range(18)]
    timing = solve_measure(sixteenths, (), Q(3), 1.0, irregular_is_usual=True)
    assert timing.length == 3 and timing.expected
    assert solve_measure(sixteenths[:8], (), Q(3), 1.0, irregular_is_usual=True).length == 2


def test_a_run_without_its_number_takes_the_time_that_its_bar_has():
    run = [chord(k, 2.2 * k, 2, beam=5) for k in range(11)]
    pulse = [chord(20 + k, 12.1 * k, 0, staff=1) for k in range(3)]
    found = times([*run, chord(11, 24.2, 0), *pulse], 3)
    assert [found[k] for k in range(11)] == [(Q(2 * k, 11), Q(2, 11)) for k in range(11)]
    assert found[11] == (2, 1)


def test_a_cadenza_from_barline_to_barline_lasts_as_long_as_the_bar_whatever_begins_meanwhile():
    run = [chord(k, 2.5 * k, 1, beam=3, staff=k // 16, step=8 if k < 16 else 12) for k in range(24)]
    below = [chord(30 + k, x, 1, staff=1, step=1, up=False, beam=4) for k, x in enumerate((0, 9, 21))]
    found = times([*run, *below], 3)
    assert [found[k] for k in range(24)] == [(Q(k, 8), Q(1, 8)) for k in range(24)]
    assert [found[30 + k][0] for k in range(3)] == [0, Q(1, 2), 1]


@pytest.mark.parametrize(("length", "run"), [(4, -1), (2, -1), (3, 0)])
def test_a_two_with_lines_beside_it_is_a_finger_where_nothing_lasts_three_halves_of_two_notes(length, run):
    sign = TupletSign(2, 0, ((0, 1),), True, True, Box(0, 0, 1, 1))
    eighths = [chord(k, 4.0 * k, 1, beam=k // 2) for k in range(2 * length)]
    problem = MeasureProblem(eighths, {}, [sign], Q(length), 1.0, USUAL, False, ())
    assert problem.first_choice() == ((run, 3),)


def test_pairs_of_a_long_and_a_short_note_are_triplets_where_the_bar_is_half_as_long_again():
    """Eighth and sixteenth, four times in both hands, in 2/4; one hand begins with a rest."""
    hands = [
        [chord(20 * s + k, 6.0 * (k // 2) + 4.0 * (k % 2), 1 + k % 2, staff=s, beam=2 * s + k // 4) for k in range(8)]
        for s in range(2)
    ]
    hands[1][0] = replace(hands[1][0], notes=(), up=None, beam=-1)
    timing = solve_measure([*hands[0], *hands[1]], (), Q(2), 1.0, compound=False)
    assert timing.length == 2 and timing.timings[1].onset == Q(1, 3) and timing.timings[27].onset == Q(11, 6)


def groups_of(size, count, level=3):
    """Notes of one value under beams of so many each."""
    return [
        chord(size * g + k, 20.0 * g + 18.0 * k / size, level, beam=g, step=4 + k % 4)
        for g in range(count)
        for k in range(size)
    ]


@pytest.mark.parametrize(("size", "count", "duration"), [(7, 8, Fraction(1, 14)), (5, 8, Fraction(1, 10))])
def test_a_bar_of_equal_groups_is_one_of_tuplets_of_which_no_number_is_printed(size, count, duration):
    elements = groups_of(size, count)
    timing = solve_measure(elements, (), Fraction(4), 1.0, compound=False)
    assert timing.expected and timing.fits
    assert {t.duration for t in timing.timings.values()} == {duration}
    assert [(len(run), ratio) for run, ratio in timing.unmarked] == [(size, (size, 4))] * count


def test_equal_groups_are_tuplets_though_something_was_seen_that_is_not_there():
    ghost = replace(chord(99, 148.0, 1), notes=(), up=None, confidence=0.5)
    hands = [replace(e, staff=int(e.index % 7 < 3)) for e in groups_of(7, 8)]
    timing = solve_measure([*hands, ghost], (), Fraction(4), 1.0, compound=False)
    assert timing.dropped == (99,)
    assert {t.duration for t in timing.timings.values()} == {Fraction(1, 14)}
    # as tuplets of one kind, not as eight of which each may be another
    assert timing.cost < 3
    # on a page drawn in vectors it is there
    assert not solve_measure([*hands, ghost], (), Fraction(4), 1.0, compound=False, certain=True).dropped


def test_a_figure_with_a_triplet_without_a_number_is_read_alike_when_it_comes_again():
    """An eighth and three 16ths under one beam, twice in two quarters."""
    figures = [
        chord(4 * g + k, (0.0, 5.0, 8.5, 12.0)[k] + 15.5 * g, 1 + (k > 0), beam=g) for g in range(2) for k in range(4)
    ]
    timings = solve_measure(figures, (), Fraction(2), 1.0, compound=False).timings
    assert [timings[k].duration for k in range(8)] == 2 * [Fraction(1, 2), *3 * [Fraction(1, 6)]]


def test_one_line_through_both_staves_is_in_triplets_that_have_no_number():
    """Of each three 32nds the first has a flag of its own on the lower staff, two are under a beam on the upper one."""
    line = [
        replace(chord(k, 3.0 * k, 3, beam=k // 3 if k % 3 else -1), staff=int(k % 3 == 0), up=k % 3 > 0)
        for k in range(24)
    ]
    timing = solve_measure(line, (), Fraction(2), 1.0, compound=False)
    assert timing.fits and timing.expected
    assert [timing.timings[k].onset for k in range(24)] == [Fraction(k, 12) for k in range(24)]
    # with notes of another voice it is none
    beside = [chord(30 + k, 12.0 * k + 0.2, 1) for k in range(6)]
    assert threes_of_one_line(line, ()) and not threes_of_one_line([*line, *beside], ())


@pytest.mark.parametrize(("expected", "duration"), [(Fraction(9, 2), Fraction(3, 4)), (Fraction(2), Fraction(1, 3))])
def test_six_notes_replace_nine_where_the_bar_is_three_dotted_beats(expected, duration):
    elements = [chord(k, 10.0 * k, 1, beam=1) for k in range(6)]
    six = TupletSign(6, 0, (tuple(range(6)),), False, True, Box(28, 0, 30, 2))
    found = solve_measure(elements, (six,), expected, 1.0).timings
    assert {t.duration for t in found.values()} == {duration}


def test_a_number_in_a_bracket_is_no_tuplets_where_the_bar_adds_up_only_without_it():
    """A finger under a slur: pairs of eighths below five quarters, of which three would be a triplet."""
    upper = [chord(k, 10.0 * k, 0, step=9) for k in range(5)]
    lower = [chord(10 + k, 5.0 * k, 1, step=4, up=False, beam=k // 2) for k in range(10)]
    sign = TupletSign(3, 0, ((16, 17, 18), (3, 4)), True, True, Box(33, 0, 34, 2))
    found = times([*upper, *lower], 5, [sign])
    assert [found[10 + k] for k in range(10)] == [(Q(k, 2), Q(1, 2)) for k in range(10)]

"""A staff that fills a measure by itself, and what is read by it."""

from __future__ import annotations

from fractions import Fraction as Q

import pytest

from omr_service.assembler.rhythm.complete_lines import complete_lines, hands_in_turn
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from tests.omr.assembler.test_rhythm import chord, times

RUN = [chord(k, 4.0 * k, 1, beam=k // 3) for k in range(12)]


def test_a_staff_that_adds_up_tells_the_onsets_of_its_notes():
    below = [chord(12, 0, 0, staff=1), chord(13, 12, -1, staff=1)]
    assert complete_lines([*RUN, *below], {}, Q(6), 1.0) == [{k: Q(k, 2) for k in range(12)}]


@pytest.mark.parametrize(
    "elements",
    [
        RUN[:11],
        [*RUN[:11], chord(11, 40.5, 1, beam=3)],  # two notes in one column
        [*RUN, chord(12, 48.0, 1, staff=1, beam=3)],  # a beam goes on on the other staff
    ],
    ids=["too short", "two voices", "a beam of both staves"],
)
def test_a_staff_that_may_not_be_all_is_no_ruler(elements):
    assert complete_lines(elements, {}, Q(6), 1.0) == []


def test_ratios_of_printed_tuplets_count():
    marks = dict.fromkeys(range(12), ((3, 2),))
    assert complete_lines(RUN, marks, Q(6), 1.0) == []
    assert complete_lines(RUN, marks, Q(4), 1.0) == [{k: Q(k, 3) for k in range(12)}]


def test_a_staff_with_notes_too_long_for_the_bar_does_not_change_one_that_fills_it():
    """Halves where the bar has room for dotted quarters, in two voices with hidden rests."""
    halves = [chord(n, x, -1, staff=1, step=5, up=up) for n, x, up in ((20, 12, True), (21, 12, False))]
    halves += [chord(n, x, -1, staff=1, step=5, up=up) for n, x, up in ((22, 36, True), (23, 36, False))]
    eighths = [chord(30 + k, x, 1, staff=1, step=8, up=False) for k, x in enumerate((0, 4, 8))]
    eighths += [chord(33 + k, x, 1, staff=1, step=9, up=False, beam=9) for k, x in enumerate((16, 20))]
    eighths += [chord(35, 24, 1, staff=1, step=1, up=False), chord(36, 32, 1, staff=1, step=8, up=False)]
    eighths += [chord(37 + k, x, 1, staff=1, step=9, up=False, beam=10) for k, x in enumerate((40, 44))]
    placed = times([*RUN, *halves, *eighths], 6)
    assert [placed[k] for k in range(12)] == [(Q(k, 2), Q(1, 2)) for k in range(12)]
    assert (placed[36][0], placed[22][0]) == (Q(4), Q(9, 2))


TURNS = [chord(k, 4.0 * k, 2, staff=k % 2) for k in range(12)]


def test_hands_that_take_turns_without_rests_fill_the_bar_together():
    """Sixteenths with flags of their own; the first of the left hand sounds with a chord of the right."""
    left = chord(20, 0.2, 2, staff=1)
    assert hands_in_turn([*TURNS, left], {}, Q(3), 1.0) == [{k: Q(k, 4) for k in range(12)} | {20: Q(0)}]
    assert times([*TURNS, left], 3) == {k: (Q(k, 4), Q(1, 4)) for k in range(12)} | {20: (0, Q(1, 4))}


@pytest.mark.parametrize(
    "elements",
    [
        TURNS[:11],
        [*TURNS, chord(20, 0.2, 1, staff=1)],  # a longer note, which goes on under others
        [chord(k, 4.0 * k, 2, staff=k // 6) for k in range(12)],
    ],
    ids=["too short", "held", "one after the other"],
)
def test_hands_that_do_not_take_turns_are_no_ruler(elements):
    assert hands_in_turn(elements, {}, Q(3), 1.0) == []


def test_hands_that_fill_the_bar_together_do_so_in_a_bar_that_may_be_shorter():
    """Eighths with flags of their own in the first bar of a piece."""
    turns = [chord(k, 1.5 * k, 1, staff=k % 2, up=k % 2 == 0) for k in range(6)]
    timing = solve_measure(turns, (), Q(3), 1.0, irregular_is_usual=True)
    assert (timing.length, [timing.timings[k].onset for k in range(6)]) == (3, [Q(k, 2) for k in range(6)])

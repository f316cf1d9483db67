"""The bar solver on bars made by hand and on random ones."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from omr_service.assembler.rhythm.bar_model import Item, Reading
from omr_service.assembler.rhythm.bar_solver import solve_bar

Q = Fraction


def item(staff, x, value, stem=0, beam=-1, rest=False):
    return Item(staff, x, (Reading(Q(value)),), stem, rest, beam)


def onsets(items, expected):
    return [p.onset for p in solve_bar(items, expected).placed]


def test_a_voice_after_itself():
    items = [item(0, 10 * k, 1, 1) for k in range(4)]
    assert onsets(items, Q(4)) == [0, 1, 2, 3]


def test_two_voices_of_one_staff_over_another_staff():
    melody = [item(0, 0, 2, 1), item(0, 20, 2, 1)]
    inner = [item(0, 0, 1, -1), item(0, 10, 1, -1), item(0, 20, Q(1, 2), -1), item(0, 25, Q(3, 2), -1)]
    bass = [item(1, 0, 4, -1)]
    solution = solve_bar([*melody, *inner, *bass], Q(4))
    assert [p.onset for p in solution.placed] == [0, 2, 0, 1, 2, Q(5, 2), 0]
    assert solution.fits and solution.expected and solution.cost < 0.5
    assert solution.placed[0].voice == solution.placed[1].voice != solution.placed[2].voice


def test_a_note_moved_aside_still_sounds_with_its_column():
    items = [item(0, 0.0, 2, 1), item(0, 1.2, 2, -1), item(0, 20, 2, 1), item(0, 20, 2, -1)]
    assert onsets(items, Q(4)) == [0, 0, 2, 2]


def test_a_pickup_is_as_long_as_what_stands_in_it():
    solution = solve_bar([item(0, 0, 1, 1), item(1, 0, 1, 1, rest=True)], Q(4))
    assert solution.length == 1 and solution.fits and not solution.expected


def test_a_whole_bar_of_rest_is_as_long_as_the_bar():
    rest = Item(1, 3, (Reading(Q(0)), Reading(Q(4), 0.4)), is_rest=True)
    solution = solve_bar([item(0, 0, 1, 1), item(0, 10, 2, 1), rest], Q(3))
    assert solution.placed[2].duration == 3 and solution.fits


def test_a_triplet_without_its_number_is_found_by_the_other_staff():
    third = (Reading(Q(1, 2)), Reading(Q(1, 3), 0.35, Q(2, 3)))
    triplet = [Item(0, 4.0 * k, third, 1, False, 0) for k in range(3)]
    items = [*triplet, item(0, 12, 1, 1), item(1, 0, 1, 1), item(1, 12, 1, 1)]
    solution = solve_bar(items, Q(2))
    assert [p.onset for p in solution.placed] == [0, Q(1, 3), Q(2, 3), 1, 0, 1]
    assert [p.reading for p in solution.placed] == [1, 1, 1, 0, 0, 0]


def test_a_tuplet_without_a_number_is_never_left_half_full():
    third = (Reading(Q(1, 2)), Reading(Q(1, 3), 0.35, Q(2, 3)))
    solution = solve_bar([Item(0, 4.0 * k, third, 1, False, 0) for k in range(4)], Q(2))
    assert [p.duration for p in solution.placed] == [Q(1, 2)] * 4


def test_what_does_not_fit_is_told():
    solution = solve_bar([item(0, 0, 2, 1), item(0, 10, 1, 1), item(1, 0, 4, 1)], Q(4))
    assert not solution.fits and solution.cost > 1
    assert len(solution.placed) == 3


@st.composite
def bars(draw):
    """A bar of two staves, one or two voices each, all full; x grows with time."""
    length = draw(st.sampled_from([Q(2), Q(3), Q(4), Q(3, 2)]))
    values = [Q(1, 4), Q(1, 2), Q(1), Q(3, 2), Q(2)]
    items, truth = [], []
    for staff in range(2):
        for voice in range(draw(st.integers(1, 2))):
            time = Q(0)
            while time < length:
                value = draw(st.sampled_from([v for v in values if v <= length - time] or [length - time]))
                stem = 1 if voice == 0 else -1
                items.append((staff, float(time) * 16 + 3, value, stem))
                truth.append(time)
                time += value
    return length, [item(s, x, v, stem) for s, x, v, stem in items], truth


@settings(max_examples=150, deadline=None)
@given(bars())
def test_full_bars_are_read_as_they_were_made(bar):
    length, items, truth = bar
    solution = solve_bar(items, length)
    assert [p.onset for p in solution.placed] == truth
    assert solution.fits and solution.length == length


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.floats(0, 60, allow_nan=False),
            st.sampled_from([Q(1, 4), Q(1, 2), Q(1), Q(3, 2), Q(4)]),
            st.sampled_from([-1, 0, 1]),
        ),
        min_size=1,
        max_size=14,
    )
)
def test_anything_at_all_gets_a_place_and_voices_do_not_overlap(rows):
    items = [item(*row) for row in rows]
    solution = solve_bar(items, Q(4))
    assert len(solution.placed) == len(items)
    by_voice = {}
    for placed in solution.placed:
        by_voice.setdefault(placed.voice, []).append((placed.onset, placed.onset + placed.duration))
    for spans in by_voice.values():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))

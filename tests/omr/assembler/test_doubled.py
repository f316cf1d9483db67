"""Heads of one height on both sides of a stem: two voices' notes, or twice the same note of one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from omr_service.assembler.page.broken_stems import each_once
from omr_service.assembler.rhythm.doubled import doubled, made_one
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from omr_service.symbols import Line
from tests.omr.assembler.test_page_steps import Sheet
from tests.omr.assembler.test_rhythm import chord, times

Q = Fraction


def test_notes_that_were_split_from_a_chord_are_given_back_to_it():
    main, split, other = (chord(k, x, 1, shared=True) for k, x in ((0, 0), (1, 0), (2, 8)))
    assert doubled([main, split, other]) == {1: 0}
    first, second = made_one([main, split, other], {1: 0})
    assert [n.head for n in first.notes] == [0, 1] and not first.shared
    assert second is other


def test_stems_of_two_chords_are_not_split_from_each_other():
    up, down = chord(0, 0, 1, shared=True), chord(1, 0, 1, shared=True, up=False)
    assert doubled([up, down]) == {}


def test_a_note_twice_in_a_chord_is_in_the_tuplet_of_its_beam():
    """Beams of six eighths in a bar of two quarters and a half each; the last chord of each has one note twice."""
    run = [chord(k, 4.0 * k, 1, beam=k // 6, step=3) for k in range(12)]
    run = [replace(e, shared=e.index % 6 == 5) for e in run]
    twice = [chord(20, 20, 1, step=3, shared=True), chord(21, 44, 1, step=3, shared=True)]
    timing = solve_measure([*run, *twice], (), Q(4), 1.0)
    assert timing.doubled == ((20, 5), (21, 11))
    assert {k: t.onset for k, t in timing.timings.items()} == {k: Q(k, 3) for k in range(12)}


def test_of_two_voices_whose_open_heads_share_a_stem_neither_is_shorter():
    """Halves on the second beat of four, under a melody and over eighths with hidden rests between them."""
    melody = [chord(0, 0, 1, dots=1, beam=1), chord(1, 4.1, 2, beam=1), chord(2, 5.9, -1), chord(3, 15.5, 0)]
    halves = [chord(10 + k, 5.9, -1, staff=1, step=11, shared=True, up=False) for k in range(2)]
    eighths = [chord(20 + k, x, 1, staff=1, step=8, up=False) for k, x in enumerate((0, 2.7, 7.4, 10.1, 12.8, 17.5))]
    found = times([*melody, *halves, *eighths], 4)
    assert {found[k] for k in (10, 11) if k in found} == {(1, 2)}


@pytest.mark.parametrize(
    ("off", "head", "kept"), [(0.0, "Half", 1), (2.0, "Half", 1), (8.0, "Half", 2), (2.0, "Black", 2)]
)
def test_stems_of_half_notes_on_each_other_are_one_where_they_leave_heads_of_one_height(off, head, kept):
    sheet = Sheet()
    sheet.bar(50)
    for x in (94, 100):
        sheet.glyph(f"notehead{head}", 0, x, 8)
    for y in (100 + off, 100):
        sheet.page.lines.append(Line(100, y, 100, 125, 0.6))
    sheet.page.lines.append(Line(130, 100, 130, 125, 0.6))
    stems = [line for line in sheet.page.lines if line.x0 == line.x1 and line.x0 > 50]
    assert len(each_once(stems, sheet.draft().heads, 5.0)) == kept + 1

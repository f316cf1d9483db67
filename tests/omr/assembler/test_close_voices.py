"""Voices of one direction on one place, notes that stand aside for each other, and staves that do not wait for each
other: what near things say of their times."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from omr_service.assembler.music import TupletSign
from omr_service.assembler.rhythm import measure_problem
from omr_service.assembler.rhythm.bar_model import USUAL
from omr_service.assembler.rhythm.measure_problem import MeasureProblem
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from omr_service.pipeline import assemble_page
from omr_service.symbols import Box, Line
from tests.omr.assembler.test_overlaid_stems import framed
from tests.omr.assembler.test_rhythm import chord, times

Q = Fraction


def sign(number, *options, certain=True):
    return TupletSign(number, 0, options, certain, certain, Box(0, 0, 1, 1))


def elements_of(sheet):
    return assemble_page(sheet.page).systems[0].measures[0].elements


def eighths_over_triplets(sheet, twice):
    """Two eighths under an upper beam; on the stem of each begins a triplet of sixteenths with lower beams."""
    tops = []
    for x in (100, 160):
        stem, _ = sheet.note(0, x, 6, up=False, tip=7)
        if twice:
            sheet.glyph("noteheadBlack", 0, x, 6)
        tops.append(stem)
        low = sheet.y(0, -6)
        sheet.page.lines.append(Line(stem, sheet.y(0, 6), stem, low, 0.6))
        ends = [stem]
        for dx, step in ((20, 3), (40, 8)):
            ends.append(sheet.note(0, x + dx, step, up=False, tip=step + 6)[0])
        for offset in (0.0, -3.75):
            sheet.beam((ends[0], low), (ends[-1], low), offset)
    sheet.beam((tops[0], sheet.y(0, -1)), (tops[1], sheet.y(0, -1)))


def test_a_head_printed_twice_with_two_stems_down_is_a_note_of_either_voice():
    sheet = framed()
    eighths_over_triplets(sheet, twice=True)
    found = sorted((round(e.x), e.level) for e in elements_of(sheet))
    assert found == [(100, 1), (100, 2), (120, 2), (140, 2), (160, 1), (160, 2), (180, 2), (200, 2)]
    assert len({e.beam for e in elements_of(sheet)}) == 3


def test_a_head_printed_once_has_one_stem_of_a_direction():
    sheet = framed()
    eighths_over_triplets(sheet, twice=False)
    assert [round(e.x) for e in elements_of(sheet)] == [100, 120, 140, 160, 180, 200]


@pytest.mark.parametrize("flagged", [True, False])
def test_a_note_with_a_flag_between_those_of_a_beam_is_of_another_voice(flagged):
    sheet = framed()
    stems = [sheet.note(0, x, 6, up=False, tip=8)[0] for x in (100, 130, 160)]
    sheet.beam((stems[0], sheet.y(0, -2)), (stems[2], sheet.y(0, -2)))
    if flagged:
        sheet.glyph("flag8thDown", 0, 130, -2, height=15)
    middle = elements_of(sheet)[1]
    assert (middle.beam < 0) == flagged and middle.level == 1


@pytest.mark.parametrize(("up", "xs"), [(None, (3.0, 6.5, 10.0, 13.5)), (False, (1.75, 5, 10, 15))])
def test_what_stands_aside_for_a_note_sounds_with_it_in_both_staves(up, xs):
    """A held chord (a second without stems, or a note with one), and right of it the first of the notes over it."""
    held = [replace(chord(s, 0, -2, staff=s, up=up), x1=2.5 if up is None else 1.2) for s in (0, 1)]
    moving = [chord(2 + 4 * s + k, x, 0, staff=s, step=5, up=False) for s in (0, 1) for k, x in enumerate(xs)]
    found = times([*held, *moving], 4)
    assert all(found[2 + 4 * s + k][0] == k for s in (0, 1) for k in range(4))


def test_notes_of_two_staves_may_stand_closer_than_those_of_one():
    """Eight in one hand against three in the other: some are half a space apart; the number may be a finger."""
    three = [chord(k, 3.73 * k, 1, staff=1, beam=1) for k in range(3)]
    eight = [chord(3 + k, 1.4 * k, 3, staff=0, beam=0) for k in range(8)]
    found = times([*three, *eight], Q(3, 2), [sign(8, tuple(range(3, 11)), tuple(range(5, 9)), certain=False)])
    assert [found[3 + k] for k in range(8)] == [(Q(3 * k, 16), Q(3, 16)) for k in range(8)]


def test_a_bar_of_fours_under_beams_is_longer_than_its_meter_sooner_than_triplets():
    hands = [[chord(12 * s + k, 3.0 * k, 1, staff=s, beam=10 * s + k // 4) for k in range(12)] for s in (0, 1)]
    timing = solve_measure([e for hand in hands for e in hand], (), Q(4), 1.0)
    assert timing.length == 6 and not timing.unmarked
    threes = [replace(e, beam=10 * e.staff + (e.index % 12) // 3) for hand in hands for e in hand]
    assert solve_measure(threes, (), Q(4), 1.0).length == 4


def test_small_notes_with_a_number_are_played_in_time():
    sheet = framed()
    full = [sheet.note(1, x, 4) for x in (100, 130, 160)]
    assert len(full) == 3
    for x, up in ((100, True), (130, True)):
        sheet.note(0, x, 4, up=up)
    stems = []
    for x in (160, 172, 184):
        stems.append(sheet.note(0, x, 5)[0])
        sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], size=13.0)
    sheet.beam((stems[0], sheet.y(0, 12)), (stems[2], sheet.y(0, 12)))
    sheet.glyph("tuplet3", 0, 176, 14, height=4)
    (system,) = assemble_page(sheet.page).systems
    (measure, *_) = system.measures
    assert [t.number for t in system.tuplets] == [3]
    timing = solve_measure(measure.elements, system.tuplets, Q(3), 5.0)
    small = [timing.timings[e.index] for e in measure.elements if e.small]
    assert [(t.onset, t.ratios) for t in small] == [(2 + Q(k, 3), ((3, 2),)) for k in range(3)]


def test_a_number_may_stand_over_more_notes_than_it_says_where_they_are_shorter():
    sheet = framed()
    for x in (100, 130):
        sheet.note(0, x, 4, up=False)
    sheet.glyph("rest8th", 0, 160, 4, height=8)
    sheet.note(0, 175, 4, up=False)
    sheet.glyph("flag8thDown", 0, 175, -3, height=15)
    y = sheet.y(0, -6)
    sheet.glyph("tuplet3", 0, 138, -6, height=4)
    for x0, x1 in ((100, 134), (147, 181)):
        sheet.page.lines.append(Line(x0, y, x1, y, 0.6))
    (system,) = assemble_page(sheet.page).systems
    (tuplet,) = system.tuplets
    assert len(tuplet.options[0]) == 4


@pytest.mark.parametrize(("accidental", "chords"), [(True, [2]), (False, [1, 1])])
def test_two_heads_of_one_height_beside_a_stem_are_a_chord_where_an_accidental_tells_them_apart(accidental, chords):
    sheet = framed()
    sheet.note(0, 100, 5, tip=8)
    sheet.glyph("noteheadBlack", 0, 106, 5)
    if accidental:
        sheet.glyph("accidentalFlat", 0, 94, 5, height=12)
    assert [len(e.notes) for e in elements_of(sheet)] == chords


def test_a_run_without_its_number_may_take_half_its_time():
    """Sixteen eighths in a bar of four quarters, over a note that is held."""
    run = [chord(k, 3.0 * k, 1, beam=1) for k in range(16)]
    found = times([*run, chord(50, 0, -2, staff=1)], 4)
    assert [found[k] for k in range(16)] == [(Q(k, 4), Q(1, 4)) for k in range(16)]


def test_a_measure_of_very_many_chords_is_not_read_in_ever_more_ways(monkeypatch):
    """Pairs of chords that collide, each of which may have been moved aside, in a bar that cannot add up."""
    pairs = [
        chord(2 * k + up, 4.0 * k + 1.3 * up, 1, step=4 + (k + up) % 2, up=not up) for k in range(20) for up in (0, 1)
    ]
    tried = {}
    for most in (0, 10_000_000):
        monkeypatch.setattr(measure_problem, "MOST_WORK", most)
        problem = MeasureProblem(pairs, {}, (), Q(3), 1.0, USUAL, False, ())
        assert problem.solve(math.inf) is not None
        tried[most] = len(problem.tried)
    assert tried[0] <= 4 < 10 < tried[10_000_000]


@pytest.mark.parametrize(
    ("bound", "brief", "ways"),
    [(5.0, False, range(6, 100)), (5.0, True, range(1, 4)), (0.5, True, range(6, 100))],
    ids=["as it is", "changed", "soon told"],
)
def test_a_changed_measure_that_adds_up_no_better_is_given_up_soon(bound, brief, ways):
    """Notes without any order in a bar of three, with numbers that may be fingers; nothing makes that cheap."""
    notes = [chord(k, 2.0 * k + (k % 3), k % 4 - 1, staff=k % 2) for k in range(12)]
    signs = [sign(3, (k, k + 2, k + 4), (k, k + 2), certain=False) for k in range(5)]
    problem = MeasureProblem(notes, {}, signs, Q(3), 1.0, USUAL, False, ())
    assert problem.solve(bound, brief=brief) is None
    assert len(problem.tried) in ways

"""What two voices share or hide from each other on the page: dots, beams, flags, barlines, ties, rests."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from omr_service.assembler.page.ties_slurs import PASSED
from omr_service.assembler.piece.sextuplets import with_sextuplets
from omr_service.assembler.piece.ties import matched_ties
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from omr_service.assembler.rhythm.timing import MeasureTiming, Timing
from omr_service.symbols import Box, Curve, Glyph, Line
from tests.omr.assembler.test_page_steps import SPACE, Sheet
from tests.omr.assembler.test_rhythm import chord, times

Q = Fraction


def framed():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    return sheet


@pytest.mark.parametrize(("off", "found"), [(0.0, [250, 450]), (1.5, [450])])
def test_a_barline_of_one_staff_alone_goes_from_line_to_line(off, found):
    sheet = framed()
    sheet.page.lines.append(Line(250, sheet.tops[1] + off, 250, sheet.tops[1] + 4 * SPACE, 0.8))
    assert [round(b.x) for b in sheet.draft().systems[0].barlines] == found


def test_a_line_of_one_staff_under_a_note_of_the_other_is_no_barline():
    sheet = framed()
    sheet.note(0, 248, 4)
    sheet.page.lines.append(Line(250, sheet.tops[1], 250, sheet.tops[1] + 4 * SPACE, 0.8))
    assert [round(b.x) for b in sheet.draft().systems[0].barlines] == [450]


@pytest.mark.parametrize(("heights", "dots"), [((7, 5), [1, 1]), ((5,), [0, 1])])
def test_two_voices_share_the_dots_beside_them(heights, dots):
    """The half note is moved left of the quarter; its dot stands right of both."""
    sheet = framed()
    sheet.note(0, 100, 7, up=True, name="noteheadHalf")
    sheet.note(0, 106.5, 5, up=False)
    for step in heights:
        sheet.glyph("augmentationDot", 0, 114.5, step, height=2)
    draft = sheet.draft()
    by_step = sorted(draft.chords, key=lambda c: -draft.heads[c.heads[0]].step)
    assert [draft.dots.chords.get(c.index, 0) for c in by_step] == dots


def test_a_stem_of_the_other_staff_that_runs_into_a_beam_is_not_halved():
    sheet = framed()
    stems = [sheet.note(0, x, 4, up=False) for x in (100, 140, 180)]
    sheet.beam((stems[0][0], sheet.y(0, -3)), (stems[2][0], sheet.y(0, -3)))
    sheet.note(1, 136, 8, up=True, tip=round((sheet.y(1, 8) - sheet.y(0, -3)) / (SPACE / 2)))
    draft = sheet.draft()
    assert [len(group) for group in draft.beaming.groups] == [3]
    lower = next(c for c in draft.chords if c.staff == 1)
    assert draft.beaming.levels.get(lower.index, 0) == 0


def test_a_flag_counts_though_a_beam_of_another_voice_is_near():
    run = [chord(k, 3.0 * k, 2, beam=5, up=False) for k in range(4)]
    flagged = replace(chord(9, 0, 1, up=True), flagged=True)
    assert times([*run, flagged], 1)[9] == (0, Q(1, 2))
    assert times([*run, replace(flagged, flagged=False)], 1)[9] == (0, 1)


def test_a_chord_after_a_hidden_rest_is_no_tuplet():
    bass = chord(0, 0, -1, step=-1, up=False)
    chords = [chord(k, 4.0 * k, 0, step=6, up=True) for k in (1, 2)]
    found = times([bass, *chords], 3)
    assert found == {0: (0, 2), 1: (1, 1), 2: (2, 1)}


def test_a_bar_before_a_double_bar_may_be_short():
    beams = [chord(k, 3.0 * k, 1, beam=1) for k in range(5)]
    timing = solve_measure(beams, (), Q(3), 1.0, True, frozenset({Q(2, 3), Q(3, 2)}))
    assert timing.length == Q(5, 2) and not timing.unmarked


def test_a_curve_gives_way_to_one_that_can_be_no_other_tie():
    a, b, c, d = ((1, k) for k in range(4))
    options = [(1.0, 7, a, b), (1.5, 8, a, b), (1.8, 7, c, d)]
    assert matched_ties(options) == {8: (1.5, a, b), 7: (1.8, c, d)}
    assert matched_ties(options[:2]) == {7: (1.0, a, b)}


@pytest.mark.parametrize(("grace", "ties"), [(False, 1), (True, 0)])
def test_a_curve_from_a_grace_note_ties_nothing_else(grace, ties):
    sheet = framed()
    sheet.clefs()
    sheet.note(0, 120, 3)
    sheet.note(0, 150, 3)
    if grace:
        sheet.glyph("noteheadBlack", 0, 130, 1, size=2.4 * SPACE, height=3)
        sheet.page.lines.append(Line(135.5, sheet.y(0, 7), 135.5, sheet.y(0, 1), 0.5))
    y = sheet.y(0, 3) + 3
    left = 133 if grace else 127
    sheet.page.curves.append(Curve(left, y, 149, y, y + 4, 1, Box(left, y, 149, y + 4)))
    assert len(sheet.joined().ties) == ties


@pytest.mark.parametrize(("off", "middle", "ties"), [(1, 5, 1), (5, 5, 0), (1, 3, 0)], ids=["tie", "slur", "same"])
def test_a_note_may_be_held_over_others_into_a_later_one(off, middle, ties):
    sheet = framed()
    sheet.clefs()
    for x, step in ((120, 3), (135, middle), (150, 3)):
        sheet.note(0, x, step)
    y = sheet.y(0, 3) + off
    sheet.page.curves.append(Curve(127, y, 149, y, y + 4, 1, Box(127, y, 149, y + 4)))
    assert len(sheet.joined().ties) == ties


@pytest.mark.parametrize(("left", "passes"), [(127.5, False), (131.5, True)], ids=["before the chord", "at its head"])
def test_a_tip_passes_a_chord_only_where_it_could_hold_it(left, passes):
    """A chord of the other voice stands close after the tied note."""
    sheet = framed()
    sheet.note(0, 120, 3, up=False)
    sheet.note(0, 128, 5, up=True)
    sheet.note(0, 150, 3, up=False)
    y = sheet.y(0, 3) - 2
    sheet.page.curves.append(Curve(left, y, 149, y, y - 4, 1, Box(left, y - 4, 149, y)))
    draft = sheet.draft()
    (curve,) = draft.curves
    at = [round(head.glyph.box.x0) for head in draft.heads]
    costs = {(at[a], at[b]): c for (a, b), c in zip(curve.tie_pairs, curve.tie_costs, strict=True)}
    assert (costs[120, 150] > PASSED) == passes


@pytest.mark.parametrize(("beams", "runs"), [((3, 3, 3, 3, 3, 3), 1), ((3, 3, 3, 4, 4, 4), 2)])
def test_two_triplets_under_one_beam_are_a_sextuplet(beams, runs):
    notes = {k: chord(k, 2.0 * k, 2, beam=beam) for k, beam in enumerate(beams)}
    timings = {k: Timing(Q(k, 6), Q(1, 6), 1, 0, ((3, 2),), False, 2, 0) for k in notes}
    halves = (((0, 1, 2), (3, 2)), ((3, 4, 5), (3, 2)))
    rhythm = with_sextuplets(MeasureTiming(Q(1), timings, True, True, 0.0, halves), notes)
    assert len(rhythm.unmarked) == runs
    assert {t.ratios for t in rhythm.timings.values()} == {((6, 4),) if runs == 1 else ((3, 2),)}


@pytest.mark.parametrize("halves", [True, False], ids=["both halves", "one"])
def test_a_note_may_be_held_over_others_into_the_next_system(halves):
    sheet = Sheet(tops=(100.0, 160.0, 300.0, 360.0))
    for top in (100.0, 300.0):
        for x in (50, 450):
            sheet.page.lines.append(Line(x, top, x, top + 80, 0.8))
    for staff in (0, 2):
        sheet.glyph("gClef", staff, 55, 2, height=30)
        sheet.glyph("fClef", staff + 1, 55, 6, height=16)
    first = [sheet.note(0, x, step) for x, step in ((380, 3), (410, 5))]
    sheet.beam(*first)
    sheet.note(2, 110, 3)
    y = sheet.y(0, 3) + 3
    sheet.page.curves.append(Curve(388, y, 448, y, y + 4, 1, Box(388, y, 448, y + 4)))
    if halves:
        y = sheet.y(2, 3) + 3
        sheet.page.curves.append(Curve(95, y, 109, y, y + 4, 1, Box(95, y, 109, y + 4)))
    ties = [t for t in sheet.joined().ties if t.start and t.end]
    assert len(ties) == halves


@pytest.mark.parametrize(("detached", "ties"), [(False, 1), (True, 0)])
def test_a_curve_a_space_off_its_heads_ties_them_unless_the_second_has_a_staccato_dot(detached, ties):
    sheet = framed()
    for x in (100, 200):
        sheet.note(0, x, 4)
    y = sheet.y(0, 4) + SPACE
    sheet.page.curves.append(Curve(107, y, 199, y, y + 4, 1, Box(107, y, 199, y + 4)))
    if detached:
        dot = sheet.y(0, 4) + 1.5 * SPACE
        sheet.page.glyphs.append(Glyph("articStaccatoBelow", 202, dot, Box(202, dot - 1, 204, dot + 1), 20))
    assert len(sheet.joined().ties) == ties


@pytest.mark.parametrize(("count", "ties"), [(1, 0), (2, 2)])
def test_one_curve_from_a_grace_note_to_the_same_note_is_a_slur_and_several_hold_a_broken_chord(count, ties):
    sheet = framed()
    for k, step in enumerate((4, 7)[:count]):
        x = 100 + 12 * k
        sheet.glyph("noteheadBlack", 0, x, step, size=13, height=3.3)
        sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], box=replace(sheet.page.glyphs[-1].box, x1=x + 3.6))
        stem = x + 3.4
        sheet.page.lines.append(Line(stem, sheet.y(0, step + 5), stem, sheet.y(0, step), 0.5))
        y = sheet.y(0, step) + 3
        sheet.page.curves.append(Curve(x + 4, y, 139, y, y + 3, 1, Box(x + 4, y, 139, y + 3)))
    for step in (4, 7):
        sheet.glyph("noteheadWhole", 0, 140, step)
    assert len(sheet.joined().ties) == ties

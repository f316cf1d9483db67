"""What scans of old paper bring: edges of the paper beside the staves, stems of which ink is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Box, Curve, Line
from tests.omr.assembler.test_page_steps import SPACE, Sheet


def two_systems():
    """Four staves of which each two have a line at their left."""
    sheet = Sheet(tops=(100.0, 160.0, 260.0, 320.0))
    for top in (100.0, 260.0):
        sheet.page.lines.append(Line(50, top, 50, top + 80, 0.6))
    return sheet


@pytest.mark.parametrize(("y0", "y1", "systems"), [(20.0, 380.0, 2), (92.0, 348.0, 1)], ids=["edge", "bracket"])
def test_the_edge_of_the_paper_joins_no_staves_and_a_bracket_does(y0, y1, systems):
    sheet = two_systems()
    sheet.page.lines.append(Line(50 - 3 * SPACE, y0, 50 - 3 * SPACE, y1, 1.0))
    assert len(sheet.draft().systems) == systems


def test_an_edge_that_ends_where_a_staff_does_joins_no_systems_if_that_staff_goes_on_with_the_next():
    sheet = two_systems()
    sheet.page.lines.append(Line(50 - 3 * SPACE, 98.0, 50 - 3 * SPACE, 282.0, 1.0))
    assert [len(system.staves) for system in sheet.draft().systems] == [2, 2]


@pytest.mark.parametrize(("lower", "systems"), [(480.0, 3), (500.0, 4)], ids=["as near as a pair", "further apart"])
def test_two_staves_whose_brace_is_hidden_are_a_system_where_they_stand_as_pairs_do(lower, systems):
    sheet = Sheet(tops=(100.0, 160.0, 260.0, 320.0, 420.0, lower))
    for top in (100.0, 260.0):
        sheet.page.lines.append(Line(50, top, 50, top + 80, 0.6))
    assert len(sheet.draft().systems) == systems


def broken_chord(sheet, x):
    """A chord of three heads, stem down, of which only the part at the lowest head is left."""
    for step in (9, 6, 3):
        sheet.glyph("noteheadBlack", 0, x, step)
    tip = sheet.y(0, -4)
    sheet.page.lines.append(Line(x, sheet.y(0, 3.5), x, tip, 0.6))
    return x, tip


def framed():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    return sheet


def test_heads_beyond_the_break_of_a_stem_belong_to_it():
    sheet = framed()
    sheet.beam(broken_chord(sheet, 100), broken_chord(sheet, 140))
    draft = sheet.draft()
    assert [[draft.heads[i].step for i in chord.heads] for chord in draft.chords] == [[3, 6, 9]] * 2
    assert draft.beaming.levels == {0: 1, 1: 1}


def test_a_black_head_at_the_end_of_a_beam_has_a_stem_even_where_none_is_left():
    sheet = framed()
    left, tip = sheet.note(0, 100, 5, up=False, tip=8)
    sheet.glyph("noteheadBlack", 0, 140, 5)
    sheet.beam((left, tip), (140, tip))
    draft = sheet.draft()
    assert draft.beaming.groups == ((0, 1),)
    assert not draft.chords[1].up


def test_a_head_beside_the_stem_of_other_notes_stays_without():
    """The stem, made longer, would pass the wrong edge of the head."""
    sheet = framed()
    sheet.note(0, 100, 4, up=False)
    sheet.glyph("noteheadBlack", 0, 94, 8)
    assert sorted(len(chord.heads) for chord in sheet.draft().chords) == [1, 1]


def test_no_measure_ends_at_the_left_of_a_system_where_the_lines_of_a_staff_run_on_into_the_brace():
    sheet = framed()
    for k in range(5):
        y = sheet.tops[1] + k * SPACE
        sheet.page.lines.append(Line(50 - 1.6 * SPACE, y, 50, y, 0.5))
    sheet.note(0, 100, 4)
    assert [round(bar.x) for bar in sheet.draft().systems[0].barlines] == [450]


def chords_under_a_tie(second, image_share=1.0, past=-3.0):
    """Two chords, the upper heads under a curve; `second` are the positions of the heads of the second one, `past` is
    how far beyond the middles of its heads the curve reaches on both sides."""
    sheet = framed()
    sheet.clefs()
    for x, steps in ((100, (3, 5, 7)), (250, second)):
        for step in steps:
            sheet.glyph("noteheadHalf", 0, x, step)
        sheet.page.lines.append(Line(x, sheet.y(0, 7), x, sheet.y(0, -4), 0.6))
        sheet.glyph("noteheadHalf", 1, x, 4)
        sheet.page.lines.append(Line(x + 6, sheet.y(1, 4), x + 6, sheet.y(1, 11), 0.6))
    y = sheet.y(0, 8.5)
    x0, x1 = 103 - past, 253 + past
    sheet.page.curves.append(Curve(x0, y, x1, y, y - 5, 1, Box(x0, y - 5, x1, y)))
    page = replace(sheet.page, image_share=image_share)
    (score,) = write_scores([assemble_page(page)], Source("t", "sha256:" + "0" * 64))
    return sum(spanner.HasField("tie") for spanner in score.spanners)


@pytest.mark.parametrize(
    ("second", "image_share", "ties"),
    [((3, 5, 7), 1.0, 3), ((3, 6, 7), 1.0, 1), ((3, 5, 7), 0.0, 1)],
    ids=["as it was", "another chord", "not from a picture"],
)
def test_of_a_chord_that_comes_again_all_notes_are_tied_where_one_is(second, image_share, ties):
    assert chords_under_a_tie(second, image_share) == ties


@pytest.mark.parametrize(("past", "ties"), [(0.0, 3), (0.45 * SPACE, 3), (0.7 * SPACE, 0)])
def test_ties_of_old_plates_go_from_the_middle_of_a_head_to_that_of_the_next(past, ties):
    assert chords_under_a_tie((3, 5, 7), past=past) == ties


def a_curve_over_two(off, second=7, accidental="", image_share=1.0, grace=False):
    """How many ties there are where a curve lies so many staff spaces over the first of two half notes of a chord, the
    second of which may have an accidental, or a grace note before it under the left tip."""
    sheet = framed()
    sheet.clefs()
    for x, steps in ((100, (3, 7)), (250, (3, second))):
        for step in steps:
            sheet.glyph("noteheadHalf", 0, x, step)
        sheet.page.lines.append(Line(x, sheet.y(0, 7), x, sheet.y(0, -4), 0.6))
        sheet.glyph("noteheadHalf", 1, x, 4)
        sheet.page.lines.append(Line(x + 6, sheet.y(1, 4), x + 6, sheet.y(1, 11), 0.6))
    if accidental:
        sheet.glyph(accidental, 0, 238, second)
    if grace:
        sheet.glyph("noteheadBlack", 0, 109, 9, size=2.4 * SPACE, height=0.6 * SPACE)
    y = sheet.y(0, 7) - off * SPACE
    x0 = 109 if grace else 106
    sheet.page.curves.append(Curve(x0, y, 250, y, y - 5, 1, Box(x0, y - 5, 250, y)))
    page = replace(sheet.page, image_share=image_share)
    (score,) = write_scores([assemble_page(page)], Source("t", "sha256:" + "0" * 64))
    return sum(spanner.HasField("tie") for spanner in score.spanners)


@pytest.mark.parametrize(
    ("off", "image_share", "ties"),
    [(1.9, 1.0, 1), (1.9, 0.0, 0), (2.8, 1.0, 0), (-3.9, 1.0, 0)],
    ids=["far", "not from a picture", "too far", "under the heads and bent upwards"],
)
def test_ties_of_old_plates_lie_far_over_the_outer_heads(off, image_share, ties):
    assert a_curve_over_two(off, image_share=image_share) == ties


def test_a_curve_over_another_head_is_no_tie_of_the_one_below_that():
    assert a_curve_over_two(0.3, second=8) == 0


def test_a_curve_that_begins_at_a_grace_note_is_no_tie_of_the_note_beside_that():
    assert a_curve_over_two(1.7, grace=True) == 0


@pytest.mark.parametrize(("accidental", "ties"), [("accidentalSharp", 0), ("accidentalNatural", 1)])
def test_a_note_that_an_accidental_makes_another_is_not_held(accidental, ties):
    assert a_curve_over_two(1.7, accidental=accidental) == ties


def test_beams_on_its_lines_make_no_line_of_a_staff_longer():
    sheet = Sheet()
    for line in (2, 3):
        y = sheet.tops[1] + line * SPACE
        sheet.page.lines.append(Line(430, y + 0.1, 480, y + 0.1, 2.2))
    sheet.bar(sheet.x0)
    sheet.bar(sheet.x1)
    (system,) = assemble_page(sheet.page).systems
    assert [(staff.x0, staff.x1) for staff in system.system.staves] == [(50, 450), (50, 450)]

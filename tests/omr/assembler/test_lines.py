"""Hairpins, pedals, long trills, glissandi, arpeggios and notes left to ring, on pages drawn by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etude.score.v1 import event_pb2, spanner_pb2
from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Box, Curve, Glyph, Line, Text
from tests.omr.assembler.test_page_steps import SPACE, Sheet

XS = (100, 160, 220, 280, 340, 400)


@pytest.fixture
def sheet():
    """Six quarters in each staff, three in each of two bars."""
    sheet = Sheet()
    sheet.clefs()
    for x in XS:
        sheet.note(0, x, 4)
        sheet.note(1, x, 4, up=False)
    sheet.bar(265)
    sheet.bar(450)
    return sheet


def signs(sheet, *kinds):
    return [(m.kind, m.name) for m in sorted(sheet.draft().marks, key=lambda m: m.x0) if m.kind in kinds]


def score_of(sheet):
    (score,) = write_scores([assemble_page(sheet.page)], Source("sheet.pdf", "sha256:0"))
    return score


def spanners(sheet, kind):
    """Spanners of a kind as (first quarter, last quarter)."""
    score = score_of(sheet)
    found = [s for s in score.spanners if s.WhichOneof("kind") == kind]
    return [(s.start_ticks / score.divisions, s.end_ticks / score.divisions) for s in found]


def sign(sheet, name, x, y, width=6.0, height=6.0):
    sheet.page.glyphs.append(Glyph(name, x, y, Box(x, y - height, x + width, y), 4 * SPACE))


def pedal_line(sheet, x0, x1, y=200.0, start=True, end=True):
    sheet.page.lines.append(Line(x0, y, x1, y, 0.5))
    for x, hooked in ((x0, start), (x1, end)):
        if hooked:
            sheet.page.lines.append(Line(x, y - SPACE, x, y, 0.5))


def test_a_line_with_hooks_under_the_staves_is_a_pedal(sheet):
    pedal_line(sheet, 100, 210)
    assert signs(sheet, "pedal") == [("pedal", "down"), ("pedal", "up")]
    assert spanners(sheet, "pedal") == [(0.0, 2.0)]
    assert next(s for s in score_of(sheet).spanners if s.WhichOneof("kind") == "pedal").pedal.line


def test_a_pedal_line_is_changed_at_a_notch(sheet):
    for x0, x1 in ((100, 218), (222, 330)):
        sheet.page.lines.append(Line(x0, 200, x1, 200, 0.5))
    sheet.page.lines.extend([Line(100, 195, 100, 200, 0.5), Line(330, 195, 330, 200, 0.5)])
    sheet.page.lines.extend([Line(218, 200, 220, 195, 0.5), Line(220, 195, 222, 200, 0.5)])
    assert signs(sheet, "pedal") == [("pedal", "down"), ("pedal", "change"), ("pedal", "up")]
    score = score_of(sheet)
    (pedal,) = (s for s in score.spanners if s.WhichOneof("kind") == "pedal")
    assert [t / score.divisions for t in pedal.pedal.change_ticks] == [2.0]


def test_signs_under_both_staves_press_the_pedal_once(sheet):
    for y in (140, 202):
        sign(sheet, "keyboardPedalPed", 98, y, width=14)
    sign(sheet, "keyboardPedalUp", 215, 202)
    assert spanners(sheet, "pedal") == [(0.0, 2.0)]


def test_a_line_goes_on_from_a_sign_for_the_pedal(sheet):
    sign(sheet, "keyboardPedalPed", 98, 202, width=14)
    pedal_line(sheet, 115, 210, start=False)
    assert signs(sheet, "pedal") == [("pedal", "down"), ("pedal", "up")]


def test_a_star_before_a_barline_releases_the_pedal_at_the_end_of_the_measure(sheet):
    for x, star in ((100, 254), (280, 389)):
        sign(sheet, "keyboardPedalPed", x, 202, width=14)
        sign(sheet, "keyboardPedalUp", star, 202, width=8)
    assert spanners(sheet, "pedal") == [(0.0, 3.0), (3.0, 5.0)]


def test_a_star_behind_the_sign_that_presses_the_pedal_again_is_told_already(sheet):
    sign(sheet, "keyboardPedalPed", 98, 202, width=14)
    sign(sheet, "keyboardPedalPed", 218, 202, width=14)
    sign(sheet, "keyboardPedalUp", 218, 202.5, width=7)
    sign(sheet, "keyboardPedalUp", 335, 202)
    assert spanners(sheet, "pedal") == [(0.0, 2.0), (2.0, 4.0)]


def test_the_dot_of_a_sign_presses_no_pedal(sheet):
    sign(sheet, "keyboardPedalPed", 98, 202, width=14)
    sign(sheet, "keyboardPedalDot", 112, 202, width=1)
    sheet.page.texts.append(Text("*", 215, 202, Box(215, 196, 220, 202), 10.0))
    assert signs(sheet, "pedal") == [("pedal", "down"), ("pedal", "up")]


def test_a_text_is_a_sign_for_the_pedal_where_another_releases_it(sheet):
    sheet.page.texts.append(Text("Ped.", 98, 202, Box(98, 196, 112, 202), 10.0, italic=True))
    assert signs(sheet, "pedal", "words") == [("words", "Ped.")]
    sheet.page.texts.append(Text("*", 215, 202, Box(215, 196, 220, 202), 10.0))
    assert signs(sheet, "pedal", "words") == [("pedal", "down"), ("pedal", "up")]


@pytest.mark.parametrize("shift", [0.0, 7.0], ids=["beginning at its note", "centred under it"])
def test_signs_for_the_pedal_stand_as_the_others_of_their_piece(sheet, shift):
    for x in (100, 220, 340):
        sign(sheet, "keyboardPedalPed", x - 20 * (shift > 0) + 3 * (shift > 0), 202, width=40)
    assert [start for start, _ in spanners(sheet, "pedal")] == [0.0, 2.0, 4.0]


@pytest.mark.parametrize("x", [122.0, 142.0], ids=["ending before a note", "centred under it"])
def test_stars_stand_as_the_others_of_their_piece(x):
    """Where the other hand has eighths, a star is as near to the one before as to its own."""
    sheet = Sheet()
    sheet.clefs()
    for first in (100, 280):
        for k in range(3):
            sheet.note(1, first + 54 * k, 4, up=False)
            sheet.beam(*(sheet.note(0, first + 54 * k + dx, 4) for dx in (0, 27)))
        sign(sheet, "keyboardPedalPed", first, 202, width=14)
        sign(sheet, "keyboardPedalUp", first + x - 100, 202, width=30)
    sheet.bar(265)
    sheet.bar(450)
    assert spanners(sheet, "pedal") == [(0.0, 1.0), (3.0, 4.0)]


def test_a_bracket_with_a_number_is_a_tuplet_and_no_pedal(sheet):
    pedal_line(sheet, 100, 226, y=198)
    sheet.glyph("tuplet3", 1, 160, -7)
    assert signs(sheet, "pedal") == []


@pytest.mark.parametrize(
    ("arms", "found"),
    [
        (((100, 140, 200, 137), (100, 140, 200, 143)), ["crescendo"]),
        (((100, 140, 105, 138.5), (100, 140, 105, 141.5)), ["crescendo"]),
        (((100, 138.6, 105, 138.0), (100, 141.4, 105, 142.0)), []),  # short, and in no point
        (((100, 137.5, 300, 137.2), (100, 142.5, 300, 142.8)), ["crescendo"]),  # the middle of a long one
        (((100, 137.5, 300, 136.9), (100, 142.5, 300, 142.8)), []),  # two lines that are not alike
    ],
)
def test_two_lines_that_open_are_a_hairpin(sheet, arms, found):
    sheet.page.lines.extend(Line(*arm, 0.5) for arm in arms)
    assert [name for _, name in signs(sheet, "hairpin")] == found


def test_a_hairpin_is_of_one_system_even_between_two():
    sheet = Sheet(tops=(100.0, 160.0, 240.0, 300.0))
    for staff, clef in enumerate(("gClef", "fClef", "gClef", "fClef")):
        sheet.glyph(clef, staff, 55, 2, height=20)
        for x in XS[:3]:
            sheet.note(staff, x, 4)
    for top in (100.0, 240.0):
        for x in (50.0, 450.0):
            sheet.page.lines.append(Line(x, top, x, top + 80, 0.8))
    # halfway between the systems, so that each is nearer to one of the arms
    sheet.page.lines.extend([Line(100, 210, 200, 207, 0.5), Line(100, 210, 200, 213, 0.5)])
    assert [(m.name, m.system) for m in sheet.draft().marks if m.kind == "hairpin"] == [("crescendo", 0)]


@pytest.mark.parametrize("painted", ["links", "whole"])
def test_a_wavy_line_from_a_trill_is_its_line(sheet, painted):
    sign(sheet, "ornamentTrill", 99, 90, width=8)
    if painted == "links":
        for k in range(20):
            sign(sheet, "wiggleTrill", 108 + 5 * k, 88, width=5.2, height=3)
    else:
        sheet.page.wiggles.append(Box(108, 85, 208, 88))
    assert sorted(signs(sheet, "trill_line", "ornament")) == [("ornament", "ornamentTrill"), ("trill_line", "")]
    assert spanners(sheet, "trill_line") == [(0.0, 2.0)]


def test_a_rolled_chord_beside_a_trill_is_no_line_of_it(sheet):
    sign(sheet, "ornamentTrill", 99, 90, width=8)
    for k in range(6):
        sign(sheet, "wiggleArpeggiatoUp", 109, 85 + 5 * k, width=3, height=5)
    assert signs(sheet, "trill_line", "ornament") == [("ornament", "ornamentTrill")]


def test_an_ornament_between_the_staves_is_over_its_note():
    """It stands a little nearer to the note of the upper staff than to that of the lower."""
    sheet = Sheet()
    sheet.clefs()
    for x in XS[:3]:
        sheet.note(0, x, -7)
        sheet.note(1, x, 8, up=False)
    sheet.bar(265)
    sign(sheet, "ornamentTrill", 160, sheet.y(0, -7) + 13.5)
    (found,) = (d for d in score_of(sheet).directions if d.HasField("ornament"))
    assert (found.staff, found.placement) == (2, spanner_pb2.PLACEMENT_ABOVE)


def test_lines_between_heads_are_glissandi(sheet):
    sheet.page.lines.append(Line(108, sheet.y(0, 4.5), 158, sheet.y(0, 7), 0.5))
    sheet.glyph("noteheadBlack", 0, 160, 7)
    for k in range(9):
        sign(sheet, "wiggleTrill", 229 + 5 * k, sheet.y(1, 4) + 1.5 - 1.2 * k, width=5.2, height=3)
    sheet.glyph("noteheadBlack", 1, 280, 8)
    found = [m for m in sheet.draft().marks if m.kind == "glissando"]
    assert sorted(m.name for m in found) == ["straight", "wavy"]
    assert sorted(spanners(sheet, "glissando")) == [(0.0, 2.0), (2.0, 4.0)]


@pytest.mark.parametrize(("off", "found"), [(0.0, 0), (2.5, 1)])
def test_the_thin_edge_of_a_beam_is_no_glissando(off, found):
    """It runs from stem to stem, however near to the heads; a glissando runs from beside a head to beside another."""
    sheet = Sheet()
    sheet.clefs()
    for staff in (0, 1):
        sheet.note(staff, 180, 4)
        sheet.note(staff, 250, 4)
    first, _ = sheet.note(0, 90, 1)
    last, _ = sheet.note(0, 130, 7, up=False)
    sheet.note(1, 90, 4)
    sheet.note(1, 130, 4)
    sheet.page.lines.append(Line(first + off, sheet.y(0, 1.5), last - off, sheet.y(0, 6.5), 0.5))
    sheet.bar(265)
    assert len(signs(sheet, "glissando")) == found


@pytest.mark.parametrize(("step", "height", "found"), [(0, 9.0, 1), (8, 9.0, 1), (0, 4.0, 0)])
def test_one_tilted_link_between_heads_is_a_glissando(step, height, found):
    """From the first note down or up to the second; a level link is none."""
    sheet = Sheet()
    sheet.clefs()
    for staff in (0, 1):
        for x, own in ((100, 4), (122, step if staff == 0 else 4), (180, 4)):
            sheet.note(staff, x, own, up=staff == 0)
    sheet.bar(265)
    middle = (sheet.y(0, 4) + sheet.y(0, step)) / 2
    sign(sheet, "wiggleTrill", 109, middle + height / 2, width=9, height=height)
    assert [name for _, name in signs(sheet, "glissando")] == ["wavy"] * found


def test_two_steep_links_are_one_glissando():
    sheet = Sheet()
    sheet.clefs()
    for staff in (0, 1):
        for x, own in ((100, 4), (122, 8 if staff == 0 else 4), (180, 4)):
            sheet.note(staff, x, own, up=staff == 0)
    sheet.bar(265)
    middle = (sheet.y(0, 4) + sheet.y(0, 8)) / 2
    for k in (-1, 1):
        sign(sheet, "wiggleTrill", 111.5 + 1.4 * k, middle - 2.6 * k + 5, width=8.5, height=10)
    assert [name for _, name in signs(sheet, "glissando")] == ["wavy"]


@pytest.mark.parametrize(
    ("name", "up"),
    [
        ("wiggleArpeggiatoUpArrow", True),
        ("wiggleArpeggiatoDownArrow", False),
        ("wiggleArpeggiatoUpArrow", False),  # turned round
    ],
)
def test_an_arrow_says_which_way_a_chord_is_rolled(sheet, name, up):
    sheet.glyph("noteheadBlack", 0, 100, 8)
    sign(sheet, name if up else "wiggleArpeggiatoUp", 93, 106, width=3, height=7)
    sign(sheet, "wiggleArpeggiatoUp" if up else name, 93, 113, width=3, height=7)
    events = [e for e in score_of(sheet).events if e.arpeggio]
    assert [e.arpeggio for e in events] == [event_pb2.ARPEGGIO_UP if up else event_pb2.ARPEGGIO_DOWN]


def curve(x0, x1, y):
    return Curve(x0, y, x1, y, y + 2, 1.0, Box(x0, y, x1, y + 2))


def ringing(sheet):
    return sum(s.tie.laissez_vibrer for s in score_of(sheet).spanners)


def test_a_short_curve_to_nothing_leaves_its_note_ringing(sheet):
    sheet.page.curves.append(curve(107, 120, sheet.y(0, 4) + 3))
    assert ringing(sheet) == 1
    # out of a picture it may be a piece of any curve
    sheet.page = replace(sheet.page, image_share=1.0)
    assert ringing(sheet) == 0


def test_a_tie_or_a_slur_leaves_nothing_ringing(sheet):
    sheet.page.curves.append(curve(107, 158, sheet.y(0, 4) + 3))
    sheet.glyph("noteheadBlack", 0, 116, 2)
    sheet.page.curves.append(curve(227, 238, sheet.y(0, 4) + 3))
    sheet.note(0, 241, 4)
    sheet.note(0, 360, -1)
    sheet.page.curves.append(curve(347, 363, sheet.y(0, 4) + 3))  # over the head it ends at
    assert ringing(sheet) == 0


def test_a_sign_may_leave_all_notes_of_a_chord_ringing(sheet):
    sheet.glyph("noteheadBlack", 0, 100, 8)
    sign(sheet, "articLaissezVibrerBelow", 101, 120, width=10, height=3)
    assert ringing(sheet) == 2


def test_a_fermata_over_a_barline_stands_at_the_end_of_its_bar(sheet):
    sign(sheet, "fermataAbove", 260, 92, width=10)
    score = score_of(sheet)
    (found,) = (d for d in score.directions if d.HasField("fermata"))
    assert (found.measure_index, found.onset_ticks / score.divisions, found.event_id) == (0, 3.0, "")


@pytest.mark.parametrize(("off", "ends"), [(0.0, [1.0, 5.0]), (9.0, [2.0, 6.0])], ids=["at edges", "beyond them"])
def test_hairpins_end_as_the_others_of_their_piece(sheet, off, ends):
    for x0, x1 in ((100, 166), (286, 406)):
        sheet.page.lines.extend([Line(x0, 140, x1 + off, 137, 0.5), Line(x0, 140, x1 + off, 143, 0.5)])
    assert [end for _, end in spanners(sheet, "hairpin")] == ends


def test_one_hairpin_that_ends_at_an_edge_by_chance_holds_for_its_note(sheet):
    for x0, x1 in ((100, 166), (166, 240), (286, 370), (370, 430)):
        sheet.page.lines.extend([Line(x0, 140, x1, 137, 0.5), Line(x0, 140, x1, 143, 0.5)])
    assert spanners(sheet, "hairpin")[0] == (0.0, 2.0)


def hairpin(sheet, x0, x1, y=140.0):
    sheet.page.lines.extend([Line(x0, y, x1, y - 3, 0.5), Line(x0, y, x1, y + 3, 0.5)])


@pytest.mark.parametrize(("dynamic", "starts"), [(None, 1.0), (100, 0.0)], ids=["alone", "beside a dynamic"])
def test_a_hairpin_that_a_dynamic_pushes_aside_begins_with_it(sheet, dynamic, starts):
    if dynamic is not None:
        sign(sheet, "dynamicMF", dynamic, 143, width=40)
    hairpin(sheet, 144, 200)
    assert [start for start, _ in spanners(sheet, "hairpin")] == [starts]


@pytest.mark.parametrize(("dynamic", "ends"), [(None, 4.0), (338, 5.0)], ids=["alone", "before a dynamic"])
def test_a_hairpin_ends_where_the_dynamic_begins_that_it_leads_to(dynamic, ends):
    sheet = Sheet()
    sheet.clefs()
    for staff in (0, 1):
        for x in (100, 160, 220, 280, 320, 340):
            sheet.note(staff, x, 4, up=staff == 0)
    sheet.bar(265)
    sheet.bar(450)
    hairpin(sheet, 100, 310)
    if dynamic is not None:
        sign(sheet, "dynamicForte", 312, 143, width=60)
    assert [end for _, end in spanners(sheet, "hairpin")] == [ends]


def test_a_hairpin_between_the_staves_is_of_the_staff_it_ends_with():
    """The upper staff has a note over the whole bar, the lower one quarters."""
    sheet = Sheet()
    sheet.clefs()
    sheet.note(0, 100, 4, name="noteheadHalf")
    sheet.glyph("augmentationDot", 0, 110, 5)
    for x in XS[:3]:
        sheet.note(1, x, 4, up=False)
    sheet.bar(265)
    hairpin(sheet, 100, 150)
    (found,) = (s for s in score_of(sheet).spanners if s.HasField("hairpin"))
    assert (found.staff, found.placement) == (2, spanner_pb2.PLACEMENT_ABOVE)

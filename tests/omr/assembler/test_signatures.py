"""Key signatures in another order than that of fifths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omr_service.symbols import Line
from tests.omr.assembler.test_page_steps import Sheet


def sheet_with_flats(*rows):
    """Flats on both staves, by their places."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff, steps in enumerate(rows):
        for k, step in enumerate(steps):
            sheet.glyph("accidentalFlat", staff, 75 + 6 * k, step, height=14)
        sheet.note(staff, 140, 4)
    sheet.bar(450)
    return sheet


@pytest.mark.parametrize(
    ("lower", "fifths"),
    [((2, 5, 1), -3), ((1, 2, 5), -3), ((2, 5), -2)],
    ids=["b e a", "a b e", "b e"],
)
def test_the_flats_of_a_key_may_stand_in_any_order(lower, fifths):
    """On the lower staff, with its clef for the bass; both staves have to agree."""
    upper = (4, 7, 3)[: len(lower)]
    assert [k.fifths for k in sheet_with_flats(upper, lower).draft().keys[0]] == [fifths]


@pytest.mark.parametrize(
    ("lower", "picture", "keys"),
    [((5, 1), 1.0, [-3]), ((), 1.0, [-3]), ((5, 1), 0.0, []), ((3,), 1.0, [])],
    ids=["b not seen", "none seen", "not a picture", "a letter of another key"],
)
def test_one_staff_tells_the_key_of_a_picture_where_signs_of_the_other_were_not_seen(lower, picture, keys):
    sheet = sheet_with_flats((4, 7, 3), lower)
    sheet.page = replace(sheet.page, image_share=picture)
    assert [k.fifths for k in sheet.draft().keys[0]] == keys


def test_a_single_flat_on_one_staff_of_a_picture_is_no_key():
    sheet = sheet_with_flats((4,), ())
    sheet.page = replace(sheet.page, image_share=1.0)
    assert [k.fifths for k in sheet.draft().keys[0]] == []


def test_flats_that_are_not_those_of_one_key_are_not_all_of_a_signature():
    assert [k.fifths for k in sheet_with_flats((4, 3), (2, 1)).draft().keys[0]] == [-1]


def test_a_staff_without_a_clef_is_read_as_the_usual_one():
    sheet = sheet_with_flats((4, 7, 3), (2, 5, 1))
    sheet.page = replace(sheet.page, glyphs=[g for g in sheet.page.glyphs if g.name != "fClef"])
    assert [k.fifths for k in sheet.draft().keys[0]] == [-3]


@pytest.mark.parametrize(("gap", "keys"), [(0.0, [0]), (8.0, [0, -1])], ids=["of a chord", "of a key"])
def test_a_flat_at_a_note_from_which_other_flats_of_its_chord_part_it_is_no_signature(gap, keys):
    """In the second measure of both staves: B flat left of E flat and A flat, all at heads; or a signature there."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff, (b, e, a) in enumerate(((4, 7, 3), (2, 5, 1))):
        sheet.note(staff, 140, 4)
        sheet.glyph("accidentalFlat", staff, 260 - gap, b, height=14)
        for step in (e, a):
            sheet.glyph("accidentalFlat", staff, 266, step, height=14)
        for step in (b, e, a):
            sheet.glyph("noteheadBlack", staff, 273, step)
        sheet.page.lines.append(Line(279.0, sheet.y(staff, 14), 279.0, sheet.y(staff, 1), 0.6))
    sheet.bar(250)
    sheet.bar(450)
    assert [k.fifths for k in sheet.draft().keys[0]] == keys


def test_a_flat_at_a_second_of_which_one_head_stands_aside_begins_no_signature():
    """At the start of a system: the flat is the upper head's, which stands right of the lower one."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.note(0, 140, 4)
    sheet.glyph("accidentalFlat", 1, 90, 2, height=14)
    sheet.glyph("noteheadBlack", 1, 96, 1)
    sheet.glyph("noteheadBlack", 1, 102, 2)
    sheet.page.lines.append(Line(102, sheet.y(1, 9), 102, sheet.y(1, 1), 0.6))
    sheet.bar(450)
    assert [k.fifths for k in sheet.draft().keys[0]] == [0]


@pytest.mark.parametrize(
    ("lower", "keys"), [((6, 3, 7, 4, 8), [5, 0]), ((8, 5, 9, 6, 3), [5, 0]), ((6, 5, 7, 4, 8), [5])]
)
def test_naturals_take_back_a_key_where_either_clef_asks_for_them(lower, keys):
    """A key of five sharps, taken back in the second measure, on the lower staff where its clef or the other one has
    them, or nowhere."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff, steps in enumerate(((8, 5, 9, 6, 3), (6, 3, 7, 4, 8))):
        for k, step in enumerate(steps):
            sheet.glyph("accidentalSharp", staff, 75 + 6 * k, step, height=14)
        sheet.note(staff, 140, 4)
    sheet.bar(250)
    for staff, steps in enumerate(((8, 5, 9, 6, 3), lower)):
        for k, step in enumerate(steps):
            sheet.glyph("accidentalNatural", staff, 256 + 6 * k, step, height=14)
        sheet.note(staff, 340, 4)
    sheet.bar(450)
    assert [k.fifths for k in sheet.draft().keys[0]] == keys

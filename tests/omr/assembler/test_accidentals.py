"""Which note an accidental belongs to that stands over something."""

from __future__ import annotations

import pytest

from tests.omr.assembler.test_page_steps import Sheet


def a_note_after(sign_step, ornament=False, rest=False):
    """A sharp in the column of a note or rest on the second line, and a note on the sign's height well after it; what
    accidentals each of the notes has, left to right."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.bar(450)
    if rest:
        sheet.glyph("restQuarter", 0, 150, 4, height=14)
    else:
        sheet.note(0, 150, 2)
    sheet.glyph("accidentalSharp", 0, 150.5, sign_step, height=14)
    if ornament:
        sheet.glyph("ornamentTrill", 0, 150, sign_step - 4, height=6)
    sheet.note(0, 170, min(sign_step, 9))
    sheet.note(1, 150, 2)
    sheet.bar(450)
    elements = sheet.draft().signs[0].measures[0].elements
    return [n.accidental is not None for e in elements if e.staff == 0 for n in e.notes]


@pytest.mark.parametrize(("ornament", "accidentals"), [(False, [True, False]), (True, [False, False])])
def test_an_accidental_over_the_staff_is_an_editors_for_the_note_under_it_or_an_ornaments(ornament, accidentals):
    assert a_note_after(14, ornament) == accidentals


def test_an_accidental_over_a_rest_is_not_the_next_notes():
    assert a_note_after(9, rest=True) == [False]


def test_an_accidental_beside_nothing_else_is_the_next_notes():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.glyph("accidentalSharp", 0, 150, 9, height=14)
    sheet.note(0, 170, 9)
    sheet.bar(450)
    (element,) = sheet.draft().signs[0].measures[0].elements
    assert element.notes[0].accidental is not None

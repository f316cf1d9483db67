"""Key signatures in another order than that of fifths."""

from __future__ import annotations

import pytest

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


def test_flats_that_are_not_those_of_one_key_are_not_all_of_a_signature():
    assert [k.fifths for k in sheet_with_flats((4, 3), (2, 1)).draft().keys[0]] == [-1]

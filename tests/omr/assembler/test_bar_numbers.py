"""Numbers of bars: as they are printed, else counted."""

from __future__ import annotations

import pytest

from omr_service.assembler.page.bar_numbers import as_printed
from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Box, Line, Text
from tests.omr.assembler.test_page_steps import Sheet

TOPS = (100.0, 240.0, 380.0)


def sheet_of_systems():
    """Three systems of two staves with two bars each."""
    sheet = Sheet(tops=tuple(top + staff for top in TOPS for staff in (0.0, 60.0)))
    for number, clef in enumerate(("gClef", "fClef") * 3):
        sheet.glyph(clef, number, 55, 2 if clef == "gClef" else 6, height=20)
        for x in (100, 160, 280, 340):
            sheet.note(number, x, 4, up=clef == "gClef")
    for top in TOPS:
        for x in (50.0, 225.0, 450.0):
            sheet.page.lines.append(Line(x, top, x, top + 80, 0.8))
    return sheet


def numbers(sheet):
    (score,) = write_scores([assemble_page(sheet.page)], Source("sheet.pdf", "sha256:0"))
    return [measure.number for measure in score.measures]


def print_number(sheet, system, text, x=48.0):
    y = TOPS[system] - 6
    sheet.page.texts.append(Text(text, x, y, Box(x, y - 6, x + 4 * len(text), y), 8.0))


def test_bars_are_counted_where_nothing_is_printed():
    assert numbers(sheet_of_systems()) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("printed", "first"),
    [
        (("", "35", "37"), 33),  # an excerpt
        (("33", "(35)", "37"), 33),
        (("", "4", "6"), 2),
        (("", "35", ""), 1),  # one may be anything
        (("", "35", "12"), 1),  # they do not agree
    ],
)
def test_bars_have_the_numbers_that_are_printed(printed, first):
    sheet = sheet_of_systems()
    for system, text in enumerate(printed):
        if text:
            print_number(sheet, system, text)
    assert numbers(sheet) == [str(first + k) for k in range(6)]


def test_a_finger_over_the_first_note_is_no_number_of_a_bar():
    sheet = sheet_of_systems()
    for system, text in enumerate("555"):
        print_number(sheet, system, text, x=101.0)
    assert numbers(sheet)[0] == "1"


def test_the_most_that_agree_decide():
    assert as_printed({2: 35, 4: 37, 5: 99}, [1, 2, 3, 4, 5, 6]) == [33, 34, 35, 36, 37, 38]
    count = [1, 2, 3, 4, None, 5]
    assert as_printed({2: 35, 4: 37}, count) == count  # a part of a measure has no number
    count = [1, 2, 3, 4, 5, 6]
    assert as_printed({2: 1, 4: 3}, count) == count  # there is no number below 0
    assert as_printed({2: 36, 4: 37}, count) == count  # they disagree
    assert as_printed({}, []) == []


def test_the_count_moves_where_engravers_count_the_other_part_of_a_divided_bar():
    count = [1, 2, 3, 4, None, 5, 6, 7, 8]
    assert as_printed({1: 2, 3: 4, 6: 7, 8: 9}, count) == [1, 2, 3, 4, None, 6, 7, 8, 9]
    assert as_printed({1: 2, 3: 4, 6: 7}, count) == count  # one number alone may be misread
    whole = [1, 2, 3, 4, 5, 6, 7, 8]
    assert as_printed({1: 2, 3: 4, 5: 16, 7: 18}, whole) == [1, 2, 3, 4, 5, 16, 17, 18]
    assert as_printed({1: 2, 3: 4, 5: 1, 7: 3}, whole) == whole  # numbers do not begin anew within a piece

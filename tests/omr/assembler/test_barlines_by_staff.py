"""Prints that draw barlines staff by staff, and nothing else that would join the staves of a system."""

from __future__ import annotations

import pytest

from omr_service.pipeline import assemble_page
from omr_service.symbols import Line
from tests.omr.assembler.test_page_steps import SPACE, Sheet

TOPS = (100.0, 160.0, 220.0, 280.0)
"""Four staves as far apart everywhere."""
BARS = (150.0, 230.0, 330.0, 450.0)
OTHER = (130.0, 260.0, 370.0, 450.0)
"""Barlines of two systems; both end with the staves."""


def sheet_of(*staves, lean=0.0):
    """A line from the first line of each staff to its last at each x, those of every second staff moved by `lean`."""
    sheet = Sheet(tops=TOPS[: len(staves)])
    for n, (top, bars) in enumerate(zip(sheet.tops, staves, strict=True)):
        for x in bars:
            at = x + lean * (n % 2)
            sheet.page.lines.append(Line(at, top, at, top + 4 * SPACE, 0.7))
    return sheet


@pytest.mark.parametrize(
    ("staves", "systems"),
    [
        ((BARS, BARS, OTHER, OTHER), [2, 2]),
        ((BARS, OTHER, OTHER, BARS), [1, 2, 1]),
        ((BARS, BARS, BARS, BARS), [1, 1, 1, 1]),
        ((BARS, OTHER, BARS, OTHER), [1, 1, 1, 1]),
        ((BARS[:2], BARS[:2], OTHER[1:], OTHER[1:]), [1, 1, 1, 1]),
    ],
    ids=["pairs", "the middle two", "all alike", "none alike", "too few"],
)
def test_staves_whose_barlines_stand_over_each_other_are_a_system(staves, systems):
    sheet = sheet_of(*staves)
    # another distance at the end, for by their distance alone staves would be pairs
    assert [len(system.staves) for system in sheet.draft().systems] == systems


@pytest.mark.parametrize(("lean", "bars"), [(0.0, 4), (0.3, 4), (-0.3, 4), (2.0, 0)])
def test_strokes_that_stand_over_each_other_roughly_are_one_barline(lean, bars):
    """A head in each one's way: what stands in one staff alone, where another sounds, is no barline."""
    sheet = sheet_of(BARS, BARS, lean=lean * SPACE)
    sheet.page.lines.append(Line(50, 100, 50, 180, 0.6))
    for x in BARS:
        for at in (x, x + lean * SPACE):
            sheet.glyph("noteheadBlack", 0, at - 3, 3)
    (system,) = sheet.draft().systems
    assert len(system.barlines) == bars


def test_the_strokes_of_a_double_barline_stay_two():
    sheet = sheet_of((*BARS, 153.0), (*BARS, 153.0), lean=1.0)
    sheet.page.lines.append(Line(50, 100, 50, 180, 0.6))
    (system,) = sheet.draft().systems
    assert [mark.strokes for mark in system.barlines] == ["LL", "L", "L", "L"]


def test_a_stem_of_the_other_staff_is_no_part_of_a_barline():
    sheet = sheet_of(BARS, BARS[1:])
    sheet.page.lines.append(Line(50, 100, 50, 180, 0.6))
    sheet.note(1, 147, 0, up=True, tip=8)
    sheet.glyph("noteheadBlack", 0, 142, 3)
    (system,) = sheet.draft().systems
    assert [round(mark.x) for mark in system.barlines] == [230, 330, 450]


@pytest.mark.parametrize(
    ("end", "stem", "measures"),
    [(462.0, False, 4), (462.0, True, 5), (475.0, False, 5)],
    ids=["custos", "note", "room"],
)
def test_a_head_without_stem_in_the_last_corner_of_a_system_is_no_measure(end, stem, measures):
    sheet = Sheet(x1=end)
    for x in (50.0, *BARS):
        sheet.bar(x)
    for x in (100.0, 180.0, 280.0, 390.0):
        sheet.note(0, x, 4)
    if stem:
        sheet.note(0, 453.0, 4)
    else:
        sheet.glyph("noteheadBlack", 0, 453.0, 4)
    (system,) = assemble_page(sheet.page).systems
    assert len(system.measures) == measures

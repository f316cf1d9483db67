"""A hooked bracket that tells which hand plays is no barline; a broken barline is one."""

from __future__ import annotations

import numpy as np
import pytest

from omr_service.scan.hand_brackets import without_hand_brackets
from omr_service.scan.ink import Grey
from omr_service.scan.normal_page import NormalStaff
from omr_service.symbols import Line

STAVES = (NormalStaff(20.0, 380.0, 60.0, 0.5), NormalStaff(20.0, 380.0, 160.0, 0.5))
X, TOP, BOTTOM = 200, 66, 180


def _page() -> Grey:
    page = np.full((240, 400), 255, np.uint8)
    for staff in STAVES:
        for y in staff.lines:
            page[round(y) : round(y) + 1, 20:380] = 0
    page[TOP:BOTTOM, X : X + 2] = 0
    return page


def _bar(top: float = TOP) -> Line:
    return Line(X, top, X, BOTTOM, 2.0)


@pytest.mark.parametrize(("side", "rise"), [(1, 0), (1, -3), (-1, 0)])
def test_a_stroke_with_a_hook_between_the_lines_of_a_staff_is_no_barline(side: int, rise: int) -> None:
    page = _page()
    for n in range(9):
        page[TOP + round(rise * n / 9), X + side * n] = 0
    assert without_hand_brackets([_bar()], page, STAVES) == []


def test_a_barline_that_is_broken_in_a_staff_has_no_hook() -> None:
    assert without_hand_brackets([_bar()], _page(), STAVES) == [_bar()]


def test_what_goes_on_to_both_sides_is_no_hook_and_a_whole_barline_has_none() -> None:
    page = _page()
    page[TOP, X - 9 : X + 11] = 0
    assert without_hand_brackets([_bar()], page, STAVES) == [_bar()]
    page[40:TOP, X : X + 2] = 0
    page[39:42, X : X + 10] = 0
    whole = _bar(STAVES[0].lines[0])
    assert without_hand_brackets([whole], page, STAVES) == [whole]

"""Staff lines that are printed thick are no beams."""

from __future__ import annotations

import numpy as np
import pytest

from omr_service.scan.normal_page import NormalStaff
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.thick_lines import line_thickness, without_thick_lines
from omr_service.symbols import Line

STAFF = NormalStaff(20.0, 380.0, 100.0, 0.5)


def printed(thickness: int) -> np.ndarray:
    page = np.full((200, 400), 255, np.uint8)
    for y in STAFF.lines:
        top = round(y) - thickness // 2
        page[top : top + thickness, 20:380] = 0
    page[70:130, 200:203] = 0  # a stem
    page[95:105, 240:252] = 0  # a head
    return page


@pytest.mark.parametrize("thickness", [2, 4])
def test_the_thickness_of_lines_is_measured_where_they_stand_free(thickness: int) -> None:
    assert line_thickness(printed(thickness), [STAFF]) == thickness


def test_what_lies_on_a_line_and_is_no_thicker_is_the_line() -> None:
    line, above = STAFF.lines[1], STAFF.lines[0] - SPACE
    thin = [Line(100, line, 180, line + 1, 5.0), Line(300, line - 1, 420, line - 1, 4.0)]
    beams = [
        Line(100, line, 180, line, 7.0),
        Line(100, above, 180, above, 4.0),
        Line(100, line - 4, 180, line + 4, 4.0),
    ]
    assert without_thick_lines([*thin, *beams], printed(4), [STAFF]) == beams
    assert without_thick_lines([*thin, *beams], printed(2), [STAFF]) == [*thin, *beams]


def test_on_pale_lines_what_is_dark_is_heads_and_beams_and_no_line() -> None:
    page = np.full((200, 400), 255, np.uint8)
    for y in STAFF.lines:
        page[round(y), 20:380] = 170
    line = STAFF.lines[1]
    page[round(line) - 3 : round(line) + 3, 100:180] = 0  # a beam
    assert line_thickness(page, [STAFF]) == 0
    beam = Line(100, line, 180, line, 6.0)
    assert without_thick_lines([beam], page, [STAFF]) == [beam]

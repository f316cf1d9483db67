"""What stands on a page is told from what is left over of its staves."""

from __future__ import annotations

from omr_service.scan.detector import Point
from omr_service.scan.joining import ledger_lines, off_staff_lines, without_stems
from omr_service.scan.normal_page import NormalStaff
from omr_service.scan.staff_evidence import SPACE
from omr_service.symbols import Line


def test_what_goes_on_with_a_staff_line_beyond_the_end_of_its_staff_is_no_ledger_line() -> None:
    staff = NormalStaff(100.0, 900.0, 300.0, 0.5)
    lowest = staff.lines[-1]
    ledgers = [Line(400, y, 420, y, 1.5) for y in (lowest + SPACE, lowest + 2 * SPACE)]
    beyond = [Line(930, y, 990, y, 1.5) for y in (lowest + SPACE, lowest + 0.5 * SPACE)]
    rest = [Line(x, y + 1, x + 80, y + 1, 1.5) for x, y in ((890, lowest), (930, staff.middle), (30, staff.middle))]
    assert off_staff_lines([*ledgers, *rest, *beyond], [staff]) == [*ledgers, *beyond]


def test_the_middle_of_a_stem_through_two_staves_is_no_barline() -> None:
    stem, bar, beside = (Line(x, y0, x, y1, 1.5) for x, y0, y1 in ((500, 200, 320), (501, 245, 307), (540, 245, 307)))
    head = Point("noteheadBlack", 493.5, 313.0, 13.0, 10.0, 0.9)
    assert without_stems([bar, beside], [stem], [head], []) == [beside]
    assert without_stems([bar], [stem], [], []) == [bar]
    assert without_stems([bar], [Line(500, 245, 500, 307, 1.5)], [head], []) == [bar]
    assert without_stems([bar], [stem], [head], [NormalStaff(100.0, 900.0, 276.0, 0.5)]) == [bar]


def test_a_ledger_line_reaches_beyond_its_head() -> None:
    staff = NormalStaff(100.0, 900.0, 300.0, 0.5)
    first, second, third = (staff.lines[0] - n * SPACE for n in (1, 2, 3))
    lines = [Line(393, y, 413, y, 1.5) for y in (first, second)]
    high = Point("noteheadBlack", 403.0, third + 2, 13.0, 12.0, 0.9)
    inside = Line(397, third + 2, 410, third + 2, 1.5)
    assert ledger_lines([*lines, inside], [high], [staff]) == lines, "nothing of it is to be seen beside the head"
    through = Line(392, third, 410, third, 1.5)
    assert ledger_lines([*lines, through], [high], [staff]) == [*lines, through]
    shared = Line(397, third + 2, 440, third + 2, 1.5)
    assert ledger_lines([shared], [high], [staff]) == [shared]
    assert ledger_lines([inside], [], [staff]) == [inside]

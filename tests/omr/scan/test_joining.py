"""What stands on a page is told from what is left over of its staves."""

from __future__ import annotations

from omr_service.scan.detector import Point
from omr_service.scan.joining import off_staff_lines, without_stems
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

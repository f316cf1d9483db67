"""Strokes that the detector saw in part or not at all."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omr_service.scan.detector import Point
from omr_service.scan.ink import Grey
from omr_service.scan.tracing import ended_at_heads, extended, led_to_beams, stems_of_heads, without_accidentals
from omr_service.symbols import Line


def _staff(height: int = 200) -> Grey:
    page = np.full((height, 200), 255, np.uint8)
    for k in range(5):
        page[60 + 10 * k : 62 + 10 * k] = 0
    return page


def _head(page: Grey, x: int, y: int, name: str = "noteheadBlack") -> Point:
    cv2.ellipse(page, (x, y), (6, 4), -20, 0, 360, 0, -1)
    return Point(name, x + 0.5, y + 0.5, 13.0, 10.0, 0.9)


def test_a_barline_goes_on_through_staff_lines_and_over_a_break_to_its_end() -> None:
    page = _staff()
    page[60:180, 100:102] = 0
    page[120:122, 100:102] = 255
    line = extended(Line(101, 62, 101, 90, 2.0), page, 300)
    assert line.y0 == pytest.approx(60, abs=2) and line.y1 == pytest.approx(180, abs=2)


def test_a_thick_barline_goes_on_where_it_is_thick_and_not_into_a_head() -> None:
    page = _staff()
    page[60:180, 95:106] = 0
    line = extended(Line(100.5, 120, 100.5, 160, 10.5), page, 300)
    assert line.y0 == pytest.approx(60, abs=2) and line.y1 == pytest.approx(180, abs=2)
    page[90:120, 85:116] = 0
    assert extended(Line(100.5, 130, 100.5, 160, 10.5), page, 300).y0 == pytest.approx(120, abs=2)


def test_a_leaning_barline_is_followed_where_it_leans() -> None:
    page = _staff()
    cv2.line(page, (100, 60), (104, 180), 0, 2)
    line = extended(Line(100.5, 60, 102, 110, 2.0), page, 300)
    assert line.y1 == pytest.approx(180, abs=3) and line.x1 == pytest.approx(104, abs=1.5)


def test_a_stroke_ends_where_its_ink_ends_whatever_crosses_it() -> None:
    page = _staff()
    page[70:90, 100:102] = 0
    line = extended(Line(101, 70, 101, 80, 2.0), page, 300)
    assert line.y1 == pytest.approx(92, abs=3)


@pytest.mark.parametrize(("up", "x"), [(True, 106), (False, 95)])
def test_a_head_without_a_stem_gets_the_one_that_is_printed(up: bool, x: int) -> None:
    page = _staff()
    head = _head(page, 100, 105 if up else 75)
    rows = slice(72, 103) if up else slice(78, 110)
    page[rows, x - 1 : x + 1] = 0
    (stem,) = stems_of_heads([head], [], page)
    assert stem.x0 == pytest.approx(x, abs=3)
    assert stem.y0 < head.y < stem.y1 or abs(head.y - (stem.y1 if up else stem.y0)) < 6
    free = stem.y0 if up else stem.y1
    assert free == pytest.approx(72 if up else 110, abs=4)
    assert stems_of_heads([head], [stem], page) == []


def test_a_head_beside_which_nothing_stands_gets_none() -> None:
    page = _staff()
    whole = _head(page, 60, 85, "noteheadWhole")
    alone = _head(page, 140, 85)
    assert stems_of_heads([whole, alone], [], page) == []


@pytest.mark.parametrize(("printed", "end"), [(True, 110), (False, 95)])
def test_a_stem_that_fades_before_its_beam_reaches_it(printed: bool, end: int) -> None:
    page = np.full((200, 200), 255, np.uint8)
    page[50:95, 100:102] = 0
    if printed:
        page[95:108:2, 100:102] = 120
    beam = Line(60, 110, 140, 110, 5.0)
    (stem,) = led_to_beams([Line(101, 50, 101, 95, 1.5)], [beam], page)
    assert stem.y0 == 50 and stem.y1 == pytest.approx(end, abs=1)
    first = Line(101, 94, 130, 94, 5.0)
    assert led_to_beams([Line(101, 50, 101, 95, 1.5)], [first, beam], page)[0].y1 == 95
    beside = Line(103, 110, 140, 110, 5.0)
    assert led_to_beams([Line(101, 50, 101, 95, 1.5)], [beside], page) == [Line(101, 50, 101, 95, 1.5)]


@pytest.mark.parametrize(("away", "rise", "end"), [(9, 0, 119), (25, 0, 110), (9, 12, 110)])
def test_a_stem_that_ends_at_the_inner_beam_reaches_the_others_of_the_group(away: int, rise: int, end: int) -> None:
    """But not the beam of another group: one that is further off, or that slopes another way."""
    page = np.full((200, 200), 255, np.uint8)
    page[50:140, 100:102] = 0
    inner = Line(60, 110, 140, 110, 5.0)
    outer = Line(60, 110 + away - rise, 140, 110 + away + rise, 5.0)
    (stem,) = led_to_beams([Line(101, 50, 101, 110, 1.5)], [inner, outer], page)
    assert stem.y1 == pytest.approx(end, abs=1)


@pytest.mark.parametrize(("shared", "top"), [(False, 90.5), (True, 78)])
def test_a_stem_that_runs_on_into_the_head_of_another_voice_ends_at_its_own(shared: bool, top: float) -> None:
    page = np.full((200, 200), 255, np.uint8)
    upper, lower = _head(page, 100, 80), _head(page, 100, 90)
    page[40:80, 106:108] = 0
    page[(82 if shared else 92) : 125, 94:96] = 0
    up, down = Line(107, 40, 107, 81, 1.5), Line(95, 78, 95, 125, 1.5)
    assert ended_at_heads([up, down], [upper, lower], page) == [up, Line(95, top, 95, 125, 1.5)]


def test_a_stroke_of_a_natural_is_no_stem_and_a_stem_beside_it_is() -> None:
    natural = Point("accidentalNatural", 110.5, 80.0, 7.0, 28.0, 0.98)
    stroke, stem, long = Line(107.5, 68, 107.5, 86, 1.5), Line(104, 40, 104, 80, 1.5), Line(108, 70, 108, 110, 1.5)
    assert without_accidentals([stroke, stem, long], [natural]) == [stem, long]
    assert without_accidentals([stroke], []) == [stroke]

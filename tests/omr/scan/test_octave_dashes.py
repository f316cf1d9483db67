"""Dashed lines of octave signs, followed in the ink."""

from __future__ import annotations

import numpy as np
import pytest

from omr_service.scan.detector import Point
from omr_service.scan.octave_dashes import octave_lines_of, told_by_dashes, with_octave_lines
from omr_service.symbols import Line


def _page(dash: int, gap: int, count: int, fall: float = 0.0, thick: int = 2) -> np.ndarray:
    """A sign's ink at (100, 50), and dashes from 112 on at height 48."""
    page = np.full((120, 700), 255, np.uint8)
    page[42:58, 95:106] = 0
    for n in range(count):
        x = 112 + n * (dash + gap)
        y = round(48 + fall * (x - 112))
        page[y : y + thick, x : x + dash] = 0
    return page


def _sign(name: str = "ottava", probability: float = 0.9, other: str = "") -> Point:
    return Point(name, 100.0, 50.0, 12.0, 16.0, probability, ((other, 0.2),) if other else ())


@pytest.mark.parametrize(("dash", "gap", "thick"), [(5, 3, 2), (12, 9, 1), (2, 6, 3)])
def test_a_line_reaches_to_its_last_dash(dash: int, gap: int, thick: int) -> None:
    (line,) = octave_lines_of([_sign()], _page(dash, gap, 20, thick=thick))
    assert line.dashed
    assert (line.x0, line.x1) == (112, 112 + 20 * dash + 19 * gap)
    assert line.y0 == line.y1 == pytest.approx(48 + thick / 2, abs=0.5)


def test_dashes_that_ran_together_and_one_that_a_slur_crosses_part_no_line() -> None:
    page = _page(5, 3, 40)
    page[48:50, 200:250] = 0
    page[20:80, 300:303] = 0
    (line,) = octave_lines_of([_sign()], page)
    assert line.x1 == 112 + 40 * 8 - 3


def test_a_line_may_lean_a_little_but_what_leaves_it_is_none() -> None:
    (line,) = octave_lines_of([_sign()], _page(6, 4, 40, fall=0.008))
    assert line.x1 == 112 + 40 * 10 - 4 and line.y0 == line.y1 == pytest.approx(49, abs=0.5)
    assert octave_lines_of([_sign()], _page(6, 4, 40, fall=0.3)) == []


def test_one_level_stroke_two_dashes_or_none_are_no_line() -> None:
    page = _page(5, 3, 2)
    assert octave_lines_of([_sign()], page) == []
    page[48:50, 112:180] = 0
    assert octave_lines_of([_sign()], page) == []
    assert octave_lines_of([_sign()], _page(5, 3, 0)) == []
    assert octave_lines_of([_sign("ornamentTrill")], _page(5, 3, 20)) == []


def test_a_sign_that_is_hardly_seen_is_one_where_a_line_follows() -> None:
    page, weak = _page(5, 3, 20), _sign(probability=0.2)
    (told,) = told_by_dashes([weak], page)
    assert (told.name, told.probability) == ("ottava", 0.5)
    assert told_by_dashes([weak], _page(5, 3, 0)) == [weak]
    finger = _sign("fingering3", 0.6, "ottava")
    assert told_by_dashes([finger], page) == [finger]


def test_what_stands_on_the_line_of_another_sign_is_none() -> None:
    page = _page(5, 3, 40)
    on_line = Point("ottava", 205.0, 49.0, 8.0, 12.0, 0.2)
    assert told_by_dashes([_sign(), on_line], page)[1] == on_line
    assert told_by_dashes([on_line], page)[0].probability == 0.5


def test_what_the_detector_saw_of_a_line_is_the_line_and_the_rest_stays() -> None:
    (line,) = octave_lines_of([_sign()], _page(5, 3, 40))
    part, overhanging = Line(108, 48, 130, 49, 1.5, dashed=True), Line(380, 49, 470, 49, 1.5)
    bracket, hook, far = Line(200, 80, 300, 80, 1.5), Line(429, 49, 429, 59, 1.5), Line(500, 49, 600, 49, 1.5)
    assert with_octave_lines([part, bracket, hook, overhanging, far], [line]) == [bracket, hook, far, line]
    assert with_octave_lines([part, bracket], []) == [part, bracket]

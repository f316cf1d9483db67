"""The sign that repeats a bar, told by its shape."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omr_service.scan.bar_repeats import find_bar_repeats, without_bar_repeats
from omr_service.scan.detector import Point
from omr_service.scan.normal_page import NormalPage, NormalStaff


def _page(size: float = 1.0) -> NormalPage:
    """An empty staff."""
    staff = NormalStaff(20.0, 480.0, 100.0, 1.0, size)
    pixels = np.full((200, 500), 255, np.uint8)
    for y in staff.lines:
        pixels[round(y) : round(y) + 1, 20:480] = 60
    return NormalPage(pixels, (staff,), np.zeros((2, 2, 2), np.float32), 0.5)


def _sign(page: NormalPage, x: int, lean: float, dots: bool = True) -> None:
    """A slash of a form of its own, blunt and with rounder dots than those it is compared with."""
    space = page.staves[0].space
    foot, head = x - lean * space / 2, x + lean * space / 2
    y, half = 100.5, 0.3 * space
    corners = [(foot - half, y + space), (foot + half, y + space), (head + half, y - space), (head - half, y - space)]
    cv2.fillPoly(page.pixels, [np.array([[round(16 * a), round(16 * b)] for a, b in corners], np.int32)], 0, 8, 4)
    for side in (-1, 1) if dots else ():
        cv2.circle(page.pixels, (round(x + side * 0.75 * space), round(y + side * space / 2)), 2, 0, -1)


@pytest.mark.parametrize("size", [1.0, 0.7])
@pytest.mark.parametrize("lean", [1.2, 1.5])
def test_a_sign_is_found_where_it_stands(size: float, lean: float) -> None:
    page = _page(size)
    _sign(page, 150, lean)
    _sign(page, 350, lean)
    signs = sorted(find_bar_repeats(page, []), key=lambda g: g.x)
    assert [s.name for s in signs] == ["repeat1Bar"] * 2
    assert [(s.box.x0 + s.box.x1) / 2 for s in signs] == pytest.approx([150, 350], abs=2)
    assert [s.y for s in signs] == pytest.approx([100, 100], abs=2)


def test_what_the_detector_is_sure_of_is_no_sign_and_what_it_guesses_in_one_is_nothing() -> None:
    page = _page()
    _sign(page, 150, 1.2)
    guess = Point("rest8th", 149.0, 100.0, 10.0, 17.0, 0.4)
    far = Point("noteheadBlack", 250.0, 100.0, 12.0, 10.0, 0.4)
    (sign,) = find_bar_repeats(page, [guess, far])
    assert without_bar_repeats([guess, far], [sign]) == [far]
    assert find_bar_repeats(page, [Point("rest8th", 149.0, 100.0, 10.0, 17.0, 0.9)]) == []


def test_a_beam_a_head_and_an_upright_stroke_are_no_signs() -> None:
    page = _page()
    cv2.line(page.pixels, (100, 105), (140, 95), 0, 5)
    cv2.ellipse(page.pixels, (200, 100), (6, 4), -20, 0, 360, 0, -1)
    page.pixels[80:121, 260:263] = 0
    assert find_bar_repeats(page, []) == []

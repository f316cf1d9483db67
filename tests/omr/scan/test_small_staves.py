"""Short staves of reduced size beside those of the music are found; they are ossias and examples."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omr_service.scan.detector import Detections
from omr_service.scan.ink import as_grey
from omr_service.scan.normal_page import NormalPage, NormalStaff
from omr_service.scan.reader import _line_share
from omr_service.scan.small_staves import small_staves
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.vocabulary import LINES, MASK_STRIDE

WIDTH, HEIGHT = 1200, 500
MUSIC = NormalStaff(60.0, 1140.0, 150.0, 0.5)


def _page(*drawn: NormalStaff, lines: int = 5) -> tuple[NormalPage, Detections]:
    """A page of the staff of its music, which is known, and of others, and what the detector sees of them."""
    pixels = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask = np.zeros((HEIGHT // MASK_STRIDE, WIDTH // MASK_STRIDE), np.uint8)
    for staff in (MUSIC, *drawn):
        for y in staff.lines[:lines]:
            pixels[round(y) : round(y) + 2, round(staff.x0) : round(staff.x1)] = 0
            row = round(y / MASK_STRIDE)
            mask[row, round(staff.x0 / MASK_STRIDE) : round(staff.x1 / MASK_STRIDE)] = 230
    masks = np.zeros((len(LINES), *mask.shape), np.uint8)
    masks[LINES.index("staffLine")] = mask
    page = NormalPage(as_grey(cv2.GaussianBlur(pixels, (3, 3), 0.6)), (MUSIC,), np.zeros((2, 2, 2), np.float32), 0.5)
    return page, Detections((), masks)


@pytest.mark.parametrize("size", [0.7, 0.75, 0.8])
@pytest.mark.parametrize("x0", [100.0, 900.0])
def test_a_short_staff_of_reduced_size_is_found_where_it_is(size: float, x0: float) -> None:
    drawn = NormalStaff(x0, x0 + 130, 320.0, 1.0, size)
    (staff,) = small_staves(*_page(drawn))
    assert (staff.x0, staff.x1, staff.middle) == pytest.approx((drawn.x0, drawn.x1, drawn.middle), abs=4)
    assert staff.size == pytest.approx(size, abs=0.03)


def test_examples_beside_each_other_are_a_staff_each() -> None:
    drawn = [NormalStaff(x0, x0 + 160, 320.0, 1.0, 0.75) for x0 in (200.0, 480.0, 900.0)]
    assert len(small_staves(*_page(*drawn))) == 3


def test_a_staff_of_full_size_three_lines_and_what_is_known_are_none() -> None:
    assert small_staves(*_page()) == []
    assert small_staves(*_page(NormalStaff(100.0, 300.0, 320.0, 1.0))) == []
    assert small_staves(*_page(NormalStaff(100.0, 300.0, 320.0, 1.0, 0.7), lines=3)) == []


def test_the_lines_of_a_small_staff_are_as_far_apart_as_it_is_large() -> None:
    small = NormalStaff(100.0, 1000.0, 320.0, 1.0, 0.7)
    _, found = _page(small)
    assert _line_share(small, found, (-2, -1, 0, 1, 2)) == pytest.approx(1.0)
    assert _line_share(NormalStaff(100.0, 1000.0, 320.0 + SPACE * 6, 1.0), found, (-2, -1, 0, 1, 2)) == 0.0

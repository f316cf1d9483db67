"""Long thin curves that were seen in parts."""

from __future__ import annotations

import numpy as np
import pytest

from omr_service.scan.broken_curves import mended
from omr_service.symbols import Box, Curve


def arc(x: np.ndarray) -> np.ndarray:
    return 80 + 16 * ((x - 150) / 100) ** 2


def part(x0: float, x1: float, down: float = 0.0) -> Curve:
    y0, middle, y1 = (float(y) + down for y in arc(np.array([x0, (x0 + x1) / 2, x1])))
    return Curve(x0, y0, x1, y1, middle, 2.0, Box(x0, min(y0, middle, y1), x1, max(y0, y1)))


def page(x0: int, x1: int) -> np.ndarray:
    drawn = np.full((200, 300), 255, np.uint8)
    for x in range(x0, x1):
        y = round(float(arc(np.array(x))))
        drawn[y - 1 : y + 1, x] = 0
    return drawn


@pytest.mark.parametrize(
    ("ink", "down", "count"),
    [((50, 250), 0.0, 1), ((50, 150), 0.0, 2), ((50, 250), 5.0, 2)],
    ids=["inked", "a gap without ink", "another arc"],
)
def test_parts_of_an_arc_with_ink_between_them_are_one_curve(ink: tuple[int, int], down: float, count: int) -> None:
    curves = mended([part(50, 110), part(200, 250, down)], page(*ink))
    assert len(curves) == count
    if count == 1:
        (whole,) = curves
        assert (whole.x0, whole.x1) == (50, 250)
        assert (whole.y0, whole.mid_y, whole.y1) == pytest.approx((96, 80, 96), abs=1)

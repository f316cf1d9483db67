"""Double dots, which the detector sees as one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omr_service.scan.detector import Point
from omr_service.scan.dots import parted_dots
from omr_service.scan.ink import Grey


def _page(*places: int) -> Grey:
    """Dots of ink beside a head, on the space between two staff lines."""
    page = np.full((100, 200), 255, np.uint8)
    page[44:46] = page[54:56] = 60
    cv2.ellipse(page, (82, 50), (6, 4), -20, 0, 360, 0, -1)
    for x in places:
        page[48:52, x - 2 : x + 2] = 0
    return page


@pytest.mark.parametrize("name", ["augmentationDot", "articStaccato"])
def test_a_point_between_two_dots_of_a_note_is_both(name: str) -> None:
    point = Point(name, 103.5, 50.0, 6.0, 5.0, 0.99)
    parts = parted_dots([point], _page(100, 106))
    assert [p.x for p in parts] == ([100.0, 106.0] if name == "augmentationDot" else [103.5])
    assert all(p.name == name and p.y == 50.0 for p in parts)


@pytest.mark.parametrize(("x", "places"), [(100.0, (100,)), (100.0, (100, 106)), (105.0, (100, 110)), (96.0, (100,))])
def test_a_point_on_a_dot_stays_one(x: float, places: tuple[int, ...]) -> None:
    point = Point("augmentationDot", x, 50.0, 4.5, 4.5, 0.99)
    assert parted_dots([point], _page(*places)) == [point]

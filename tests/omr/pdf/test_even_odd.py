"""Holes that the even-odd rule makes are holes by the non-zero rule, too."""

import numpy as np
import pytest

from omr_service.pdf.even_odd import with_holes
from omr_service.pdf.raster import coverage
from omr_service.pdf.reader import read_page_symbols
from omr_service.pdf.shapes import Shape
from tests.omr.pdf.build import STAFF, one_page

OUTER = np.array([[0.0, 0.0], [20.0, 0.0], [20.0, 20.0], [0.0, 20.0]])
INNER = np.array([[5.0, 5.0], [15.0, 5.0], [15.0, 15.0], [5.0, 15.0]])
ISLAND = np.array([[8.0, 8.0], [12.0, 8.0], [12.0, 12.0], [8.0, 12.0]])


def inked(*contours: np.ndarray) -> float:
    ops, points = with_holes(b"mlllh" * len(contours), np.concatenate(contours))
    grid = coverage(Shape(ops, points).polygons)
    assert grid is not None
    return float(grid.mean()) * 400


@pytest.mark.parametrize("turned", [1, -1])
def test_what_lies_inside_is_a_hole_and_what_lies_in_that_is_not_whichever_way_it_runs(turned):
    assert inked(OUTER, INNER[::turned]) == pytest.approx(300, abs=1)
    assert inked(INNER[::turned], OUTER) == pytest.approx(300, abs=1)
    assert inked(OUTER, INNER, ISLAND[::turned]) == pytest.approx(316, abs=2)


def test_contours_beside_each_other_stay_as_they_are():
    ops, points = b"mlllhmlllh", np.concatenate((ISLAND, ISLAND[::-1] + 30))
    same_ops, same_points = with_holes(ops, points)
    assert same_ops == ops
    assert same_points is points


def test_a_curve_is_turned_round_with_its_control_points():
    ring = np.array([[6.0, 10.0], [6.0, 15.0], [14.0, 15.0], [14.0, 10.0], [14.0, 5.0], [6.0, 5.0], [6.0, 10.0]])[::-1]
    ops, points = with_holes(b"mlllh" + b"mcch", np.concatenate((OUTER, ring)))
    other_ops, other = with_holes(b"mlllh" + b"mcch", np.concatenate((OUTER, ring[::-1])))
    assert ops == other_ops == b"mlllhmcch"
    assert sorted(map(tuple, points)) == sorted(map(tuple, other))
    for each in (points, other):
        grid = coverage(Shape(ops, each).polygons)
        assert grid is not None
        assert grid[10, 10] == 0
        assert grid[1, 1] == 1


def test_a_head_with_its_hole_the_same_way_round_is_a_half_note():
    oval = "{0} 0 m {0} {1} -{0} {1} -{0} 0 c -{0} -{1} {0} -{1} {0} 0 c h"
    head = f"q 1 0.35 0 1 200 488 cm {oval.format(4.0, 3.6)} {oval.format(3.0, 1.7)} f* Q"
    names = [glyph.name for glyph in read_page_symbols(one_page(f"{STAFF} {head}"), 1).glyphs]
    assert names == ["noteheadHalf"]

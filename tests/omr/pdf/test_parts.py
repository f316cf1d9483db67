"""Symbols that are painted part by part."""

from __future__ import annotations

import numpy as np
import pytest

from omr_service.pdf import parts
from omr_service.pdf.marks import PathMark
from omr_service.pdf.matcher import OutlineMatcher
from omr_service.pdf.parts import symbols_in_parts
from omr_service.pdf.staves import StaffLines

SPACE = 6.0
LINES = StaffLines(SPACE, tuple((100.0 + SPACE * k, 50.0, 350.0) for k in range(5)))
IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def path(ops, points, *, filled=False):
    scaled = np.array(points, dtype=np.float64) * SPACE + np.array([200.0, 112.0])
    return PathMark(ops, scaled, filled, not filled, 0.12 * SPACE, False, IDENTITY)


def sharp(x=0.0):
    """Two upright strokes and two bars across them."""
    strokes = path(b"mlml", [(x - 0.25, -1.2), (x - 0.25, 1.35), (x + 0.25, -1.35), (x + 0.25, 1.2)])
    bars = [
        path(b"mlllh", [(x - 0.5, y), (x + 0.5, y - 0.28), (x + 0.5, y + 0.02), (x - 0.5, y + 0.3)], filled=True)
        for y in (-0.55, 0.35)
    ]
    return [strokes, *bars]


def stem(x=0.6):
    return path(b"ml", [(x, 0.0), (x, -3.5)])


def names(paths):
    found, others = symbols_in_parts(paths, LINES, OutlineMatcher())
    return [each.glyph.name for each in found if each.glyph is not None], others


def test_parts_that_touch_are_one_symbol_and_a_stem_beside_them_none():
    beside = stem()
    found, others = names([*sharp(), beside])
    assert found == ["accidentalSharp"]
    assert others == [beside]


def test_symbols_painted_after_each_other_are_told_apart():
    assert names([*sharp(), *sharp(1.1)])[0] == ["accidentalSharp", "accidentalSharp"]


def test_strokes_that_only_what_is_painted_after_them_joins_are_of_one_symbol():
    bars = sharp()[1:]
    apart = [path(b"ml", [(-0.25, -1.2), (-0.25, 1.35)]), path(b"ml", [(0.25, -1.35), (0.25, 1.2)])]
    assert names([*apart, *bars]) == (["accidentalSharp"], [])


def natural(x):
    """Its upright strokes, the left one first, and its bars."""
    bars = [
        path(b"mlllh", [(x - 0.35, y), (x + 0.35, y - 0.22), (x + 0.35, y + 0.28), (x - 0.35, y + 0.5)], filled=True)
        for y in (-0.6, 0.25)
    ]
    return [(x - 0.35, -1.4), (x - 0.35, 0.6)], bars, [(x + 0.35, -0.7), (x + 0.35, 1.35)]


def test_one_path_may_hold_the_last_stroke_of_a_symbol_and_the_first_of_the_next():
    (first, bars, last), (next_first, next_bars, next_last) = natural(0.0), natural(1.3)
    painted = [path(b"ml", first), *bars, path(b"mlml", last + next_first), *next_bars, path(b"ml", next_last)]
    assert names(painted) == (["accidentalNatural", "accidentalNatural"], [])


def test_a_part_and_the_stroke_of_its_edge_are_one_part():
    strokes, *bars = sharp()
    edges = [PathMark(bar.ops, bar.points, False, True, 0.1, False, IDENTITY) for bar in bars]
    painted = [strokes, bars[0], edges[0], edges[1], bars[1]]
    assert names(painted) == (["accidentalSharp"], [])


def test_strokes_alone_and_parts_apart_are_no_symbols():
    strokes, *bars = sharp()
    assert names([strokes, stem(0.0)])[0] == []
    far = [PathMark(bar.ops, bar.points + 40.0, True, False, 0.0, False, IDENTITY) for bar in bars]
    assert names([strokes, *far])[0] == []


@pytest.mark.parametrize("bound", ["_MOST_TRIED", "_LONGEST_RUN"])
def test_no_page_is_looked_at_for_ever(monkeypatch, bound):
    monkeypatch.setattr(parts, bound, 2)
    found, others = names(sharp())
    assert found == []
    assert len(others) == 3

"""Links of wavy lines that an engraver turns with the line: those of a glissando lie on it, those of an arpeggio that
is played downwards stand on their heads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import atan2, cos, degrees, hypot, log, pi, sin

import numpy as np
from numpy.typing import NDArray

from omr_service.pdf.outlines import Likeness, symbol_grids
from omr_service.pdf.raster import coverage
from omr_service.pdf.shapes import Points

_LINK = "wiggle"
_SAME = 0.2
"""Share of the ink of two outlines, one of them turned, that may differ."""
_ASPECT = 0.12
"""Difference of the logarithms of their aspects, at most."""
_SIZES = (0.5, 1.2)
"""Least and greatest size of a link, in those of the same link in full size."""
_OBLONG = 0.08
"""Difference of the logarithms of how oblong they are, at most."""
_ONE = 0.005
"""The same of links that are one."""
_UPRIGHT = 20.0
"""Degrees from the vertical up to which a link is one of an arpeggio."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """How an outline lies: the angle of its longest axis (radians, y up, a half turn is the same), and how oblong it
    is, the root of the ratio of its moments."""

    angle: float
    oblong: float


def _axis(grid: NDArray[np.float32], width: float, height: float) -> _Axis | None:
    """The axis of what covers a grid that is stretched over a box, row 0 lowest; None for no ink."""
    rows, columns = grid.shape
    total = float(grid.sum())
    if total <= 0:
        return None
    x = (np.arange(columns) + 0.5) / columns * width
    y = (np.arange(rows) + 0.5) / rows * height
    across, up = grid.sum(axis=0) / total, grid.sum(axis=1) / total
    mx, my = float(across @ x), float(up @ y)
    # within a cell, ink is spread evenly
    xx = float(across @ (x - mx) ** 2) + (width / columns) ** 2 / 12
    yy = float(up @ (y - my) ** 2) + (height / rows) ** 2 / 12
    xy = float((y - my) @ grid @ (x - mx)) / total
    spread = hypot(xx - yy, 2 * xy)
    return _Axis(atan2(2 * xy, xx - yy) / 2, ((xx + yy + spread) / max(xx + yy - spread, 1e-12)) ** 0.5)


@dataclass(frozen=True, slots=True)
class _Known:
    """A link of a known font: its coverage, its size in ems, its axis."""

    grid: NDArray[np.float32]
    width: float
    height: float
    axis: _Axis


@cache
def _known_links() -> tuple[_Known, ...]:
    """The links of all fonts, those of one shape once: many fonts have one link under several names, some turned."""
    known: list[_Known] = []
    for grid, width, height in symbol_grids(_LINK):
        axis = _axis(grid, width, height)
        if axis is not None and all(abs(log(axis.oblong / other.axis.oblong)) > _ONE for other in known):
            known.append(_Known(grid, width, height, axis))
    return tuple(known)


def turned_link(polygons: list[Points], em: float) -> Likeness | None:
    """A link of a wavy line that an outline is, turned by any angle or turned over; None where it is none.

    It is named by how it runs: "wiggleArpeggiatoUp" upright, "wiggleTrill" level or slanted.

    Args:
        polygons: Its contours, y up.
        em: What an em of full-size music measures in their unit.
    """
    if len(polygons) != 1:
        return None
    width, height = (polygons[0].max(axis=0) - polygons[0].min(axis=0)).tolist()
    longest = max(hypot(known.width, known.height) for known in _known_links())
    if hypot(width, height) > _SIZES[1] * longest * em:
        return None
    grid = coverage(polygons)
    axis = None if grid is None else _axis(grid, width, height)
    if axis is None:
        return None
    alike = [known for known in _known_links() if abs(log(axis.oblong) - log(known.axis.oblong)) < _OBLONG]
    nearest, way = min((_distance(polygons[0], axis, known, em) for known in alike), default=(1.0, 0.0))
    if nearest > _SAME:
        return None
    from_level = abs((way + pi / 2) % pi - pi / 2)
    name = "wiggleArpeggiatoUp" if degrees(pi / 2 - from_level) < _UPRIGHT else "wiggleTrill"
    return Likeness(name, nearest, 1.0, (0.0, 0.0, width / em, height / em))


def _distance(polygon: Points, axis: _Axis, known: _Known, em: float) -> tuple[float, float]:
    """(Share of the ink in which an outline, turned so that it lies as a link does, differs from it, 1 where it has not
    its size; the angle at which it runs)."""
    nearest = 1.0, 0.0
    level = 0.0 if known.width > known.height else pi / 2
    for over in (1.0, -1.0):
        way = axis.angle + over * (level - known.axis.angle)
        for half in (0.0, pi):
            angle = known.axis.angle - over * axis.angle + half
            turned = polygon @ np.array([[cos(angle), sin(angle)], [-over * sin(angle), over * cos(angle)]])
            width, height = (turned.max(axis=0) - turned.min(axis=0)).tolist()
            ratio = ((width * height) / (known.width * known.height)) ** 0.5 / em
            aspect = log(width / height) - log(known.width / known.height)
            if not _SIZES[0] < ratio < _SIZES[1] or abs(aspect) > _ASPECT:
                continue
            grid = coverage([turned])
            if grid is not None:
                both = float(np.minimum(grid, known.grid).sum())
                nearest = min(nearest, (1.0 - both / float(np.maximum(grid, known.grid).sum()), way))
    return nearest

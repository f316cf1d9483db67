"""What a shape looks like, whatever its size: coverage on a small grid stretched over its box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr_service.pdf.shapes import Points

GRID = 20
_SUBROWS = 4


def coverage(polygons: list[Points]) -> NDArray[np.float32] | None:
    """Returns how much of each cell of a GRID x GRID raster over the polygons' common box they fill, 0 to 1.

    The non-zero winding rule decides what is inside. Row 0 is at the smallest y. None when the box has no area.

    Args:
        polygons: Closed contours, each of shape (n, 2).
    """
    every = np.concatenate(polygons)
    low, high = every.min(axis=0), every.max(axis=0)
    span = high - low
    if not (span > 0).all():
        return None
    starts = np.concatenate([(polygon - low) / span * GRID for polygon in polygons])
    ends = np.concatenate([(np.roll(polygon, -1, axis=0) - low) / span * GRID for polygon in polygons])
    rows = (np.arange(GRID * _SUBROWS) + 0.5) / _SUBROWS
    y0, y1 = starts[:, 1], ends[:, 1]
    upward = y1 > y0
    bottom, top = np.minimum(y0, y1), np.maximum(y0, y1)
    filled = np.zeros((GRID * _SUBROWS, GRID), dtype=np.float64)
    edges = np.arange(GRID + 1, dtype=np.float64)
    for index, y in enumerate(rows):
        crossing = (bottom <= y) & (y < top)
        if not crossing.any():
            continue
        a, b = starts[crossing], ends[crossing]
        x = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
        order = np.argsort(x, kind="stable")
        x = x[order]
        winding = np.cumsum(np.where(upward[crossing][order], 1, -1))
        inside = winding[:-1] != 0
        # Length of ink left of each cell edge, by difference the ink in each cell.
        left, right = x[:-1][inside], x[1:][inside]
        ink = np.clip(edges[:, None], left, right) - left
        filled[index] = np.diff(ink.sum(axis=1))
    return np.asarray(filled.reshape(GRID, _SUBROWS, GRID).mean(axis=1), dtype=np.float32)

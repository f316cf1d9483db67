"""Outlines: sequences of move, line, curve and close over an array of points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

MOVE, LINE, CURVE, CLOSE = b"mlch"
_T = np.linspace(0.0, 1.0, 9)[1:]
_BERNSTEIN = np.stack([(1 - _T) ** 3, 3 * (1 - _T) ** 2 * _T, 3 * (1 - _T) * _T**2, _T**3], axis=1)


@dataclass(frozen=True)
class Shape:
    """An outline.

    Attributes:
        ops: One byte per segment: m (1 point), l (1 point), c (3 points, cubic Bézier), h (close, no point).
        points: The points of the segments in order, shape (n, 2).
    """

    ops: bytes
    points: Points

    @cached_property
    def polygons(self) -> list[Points]:
        """The contours with curves cut into chords, each of shape (n, 2), n >= 1; not repeated at the end."""
        contours: list[list[Points]] = []
        current: list[Points] = []
        start: Points | None = None
        index = 0
        points = self.points
        for op in self.ops:
            if op == MOVE:
                if current:
                    contours.append(current)
                start = points[index : index + 1]
                current = [start]
                index += 1
            elif op == LINE:
                current.append(points[index : index + 1])
                index += 1
            elif op == CURVE:
                if current:
                    control = np.concatenate((current[-1][-1:], points[index : index + 3]))
                    current.append(_BERNSTEIN @ control)
                else:
                    current.append(points[index + 2 : index + 3])
                index += 3
            elif current and start is not None:
                contours.append(current)
                current = []
                # A segment after a close starts at the contour's first point.
                current = [start]
        if current:
            contours.append(current)
        return [np.concatenate(parts) for parts in contours if len(parts) > 1 or len(parts[0]) > 1]

    @cached_property
    def box(self) -> tuple[float, float, float, float] | None:
        """The ink's box (x0, y0, x1, y1) to about a hundredth of a curve's size; None when there is no ink."""
        polygons = self.polygons
        if not polygons:
            return None
        every = np.concatenate(polygons)
        low, high = every.min(axis=0), every.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def signed_area(contour: Points) -> float:
    """Returns the area of a closed contour, shape (n, 2): positive when it runs counterclockwise with y up."""
    x, y = contour[:, 0], contour[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2

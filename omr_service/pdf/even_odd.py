"""Paths filled by the even-odd rule, made such that the non-zero winding rule, by which all outlines are read, fills
the same: a hole runs the other way round than what it is in."""

from __future__ import annotations

import numpy as np

from omr_service.pdf.shapes import CLOSE, CURVE, MOVE, Points, Shape, signed_area

_MOST_CONTOURS = 16


def with_holes(ops: bytes, points: Points) -> tuple[bytes, Points]:
    """Returns the segments and points of a path with contours turned round where they are holes and did not run so.

    Args:
        ops: Segments as in `shapes.Shape`.
        points: Their points, shape (n, 2).
    """
    if not 2 <= ops.count(b"m") <= _MOST_CONTOURS:
        return ops, points
    contours = _contours(ops, points)
    polygons = [np.concatenate(polys) if (polys := Shape(*contour).polygons) else contour[1] for contour in contours]
    areas = [signed_area(polygon) for polygon in polygons]
    changed = False
    for index, polygon in enumerate(polygons):
        around = [k for k, other in enumerate(polygons) if k != index and _is_inside(polygon[0], other)]
        if not around:
            continue
        outermost = max(around, key=lambda k: abs(areas[k]))
        way = areas[outermost] * (-1) ** len(around)
        if areas[index] * way < 0:
            contours[index] = _turned_round(*contours[index])
            changed = True
    if not changed:
        return ops, points
    return b"".join(each for each, _ in contours), np.concatenate([each for _, each in contours])


def _contours(ops: bytes, points: Points) -> list[tuple[bytes, Points]]:
    """Returns a path in parts, each of which begins with a move."""
    found: list[tuple[bytes, Points]] = []
    start = first = index = 0
    for position, op in enumerate(ops):
        if op == MOVE and position > start:
            found.append((ops[start:position], points[first:index]))
            start, first = position, index
        index += 3 if op == CURVE else 0 if op == CLOSE else 1
    return [*found, (ops[start:], points[first:index])]


def _turned_round(ops: bytes, points: Points) -> tuple[bytes, Points]:
    """Returns one contour from its end to its beginning."""
    segments = ops.replace(b"h", b"")[1:]
    return b"m" + segments[::-1] + ops[1 + len(segments) :], points[::-1]


def _is_inside(point: Points, polygon: Points) -> bool:
    """Returns whether a point lies inside a closed contour, by the crossings of a level ray from it."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    crossing = (a[:, 1] <= point[1]) != (b[:, 1] <= point[1])
    a, b = a[crossing], b[crossing]
    x = a[:, 0] + (point[1] - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return int((x > point[0]).sum()) % 2 == 1

"""Tells painted paths apart: straight strokes and bars, crescents and curved strokes, and outlines left to match."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import hypot

import numpy as np

from omr_service.pdf import strokes
from omr_service.pdf.marks import PathMark
from omr_service.pdf.shapes import CLOSE, CURVE, MOVE, Points, Shape
from omr_service.symbols import Box, Curve, Line

# A filled quadrilateral is a bar when it is at least this many times as long as it is thick.
_BAR_RATIO = 1.5
_HAIRLINE = 0.05
# A circle may be so many times as long as it is high, or the other way round.
_ROUND = 1.15
# A crescent of straight sides has at least so many.
_LEAST_CHORDS = 8
# How thick a crescent is at most in parts of its length, and one that is bent far.
_THICK, _THICK_BENT = 0.2, 0.3


@dataclass(slots=True)
class ClassifiedPaths:
    """What the painted paths of a page are.

    Attributes:
        lines: Straight strokes, and filled bars.
        curves: Slurs and ties.
        outlines: Filled shapes that are neither, in page points; perhaps music symbols.
        rings: Circles that are drawn round something, as boxes.
    """

    lines: list[Line] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    outlines: list[PathMark] = field(default_factory=list)
    rings: list[Box] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Subpath:
    ops: bytes
    points: Points
    closed: bool


def _subpaths(ops: bytes, points: Points) -> list[_Subpath]:
    out: list[_Subpath] = []
    start_op = start_point = 0
    index = 0
    for position, op in enumerate(ops):
        if op == MOVE and position > start_op:
            _append(out, ops[start_op:position], points[start_point:index])
            start_op, start_point = position, index
        index += 3 if op == CURVE else 0 if op == CLOSE else 1
    _append(out, ops[start_op:], points[start_point:index])
    return out


def _append(out: list[_Subpath], ops: bytes, points: Points) -> None:
    if len(points) > 1:
        out.append(_Subpath(ops.rstrip(b"h"), points, ops.endswith(b"h")))


def line_between(x0: float, y0: float, x1: float, y1: float, thickness: float, dashed: bool = False) -> Line:
    """Returns the line with its ends in order, `thickness` being measured across it."""
    dx, dy = x1 - x0, y1 - y0
    length = hypot(dx, dy)
    horizontal = abs(dx) >= abs(dy)
    if (x0 > x1) if horizontal else (y0 > y1):
        x0, y0, x1, y1 = x1, y1, x0, y0
    along = abs(dx) if horizontal else abs(dy)
    if along > 0:
        thickness *= length / along
    return Line(x0, y0, x1, y1, thickness, dashed)


def bar_from_quadrilateral(corners: Points) -> Line | None:
    """Returns the centre line and thickness of a long quadrilateral, or None when it is not long or not a bar.

    Args:
        corners: Its four corners in order, shape (4, 2).
    """
    p = corners
    sides = np.hypot(*(np.roll(p, -1, axis=0) - p).T)
    # The ends are the shorter pair of opposite sides.
    first = 0 if sides[0] + sides[2] <= sides[1] + sides[3] else 1
    end_a = (p[first] + p[first + 1]) / 2
    end_b = (p[(first + 2) % 4] + p[(first + 3) % 4]) / 2
    dx, dy = (end_b - end_a).tolist()
    x, y = p[:, 0], p[:, 1]
    area = abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2
    along = max(abs(dx), abs(dy))
    if along <= 0:
        return None
    thickness = area / along
    if along < _BAR_RATIO * thickness or max(sides[first], sides[(first + 2) % 4]) > 2.5 * thickness + _HAIRLINE:
        return None
    x0, y0, x1, y1 = float(end_a[0]), float(end_a[1]), float(end_b[0]), float(end_b[1])
    if (x0 > x1) if abs(dx) >= abs(dy) else (y0 > y1):
        x0, y0, x1, y1 = x1, y1, x0, y0
    return Line(x0, y0, x1, y1, thickness)


def _without_repeats(points: Points) -> Points:
    """Returns the corners of a polygon without repeated points and points on straight sides."""
    keep = [points[0]]
    for point in points[1:]:
        if abs(point - keep[-1]).max() > 1e-3:
            keep.append(point)
    while len(keep) > 1 and abs(keep[0] - keep[-1]).max() <= 1e-3:
        keep.pop()
    if len(keep) < 3:
        return np.array(keep)
    corners = []
    count = len(keep)
    for index in range(count):
        before, here, after = keep[index - 1], keep[index], keep[(index + 1) % count]
        u, v = here - before, after - here
        cross = abs(u[0] * v[1] - u[1] * v[0])
        if cross > 1e-3 * (hypot(*u) * hypot(*v)) + 1e-9:
            corners.append(here)
    return np.array(corners) if len(corners) >= 3 else np.array(keep)


def _curve_from_stroke(points: Points, width: float, dashed: bool) -> Curve:
    start, end = points[0], points[-1]
    if start[0] > end[0]:
        start, end = end, start
    middle_x = (start[0] + end[0]) / 2
    nearest = int(np.argmin(abs(points[:, 0] - middle_x)))
    low, high = points.min(axis=0), points.max(axis=0)
    half = width / 2
    box = Box(float(low[0]) - half, float(low[1]) - half, float(high[0]) + half, float(high[1]) + half)
    return Curve(
        float(start[0]), float(start[1]), float(end[0]), float(end[1]), float(points[nearest, 1]), width, box, dashed
    )


def crescent(contour: Points, width: float = 0.0) -> Curve | None:
    """Returns the slur a closed contour draws, or None when it is no crescent.

    A crescent has two tips, far apart, and between them two sides that bend the same way and stay close together.

    Args:
        contour: The closed contour cut into chords, shape (n, 2).
        width: Stroke width added around it.
    """
    if len(contour) < 6:
        return None
    low, high = contour.min(axis=0), contour.max(axis=0)
    x, y = contour[:, 0], contour[:, 1]
    area = abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]) + x[-1] * y[0] - x[0] * y[-1])) / 2
    if area > 0.25 * float(((high - low) ** 2).sum()):
        return None
    centre = contour.mean(axis=0)
    # Tips: the farthest point from the middle, and the farthest point from that one.
    tip_a = int(np.argmax(((contour - centre) ** 2).sum(axis=1)))
    tip_b = int(np.argmax(((contour - contour[tip_a]) ** 2).sum(axis=1)))
    first, second = sorted((tip_a, tip_b))
    side_1 = contour[first : second + 1]
    side_2 = np.concatenate((contour[second:], contour[: first + 1]))[::-1]
    if len(side_1) < 3 or len(side_2) < 3:
        return None
    start, end = contour[first], contour[second]
    axis = end - start
    length = float(hypot(*axis))
    if length <= 0:
        return None
    unit = axis / length
    normal = np.array([-unit[1], unit[0]])
    stations = np.linspace(0.0, length, 17)
    heights = []
    for side in (side_1, side_2):
        along = (side - start) @ unit
        across = (side - start) @ normal
        if (np.diff(along) < -0.02 * length).any():
            return None
        order = np.argsort(along, kind="stable")
        heights.append(np.interp(stations, along[order], across[order]))
    gap = abs(heights[0] - heights[1])
    middle = (heights[0] + heights[1]) / 2
    thickness = float(gap.max())
    bend = float(middle[np.argmax(abs(middle))])
    # It must swell: thin at the tips, thickest inside. One that does may be as flat as a tie through a long bar.
    swells = min(gap[1], gap[-2]) <= 0.8 * thickness
    least_bend = 0.003 if swells else 0.01
    # between notes that stand close, a tie is short, bent far, and as thick as others
    thickest = _THICK_BENT if swells and abs(bend) > 2 * thickness else _THICK
    if thickness > thickest * length or abs(bend) < 0.35 * thickness or abs(bend) < least_bend * length:
        return None
    if not swells and thickness > 0.06 * length:
        return None
    if start[0] > end[0]:
        start, end = end, start
        middle = middle[::-1]
    spine = start + (axis if (end - start) @ axis > 0 else -axis) * 0.5 + normal * float(middle[8])
    half = width / 2
    box = Box(float(low[0]) - half, float(low[1]) - half, float(high[0]) + half, float(high[1]) + half)
    return Curve(
        float(start[0]),
        float(start[1]),
        float(end[0]),
        float(end[1]),
        float(spine[1]),
        thickness + width,
        box,
    )


def _straight_strokes(points: Points, closed: bool, width: float, dashed: bool) -> list[Line]:
    flat: list[list[float]] = points.tolist()
    if closed and flat[0] != flat[-1]:
        flat.append(flat[0])
    out: list[Line] = []
    x0, y0 = flat[0]
    for index in range(1, len(flat)):
        x1, y1 = flat[index]
        if index + 1 < len(flat):
            x2, y2 = flat[index + 1]
            cross = (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1)
            dot = (x1 - x0) * (x2 - x1) + (y1 - y0) * (y2 - y1)
            if abs(cross) <= 1e-3 * (hypot(x1 - x0, y1 - y0) * hypot(x2 - x1, y2 - y1)) and dot >= 0:
                continue
        if abs(x1 - x0) + abs(y1 - y0) > 1e-6:
            out.append(line_between(x0, y0, x1, y1, width, dashed))
        x0, y0 = x1, y1
    return out


def is_round(points: Points) -> bool:
    """Returns whether a closed contour is about a circle: its points are as far from the middle of their box as its
    sides are."""
    low, high = points.min(axis=0), points.max(axis=0)
    radii = (high - low) / 2
    if radii.min() <= 0 or radii.max() > _ROUND * radii.min():
        return False
    away = np.hypot(*((points - (low + high) / 2) / radii).T)
    return bool(away.min() > 1 / _ROUND and away.max() < _ROUND)


def _stroke_subpath(subpath: _Subpath, mark: PathMark, result: ClassifiedPaths) -> None:
    if b"c" not in subpath.ops:
        corners = _without_repeats(subpath.points) if subpath.closed and len(subpath.points) >= 4 else subpath.points
        if subpath.closed and len(corners) == 4:
            bar = bar_from_quadrilateral(corners)
            # A long thin frame whose stroke fills it, as writers draw a bar with rounded corners.
            if bar is not None and bar.thickness <= 2 * mark.width + _HAIRLINE:
                result.lines.append(Line(bar.x0, bar.y0, bar.x1, bar.y1, bar.thickness + mark.width, mark.dashed))
                return
        result.lines += _straight_strokes(subpath.points, subpath.closed, mark.width, mark.dashed)
        return
    polygons = Shape(subpath.ops, subpath.points).polygons
    if not polygons:
        return
    points = polygons[0]
    if subpath.closed or abs(points[0] - points[-1]).max() < 1e-3:
        slur = crescent(points, mark.width)
        if slur is not None:
            result.curves.append(slur)
        elif is_round(points):
            (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
            result.rings.append(Box(x0, y0, x1, y1))
        return
    span = points[-1] - points[0]
    length = float(hypot(*span))
    if length <= 0:
        return
    deviation = float(abs((points - points[0]) @ np.array([-span[1], span[0]]) / length).max())
    if deviation < 0.01 * length:
        (x0, y0), (x1, y1) = points[0].tolist(), points[-1].tolist()
        result.lines.append(line_between(x0, y0, x1, y1, mark.width, mark.dashed))
    else:
        result.curves.append(_curve_from_stroke(points, mark.width, mark.dashed))


def _fill_one(subpath: _Subpath, mark: PathMark, result: ClassifiedPaths) -> bool:
    """Enters a filled path of one contour when it is a bar or a slur; returns whether it was."""
    width = mark.width if mark.stroked else 0.0
    if b"c" not in subpath.ops:
        corners = _without_repeats(subpath.points)
        if len(corners) == 4:
            bar = bar_from_quadrilateral(corners)
            if bar is not None:
                result.lines.append(Line(bar.x0, bar.y0, bar.x1, bar.y1, bar.thickness + width))
                return True
        # A curve cut into chords; upright ones are braces and flags.
        width_x, height_y = (subpath.points.max(axis=0) - subpath.points.min(axis=0)).tolist()
        lies = len(corners) >= _LEAST_CHORDS and width_x > height_y
        slur = crescent(subpath.points, width) if lies else None
        if slur is None:
            return False
        result.curves.append(slur)
        return True
    if subpath.ops.count(b"c") > 8:
        return False
    polygons = Shape(subpath.ops, subpath.points).polygons
    if len(polygons) != 1:
        return False
    slur = crescent(polygons[0], width)
    if slur is None:
        return False
    result.curves.append(slur)
    return True


def _rounded_dashes(subpaths: list[_Subpath]) -> list[Line]:
    """Returns the dashes of a level line whose round ends a writer has drawn as outlines; empty for anything else."""
    boxes: list[tuple[float, float, float, float]] = []
    for subpath in subpaths:
        if subpath.ops.count(b"c") not in (2, 4) or not 1 <= subpath.ops.count(b"l") <= 3:
            return []
        (x0, y0), (x1, y1) = subpath.points.min(axis=0).tolist(), subpath.points.max(axis=0).tolist()
        if x1 - x0 < _BAR_RATIO * (y1 - y0):
            return []
        boxes.append((x0, y0, x1, y1))
    tall = boxes[0][3] - boxes[0][1] if len(boxes) > 1 else 0.0
    if tall <= 0 or any(abs(y0 - boxes[0][1]) + abs(y1 - boxes[0][3]) > 0.1 * tall for _, y0, _, y1 in boxes):
        return []
    return [line_between(x0, (y0 + y1) / 2, x1, (y0 + y1) / 2, y1 - y0, True) for x0, y0, x1, y1 in boxes]


def classify(marks: list[PathMark]) -> ClassifiedPaths:
    """Returns what painted paths are; paths repeated in place (a bar filled, then stroked) count once."""
    result = ClassifiedPaths()
    for index, mark in enumerate(marks):
        ops = mark.ops
        before = marks[index - 1] if index else None
        if before is not None and before.filled and not mark.filled and _in_place(before, mark):
            continue
        # two points enclose nothing: what is filled and stroked is the stroke
        if (mark.stroked or not mark.filled) and len(mark.points) == 2 and ops[:2] == b"ml":
            (x0, y0), (x1, y1) = mark.points.tolist()
            if x0 != x1 or y0 != y1:
                result.lines.append(line_between(x0, y0, x1, y1, mark.width, mark.dashed))
            continue
        subpaths = _subpaths(ops, mark.points)
        if not mark.filled:
            for subpath in subpaths:
                _stroke_subpath(subpath, mark, result)
        elif len(subpaths) == 1:
            if not _fill_one(subpaths[0], mark, result):
                result.outlines.append(mark)
        elif subpaths and all(len(s.points) <= 5 and b"c" not in s.ops for s in subpaths):
            for subpath in subpaths:
                if not _fill_one(subpath, mark, result):
                    part = PathMark(subpath.ops + b"h", subpath.points, True, False, 0.0, False, mark.matrix)
                    result.outlines.append(part)
        elif dashes := _rounded_dashes(subpaths):
            result.lines += dashes
        elif subpaths:
            result.outlines.append(mark)
    result.lines = strokes.made_whole(result.lines)
    result.curves = _unique_curves(result.curves)
    return result


def _in_place(a: PathMark, b: PathMark) -> bool:
    """Returns whether two paths are the same: some writers fill an outline and then draw its edge."""
    return (
        a.ops.rstrip(b"h") == b.ops.rstrip(b"h")
        and len(a.points) == len(b.points)
        and bool(abs(a.points - b.points).max() < 0.02)
    )


def _unique_curves(curves: list[Curve]) -> list[Curve]:
    """Returns curves without those drawn twice in place, as some writers fill and then stroke."""
    seen: dict[tuple[int, int, int, int, int], int] = {}
    out: list[Curve] = []
    for curve in curves:
        tips = sorted([(curve.x0, curve.y0), (curve.x1, curve.y1)])
        key = (round(tips[0][0]), round(tips[0][1]), round(tips[1][0]), round(tips[1][1]), round(curve.mid_y))
        at = next((seen[near] for near in _around(key) if near in seen), None)
        if at is None:
            seen[key] = len(out)
            out.append(curve)
        elif curve.thickness > out[at].thickness:
            out[at] = curve
    return out


def _around(key: tuple[int, int, int, int, int]) -> list[tuple[int, int, int, int, int]]:
    """Returns a key of rounded points and those one point off in one place."""
    near = [key]
    for index in range(5):
        for step in (-1, 1):
            near.append((*key[:index], key[index] + step, *key[index + 1 :]))  # type: ignore[arg-type]
    return near

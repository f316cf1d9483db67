"""The dashed lines of octave signs, followed in the ink: the detector sees parts of them, and now and then none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from omr_service.scan.detector import Point
from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.staff_evidence import SPACE
from omr_service.symbols import Line

_SIGNS = frozenset({"ottava", "quindicesima"})
_SURE = 0.35
"""Probability from which on a sign is one without a line."""
_TOLD = 0.5
"""Probability of one that its line tells."""
_AROUND = round(1.6 * SPACE)
"""Pixels above and below a sign in which its line is looked for."""
_BESIDE = 1.8 * SPACE
"""Distance of the first dash from the sign at most."""
_HIGHEST, _SHORTEST, _LONGEST = 0.6 * SPACE, 0.12 * SPACE, 2.2 * SPACE
"""A dash's greatest height, and its least and greatest length."""
_TOGETHER = 8.0 * SPACE
"""The greatest length of some that the ink has run together."""
_GAP = 1.6 * SPACE
"""From one dash to the next at most."""
_OVER = 3.2 * SPACE
"""The same where a slur or a stem may have run through a dash."""
_OFF = 0.2 * SPACE
"""Height by which a dash lies off the one before it at most."""
_SLOPE = 0.01
"""Pixels that a line rises or falls per pixel across, beyond `_OFF`, at most."""
_FEWEST, _MANY = 3, 4
"""Dashes that make a line at least, and those that make a sign of what is hardly seen as one."""

_AS_LEVEL, _LEVEL = 0.1, 0.5 * SPACE
"""Slope of a stroke that may be a part of a line at most, and how far off the line it lies at most."""


class _Dash(NamedTuple):
    x0: float
    x1: float
    y: float


def octave_lines_of(points: Sequence[Point], page: Grey) -> list[Line]:
    """The dashed lines, in pixels, that begin at the octave signs of a page; each from its first dash to its last, at
    the height of the first."""
    lines: list[Line] = []
    for point in points:
        if point.name in _SIGNS and point.probability >= _SURE:
            dashes = _dashes_after(point, page)
            if len(dashes) >= _FEWEST:
                y = dashes[0].y  # a long line may lean by more than a level one does
                lines.append(Line(dashes[0].x0, y, dashes[-1].x1, y, 1.5, dashed=True))
    return lines


def with_octave_lines(seen: Sequence[Line], followed: Sequence[Line]) -> list[Line]:
    """Octave lines as they were followed, and what the detector saw of brackets elsewhere.

    Args:
        seen: Strokes of brackets and lines that the detector saw.
        followed: Lines from `octave_lines_of`.
    """

    def is_part(stroke: Line) -> bool:
        level = abs(stroke.y1 - stroke.y0) < _AS_LEVEL * abs(stroke.x1 - stroke.x0)
        y = (stroke.y0 + stroke.y1) / 2
        return level and any(
            line.x0 - SPACE < stroke.x0 and stroke.x0 < line.x1 and abs(y - (line.y0 + line.y1) / 2) < _LEVEL
            for line in followed
        )

    return [*(stroke for stroke in seen if not is_part(stroke)), *followed]


def told_by_dashes(points: Sequence[Point], page: Grey) -> list[Point]:
    """The points, octave signs that are hardly seen as such being sure where a dashed line follows them."""
    lines = octave_lines_of(points, page)

    def on_line(point: Point) -> bool:
        return any(v.x0 < point.x < v.x1 and abs(point.y - v.y0) < SPACE for v in lines)

    def is_sign(point: Point) -> bool:
        unsure = point.name in _SIGNS and point.probability < _SURE
        return unsure and not on_line(point) and len(_dashes_after(point, page)) >= _MANY

    return [replace(point, probability=_TOLD) if is_sign(point) else point for point in points]


def _dashes_after(point: Point, page: Grey) -> list[_Dash]:
    """The longest row of dashes that begins right of a sign."""
    left = max(0, round(point.x + point.width / 2) + 1)
    top = max(0, round(point.y - point.height / 2) - _AROUND)
    bottom = min(page.shape[0], round(point.y + point.height / 2) + _AROUND)
    ink = (page[top:bottom, left:] < PAPER // 2).astype(np.uint8)
    if not ink.size:
        return []
    _, _, stats, centres = cv2.connectedComponentsWithStats(ink, connectivity=8)
    dashes = sorted(
        _Dash(float(left + x), float(left + x + width), float(top + centre[1] + 0.5))
        for (x, y, width, height, _), centre in zip(stats[1:].tolist(), centres[1:].tolist(), strict=True)
        if height <= _HIGHEST and _SHORTEST <= width <= _TOGETHER and y > 0 and y + height < bottom - top
    )
    first = [
        i
        for i, dash in enumerate(dashes)
        if dash.x0 - left <= _BESIDE and abs(dash.y - point.y) <= point.height / 2 + _OFF
    ]
    rows = [row for row in (_row(dashes, i) for i in first) if 2 * sum(map(_is_single, row)) > len(row)]
    return max(rows, key=lambda row: row[-1].x1, default=[])


def _is_single(dash: _Dash) -> bool:
    return dash.x1 - dash.x0 <= _LONGEST


def _row(dashes: Sequence[_Dash], start: int) -> list[_Dash]:
    """The dashes, sorted, that follow each other from one on."""
    row = [dashes[start]]
    for dash in dashes[start + 1 :]:
        last = row[-1]
        gap = dash.x0 - last.x1
        if gap > (_OVER if len(row) >= _FEWEST else _GAP):
            break
        level = abs(dash.y - row[0].y) <= _OFF + _SLOPE * (dash.x0 - row[0].x0)
        if gap >= 0 and level and abs(dash.y - last.y) <= _OFF:
            row.append(dash)
    return row

"""The sign for "the bar again": a thick slash over the middle line of a staff, with a dot on either side.

The detector was not taught it. Its shape is that of all printers and fonts to within a little, and it stands by itself:
it is looked for with drawn ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from omr_service.scan.detector import Point
from omr_service.scan.glyphs import EM
from omr_service.scan.ink import PAPER, Grey, as_grey
from omr_service.scan.normal_page import NormalPage, NormalStaff
from omr_service.scan.staff_evidence import SPACE
from omr_service.symbols import Box, Glyph

NAME = "repeat1Bar"
_LEANS = (1.2, 1.6)
"""Spaces across from the foot of the slash to its head."""
_WIDTHS = (0.5, 0.8)
"""Width of the slash along a line, in spaces."""
_DOTS = (0.65, 0.85)
"""Spaces across from the middle to either dot."""
_DOT, _DOT_DOWN = 0.2, 0.5
"""Radius of a dot, and its distance from the middle line, in spaces."""
_HALF_LINE = 0.065
_SIZE = (2.6, 2.2)
"""Spaces across and down of what is compared."""
_FINE = 8
"""Times by which signs are drawn larger than they are compared."""
_AROUND = 0.3
"""Spaces by which a sign may stand higher or lower than in the middle of its staff."""
_ALIKE = 0.72
"""Least correlation with a drawn sign: that of signs was seen from 0.78 on, of bass clefs and all else up to 0.68."""
_SURE = 0.7
"""Probability from which on a point in its place is what the detector says."""
_DOT_NAMES = ("augmentationDot", "repeatDot", "articStaccato")


def find_bar_repeats(page: NormalPage, points: Sequence[Point]) -> list[Glyph]:
    """The signs of a page that repeat a bar, in pixels.

    Args:
        page: The normal page.
        points: What the detector saw on it: where that is something sure, there is no sign.
    """
    known = [p for p in points if p.probability >= _SURE and p.name not in _DOT_NAMES]
    found: list[Glyph] = []
    for staff in page.staves:
        for x, y, alike in _alike_places(page.pixels, staff):
            half = _SIZE[0] / 2 * staff.space, _SIZE[1] / 2 * staff.space
            if not any(abs(p.x - x) < half[0] and abs(p.y - y) < half[1] for p in known):
                box = Box(
                    x - half[0] + staff.space / 4, y - staff.space, x + half[0] - staff.space / 4, y + staff.space
                )
                found.append(Glyph(NAME, box.x0, y, box, EM * staff.size, alike))
    return found


def without_bar_repeats(points: Sequence[Point], signs: Sequence[Glyph]) -> list[Point]:
    """The points but for those that the detector saw in the signs of `find_bar_repeats`."""
    return [p for p in points if not any(s.box.x0 < p.x < s.box.x1 and s.box.y0 < p.y < s.box.y1 for s in signs)]


def _alike_places(page: Grey, staff: NormalStaff) -> list[tuple[float, float, float]]:
    """Middles (x, y) of what looks like a sign on a staff, and how much, the most alike of those that overlap."""
    drawn = _drawn_signs(round(staff.size, 1))
    height, width = drawn[0].shape
    top = round(staff.middle - height / 2 - _AROUND * staff.space)
    bottom = round(staff.middle + height / 2 + _AROUND * staff.space)
    left, right = max(0, round(staff.x0)), min(page.shape[1], round(staff.x1))
    if top < 0 or bottom > page.shape[0] or right - left < width:
        return []
    band = page[top:bottom, left:right]
    alike = np.max([cv2.matchTemplate(band, sign, cv2.TM_CCOEFF_NORMED) for sign in drawn], axis=0)
    found: list[tuple[float, float, float]] = []
    while True:
        row, column = (int(v) for v in np.unravel_index(int(alike.argmax()), alike.shape))
        value = float(alike[row, column])
        if value < _ALIKE:
            return found
        found.append((left + column + width / 2, top + row + height / 2, value))
        alike[:, max(0, column - width) : column + width] = -1.0


@cache
def _drawn_signs(size: float) -> list[Grey]:
    """Signs on the three inner lines of a staff whose space is `SPACE` times a size."""
    return [_drawn(size, *form) for form in itertools.product(_LEANS, _WIDTHS, _DOTS)]


def _drawn(size: float, lean: float, width: float, dots: float) -> Grey:
    space = SPACE * size * _FINE
    picture = np.full((round(_SIZE[1] * space), round(_SIZE[0] * space)), PAPER, np.uint8)
    x, y = picture.shape[1] / 2, picture.shape[0] / 2
    for line in (-1, 0, 1):
        rows = round(y + (line - _HALF_LINE) * space), round(y + (line + _HALF_LINE) * space)
        picture[rows[0] : rows[1]] = 0
    foot, head = x - lean / 2 * space, x + lean / 2 * space
    half = width / 2 * space
    corners = [(foot - half, y + space), (foot + half, y + space), (head + half, y - space), (head - half, y - space)]
    cv2.fillPoly(picture, [np.array(corners, np.int32)], 0)
    for side in (-1, 1):
        middle = round(x + side * dots * space), round(y + side * _DOT_DOWN * space)
        cv2.circle(picture, middle, round(_DOT * space), 0, -1)
    target = round(_SIZE[0] * SPACE * size), round(_SIZE[1] * SPACE * size)
    return as_grey(cv2.resize(picture, target, interpolation=cv2.INTER_AREA))

"""Two dots after a note, which stand so close that the detector sees one point between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from omr_service.scan.detector import Point
from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.strokes import runs_of

_REACH = round(0.9 * SPACE)
_NARROWEST, _WIDEST = 2, round(0.5 * SPACE)
"""Pixels across of a dot."""
_PITCH = 0.42 * SPACE, 0.8 * SPACE
"""Distance from the middle of a dot to that of the next."""
_BETWEEN = 0.2 * SPACE
"""How far from halfway between two dots the point stands at most."""
_DARK = 0.5
"""Darkness of a dot, as a part of the darkest place around."""


def parted_dots(points: Sequence[Point], page: Grey) -> list[Point]:
    """The points, an augmentation dot between two dots of ink being those two.

    Args:
        points: As `Detections.points`.
        page: The normal page.
    """
    return [part for p in points for part in (_parts(p, page) if p.name == "augmentationDot" else (p,))]


def _parts(point: Point, page: Grey) -> tuple[Point, ...]:
    x, y = int(point.x), int(point.y)
    left = max(0, x - _REACH)
    window = page[max(0, y - 1) : y + 2, left : x + _REACH + 1]
    ink = (PAPER - window.astype(np.float32)).mean(0)
    middles = [
        left + (a + b) / 2
        for a, b in runs_of(np.asarray(ink > _DARK * ink.max(initial=1.0)))
        if _NARROWEST <= b - a <= _WIDEST
    ]
    for first, second in itertools.pairwise(middles):
        near = abs((first + second) / 2 - point.x) <= _BETWEEN
        if near and _PITCH[0] <= second - first <= _PITCH[1]:
            width = min(point.width, second - first)
            return replace(point, x=first, width=width), replace(point, x=second, width=width)
    return (point,)

"""Curves of which the detector saw parts: those that lie on one arc, with ink along it between them, are one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.staff_evidence import SPACE, Floats
from omr_service.symbols import Box, Curve

_WIDEST = 12.0 * SPACE
"""Widest gap that is bridged, in pixels."""
_OFF = 1.2
"""Pixels by which tips and middles of the parts may lie off their arc."""
_BULGE = 3.0
"""Pixels by which the arc rises at least: what lies straight may be a line of the staff."""
_INKED = 0.85
"""Share of the gap at least over which there is ink on the arc."""


def mended(curves: Sequence[Curve], page: Grey) -> list[Curve]:
    """The curves with those joined that are parts of one.

    Args:
        curves: Curves, in pixels.
        page: The page.
    """
    left = sorted(curves, key=lambda c: c.x0)
    result: list[Curve] = []
    while left:
        curve = left.pop(0)
        parts = [(whole, k) for k, other in enumerate(left) if (whole := _joined(curve, other, page)) is not None]
        if parts:
            whole, k = min(parts, key=lambda part: left[part[1]].x0)
            left[k] = whole
        else:
            result.append(curve)
    return result


def _joined(curve: Curve, other: Curve, page: Grey) -> Curve | None:
    """The curve of which two are the left and the right part; None where they are no such."""
    if not 0 < other.x0 - curve.x1 <= _WIDEST or max(curve.x1 - curve.x0, other.x1 - other.x0) < SPACE:
        return None
    xs = np.array([x for c in (curve, other) for x in (c.x0, (c.x0 + c.x1) / 2, c.x1)])
    ys = np.array([y for c in (curve, other) for y in (c.y0, c.mid_y, c.y1)])
    arc = np.polyfit(xs - curve.x0, ys, 2)
    if float(np.abs(np.polyval(arc, xs - curve.x0) - ys).max()) > _OFF:
        return None
    y0, middle, y1 = (float(y) for y in np.polyval(arc, np.array([0.0, 0.5, 1.0]) * (other.x1 - curve.x0)))
    if abs((y0 + y1) / 2 - middle) < _BULGE:
        return None
    places = np.arange(int(curve.x1), int(other.x0) + 1)
    if _inked(np.polyval(arc, places - curve.x0), places, page) < _INKED:
        return None
    box = Box(curve.x0, min(curve.box.y0, other.box.y0, middle), other.x1, max(curve.box.y1, other.box.y1, middle))
    return Curve(curve.x0, y0, other.x1, y1, middle, max(curve.thickness, other.thickness), box)


def _inked(heights: Floats, places: np.ndarray, page: Grey) -> float:
    """Share of some places across at which there is ink within a pixel of a height."""
    rows = np.clip(np.rint(heights - 0.5).astype(int)[None, :] + np.array([-1, 0, 1])[:, None], 0, page.shape[0] - 1)
    return float((page[rows, np.clip(places, 0, page.shape[1] - 1)[None, :]] < PAPER // 2).any(0).mean())

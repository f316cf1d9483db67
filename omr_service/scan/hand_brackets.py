"""Brackets that tell which hand plays: upright strokes from a note on one staff to one on the other, hooked at their
ends, which look like barlines that are broken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.normal_page import NormalStaff
from omr_service.scan.staff_evidence import SPACE
from omr_service.symbols import Line

_INSIDE = 0.6 * SPACE
"""How far from the outer lines of a staff what ends in it ends at least: a barline ends at these, roughly."""
_HOOK = (0.3, 0.8)
"""Spaces from the middle of a stroke between which its hook is looked for, to either side."""
_RISE = 0.5 * SPACE
"""By how much a hook rises or falls at most."""
_ON_LINE = 0.2 * SPACE
"""Distance up to which ink is that of a staff line."""
_THIN = 0.4 * SPACE
"""Height of a hook's ink at most: what is higher is another sign."""
_WHOLE, _NONE = 0.7, 0.2
"""Share of its columns in which a hook has ink at least, and the other side at most."""
_GOES_ON = 0.5
"""Share of the rows beyond its end from which on a stroke that is faint there goes on."""


def without_hand_brackets(bars: Sequence[Line], pixels: Grey, staves: Sequence[NormalStaff]) -> list[Line]:
    """The barlines without brackets: strokes with a hook, to one side, where they end between the lines of a staff.

    Args:
        bars: Barlines, in pixels.
        pixels: The page.
        staves: Its staves.
    """
    return [bar for bar in bars if not any(_has_hook(bar, y, pixels, staves) for y in (bar.y0, bar.y1))]


def _has_hook(bar: Line, y: float, pixels: Grey, staves: Sequence[NormalStaff]) -> bool:
    """True where a stroke ends at a height inside a staff and another one goes off from it to one side."""
    x = bar.x0 if y == bar.y0 else bar.x1
    staff = next((s for s in staves if s.x0 < x < s.x1 and s.lines[0] + _INSIDE < y < s.lines[-1] - _INSIDE), None)
    if staff is None:
        return False
    beyond = np.arange(1, round(_INSIDE) + 2) * (1 if y == bar.y1 else -1) + round(y)
    off_lines = [row for row in beyond if min(abs(row - line) for line in staff.lines) > _ON_LINE]
    middle = round(x)
    if (pixels[off_lines, middle - 1 : middle + 2] < PAPER // 2).any(1).mean() >= _GOES_ON:
        return False
    rows = np.arange(round(y - _RISE), round(y + _RISE) + 1)
    rows = rows[[min(abs(row - line) for line in staff.lines) > _ON_LINE for row in rows]]
    ink = (pixels[rows] < PAPER // 2).sum(0)
    near, far = (round(reach * SPACE) for reach in _HOOK)
    sides = (ink[max(0, middle - far) : max(0, middle - near + 1)], ink[middle + near : middle + far + 1])
    less, more = sorted(sides, key=lambda side: float((side > 0).mean()))
    is_thin = (more > 0) & (more <= _THIN)
    return bool(is_thin.mean() >= _WHOLE and (less > 0).mean() <= _NONE)

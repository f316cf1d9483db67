"""Tablature, told by its sixth line."""

from __future__ import annotations

import numpy as np

from omr_service.scan.ink import PAPER
from omr_service.scan.normal_page import NormalPage, NormalStaff
from omr_service.scan.staff_evidence import SPACE

_LINE, _NONE = 0.75, 0.4
"""Share of a staff's width over which there is a line at least, and over which there may be ink where there is none."""
_NEAR, _BESIDE = 2, 5
"""Pixels above and below its place at which a line is at most, and at which there is less ink than on it."""
_DARKER = 40
"""Grey levels by which a line is darker than what is beside it."""


def is_tablature(page: NormalPage) -> bool:
    """True where staves have a sixth line on one side; one alone may be a hairpin or an octave line along a staff, and
    where rows go on on both sides they are of text.

    Args:
        page: The page with its staves that begin with no clef: along any other the line is that of long trills.
    """
    six = [_has_six(page, staff) for staff in page.staves]
    return sum(six) > max(1, len(six) // 4)


def _has_six(page: NormalPage, staff: NormalStaff) -> bool:
    less, more = sorted(_line_share(page, staff, place) for place in (-3, 3))
    return more > _LINE and less < _NONE


def _line_share(page: NormalPage, staff: NormalStaff, place: int) -> float:
    """Share of a staff's width over which there is a line at a place, counted in spaces from its middle line down."""
    row = round(staff.middle + place * SPACE * staff.size)
    if not _BESIDE <= row < page.pixels.shape[0] - _BESIDE:
        return 0.0
    across = slice(max(0, round(staff.x0)), max(1, round(staff.x1)))
    ink = PAPER - page.pixels[row - _BESIDE : row + _BESIDE + 1, across].astype(np.int16)
    beside = np.maximum(ink[0], ink[-1])
    return float((ink[_BESIDE - _NEAR : _BESIDE + _NEAR + 1].max(0) - beside > _DARKER).mean())

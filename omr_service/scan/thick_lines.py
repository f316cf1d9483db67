"""Beams that are none: staff lines that are printed as thick as beams are on other pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.normal_page import NormalStaff
from omr_service.scan.staff_evidence import SPACE
from omr_service.symbols import Line

_REACH = round(0.6 * SPACE)
"""Pixels above and below the middle of a line in which its ink is measured."""
_EVERY = 7
"""Pixels across from one place where it is measured to the next."""
_NEAR = 0.2 * SPACE
"""Distance up to which a beam lies on a line."""
_AS_THICK = 1.3
"""Thickness, in parts of that of the lines, up to which what lies on one is the line."""


def line_thickness(page: Grey, staves: Sequence[NormalStaff]) -> float:
    """How thick most of the staff lines of a page are printed, in pixels; 0 where they are too pale to tell.

    Where no ink lies on a line it counts as 0: on pictures whose lines are pale, ink that lies on them is that of heads
    and beams.
    """
    found: list[int] = []
    for staff in staves:
        places = np.arange(max(0, round(staff.x0)), min(page.shape[1], round(staff.x1)), _EVERY)
        for line in staff.lines:
            middle = int(line)
            if not _REACH <= middle < page.shape[0] - _REACH:
                continue
            ink = page[middle - _REACH : middle + _REACH + 1, places] < PAPER // 2
            up = np.cumprod(ink[_REACH::-1], 0).sum(0)
            down = np.cumprod(ink[_REACH:], 0).sum(0)
            found += [max(0, int(n)) for n in up + down - 1]
    return float(np.median(found)) if found else 0.0


def without_thick_lines(beams: Sequence[Line], page: Grey, staves: Sequence[NormalStaff]) -> list[Line]:
    """The beams without those that are no more than a staff line where they lie.

    Args:
        beams: Beams, in pixels.
        page: The straightened page.
        staves: Its staves, whose lines are level.
    """
    most = _AS_THICK * line_thickness(page, staves)
    lines = [(staff.x0, staff.x1, y) for staff in staves for y in staff.lines]

    def is_line(beam: Line) -> bool:
        return beam.thickness <= most and any(
            x0 < beam.x1 and beam.x0 < x1 and max(abs(beam.y0 - y), abs(beam.y1 - y)) < _NEAR for x0, x1, y in lines
        )

    return [beam for beam in beams if not is_line(beam)]

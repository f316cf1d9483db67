"""Staves of a page bend alike: one that bends by itself was followed along beams and is looked for again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.staff_evidence import SPACE, STEP, Floats
from omr_service.scan.staff_fit import TracedStaff, fitted_staff

_ODD = 0.6
"""Staff spaces by which a staff bends otherwise than its neighbours, from which on it is looked for again."""
_NEIGHBOURS, _FEWEST = 4, 3
"""How many staves tell how the page bends, at most and at least."""
_BESIDE = 0.6
"""Part of a staff's length over which a neighbour runs at least."""
_REACH = 2.5
"""How far up and down, in staff spaces, a staff is looked for."""
_AS_WELL = 0.9
"""Part of its evidence that a staff has there at least."""


def bent_alike(staves: list[TracedStaff], evidence: Floats, ridge: Floats) -> list[TracedStaff]:
    """The staves of a page, those that bend otherwise than their neighbours fitted to where these lead, if their lines
    are seen there as well.

    Args:
        staves: The staves.
        evidence: Evidence of staves by row and column of `STEP` pixels.
        ridge: Evidence of thin lines by pixel.
    """
    return [_looked_for_again(staff, staves, evidence, ridge) for staff in staves]


def _looked_for_again(staff: TracedStaff, staves: list[TracedStaff], evidence: Floats, ridge: Floats) -> TracedStaff:
    first, last = int(staff.x0 / STEP), min(int(staff.x1 / STEP), evidence.shape[1])
    xs = (np.arange(first, last) + 0.5) * STEP
    bend = _bend_beside(staff, staves, xs)
    own = np.interp(xs, staff.xs, staff.middle)
    if bend is None or np.ptp(own - bend) < _ODD * SPACE:
        return staff
    columns = np.arange(first, last)

    def seen(heights: Floats) -> tuple[float, NDArray[np.intp]]:
        rows = np.clip(np.rint(heights).astype(np.intp), 0, len(evidence) - 1)
        return float(evidence[rows, columns].mean()), rows

    level = float(np.median(own - bend))
    tried = [seen(bend + level + off) for off in np.arange(-_REACH * SPACE, _REACH * SPACE + 1)]
    share, rows = max(tried, key=lambda t: t[0])
    if share < _AS_WELL * seen(own)[0]:
        return staff
    again = fitted_staff(rows, first, float(np.median(staff.space)), ridge, share)
    return staff if again is None else again


def _bend_beside(staff: TracedStaff, staves: list[TracedStaff], xs: Floats) -> Floats | None:
    """How the staves nearest to one run across, about their own height; None where they are too few."""
    height = float(staff.middle.mean())
    beside = [
        other
        for other in staves
        if other is not staff and min(other.x1, staff.x1) - max(other.x0, staff.x0) > _BESIDE * (staff.x1 - staff.x0)
    ]
    beside.sort(key=lambda other: abs(float(other.middle.mean()) - height))
    if len(beside) < _FEWEST:
        return None
    runs = [np.interp(xs, other.xs, other.middle) for other in beside[:_NEIGHBOURS]]
    result: Floats = np.median([run - run.mean() for run in runs], axis=0)
    return result

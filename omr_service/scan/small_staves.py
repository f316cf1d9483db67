"""Short staves of reduced size, of which the search for whole staves finds none: ossias of a bar or two, examples in
footnotes.

They are looked for where the detector sees staff lines beside the staves that are known: what stands on such a staff
would be notes many ledger lines off on the next one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.scan.detector import Detections
from omr_service.scan.normal_page import NormalPage, NormalStaff
from omr_service.scan.staff_evidence import SPACE, STEP, Floats, columns_of, comb, thin_lines
from omr_service.scan.staff_fit import fitted_staff
from omr_service.scan.vocabulary import MASK_STRIDE

_REDUCED = 0.84
"""Part of the usual staff space up to which a staff is meant to be smaller."""
_SIZES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
"""Staff spaces looked for, in parts of the usual one; those of full size are known and only kept apart."""
_ENOUGH = 0.45
"""Evidence of five lines, 0 to 1, from which on the detector sees a staff in a column."""
_LEAST = 4
"""Columns of that evidence beside each other, which the ink itself makes longer, at least."""
_BESIDE = (1.0, 3.0)
"""Staff spaces under and over, and left and right of, a known staff that are its own."""
_AROUND = 8.0
"""Staff spaces over and under a place in which the lines themselves are looked for."""


def small_staves(page: NormalPage, found: Detections) -> list[NormalStaff]:
    """Staves of reduced size besides those that are known.

    Args:
        page: The page with the staves that are known.
        found: What the detector found on it.
    """
    columns = columns_of(_unclaimed(page, found))
    if not columns.shape[1]:
        return []
    combs = np.stack([comb(columns, size * SPACE / MASK_STRIDE) for size in _SIZES])
    evidence, sizes = combs.max(0), combs.argmax(0)
    seen = (evidence > _ENOUGH).astype(np.uint8)
    closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((3, 5), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(closed)
    staves: list[NormalStaff] = []
    for k in range(1, count):
        left, width = int(boxes[k][cv2.CC_STAT_LEFT]), int(boxes[k][cv2.CC_STAT_WIDTH])
        if width < _LEAST:
            continue
        own = labels == k
        row = int(np.where(own, evidence, 0.0).sum(1).argmax())
        size = _SIZES[int(np.median(sizes[own & (seen > 0)]))]
        staff = _fitted(page.pixels, row * MASK_STRIDE, size, left * MASK_STRIDE - 1, (left + width) * MASK_STRIDE + 1)
        if staff is not None and staff.size < _REDUCED:
            staves.append(staff)
    return staves


def _unclaimed(page: NormalPage, found: Detections) -> Floats:
    """The detector's staff lines, a line two cells thick, without those of the staves that are known."""
    mask = cv2.dilate(found.mask("staffLine"), np.ones((2, 1), np.uint8)).astype(np.float32) / 255
    down, across = (round(reach * SPACE) for reach in _BESIDE)
    for staff in page.staves:
        top, bottom = int(staff.lines[0] - down), int(staff.lines[-1] + down)
        left, right = int(staff.x0 - across), int(staff.x1 + across)
        mask[
            max(0, top // MASK_STRIDE) : max(0, bottom // MASK_STRIDE + 1),
            max(0, left // MASK_STRIDE) : max(0, right // MASK_STRIDE + 1),
        ] = 0
    return np.asarray(mask)


def _fitted(pixels: NDArray[np.uint8], y: int, size: float, first: int, last: int) -> NormalStaff | None:
    """The staff whose lines are seen in the ink near a height, from one column of `STEP` pixels to another; None where
    there are none."""
    top = max(0, y - round(_AROUND * SPACE))
    band = pixels[top : y + round(_AROUND * SPACE)]
    first, last = max(0, first), min(last, band.shape[1] // STEP)
    traced = fitted_staff(np.full(last - first, y - top, np.intp), first, size * SPACE, thin_lines(band), 1.0)
    if traced is None:
        return None
    middle, space = top + float(traced.middle.mean()), float(traced.space.mean())
    return NormalStaff(traced.x0, traced.x1, middle, 1.0, space / SPACE)

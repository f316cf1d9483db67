"""Where the sheet of paper lies in a photograph, and the way to look at it from straight above."""

from __future__ import annotations

import cv2
import numpy as np

from omr_service.scan.ink import PAPER, Grey, as_grey
from omr_service.scan.staff_evidence import Floats

_LOOK = 600
"""Longer side, in pixels, of the small picture the sheet is looked for in."""
_LEAST_SHARE = 0.25
"""Share of the picture that a sheet fills at least."""
_LEAST_FILLED = 0.93
"""Share of the quadrangle that the bright area fills at least, and the other way round: else it is no sheet."""
_LEAST_CONVERGENCE = 0.03
"""How much longer one side is than the one opposite, from which on a sheet was seen from an angle."""
_LIMITS = (1.0, 0.75, 0.55, 1.25)
"""Thresholds of brightness tried, in parts of the one that parts the picture best: a shadow darkens paper as well."""
_STEP = 1.3
"""How many times as bright the sheet is as the table, a few pixels apart. The edge of a shadow is softer."""
_STEP_SHARE = 0.75
"""Share of a side along which that step is seen at least."""
_DARKER = 0.6
"""Part of the sheet's brightness up to which the table is dark."""
_AROUND = 6
"""How far, in pixels of the small picture, a side may lie from the edge: sheets bulge."""


def straight_view(corners: Floats) -> Floats | None:
    """Returns the way, a 3 x 3 matrix, from the pixels of a photograph to those of the same sheet seen from above.

    None where the sheet was photographed from above anyway.

    Args:
        corners: The sheet's, as `corners_of` gives them.
    """
    sides = [float(np.linalg.norm(corners[k] - corners[(k + 1) % 4])) for k in range(4)]
    if max(abs(np.log(sides[0] / sides[2])), abs(np.log(sides[1] / sides[3]))) < _LEAST_CONVERGENCE:
        return None
    width, height = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    middle = corners.mean(0)
    target = middle + np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    matrix: Floats = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)).astype(float)
    return matrix


def seen_straight(grey: Grey, view: Floats) -> Grey:
    """The picture as `straight_view` says, of the same size, white beyond its edges."""
    rows, columns = grey.shape
    seen = cv2.warpPerspective(grey, view, (columns, rows), flags=cv2.INTER_CUBIC, borderValue=PAPER)
    return as_grey(seen)


def without_table(clean: Grey, grey: Grey, corners: Floats) -> Grey:
    """The cleaned picture, white where the table is: evened out, the grain of a dark one is as black as ink.

    The table is what is outside of the sheet and much darker; another sheet beside it stays.

    Args:
        clean: The photograph with its light evened out.
        grey: The same as it came.
        corners: The sheet's, as `corners_of` gives them.
    """
    rows, columns = grey.shape
    factor = _LOOK / max(rows, columns)
    small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    inside = np.zeros(closed.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(corners * factor).astype(np.int32)], 1)
    limit = _DARKER * float(np.median(closed[inside > 0]))
    # sheets bulge beyond the lines from corner to corner
    near = cv2.dilate(inside, np.ones((2 * _AROUND + 1, 2 * _AROUND + 1), np.uint8))
    table = ((near == 0) & (closed < limit)).astype(np.uint8)
    mask = cv2.resize(table, (columns, rows), interpolation=cv2.INTER_NEAREST)
    result = clean.copy()
    result[mask > 0] = PAPER
    return result


def corners_of(grey: Grey) -> Floats | None:
    """The corners of the sheet: top left, top right, bottom right, bottom left; None where no sheet is seen: in a scan,
    or where it fills the picture.

    The sheet is the bright quadrangle on a darker table.

    Args:
        grey: The photograph as it came, its light not evened out.
    """
    factor = _LOOK / max(grey.shape)
    if factor >= 1:
        return None
    small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    # what is printed on the sheet is closed over
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    soft = as_grey(cv2.GaussianBlur(closed, (5, 5), 0))
    best, _ = cv2.threshold(soft, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    for part in _LIMITS:
        corners = _quadrangle((soft > part * best).astype(np.uint8))
        if corners is not None and all(_is_edge(soft, corners, side) for side in range(4)):
            found: Floats = corners / factor
            return found
    return None


def _quadrangle(bright: Grey) -> Floats | None:
    """The corners, from the top left one clockwise, of the largest bright area; None where it is no quadrangle."""
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    sheet = max(outlines, key=cv2.contourArea, default=None)
    if sheet is None or cv2.contourArea(sheet) < _LEAST_SHARE * bright.size:
        return None
    hull = cv2.convexHull(sheet)
    for share in np.arange(0.01, 0.08, 0.005):
        corners = cv2.approxPolyDP(hull, float(share) * cv2.arcLength(hull, True), True)
        if len(corners) == 4:
            break
    else:
        return None
    area = cv2.contourArea(corners)
    if min(cv2.contourArea(sheet), area) < _LEAST_FILLED * max(cv2.contourArea(sheet), area):
        return None
    found: Floats = corners[:, 0].astype(float)
    start = int(found.sum(1).argmin())
    found = np.roll(found, -start, axis=0)
    # hulls of OpenCV may run either way round
    if found[1, 0] - found[0, 0] < found[3, 0] - found[0, 0]:
        found = found[[0, 3, 2, 1]]
    return found


def _is_edge(soft: Grey, corners: Floats, side: int) -> bool:
    """True where the picture is brighter within a side of a quadrangle than without, by a step, all along it.

    Light that falls off and shadows change gradually; and a side that lies on the edge of the picture, where the sheet
    goes on unseen, has nothing without.
    """
    first, last = corners[side], corners[(side + 1) % 4]
    along = (last - first) / max(float(np.linalg.norm(last - first)), 1e-9)
    outwards = np.array([along[1], -along[0]])
    places = first + np.linspace(0.08, 0.92, 30)[:, None] * (last - first)
    across = np.arange(-_AROUND - 3, _AROUND + 4)
    points = places[:, None, :] + across[None, :, None] * outwards
    seen = cv2.remap(
        soft.astype(np.float32),
        points[..., 0].astype(np.float32),
        points[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    steps = (seen[:, :-6] + 1) / (seen[:, 6:] + 1)
    return float((steps.max(1) > _STEP).mean()) >= _STEP_SHARE

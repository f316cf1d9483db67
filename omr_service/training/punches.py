"""Signs as other engravers cut them: what the faces of today do not have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.vocabulary import INDEX, LINE_INDEX
from omr_service.training.pages import OVERSAMPLING, LabelledPage

Floats = NDArray[np.float32]
_STAFF_LINE = np.uint16(1 << LINE_INDEX["staffLine"])


def old_rests(ink: Floats, page: LabelledPage, window: tuple[int, int, int, int], ratio: int) -> Floats:
    """Makes the quarter rests of a window look as in many old editions: an eighth rest seen in a mirror.

    The pattern is an eighth rest of the same page; where it has none that stands free, nothing changes.

    Args:
        ink: The window's ink at `ratio` times the normal resolution; changed in place.
        page: The page.
        window: Left, top, right and bottom of the window in pixels of the page.
        ratio: As above.

    Returns:
        The points of the page, with the new size of those rests.
    """
    left, top, right, bottom = window
    points = page.points
    pattern = _pattern(page, ratio)
    if pattern is None:
        return points
    picture, above, size = pattern
    out = points.copy()
    for i in np.flatnonzero(points[:, 0] == INDEX["restQuarter"]):
        _, x, y, w, h = points[i]
        if not (left + 20 < x < right - 20 and top + 40 < y < bottom - 40):
            continue
        old = _box(x, y - h / 2, w, h, window, ratio, 2)
        lines = page.masks[max(0, top) :, max(0, left) :]
        _erase(ink, lines, old, ratio, (max(0, -left), max(0, -top)))
        row, column = round((y - top - above) * ratio), round((x - left) * ratio) - picture.shape[1] // 2
        target = ink[row : row + picture.shape[0], column : column + picture.shape[1]]
        if target.shape == picture.shape:
            np.maximum(target, picture, out=target)
            out[i, 3:5] = size
    return out


def _pattern(page: LabelledPage, ratio: int) -> tuple[Floats, float, tuple[float, float]] | None:
    """An eighth rest in the mirror, how far its point is below its top, and its size in pixels of the page."""
    rows = np.flatnonzero(page.points[:, 0] == INDEX["rest8th"])
    for i in rows[:20]:
        _, x, y, w, h = page.points[i]
        # the point is at the origin, 0.41 of the height below the top
        x0, x1 = int(x - w / 2) - 1, int(x + w / 2) + 2
        y0, y1 = int(y - 0.45 * h) - 1, int(y + 0.6 * h) + 2
        if x0 < 0 or y0 < 0 or (page.masks[y0:y1, x0:x1] & ~_STAFF_LINE).any():
            continue
        k = OVERSAMPLING
        crop = page.page[y0 * k : y1 * k, x0 * k : x1 * k]
        if crop.shape != ((y1 - y0) * k, (x1 - x0) * k):
            continue
        picture = (255 - crop[:, ::-1]).astype(np.float32) / 255
        if ratio == 1:
            picture = picture.reshape(y1 - y0, k, x1 - x0, k).mean(axis=(1, 3))
        return np.ascontiguousarray(picture), float(y - y0), (float(w), float(h))
    return None


def _box(
    x: float, y0: float, w: float, h: float, window: tuple[int, int, int, int], ratio: int, more: int
) -> tuple[int, int, int, int]:
    left, top, _, _ = window
    x0, x1 = int(x - w / 2 - left) - more, int(x + w / 2 - left) + more + 1
    return x0 * ratio, (int(y0 - top) - more) * ratio, x1 * ratio, (int(y0 + h - top) + more + 1) * ratio


def _erase(
    ink: Floats, masks: NDArray[np.uint16], box: tuple[int, int, int, int], ratio: int, shift: tuple[int, int]
) -> None:
    """Takes away what is in a box of the ink, but for the staff lines."""
    x0, y0, x1, y1 = box
    part = ink[y0:y1, x0:x1]
    rows = slice(y0 // ratio - shift[1], y1 // ratio - shift[1])
    own = masks[rows, x0 // ratio - shift[0] : x1 // ratio - shift[0]]
    line = (own & _STAFF_LINE) != 0
    if ratio == 2:
        line = np.repeat(np.repeat(line, 2, axis=0), 2, axis=1)
    if line.shape == part.shape:
        part[~line] = 0.0

"""Signs as other engravers cut them: what the faces of today do not have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.vocabulary import INDEX, LINE_INDEX
from omr_service.training.pages import OVERSAMPLING, LabelledPage
from omr_service.training.typeset import TypeCase, sized

Floats = NDArray[np.float32]
_STAFF_LINE = np.uint16(1 << LINE_INDEX["staffLine"])


def other_dots(
    ink: Floats,
    page: LabelledPage,
    points: Floats,
    window: tuple[int, int, int, int],
    ratio: int,
    rng: np.random.Generator,
) -> Floats:
    """Makes the dots of a window fatter or finer, and moves those behind notes away from them, as old plates have it.

    Args:
        ink, page, window, ratio: As `old_rests`.
        points: The points of the page.
        rng: Chooses.

    Returns:
        The points with the new places and sizes of the dots.
    """
    left, top, right, bottom = window
    away, fat = rng.uniform(-1.0, 9.0), float(np.exp(rng.normal(0.12, 0.2)))
    out = points.copy()
    augmentation, staccato = INDEX["augmentationDot"], INDEX["articStaccato"]
    rows = np.flatnonzero((points[:, 0] == augmentation) | (points[:, 0] == staccato))
    # from right to left, so that the second of two dots makes way for the first
    for i in rows[np.argsort(-points[rows, 1])]:
        kind, x, y, w, h = points[i]
        if not (left + 24 < x < right - 24 and top + 12 < y < bottom - 12):
            continue
        lines = page.masks[max(0, top) :, max(0, left) :]
        shift = (max(0, -left), max(0, -top))
        old = _box(x, y - h / 2, w, h, window, ratio, 1)
        kept = ink[old[1] : old[3], old[0] : old[2]].copy()
        _erase(ink, lines, old, ratio, shift)
        radius = fat * (w + h) / 4
        new_x = x + (away + rng.normal(0.0, 0.4) if kind == augmentation else 0.0)
        box = _box(new_x, y - radius, 2 * radius, 2 * radius, window, ratio, 1)
        if _is_free(ink, lines, box, ratio, shift):
            _disc(ink, (new_x - left) * ratio - 0.5, (y - top) * ratio - 0.5, radius * ratio)
            out[i, 1:] = (new_x, y, 2 * radius, 2 * radius)
        else:
            ink[old[1] : old[3], old[0] : old[2]] = kept
    return out


def other_digits(
    ink: Floats,
    page: LabelledPage,
    points: Floats,
    window: tuple[int, int, int, int],
    ratio: int,
    case: TypeCase,
    rng: np.random.Generator,
) -> Floats:
    """Sets the digits of a window's time signatures, tuplets and fingers in other type, each kind in one.

    Args:
        ink, page, points, window, ratio: As `old_rests`.
        case: The type.
        rng: Chooses.

    Returns:
        The points with the new sizes of the digits.
    """
    left, top, right, bottom = window
    out = points.copy()
    lines = page.masks[max(0, top) :, max(0, left) :]
    shift = (max(0, -left), max(0, -top))
    for kind in ("timeSig", "tuplet", "fingering"):
        if rng.random() < 0.4:
            continue
        type_, wide = case.digits(), float(rng.uniform(1.0, 1.5) if kind == "timeSig" else rng.uniform(0.9, 1.15))
        tall = 1.0 if kind == "timeSig" else float(rng.uniform(0.85, 1.25))
        for digit in range(10):
            for i in np.flatnonzero(points[:, 0] == INDEX.get(f"{kind}{digit}", -1)):
                _, x, y, w, h = points[i]
                if not (left + 24 < x < right - 24 and top + 24 < y < bottom - 24):
                    continue
                picture = sized(type_[digit], tall * h * ratio / type_[digit].shape[0], wide)
                _erase(ink, lines, _box(x, y - h / 2, w, h, window, ratio, 0), ratio, shift)
                row = round((y - top) * ratio) - picture.shape[0] // 2
                column = round((x - left) * ratio) - picture.shape[1] // 2
                target = ink[row : row + picture.shape[0], column : column + picture.shape[1]]
                if target.shape == picture.shape:
                    np.maximum(target, picture, out=target)
                    out[i, 3:5] = picture.shape[1] / ratio, picture.shape[0] / ratio
    return out


def _is_free(
    ink: Floats, masks: NDArray[np.uint16], box: tuple[int, int, int, int], ratio: int, shift: tuple[int, int]
) -> bool:
    """True where a box holds no ink but staff lines."""
    x0, y0, x1, y1 = box
    part = ink[y0:y1, x0:x1]
    line = _lines_in(masks, box, ratio, shift)
    return line.shape == part.shape and float((part * ~line).mean()) < 0.06


def _disc(ink: Floats, x: float, y: float, radius: float) -> None:
    """Draws a dot with soft edges."""
    x0, y0 = int(x - radius) - 1, int(y - radius) - 1
    part = ink[y0 : int(y + radius) + 3, x0 : int(x + radius) + 3]
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    distance = np.hypot(rows + y0 - y, columns + x0 - x)
    np.maximum(part, np.clip(radius + 0.5 - distance, 0.0, 1.0).astype(np.float32), out=part)


def old_rests(ink: Floats, page: LabelledPage, points: Floats, window: tuple[int, int, int, int], ratio: int) -> Floats:
    """Makes the quarter rests of a window look as in many old editions: an eighth rest seen in a mirror.

    The pattern is an eighth rest of the same page; where it has none that stands free, nothing changes.

    Args:
        ink: The window's ink at `ratio` times the normal resolution; changed in place.
        page: The page.
        points: Its points.
        window: Left, top, right and bottom of the window in pixels of the page.
        ratio: As above.

    Returns:
        The points with the new size of those rests.
    """
    left, top, right, bottom = window
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


def _lines_in(
    masks: NDArray[np.uint16], box: tuple[int, int, int, int], ratio: int, shift: tuple[int, int]
) -> NDArray[np.bool_]:
    """Where staff lines are in a box of the ink."""
    x0, y0, x1, y1 = (side // ratio for side in box)
    line = (masks[y0 - shift[1] : y1 - shift[1], x0 - shift[0] : x1 - shift[0]] & _STAFF_LINE) != 0
    return np.repeat(np.repeat(line, ratio, axis=0), ratio, axis=1)


def _erase(
    ink: Floats, masks: NDArray[np.uint16], box: tuple[int, int, int, int], ratio: int, shift: tuple[int, int]
) -> None:
    """Takes away what is in a box of the ink, but for the staff lines."""
    x0, y0, x1, y1 = box
    part = ink[y0:y1, x0:x1]
    line = _lines_in(masks, box, ratio, shift)
    if line.shape == part.shape:
        part[~line] = 0.0

"""Upright and level strokes out of masks: stems, barlines, ledger lines, brackets.

A mask says what kind of line the ink is and is coarse; where exactly it is, the ink of the page says. Everything is in
pixels of the normal page; a pixel's place is its top left corner, its middle half a pixel further.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.staff_evidence import SPACE
from omr_service.symbols import Line

Mask = NDArray[np.uint8]
CELL = 2
"""Pixels of the page in a cell of a mask."""
PRESENT = 102
"""Value of a mask, of 255, from which on a cell counts as the line's."""


_ON, _OFF = 0.6, 1.2
"""Pixels from the line along a stroke up to which ink is on it, and from which on it is of something else."""
_BESIDE, _ROWS = 3, 4
"""Pixels beside where a stroke may be that have no ink where it stands free, and rows that tell its place."""
_MORE = 0.15
_STEEPEST_STEM = 0.08
_STRANGE = 4
"""Rows at the end of a stroke from which on ink of something else is cut off."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A connected part of a mask, at the resolution of the page.

    Attributes:
        x, y: Its top left corner on the page.
        inside: Where it is: rows by columns.
        ink: Darkness there, 0 to 1, whether inside or not.
    """

    x: int
    y: int
    inside: NDArray[np.bool_]
    ink: NDArray[np.floating]


def patches(mask: Mask, page: Grey, close: tuple[int, int] = (0, 0), margin: int = 2) -> Iterator[Patch]:
    """The connected parts of a mask with the page's ink under them.

    Args:
        mask: Probability of a line class, 255 for 1, for cells of `CELL` pixels.
        page: The normal page.
        close: Gaps, in cells across and down, that do not part what is connected.
        margin: Pixels around each part that are handed on with it.
    """
    present = (mask >= PRESENT).astype(np.uint8)
    joined: NDArray[Any] = present
    if close != (0, 0):
        joined = cv2.morphologyEx(present, cv2.MORPH_CLOSE, np.ones((close[1] * 2 + 1, close[0] * 2 + 1), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    height, width = page.shape
    for n in range(1, count):
        x, y, w, h, _area = (int(v) for v in stats[n])
        own = ((labels[y : y + h, x : x + w] == n) & (present[y : y + h, x : x + w] > 0)).astype(np.uint8)
        x0, y0 = max(0, x * CELL - margin), max(0, y * CELL - margin)
        x1, y1 = min(width, (x + w) * CELL + margin), min(height, (y + h) * CELL + margin)
        large = np.repeat(np.repeat(own, CELL, axis=0), CELL, axis=1)
        inside = np.zeros((y1 - y0, x1 - x0), bool)
        dx, dy = x * CELL - x0, y * CELL - y0
        part = large[: y1 - y0 - dy, : x1 - x0 - dx]
        inside[dy : dy + part.shape[0], dx : dx + part.shape[1]] = part > 0
        yield Patch(x0, y0, inside, (PAPER - page[y0:y1, x0:x1]).astype(np.float32) / PAPER)


def runs_of(present: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of True as (first, last + 1)."""
    framed = np.zeros(len(present) + 2, bool)
    framed[1:-1] = present
    edges = np.flatnonzero(framed[1:] != framed[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def runs_of_columns(present: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Of each column of a patch its stretches of True from the top down, as (first, last + 1)."""
    height, width = present.shape
    framed = np.zeros((width, height + 2), bool)
    framed[:, 1:-1] = present.T
    columns, rows = (edge.tolist() for edge in np.nonzero(framed[:, 1:] != framed[:, :-1]))
    runs: list[list[tuple[int, int]]] = [[] for _ in range(width)]
    for column, first, last in zip(columns[::2], rows[::2], rows[1::2], strict=True):
        runs[column].append((first, last))
    return runs


def find_stems(mask: Mask, page: Grey) -> list[Line]:
    """Stems, each from the one end of its mask to the other."""
    found: list[Line] = []
    for patch in patches(mask, page, close=(0, 2)):
        found += _uprights(patch, least=0.9 * SPACE)
    return joined(found, page)


def _uprights(patch: Patch, least: float) -> list[Line]:
    """The upright strokes of a patch: one, or as many as stand side by side in it."""
    columns = patch.inside.sum(0)
    if columns.max(initial=0) < least:
        return []
    wide = runs_of(columns > 0)
    result: list[Line] = []
    for first, last in wide:
        for a, b in _side_by_side(patch, first, last):
            for top, bottom in runs_of(np.asarray(patch.inside[:, a:b].any(1))):
                # gaps were closed in the mask: what is left of them is bridged here
                if result and abs(result[-1].x0 - patch.x - (a + b) / 2) < 2 and top + patch.y - result[-1].y1 < 7:
                    previous = result.pop()
                    result.append(Line(previous.x0, previous.y0, previous.x1, float(bottom + patch.y), 1.5))
                    continue
                result.append(
                    Line(
                        patch.x + (a + b) / 2, float(top + patch.y), patch.x + (a + b) / 2, float(bottom + patch.y), 1.5
                    )
                )
    return [_on_ink(line, patch) for line in result if line.y1 - line.y0 >= least]


def _side_by_side(patch: Patch, first: int, last: int) -> list[tuple[int, int]]:
    """Parts of a stretch of columns that hold one stroke each: a patch wider than a stroke holds two, parted where
    there is least ink."""
    if last - first <= 6:
        return [(first, last)]
    weight = (patch.ink * patch.inside).sum(0)[first:last]
    smooth = np.convolve(weight, [0.25, 0.5, 0.25], "same")
    peaks = [
        i
        for i in range(len(smooth))
        if smooth[i] >= smooth[max(0, i - 3) : i + 4].max() and smooth[i] > 0.4 * smooth.max()
    ]
    kept = [p for k, p in enumerate(peaks) if k == 0 or p - peaks[k - 1] > 3]
    if len(kept) < 2:
        middle = first + (kept[0] if kept else (last - first) // 2)
        return [(max(first, middle - 2), min(last, middle + 3))]
    cuts = [first, *(first + (a + b) // 2 + 1 for a, b in itertools.pairwise(kept)), last]
    return list(itertools.pairwise(cuts))


def _on_ink(line: Line, patch: Patch) -> Line:
    """An upright line laid on the middle of the ink under it, straight by least squares."""
    top, bottom = int(line.y0) - patch.y, int(line.y1) - patch.y
    middle = line.x0 - patch.x
    a, b = max(0, int(middle) - 3), min(patch.ink.shape[1], int(middle) + 4)
    window = patch.ink[top:bottom, a:b]
    weight = window.sum(1)
    # rows where the stroke stands free: noteheads and beams are wider, and so is it with another stroke beside it
    around = patch.ink[top:bottom, max(0, a - _BESIDE) : b + _BESIDE].sum(1)
    free = (weight > 0.4) & (around < 3.2)
    if free.sum() < _ROWS:
        free = (weight > 0.4) & (weight < 3.2)
    if free.sum() < _ROWS:
        return line
    rows = np.flatnonzero(free)
    centres = (window[free] * (np.arange(a, b) + 0.5)).sum(1) / weight[free]
    slope, start = _along(rows, centres)
    first, last = _own_rows(np.abs(centres - start - slope * rows) < _OFF, rows, bottom - top)
    thickness = float(np.clip(np.median(weight[free]), 0.8, 4.0))
    x0, x1 = start + slope * first, start + slope * last
    return Line(patch.x + x0, line.y0 + first, patch.x + x1, line.y0 + last, thickness)


def _along(rows: NDArray[np.intp], centres: NDArray[np.floating]) -> tuple[float, float]:
    """Slope and start of the upright line along the middles of a stroke in some rows.

    A stroke of another symbol beside one end, as that of a natural before a note, would make the line lean: it leans
    only where that lies on more of the ink than the best upright one does.
    """
    order = np.sort(centres)
    ends = np.searchsorted(order, order + 2 * _ON)
    most = int((ends - np.arange(len(order))).argmax())
    upright = float(np.median(order[most : ends[most]]))
    beside = float((np.abs(centres - upright) >= _ON).mean())
    if beside > _MORE and rows[-1] - rows[0] > 1.5 * SPACE:
        slope, start = (float(v) for v in np.polyfit(rows, centres, 1))
        if abs(slope) <= _STEEPEST_STEM and (np.abs(centres - start - slope * rows) >= _ON).mean() < beside - _MORE:
            return slope, start
    return 0.0, upright


def _own_rows(own: NDArray[np.bool_], rows: NDArray[np.intp], count: int) -> tuple[int, int]:
    """First row and last + 1 of a stroke of so many rows, without the ink of others at its ends."""
    inside = np.flatnonzero(own)
    if not len(inside):
        return 0, count
    first = int(rows[inside[0]]) if inside[0] >= _STRANGE else 0
    last = int(rows[inside[-1]]) + 1 if len(rows) - 1 - inside[-1] >= _STRANGE else count
    return first, last


def joined(lines: list[Line], page: Grey) -> list[Line]:
    """Strokes over each other with those joined that one stroke with a gap makes: ink, however faint, leads over."""
    order = sorted(lines, key=lambda v: (v.y0, v.x0))
    used = [False] * len(order)
    result: list[Line] = []
    for i, line in enumerate(order):
        if used[i]:
            continue
        current = line
        for j in range(i + 1, len(order)):
            other = order[j]
            if other.y0 - current.y1 > 1.5 * SPACE:
                break
            if used[j] or abs(other.x0 - current.x1) >= 2.2:
                continue
            if other.y1 <= current.y1:
                used[j] = True
                continue
            if _ink_between(current, other, page) > 0.5:
                used[j] = True
                current = Line(current.x0, current.y0, other.x1, other.y1, max(current.thickness, other.thickness))
        result.append(current)
    return result


def _ink_between(upper: Line, lower: Line, page: Grey) -> float:
    """Share of the rows between two strokes that have ink."""
    top, bottom = int(upper.y1), int(lower.y0)
    if bottom <= top:
        return 1.0
    x = int((upper.x1 + lower.x0) / 2)
    window = page[top:bottom, max(0, x - 2) : x + 3]
    return float((window.min(1) < 170).mean()) if window.size else 0.0


def find_barlines(mask: Mask, page: Grey) -> list[Line]:
    """Barlines, thin and thick: each stroke a line."""
    found: list[Line] = []
    for patch in patches(mask, page, close=(0, 3)):
        height = int(patch.inside.any(1).sum())
        if height < 2.5 * SPACE:
            continue
        rows = np.flatnonzero(patch.inside.any(1))
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(patch.inside.any(0))
        left, right = max(0, int(columns[0]) - 1), min(patch.ink.shape[1], int(columns[-1]) + 2)
        # a leaning barline is looked at in parts that stand upright enough
        lean = _lean(patch, top, bottom)
        dark = np.zeros(right - left)
        for row in range(top, bottom):
            shift = lean * (row - (top + bottom) / 2)
            at = np.arange(left, right) + shift
            dark += np.interp(at, np.arange(patch.ink.shape[1]), patch.ink[row])
        dark /= bottom - top
        level = max(0.35 * float(dark.max(initial=0.0)), 0.25)
        for a, b in runs_of(dark > level):
            x = float((dark[a:b] * (np.arange(a, b) + 0.5)).sum() / dark[a:b].sum()) + left
            thickness = float(np.clip(dark[a:b].sum() / max(float(dark[a:b].max()), 0.5), 1.0, b - a + 1.0))
            half = lean * (bottom - top) / 2
            found.append(
                Line(patch.x + x - half, float(patch.y + top), patch.x + x + half, float(patch.y + bottom), thickness)
            )
    return found


def _lean(patch: Patch, top: int, bottom: int) -> float:
    """Pixels to the right per pixel down of what stands in a patch."""
    rows = np.arange(top, bottom)
    window = patch.ink[top:bottom] * patch.inside[top:bottom]
    weight = window.sum(1)
    good = weight > 0.3
    if good.sum() < 2 * SPACE:
        return 0.0
    centres = (window[good] * np.arange(window.shape[1])).sum(1) / weight[good]
    slope = float(np.polyfit(rows[good], centres, 1)[0])
    return slope if abs(slope) < 0.06 else 0.0


def find_levels(mask: Mask, page: Grey, least: float) -> list[Line]:
    """Level strokes at least so many pixels long: ledger lines."""
    found: list[Line] = []
    for patch in patches(mask, page, close=(1, 0)):
        rows = patch.inside.sum(1)
        for a, b in runs_of(rows > 0):
            pieces = 1 if b - a <= 6 else max(1, round((b - a) / SPACE))
            for k in range(pieces):
                part = slice(a + k * (b - a) // pieces, a + (k + 1) * (b - a) // pieces)
                columns = np.flatnonzero(patch.inside[part].any(0))
                if len(columns) == 0 or columns[-1] + 1 - columns[0] < least:
                    continue
                left, right = int(columns[0]), int(columns[-1]) + 1
                window = patch.ink[max(0, part.start - 1) : part.stop + 1, left:right]
                weight = window.sum(1)
                centre = (weight * (np.arange(len(weight)) + 0.5)).sum() / max(float(weight.sum()), 1e-6)
                y = (
                    float(patch.y + max(0, part.start - 1) + centre)
                    if weight.sum() > 0.5
                    else patch.y + (part.start + part.stop) / 2
                )
                found.append(Line(float(patch.x + left), y, float(patch.x + right), y, 1.5))
    return found

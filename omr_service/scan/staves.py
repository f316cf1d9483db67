"""Finds staves in a picture by the ink of their five lines together, and follows them over bends and gaps.

No single line has to be whole: at every place the evidence is that of five thin dark lines at even distances, and a
staff is the way across the page that gathers most of it (dynamic programming). A line broken at one place, noteheads
over another, or a page that bends towards the spine cost evidence and not the staff.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.scan.ink import PAPER, Grey

Floats = NDArray[np.floating[Any]]

SPACE = 10.0
"""Staff space, in pixels, of the pictures looked at here."""
STEP = 8
"""Pixels across that one column of evidence stands for."""
SPACES = (0.8, 0.9, 1.0, 1.1, 1.2)
"""Staff spaces looked for, in parts of the usual one: a photograph has its far end smaller."""
_DECAY = 0.965
_BEND_COST = 0.02
_ENOUGH = 0.16
"""Evidence from which on a column counts for a staff rather than against it."""
_LEAST_COLUMNS = 12
_LEAST_EVIDENCE = 0.24
_APART = 5.4
"""Distance of the middle lines of two staves over each other, in staff spaces, at least."""
_EXAMPLE = 0.4
"""Part of the usual length up to which a staff without a partner is an example in a footnote."""
_INDENTED_EXAMPLE = 0.7
"""The same for one that is indented at both ends: several examples beside each other."""
_INDENT = 8.0
_LEAST_WHOLE = 0.35
"""Share of its length over which at least four of a staff's lines are seen at once: beams, text and slurs that stand
by chance like a staff's lines do so over far less."""


@dataclass(frozen=True, slots=True)
class TracedStaff:
    """A staff as it runs through a picture.

    Attributes:
        xs: Places across, in pixels, left to right, from its left to its right end.
        middle: Height of its middle line at each of them, in pixels.
        space: Distance between its lines at each of them, in pixels.
        evidence: Average evidence, 0 to 1.
    """

    xs: Floats
    middle: Floats
    space: Floats
    evidence: float

    @property
    def x0(self) -> float:
        """Left end."""
        return float(self.xs[0])

    @property
    def x1(self) -> float:
        """Right end."""
        return float(self.xs[-1])

    def moved(self, right: float) -> TracedStaff:
        """The staff that many pixels further right."""
        return replace(self, xs=self.xs + np.float32(right))

    def at(self, x: float) -> tuple[float, float]:
        """Height of the middle line and distance of the lines at `x`; beyond the ends as at the ends."""
        return float(np.interp(x, self.xs, self.middle)), float(np.interp(x, self.xs, self.space))


def thin_lines(grey: Grey) -> Floats:
    """Returns, for each pixel of a picture with a staff space of `SPACE`, how much it is part of a thin level line,
    0 to 1: darker than what is 0.4 spaces above and below."""
    dark = cv2.blur((PAPER - grey).astype(np.float32) / PAPER, (9, 1))
    reach = round(0.4 * SPACE)
    core = cv2.blur(dark, (1, 2)) * 1.3
    above = np.zeros_like(dark)
    below = np.zeros_like(dark)
    above[reach:] = dark[:-reach]
    below[:-reach] = dark[reach:]
    ridge: Floats = np.clip(core - np.maximum(above, below), 0.0, 1.0)
    return ridge


def columns_of(ridge: Floats) -> Floats:
    """Returns thin-line evidence averaged over `STEP` pixels across: rows by columns."""
    height, width = ridge.shape
    columns = width // STEP
    return np.ascontiguousarray(ridge[:, : columns * STEP].reshape(height, columns, STEP).mean(2))


def skew_of(columns: Floats) -> tuple[float, float]:
    """Returns (slope, how much it stands out) of the level lines of a page, in pixels down per pixel across.

    The slope at which the evidence of all columns, moved along it, piles up most on few rows.
    """
    height, count = columns.shape
    width = max(1, count // 60)
    strips = columns[:, : count // width * width].reshape(height, -1, width).mean(2)
    x = (np.arange(strips.shape[1]) + 0.5) * width * STEP
    x -= x.mean()

    def pile(slope: float) -> float:
        total = np.zeros(height)
        for strip, shift in zip(strips.T, np.rint(slope * x).astype(int), strict=True):
            if shift >= 0:
                total[: height - shift] += strip[shift:]
            else:
                total[-shift:] += strip[: height + shift]
        return float((total.astype(np.float64) ** 2).sum())

    coarse = np.arange(-0.18, 0.1801, 0.006)
    values = [pile(s) for s in coarse]
    best = float(coarse[int(np.argmax(values))])
    fine = np.arange(best - 0.008, best + 0.0081, 0.0005)
    peaks = [pile(s) for s in fine]
    return float(fine[int(np.argmax(peaks))]), max(peaks) / max(float(np.median(values)), 1e-9)


def comb(columns: Floats, space: float) -> Floats:
    """Returns, for each row and column, the evidence of a staff whose middle line is there: the average of its five
    lines, less what there is where a sixth line would be above or below."""
    total = np.zeros_like(columns)
    for k in (-2, -1, 0, 1, 2):
        total += _shifted(columns, k * space) / 5
    outside = np.maximum(_shifted(columns, 3 * space), _shifted(columns, -3 * space))
    result: Floats = total - 0.3 * outside
    return result


def _shifted(columns: Floats, down: float) -> Floats:
    """The value `down` pixels below each row, the greater of the two rows nearest to it."""
    low = int(np.floor(down))
    part = down - low
    first: Floats = _moved(columns, low)
    if part < 1e-3:
        return first
    second = _moved(columns, low + 1)
    result: Floats = np.maximum(first * min(1.0, 2 * (1 - part)), second * min(1.0, 2 * part))
    return result


def _moved(columns: Floats, rows: int) -> Floats:
    result: Floats = np.zeros_like(columns)
    height = columns.shape[0]
    if rows >= 0:
        result[: height - rows] = columns[rows:]
    else:
        result[-rows:] = columns[: height + rows]
    return result


def _gather(evidence: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Returns the evidence gathered on the best way from the left to each place, what is far counting less, and the
    row, relative to the place, that the way comes from."""
    height, count = evidence.shape
    gathered = np.zeros_like(evidence)
    came = np.zeros((height, count), np.int8)
    gathered[:, 0] = evidence[:, 0]
    for x in range(1, count):
        before = gathered[:, x - 1]
        up = np.full(height, -1e3, np.float32)
        down = np.full(height, -1e3, np.float32)
        up[1:] = before[:-1] - _BEND_COST
        down[:-1] = before[1:] - _BEND_COST
        best = before.copy()
        move = np.zeros(height, np.int8)
        better = up > best
        best[better], move[better] = up[better], -1
        better = down > best
        best[better], move[better] = down[better], 1
        gathered[:, x] = evidence[:, x] + _DECAY * best
        came[:, x] = move
    return gathered, came


def _way(seed: tuple[int, int], left: NDArray[np.int8], right: NDArray[np.int8]) -> NDArray[np.intp]:
    """Rows of the best way through a place, for all columns."""
    height, count = left.shape
    rows = np.zeros(count, np.intp)
    y, x = seed
    rows[x] = y
    for column in range(x, 0, -1):
        rows[column - 1] = min(max(rows[column] + left[rows[column], column], 0), height - 1)
    for column in range(x, count - 1):
        mirrored = count - 1 - column
        rows[column + 1] = min(max(rows[column] + right[rows[column], mirrored], 0), height - 1)
    return rows


def _best_run(gain: Floats) -> tuple[int, int]:
    """The stretch with the greatest sum, as (first, last + 1)."""
    best, best_run, total, start = 0.0, (0, 0), 0.0, 0
    for i, value in enumerate(gain):
        if total <= 0:
            total, start = 0.0, i
        total += float(value)
        if total > best:
            best, best_run = total, (start, i + 1)
    return best_run


def gutter_of(grey: Grey) -> float | None:
    """Returns where across the picture a gutter without any staff parts two pages, near its middle; None where staves
    run through."""
    columns = columns_of(thin_lines(grey))
    count = columns.shape[1]
    seen = np.clip(comb(columns, SPACE) - _LEAST_EVIDENCE, 0.0, 1.0).sum(0)
    free = seen < 0.1 * float(np.percentile(seen, 70))
    best: tuple[int, float] | None = None
    x = int(0.38 * count)
    while x < int(0.62 * count):
        end = x
        while end < count and free[end]:
            end += 1
        if end - x >= 3 and (best is None or end - x > best[0]):
            best = (end - x, (x + end) / 2 * STEP)
        x = max(end, x) + 1
    return None if best is None else best[1]


def find_staves(grey: Grey) -> list[TracedStaff]:
    """Returns the staves of a picture whose usual staff space is `SPACE` pixels and whose lines are level but for
    bends, top to bottom."""
    ridge = thin_lines(grey)
    columns = columns_of(ridge)
    if columns.shape[1] < _LEAST_COLUMNS:
        return []
    combs = np.stack([comb(columns, SPACE * part) for part in SPACES])
    widths = combs.argmax(0)
    evidence = combs.max(0)
    found: list[TracedStaff] = []
    for _ in range(3):
        fresh = [s for s in _pass(evidence, widths, ridge) if not any(_crowds(s, other) for other in found)]
        if not fresh:
            break
        for staff in fresh:
            _erase(evidence, staff)
        found += fresh
    return sorted(_without_examples(found), key=lambda s: float(s.middle.mean()))


def _without_examples(staves: list[TracedStaff]) -> list[TracedStaff]:
    """The staves without short ones that stand alone among long ones: examples in footnotes, and chance."""
    if len(staves) < 4:
        return staves
    left, right = (float(np.median(ends)) for ends in ([s.x0 for s in staves], [s.x1 for s in staves]))

    def whole(staff: TracedStaff) -> bool:
        indented = min(staff.x0 - left, right - staff.x1) > _INDENT * SPACE
        return staff.x1 - staff.x0 > (_INDENTED_EXAMPLE if indented else _EXAMPLE) * (right - left)

    return [s for s in staves if whole(s) or any(_paired(s, t) for t in staves if t is not s)]


def _paired(staff: TracedStaff, other: TracedStaff) -> bool:
    """True when two staves begin and end together, one not far below the other."""
    ends = max(abs(staff.x0 - other.x0), abs(staff.x1 - other.x1))
    return ends < 4 * SPACE and abs(float(staff.middle.mean()) - float(other.middle.mean())) < 20 * SPACE


def _pass(evidence: Floats, widths: NDArray[np.intp], ridge: Floats) -> list[TracedStaff]:
    """The staves seen in some evidence, no two over each other."""
    gathered, left = _gather(evidence)
    mirrored, right = _gather(np.ascontiguousarray(evidence[:, ::-1]))
    through = gathered + mirrored[:, ::-1] - evidence
    peak = through.max(1)
    column = through.argmax(1)
    free = np.ones(len(peak), bool)
    found: list[TracedStaff] = []
    reach = int(_APART * SPACE)
    for y in np.argsort(-peak):
        if peak[y] < 6 * _ENOUGH:
            break
        if not free[y]:
            continue
        free[max(0, y - 6) : y + 7] = False
        rows = _way((int(y), int(column[y])), left, right)
        along = evidence[rows, np.arange(len(rows))]
        first, last = _best_run(along - _ENOUGH)
        if last - first < _LEAST_COLUMNS or float(along[first:last].mean()) < _LEAST_EVIDENCE:
            continue
        near = rows[first:last]
        middle = int(np.median(near))
        free[max(0, middle - reach) : middle + reach + 1] = False
        usual = SPACES[int(np.bincount(widths[near, np.arange(first, last)], minlength=len(SPACES)).argmax())]
        staff = _refined(near, first, SPACE * usual, ridge, float(along[first:last].mean()))
        if staff is not None and not any(_crowds(staff, other) for other in found):
            found.append(staff)
    return found


def _crowds(staff: TracedStaff, other: TracedStaff) -> bool:
    """True when two staves stand closer over each other than staves can."""
    inside = (staff.xs >= other.x0) & (staff.xs <= other.x1)
    distance = np.abs(np.interp(staff.xs[inside], other.xs, other.middle) - staff.middle[inside])
    return bool(inside.any() and distance.min() < _APART * SPACE)


def _erase(evidence: Floats, staff: TracedStaff) -> None:
    """Takes a staff, and what is on it, out of the evidence."""
    height, count = evidence.shape
    xs = (np.arange(count) + 0.5) * STEP
    inside = np.flatnonzero((xs >= staff.x0 - 2 * SPACE) & (xs <= staff.x1 + 2 * SPACE))
    middle = np.interp(xs[inside], staff.xs, staff.middle)
    rows = np.arange(height)[:, None]
    evidence[:, inside] = np.where(np.abs(rows - middle[None, :]) < _APART * SPACE, -0.05, evidence[:, inside])


def _refined(rows: NDArray[np.intp], first: int, space: float, ridge: Floats, evidence: float) -> TracedStaff | None:
    """The staff along a way: its middle and space fitted to the lines as they are seen, smooth over the width."""
    xs = (np.arange(first, first + len(rows)) + 0.5) * STEP
    middle: Floats = rows.astype(np.float64)
    spaces: Floats = np.full(len(rows), space)
    for reach in (3.0, 2.0, 1.5):
        seen = _seen_lines(xs, middle, spaces, ridge, reach)
        if seen is None:
            return None
        middle, spaces = _smooth(xs, *seen)
    x0, x1 = _ends(middle, spaces, ridge, int(xs[0]), int(xs[-1]), xs)
    if x1 - x0 < _LEAST_COLUMNS * STEP:
        return None
    inside = np.arange(int(x0), int(x1))
    lines = _lines_at(_extended(inside, xs, middle), _extended(inside, xs, spaces), inside, ridge)
    if float((lines >= 4).mean()) < _LEAST_WHOLE:
        return None
    places = np.concatenate([[x0], xs[(xs > x0 + 1) & (xs < x1 - 1)], [x1]])
    return TracedStaff(
        places.astype(np.float32),
        _extended(places, xs, middle).astype(np.float32),
        _extended(places, xs, spaces).astype(np.float32),
        evidence,
    )


def _extended(places: NDArray[Any], xs: Floats, values: Floats) -> Floats:
    """Values at places, beyond the ends by the slope at the ends."""
    result: Floats = np.interp(places, xs, values)
    n = min(8, len(xs) - 1)
    if n >= 2:
        before, after = places < xs[0], places > xs[-1]
        result[before] += (places[before] - xs[0]) * (values[n] - values[0]) / (xs[n] - xs[0])
        result[after] += (places[after] - xs[-1]) * (values[-1] - values[-1 - n]) / (xs[-1] - xs[-1 - n])
    return result


def _seen_lines(
    xs: Floats, middle: Floats, spaces: Floats, ridge: Floats, reach: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats] | None:
    """Where lines are seen near where they are expected: (column, line from -2 to 2, height, weight)."""
    height, width = ridge.shape
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]] = []
    offsets = np.arange(-round(reach), round(reach) + 1)
    left = np.clip(xs.astype(int) - STEP // 2, 0, width - STEP)
    for line in (-2, -1, 0, 1, 2):
        expected = middle + line * spaces
        rows = np.clip(np.rint(expected).astype(int)[:, None] + offsets[None, :], 0, height - 1)
        window = np.zeros(rows.shape)
        for dx in range(STEP):
            window += ridge[rows, (left + dx)[:, None]]
        window /= STEP
        window[window < 0.12] = 0.0
        weight = window.max(1)
        total = window.sum(1)
        good = total > 0
        seen = np.where(good, (window * rows).sum(1) / np.where(good, total, 1.0), expected)
        # something else than a line has its ink spread out
        weight = np.where(good, weight * np.minimum(1.0, 2.2 * weight / np.where(good, total, 1.0)), 0.0)
        index = np.flatnonzero(weight > 0.05)
        found.append((index, np.full(len(index), line), seen[index], weight[index]))
    parts = [np.concatenate(part) for part in zip(*found, strict=True)]
    if len(parts[0]) < 2 * _LEAST_COLUMNS:
        return None
    return parts[0], parts[1], parts[2], parts[3]


def _smooth(
    xs: Floats,
    column: NDArray[np.intp],
    line: NDArray[np.intp],
    seen: Floats,
    weight: Floats,
) -> tuple[Floats, Floats]:
    """Middle and space over the width: piecewise linear with a price on bends, and linear; robust to what is no line.

    Least squares of `seen = middle(x) + line * space(x)`, reweighted three times.
    """
    count = len(xs)
    knots = max(2, round(count / 8) + 1)
    at = np.linspace(xs[0], xs[-1], knots)
    position = (xs - at[0]) / max(at[1] - at[0], 1e-9)
    low = np.clip(position.astype(int), 0, knots - 2)
    part = position - low
    across = (xs - xs.mean()) / max(xs[-1] - xs[0], 1.0)
    rows = np.zeros((len(seen), knots + 2))
    index = np.arange(len(seen))
    rows[index, low[column]] = 1 - part[column]
    rows[index, low[column] + 1] = part[column]
    rows[:, knots] = line
    rows[:, knots + 1] = line * across[column]
    bend = np.zeros((max(knots - 2, 0) + 1, knots + 2))
    for k in range(knots - 2):
        bend[k, k : k + 3] = (1.0, -2.0, 1.0)
    bend[-1, knots + 1] = 1.0
    stiffness = 2.0 * max(weight.sum() / knots, 1e-6)
    robust = weight.copy()
    solution = np.zeros(knots + 2)
    for _ in range(4):
        normal = rows.T @ (rows * robust[:, None]) + stiffness * bend.T @ bend + 1e-6 * np.eye(knots + 2)
        solution = np.linalg.solve(normal, rows.T @ (robust * seen))
        residual = np.abs(seen - rows @ solution)
        robust = weight / (1.0 + (residual / 0.6) ** 2)
    middle = np.interp(xs, at, solution[:knots])
    return middle, solution[knots] + solution[knots + 1] * across


def _lines_at(middle: Floats, space: Floats, places: NDArray[np.intp], ridge: Floats) -> NDArray[np.intp]:
    """How many of the five lines are seen at each of some places across."""
    lines = np.zeros(len(places), np.intp)
    for line in (-2, -1, 0, 1, 2):
        y = np.rint(middle + line * space - 0.5).astype(int)
        value = np.zeros(len(places))
        for dy in (-1, 0, 1):
            value = np.maximum(value, ridge[np.clip(y + dy, 0, ridge.shape[0] - 1), places])
        lines += value > 0.2
    return lines


def _ends(
    middle: Floats,
    spaces: Floats,
    ridge: Floats,
    first: int,
    last: int,
    xs: Floats,
) -> tuple[float, float]:
    """The left and right end of the lines themselves, to the pixel, near the ends of the evidence."""
    width = ridge.shape[1]
    beyond = int(3 * SPACE)
    places = np.arange(max(0, first - beyond), min(width, last + beyond))
    lines = _lines_at(_extended(places, xs, middle), _extended(places, xs, spaces), places, ridge)
    # a line may be covered or broken: three of five are a staff, one of them is none
    gain = np.where(lines >= 3, 1.0, np.where(lines >= 2, 0.1, -1.0))
    left = gain[: min(len(gain), first - places[0] + 2 * beyond)]
    right = gain[max(0, last - places[0] - 2 * beyond) :]
    x0 = places[0] + int(np.argmax(np.cumsum(left[::-1])[::-1]))
    x1 = places[-1] - int(np.argmax(np.cumsum(right)[::-1]))
    return float(x0), float(x1)

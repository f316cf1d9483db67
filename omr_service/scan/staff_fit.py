"""Fits a staff to its lines as they are seen: smooth over bends and gaps, its ends to the pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.staff_evidence import SPACE, STEP, Floats

LEAST_COLUMNS = 12
"""Columns of evidence that a staff has at least."""
_LEAST_WHOLE = 0.35
"""Share of its length over which at least four of a staff's lines are seen at once: beams, text and slurs that stand
by chance like a staff's lines do so over far less."""
_REDUCED = 0.79
"""Part of the usual staff space up to which a staff is meant to be smaller: an ossia, a cue."""


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


def usual_space(staves: Sequence[TracedStaff]) -> float:
    """The staff space, in pixels, of a page's staves without those that are meant to be smaller, however many these
    are."""
    least = _REDUCED * float(np.percentile([s.space.mean() for s in staves], 75))
    return float(np.median(np.concatenate([s.space for s in staves if s.space.mean() > least])))


def size_of(space: float, usual: float) -> float:
    """How large a staff is meant to be, in parts of the usual size: one that is only a little off has that."""
    return space / usual if space < _REDUCED * usual else 1.0


def fitted_staff(
    rows: NDArray[np.intp], first: int, space: float, ridge: Floats, evidence: float
) -> TracedStaff | None:
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
    if x1 - x0 < LEAST_COLUMNS * STEP:
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
    rows_of = [
        np.clip(np.rint(middle + line * spaces).astype(int)[:, None] + offsets[None, :], 0, height - 1)
        for line in (-2, -1, 0, 1, 2)
    ]
    top, bottom = int(min(rows.min() for rows in rows_of)), int(max(rows.max() for rows in rows_of)) + 1
    band = np.zeros((bottom - top, len(xs)))
    for dx in range(STEP):
        band += ridge[top:bottom, left + dx]
    band /= STEP
    for line, rows in zip((-2, -1, 0, 1, 2), rows_of, strict=True):
        expected = middle + line * spaces
        window = band[rows - top, np.arange(len(xs))[:, None]]
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
    if len(parts[0]) < 2 * LEAST_COLUMNS:
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

"""Slurs and ties, hairpins, brackets and wavy lines out of masks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.strokes import CELL, PRESENT, Mask, Patch, patches, runs_of, runs_of_columns
from omr_service.symbols import Box, Curve, Line

_SHORTEST_CURVE = 0.9 * SPACE
_REACH = 6
"""Pixels over which a stroke is followed where it is broken."""
_ARM = 7
"""Columns on each side of a place over which the slope is measured there."""
_CUSP = 0.6
"""Change of slope, against the way that it bends, at which one curve ends and another one begins."""
_BULGE = 1.0
"""Pixels by which the middle of a curve lies off the line between its tips at least, where it meets another one."""
_BESIDE = 1
"""Pixels over and under a level stroke that are looked at for its ink, too."""
_LONGER, _MUCH = 3, 1.5
"""Pixels of ink from which on a stroke is longer than it was seen, and how many times as long it may be at most."""
_HIGHEST = round(2 * SPACE)
"""Pixels that a hook is high at most."""
_SOLID = 0.85
"""Share of a stroke with ink from which on it is no dashed one."""


@dataclass(slots=True)
class _Stroke:
    """A stroke that runs from left to right, column by column."""

    xs: list[int] = field(default_factory=list)
    tops: list[int] = field(default_factory=list)
    bottoms: list[int] = field(default_factory=list)

    def add(self, x: int, top: int, bottom: int) -> None:
        self.xs.append(x)
        self.tops.append(top)
        self.bottoms.append(bottom)

    def part(self, start: int, end: int) -> _Stroke:
        """Some of its columns, by number."""
        return _Stroke(self.xs[start:end], self.tops[start:end], self.bottoms[start:end])

    def expected(self, x: int) -> float:
        """Height at which the stroke should go on."""
        middle = (self.tops[-1] + self.bottoms[-1]) / 2
        n = min(len(self.xs) - 1, 10)
        if n < 3:
            return middle
        before = (self.tops[-1 - n] + self.bottoms[-1 - n]) / 2
        return middle + (middle - before) / (self.xs[-1] - self.xs[-1 - n]) * (x - self.xs[-1])


def _strokes(patch: Patch) -> list[_Stroke]:
    """The strokes of a patch, each followed from its left end to its right end; where two cross, both go on."""
    done: list[_Stroke] = []
    live: list[_Stroke] = []
    for x, free in enumerate(runs_of_columns(patch.inside)):
        expected = [s.expected(x) for s in live] if free else []
        pairs = sorted(
            (abs(height - (top + bottom) / 2), k, i)
            for k, height in enumerate(expected)
            for i, (top, bottom) in enumerate(free)
            if top - 3 <= height <= bottom + 3
        )
        taken: set[int] = set()
        grown: set[int] = set()
        for _, k, i in pairs:
            if k in grown:
                continue
            # two strokes share a run where they cross or touch
            if i in taken and free[i][1] - free[i][0] < 4:
                continue
            live[k].add(x, *free[i])
            grown.add(k)
            taken.add(i)
        for i, run in enumerate(free):
            if i not in taken:
                fresh = _Stroke()
                fresh.add(x, *run)
                live.append(fresh)
        done += [s for s in live if x - s.xs[-1] > _REACH]
        live = [s for s in live if x - s.xs[-1] <= _REACH]
    return done + live


def _between_cusps(stroke: _Stroke) -> list[_Stroke]:
    """A stroke in parts where it comes to a head and leaves it again: a slur ends there and a tie begins, or the other
    way round, and their tips run together."""
    count = len(stroke.xs)
    if count < 2 * _ARM + 1:
        return [stroke]
    xs = np.array(stroke.xs, float)
    ys = (np.array(stroke.tops, float) + np.array(stroke.bottoms, float)) / 2
    slopes = (ys[_ARM:] - ys[:-_ARM]) / (xs[_ARM:] - xs[:-_ARM])
    kinks = slopes[:-_ARM] - slopes[_ARM:]
    for k in np.argsort(-np.abs(kinks)):
        if abs(kinks[k]) < _CUSP:
            break
        cut = int(k) + _ARM
        bulges = [(part[0] + part[-1]) / 2 - part[len(part) // 2] for part in (ys[: cut + 1], ys[cut:])]
        # arches meet in a point below them, bowls in one above
        if min(bulge * np.sign(kinks[k]) for bulge in bulges) >= _BULGE:
            return [*_between_cusps(stroke.part(0, cut)), *_between_cusps(stroke.part(cut, count))]
    return [stroke]


def find_curves(mask: Mask, page: Grey) -> list[Curve]:
    """Slurs and ties."""
    found: list[Curve] = []
    for patch in patches(mask, page, close=(1, 0)):
        width = patch.inside.shape[1]
        parts = [part for stroke in _strokes(patch) for part in _between_cusps(stroke)]
        strokes = sorted(parts, key=lambda s: s.xs[0] - s.xs[-1])
        for k, stroke in enumerate(strokes):
            length = stroke.xs[-1] + 1 - stroke.xs[0]
            if length < _SHORTEST_CURVE or (k > 0 and length < 0.35 * width and _within(stroke, strokes[0])):
                continue
            curve = _curve(stroke, patch)
            if curve is not None:
                found.append(curve)
    return found


def _within(stroke: _Stroke, other: _Stroke) -> bool:
    """True when a stroke runs on another for the most part."""
    at = dict(zip(other.xs, zip(other.tops, other.bottoms, strict=True), strict=True))
    shared = sum(
        1
        for x, t, b in zip(stroke.xs, stroke.tops, stroke.bottoms, strict=True)
        if x in at and t < at[x][1] + 2 and b > at[x][0] - 2
    )
    return shared > 0.5 * len(stroke.xs)


def _curve(stroke: _Stroke, patch: Patch) -> Curve | None:
    """The curve along a stroke: a parabola fitted to it gives its tips and its middle."""
    xs = np.array(stroke.xs, float)
    middles = np.empty(len(xs))
    heights = np.empty(len(xs))
    for i, (x, top, bottom) in enumerate(zip(stroke.xs, stroke.tops, stroke.bottoms, strict=True)):
        window = patch.ink[top:bottom, x]
        weight = float(window.sum())
        heights[i] = weight
        middles[i] = (window * (np.arange(top, bottom) + 0.5)).sum() / weight if weight > 0.5 else (top + bottom) / 2
    if len(xs) < 5:
        return None
    across = (xs - xs[0]) / max(xs[-1] - xs[0], 1.0)
    # a slur flattens in its middle: a curve of the fourth degree follows it, one of the second is enough for a tie
    degree = 2 if xs[-1] - xs[0] < 6 * SPACE else 4
    fit = np.polyfit(across, middles, min(degree, len(xs) - 2))
    y0, mid, y1 = (float(v) for v in np.polyval(fit, [0.0, 0.5, 1.0]))
    x0, x1 = float(patch.x + xs[0]), float(patch.x + xs[-1] + 1)
    highest, lowest = float(min(stroke.tops) + patch.y), float(max(stroke.bottoms) + patch.y)
    thickness = float(np.clip(np.percentile(heights, 80), 1.0, 0.6 * SPACE))
    return Curve(x0, y0 + patch.y, x1, y1 + patch.y, mid + patch.y, thickness, Box(x0, highest, x1, lowest))


def find_hairpins(mask: Mask, page: Grey) -> list[Line]:
    """The two arms of each hairpin."""
    found: list[Line] = []
    for patch in patches(mask, page, close=(3, 1)):
        columns = np.flatnonzero(patch.inside.any(0))
        if len(columns) == 0 or columns[-1] - columns[0] < 1.6 * SPACE:
            continue
        runs = [of_column for of_column in runs_of_columns(patch.inside) if of_column]
        upper = np.array([of_column[0] for of_column in runs], float).mean(1)
        lower = np.array([of_column[-1] for of_column in runs], float).mean(1)
        for edge in (upper, lower):
            slope, start = (float(v) for v in np.polyfit(columns, edge, 1))
            a, b = float(columns[0]), float(columns[-1] + 1)
            found.append(Line(patch.x + a, patch.y + start + slope * a, patch.x + b, patch.y + start + slope * b, 1.5))
    return found


def find_brackets(mask: Mask, page: Grey) -> list[Line]:
    """The long stroke and the hooks of brackets over endings and tuplets, and octave and pedal lines."""
    found: list[Line] = []
    for patch in patches(mask, page, close=(5, 1)):
        columns = np.flatnonzero(patch.inside.any(0))
        rows = np.flatnonzero(patch.inside.any(1))
        if len(columns) == 0:
            continue
        left, right = int(columns[0]), int(columns[-1]) + 1
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        if right - left >= 0.8 * SPACE:
            inside = patch.inside.copy()
            tall = np.asarray(inside.sum(0) > 0.6 * SPACE)
            if tall.mean() < 0.5:
                inside[:, tall] = False
            y, x = np.nonzero(inside)
            if len(x) > 4 and x.max() - x.min() > 0.8 * SPACE:
                slope, start = (float(v) for v in np.polyfit(x, y + 0.5, 1))
                dashed = _is_dashed(patch, left, right, slope, start)
                x0, x1 = patch.x + left, patch.x + right
                y0, y1 = patch.y + start + slope * left, patch.y + start + slope * right
                line = Line(x0, y0, x1, y1, 1.5, dashed)
                found += [line] if dashed else _to_its_ends(line, page)
        if bottom - top >= 0.7 * SPACE:
            for a, b in ((left, left + 5), (right - 5, right)):
                upright = patch.inside[:, max(0, a) : b].any(1)
                if upright.sum() >= 0.7 * SPACE:
                    at = np.flatnonzero(upright)
                    middle = patch.x + (a + b) / 2
                    found.append(Line(middle, float(patch.y + at[0]), middle, float(patch.y + at[-1] + 1), 1.5))
    return found


def _to_its_ends(line: Line, page: Grey) -> list[Line]:
    """A level stroke made as long as its ink, of which the detector may have seen a part, with the hooks it then has.

    Ink that goes on for longer than what was seen is something else: a staff line, a beam.
    """
    slope = (line.y1 - line.y0) / (line.x1 - line.x0)
    limit = round(_MUCH * (line.x1 - line.x0))
    ends: list[tuple[float, float]] = []
    hooks: list[Line] = []
    for x, y, way in ((line.x0, line.y0, -1), (line.x1, line.y1, 1)):
        steps = np.arange(1, limit + 1)
        columns = np.clip(int(x) + way * steps, 0, page.shape[1] - 1)
        rows = np.rint(y + slope * way * steps - 0.5).astype(np.intp)
        near = np.clip(rows[:, None] + np.arange(-_BESIDE, _BESIDE + 1), 0, page.shape[0] - 1)
        inked = (page[near, columns[:, None]] < PAPER // 2).any(1)
        long = int(np.argmin(inked)) if not inked.all() else limit
        if long >= limit or long < _LONGER:
            ends.append((x, y))
            continue
        end = (x + way * long, y + slope * way * long)
        ends.append(end)
        hook = _hook(int(end[0]), int(end[1]), page)
        hooks += [hook] if hook is not None else []
    (x0, y0), (x1, y1) = ends
    return [replace(line, x0=x0, y0=y0, x1=x1, y1=y1), *hooks]


def _hook(x: int, y: int, page: Grey) -> Line | None:
    """The upright ink at the end of a level stroke, where there is so much that it is a hook."""
    x0, x1 = max(0, x - _BESIDE - 1), x + _BESIDE + 2
    top, bottom = max(0, y - _HIGHEST), y + _HIGHEST
    upright = page[top:bottom, x0:x1] < PAPER // 2
    for first, last in runs_of(np.asarray(upright.any(1))):
        if first <= y - top + _BESIDE and last >= y - top - _BESIDE and 0.5 * SPACE <= last - first < _HIGHEST:
            return Line(float(x), float(top + first), float(x), float(top + last), 1.5)
    return None


def _is_dashed(patch: Patch, left: int, right: int, slope: float, start: float) -> bool:
    """True where the ink along a level stroke comes and goes: its mask may run on over the gaps."""
    columns = np.arange(left, right)
    rows = np.rint(start + slope * columns - 0.5).astype(np.intp)
    near = np.clip(rows[:, None] + np.arange(-_BESIDE, _BESIDE + 1), 0, patch.ink.shape[0] - 1)
    ink = patch.ink[near, columns[:, None]].max(1)
    dark = ink > 0.5 * float(np.percentile(ink, 90))
    return float(dark.mean()) < _SOLID and len(runs_of(dark)) > 2


def find_boxes(mask: Mask, least: float, gap: int = 1) -> list[Box]:
    """The boxes of the connected parts of a mask that are at least so many pixels long: wavy lines, braces.

    Args:
        mask: As for `strokes.patches`.
        least: Shortest longer side in pixels.
        gap: Gaps, in cells, that do not part what is connected.
    """
    present = (mask >= PRESENT).astype(np.uint8)
    joined = cv2.morphologyEx(present, cv2.MORPH_CLOSE, np.ones((2 * gap + 1, 2 * gap + 1), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found: list[Box] = []
    for n in range(1, count):
        x, y, w, h, _area = (int(v) * CELL for v in stats[n])
        if max(w, h) >= least:
            found.append(Box(float(x), float(y), float(x + w), float(y + h)))
    return found

"""Beams out of a mask: thick bars of one slope, side by side in a group."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.scan.ink import Grey
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.strokes import Mask, Patch, patches, runs_of_columns
from omr_service.symbols import Line

THICKNESS = 0.5 * SPACE
"""Usual thickness of a beam; engravers and printers vary it by a third."""
PITCH = 0.75 * SPACE
"""Usual distance from one beam to the next in a group."""
_STEEPEST = 0.8
_SHORTEST = 0.45 * SPACE
_ALONG = 9
"""Pixels along a beam whose ink is averaged: a dent in one place is no gap between beams."""
_GAP = 0.75
"""Darkness between two beams, as a part of theirs, up to which they are two."""
_THINNEST = 0.42
"""Thickness of a beam at least, as a part of what is usual on its page; those of grace notes have two thirds of it."""
_PART = 0.7
"""Part of the usual height of what is seen up to which a run of ink is a part of a beam."""
_LIGHT = 1.25
"""Height, in parts of a beam's thickness, up to which runs of ink with a gap are one beam that is light inside."""
_ENOUGH = 40
"""Columns with a gap from which on a page's own measures are known."""


@dataclass(frozen=True, slots=True)
class Measures:
    """How a page's beams are made.

    Attributes:
        thickness: Of one, in pixels.
        pitch: From one to the next in a group, in pixels.
    """

    thickness: float = THICKNESS
    pitch: float = PITCH


def find_beams(mask: Mask, page: Grey) -> list[Line]:
    """Beams: the middle line of each, from end to end, and its thickness."""
    groups = [_levelled_patch(patch) for patch in patches(mask, page) if patch.inside.sum() > 0.3 * SPACE * SPACE]
    measures = _measures([runs for group in groups for runs in group.runs])
    return [beam for group in groups for beam in _beams_of(group, measures)]


@dataclass(frozen=True, slots=True)
class _Group:
    """A connected patch of beams, which have one slope, brought level.

    Attributes:
        patch: The patch.
        slope: Pixels down per pixel across.
        down: How far down its left end is once it is level.
        runs: By column, where there is ink, cut at gaps.
    """

    patch: Patch
    slope: float
    down: float
    runs: list[list[tuple[int, int]]]


def _levelled_patch(patch: Patch) -> _Group:
    value = np.where(patch.inside, patch.ink, 0.0)
    slope = _slope(value)
    level, down = _levelled(value, slope)
    smooth = np.asarray(cv2.blur(level, (min(_ALONG, level.shape[1]), 1), borderType=cv2.BORDER_REPLICATE), np.float64)
    columns = zip(runs_of_columns(level > 0.45), smooth.T.tolist(), strict=True)
    runs = [_cut_at_gaps(of_column, profile) for of_column, profile in columns]
    return _Group(patch, slope, down, runs)


def _cut_at_gaps(runs: list[tuple[int, int]], profile: list[float]) -> list[tuple[int, int]]:
    """Runs of ink with those cut in which two beams touch: where it is lighter than on both sides."""
    result: list[tuple[int, int]] = []
    least = round(0.3 * SPACE)
    for top, bottom in runs:
        start = top
        for y in range(top + least, bottom - least):
            if y - start < least or profile[y] > profile[y - 1] or profile[y] >= profile[y + 1]:
                continue
            above, below = max(profile[start:y]), max(profile[y : y + round(SPACE)])
            if profile[y] < _GAP * min(above, below):
                result.append((start, y))
                start = y + 1
        result.append((start, bottom))
    return result


def _measures(columns: list[list[tuple[int, int]]]) -> Measures:
    """The thickness and pitch of a page's beams: from the columns in which gaps are seen between several, and where
    those are few from the runs that are as high as one. Parts of a beam that is light inside are no beams."""
    heights = [bottom - top for runs in columns for top, bottom in runs if 0.3 * SPACE <= bottom - top < 0.95 * SPACE]
    least = max(0.3 * SPACE, _PART * float(np.median(heights))) if heights else 0.3 * SPACE
    pairs = [
        (lower[1] - lower[0], (sum(lower) - sum(upper)) / 2)
        for runs in columns
        for upper, lower in itertools.pairwise(runs)
        if min(upper[1] - upper[0], lower[1] - lower[0]) >= least
        and max(upper[1] - upper[0], lower[1] - lower[0]) < 0.95 * SPACE
        and (sum(lower) - sum(upper)) / 2 < 1.3 * SPACE
    ]
    if len(pairs) >= _ENOUGH:
        thickness, pitch = np.median(np.array(pairs, float), axis=0)
        return Measures(float(thickness), float(pitch))
    if len(heights) >= _ENOUGH:
        thickness = float(np.median(heights))
        return Measures(thickness, thickness + PITCH - THICKNESS)
    return Measures()


def _beams_of(group: _Group, measures: Measures) -> list[Line]:
    """The beams of one group."""
    x, y, slope = group.patch.x, group.patch.y - group.down, group.slope
    return [
        Line(
            float(x + left),
            y + (top + bottom) / 2 + slope * left,
            float(x + right),
            y + (top + bottom) / 2 + slope * right,
            float(np.clip(bottom - top, 0.3 * SPACE, 0.9 * SPACE)),
        )
        for top, bottom, left, right in _bars(group.runs, measures)
    ]


def _slope(value: NDArray[np.floating]) -> float:
    """The slope, in pixels down per pixel across, along which the ink of a patch piles up most."""
    height, width = value.shape
    if width < 1.2 * SPACE:
        return 0.0
    step = max(1, width // 60)
    y, x = np.nonzero(value[:, ::step])
    weights = value[y, x * step]
    across = x * step - width / 2

    def pile(slope: float) -> float:
        rows = y - np.rint(slope * across).astype(np.intp)
        return float((np.bincount(rows - int(rows.min(initial=0)), weights) ** 2).sum())

    limit = min(_STEEPEST, height / width + 0.05)
    coarse = np.linspace(-limit, limit, 41)
    best = float(coarse[int(np.argmax([pile(s) for s in coarse]))])
    fine = np.linspace(best - limit / 20, best + limit / 20, 11)
    values = [pile(s) for s in fine]
    top = max(values)
    # of slopes that are equally good, the middle one
    return float(np.mean([s for s, v in zip(fine, values, strict=True) if v > 0.999 * top]))


def _levelled(value: NDArray[np.floating], slope: float) -> tuple[NDArray[np.floating], float]:
    """The patch moved column by column so that the slope is level, and how far down its left end then is."""
    height, width = value.shape
    rise = slope * np.arange(width)
    low, high = float(rise.min()), float(rise.max())
    rows = np.arange(int(np.ceil(height + high - low)) + 1)
    level = np.zeros((len(rows), width))
    for x in range(width):
        level[:, x] = np.interp(rows + rise[x] - high, np.arange(height), value[:, x], left=0.0, right=0.0)
    return level, high


def _bars(columns: list[list[tuple[int, int]]], measures: Measures) -> list[tuple[float, float, int, int]]:
    """Bars in a levelled patch as (top, bottom, left, right), by the runs of ink of its columns.

    Neighbouring columns with ink in the same rows make a bar; where bars stand closer than the mask and the printer
    could tell, their common height says how many there are.
    """
    segments: list[list[tuple[int, int, int]]] = []  # of each bar its columns as (x, top, bottom)
    open_: list[list[tuple[int, int, int]]] = []
    for x, column in enumerate(columns):
        runs = _split(column, measures)
        still: list[list[tuple[int, int, int]]] = []
        for top, bottom in runs:
            best = None
            for bar in open_:
                last = bar[-1]
                overlap = min(bottom, last[2]) - max(top, last[1])
                touches = x - last[0] <= 4 and overlap > 0.5 * min(bottom - top, last[2] - last[1])
                if touches and bar not in still and (best is None or overlap > best[0]):
                    best = (overlap, bar)
            if best is not None:
                best[1].append((x, top, bottom))
                still.append(best[1])
            elif bottom - top >= 2:
                bar = [(x, top, bottom)]
                segments.append(bar)
                still.append(bar)
        open_ = still + [bar for bar in open_ if bar not in still and x - bar[-1][0] <= 4]
    result: list[tuple[float, float, int, int]] = []
    for bar in segments:
        left, right = bar[0][0], bar[-1][0] + 1
        if right - left < _SHORTEST or len(bar) < 0.5 * (right - left):
            continue
        upper, lower = float(np.median([b[1] for b in bar])), float(np.median([b[2] for b in bar]))
        if lower - upper >= max(0.22 * SPACE, _THINNEST * measures.thickness):
            result.append((upper, lower, left, right))
    return _without_scraps(_merged(result), measures.pitch)


def _without_scraps(bars: list[tuple[float, float, int, int]], pitch: float) -> list[tuple[float, float, int, int]]:
    """Bars without short ones nearer to a longer one than two beams can be: ink between beams that run together."""
    kept: list[tuple[float, float, int, int]] = []
    for bar in sorted(bars, key=lambda b: b[2] - b[3]):
        width = bar[3] - bar[2]
        if not any(
            min(bar[3], other[3]) - max(bar[2], other[2]) > 0.5 * width
            and abs((bar[0] + bar[1]) - (other[0] + other[1])) / 2 < 0.62 * pitch
            for other in kept
        ):
            kept.append(bar)
    return kept


def _split(runs: list[tuple[int, int]], measures: Measures) -> list[tuple[int, int]]:
    """Runs of ink with those cut that are as high as several beams, and those joined that are one together."""
    thickness, pitch = measures.thickness, measures.pitch
    whole: list[tuple[int, int]] = []
    for top, bottom in runs:
        if whole and bottom - whole[-1][0] <= _LIGHT * thickness:
            whole[-1] = whole[-1][0], bottom
        else:
            whole.append((top, bottom))
    result: list[tuple[int, int]] = []
    for top, bottom in whole:
        count = max(1, round((bottom - top - thickness) / pitch) + 1)
        step = (bottom - top + pitch - thickness) / count
        for k in range(count):
            start = top + k * step
            result.append((round(start), round(start + step - (pitch - thickness)) if count > 1 else bottom))
    return result


def _merged(bars: list[tuple[float, float, int, int]]) -> list[tuple[float, float, int, int]]:
    """Bars with the pieces of one bar joined."""
    result: list[tuple[float, float, int, int]] = []
    for bar in sorted(bars, key=lambda b: b[2]):
        for k, other in enumerate(result):
            same = abs((bar[0] + bar[1]) - (other[0] + other[1])) / 2 < 0.3 * SPACE
            if same and bar[2] - other[3] < 0.8 * SPACE:
                wide = other[3] - other[2], bar[3] - bar[2]
                main = other if wide[0] >= wide[1] else bar
                result[k] = (main[0], main[1], min(other[2], bar[2]), max(other[3], bar[3]))
                break
        else:
            result.append(bar)
    return result

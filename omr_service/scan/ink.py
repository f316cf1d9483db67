"""Ink on paper: even light, no black borders, and how far apart staff lines are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

PAPER = 255
_LEAST_SPACE = 6
_LARGEST_SPACE = 160
_FEWEST_RUNS = 400
_THRESHOLDS = (110, 170, 220)
_GRAIN = 300
"""Part of a picture's width over which ink is averaged along before its lines are measured."""
_ALIKE = 0.15
"""Part of a staff space by which two are still the same."""
_INK = 128
_SPECK = 0.3
"""Size of a speck in staff spaces at most."""
_STREWN = 0.06
"""Specks to a square of a staff space from which on a page is strewn with them; 140 scanned pages have under half."""
_FAINTEST = 225
"""Grey from which on what is darker than paper is taken for its texture and not for pale ink."""


def as_grey(picture: NDArray[Any]) -> Grey:
    """A picture that OpenCV made, as grey values."""
    return picture.astype(np.uint8, copy=False)


def resized(grey: Grey, factor: float) -> Grey:
    """A picture made larger or smaller; each smaller pixel is the average of those it stands for."""
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    # with the factor instead of the size, OpenCV would not fill the last pixels' part of a size that it rounds
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    return as_grey(cv2.resize(grey, size, interpolation=interpolation))


def without_specks(grey: Grey, space: float) -> Grey:
    """Returns a page without its specks where it is strewn with them, as bad copies are; any other as it is.

    A speck is smaller than an augmentation dot. Of a clean page what is as small are tips and crumbs of signs, few.

    Args:
        grey: The page, its paper white.
        space: Its staff space in pixels.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats((grey < _INK).astype(np.uint8), connectivity=8)
    small = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) <= _SPECK * space
    small[0] = False
    if small.sum() < _STREWN * grey.size / (space * space):
        return grey
    specks = cv2.dilate(small[labels].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    result = grey.copy()
    result[specks & ((grey >= _INK) | small[labels])] = PAPER
    return result


@dataclass(frozen=True, slots=True)
class LineMetrics:
    """What the vertical runs of ink and paper say of the staff lines of a page.

    Attributes:
        space: Distance between neighbouring staff lines in pixels, from middle to middle.
        thickness: Their thickness in pixels.
        share: Share of the runs of ink and paper that have this distance: how sure it is.
    """

    space: float
    thickness: float
    share: float


def even_out(grey: Grey) -> Grey:
    """Returns the page with its paper white and its ink dark wherever light, colour or age made them uneven.

    The paper's brightness is the brightest seen in a neighbourhood of about a thirtieth of the page, smoothed; every
    pixel is divided by it. A page of black and white only is returned as it is.
    """
    histogram = np.bincount(grey.reshape(-1)[:: max(1, grey.size // 2_000_000)], minlength=256)
    if histogram[16:240].sum() < 0.002 * histogram.sum() and histogram[240:].sum() > histogram[:16].sum():
        return grey
    height, width = grey.shape
    factor = max(1, round(max(height, width) / 600))
    small = cv2.resize(grey, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA)
    reach = max(5, max(small.shape) // 30) | 1
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    paper = cv2.GaussianBlur(cv2.medianBlur(as_grey(paper), 5), (0, 0), reach / 3)
    light = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    even = as_grey(cv2.divide(grey, np.maximum(light, 24), scale=PAPER))
    # ink is stretched to black: faint prints and thin lines of photographs get the contrast of scans
    sample = even[::4, ::4]
    ink = next((found for limit in (200, 245) if (found := sample[sample < limit]).size > 100), sample[:0])
    dark = float(np.percentile(ink, 10)) if ink.size else 0.0
    if 90 < dark < _FAINTEST:
        table = np.clip((np.arange(256) - dark) * (PAPER / (250.0 - dark)), 0, PAPER)
        even = as_grey(cv2.LUT(even, table.astype(np.uint8)))
    return even


def without_borders(grey: Grey) -> Grey:
    """Returns the page with the dark around it made white: what the scanner saw beyond the paper.

    Dark areas that touch the edge of the picture and are thicker than a hundredth of it are taken away.
    """
    height, width = grey.shape
    factor = max(1, round(max(height, width) / 800))
    small = cv2.resize(grey, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA)
    dark = (small < 128).astype(np.uint8)
    reach = max(3, max(small.shape) // 100)
    # the picture goes on dark beyond its edge, so that a border of any thickness is as thick as it need be
    padded = cv2.copyMakeBorder(dark, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=1)
    solid = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((reach + 2, reach + 2), np.uint8))
    _, labels = cv2.connectedComponents(solid)
    border = (labels == labels[0, 0])[reach:-reach, reach:-reach].astype(np.uint8)
    if not border.any() or border.mean() > 0.6:
        return grey
    border = cv2.dilate(border, np.ones((3, 3), np.uint8))
    mask = cv2.resize(border, (width, height), interpolation=cv2.INTER_NEAREST)
    result = grey.copy()
    result[mask > 0] = PAPER
    return result


def line_metrics(grey: Grey) -> list[LineMetrics]:
    """Returns what may be the distance and thickness of the staff lines, the surest first; nothing where no distance
    stands out.

    The commonest length of a run of ink and the run of paper next to it, up or down, in a sample of columns
    (Cardoso and Rebelo, "Robust staffline thickness and distance estimation in binary and gray-level music scores",
    ICPR 2010), at several thresholds: hairlines painted at a low resolution are pale, bad paper is dark.
    """
    # staff lines go on to either side; the grain of paper and the dots of a screen do not
    level = as_grey(cv2.blur(grey, (max(1, grey.shape[1] // _GRAIN), 1)))
    columns = np.ascontiguousarray(level[:, :: max(1, grey.shape[1] // 700)].T)
    found = [_metrics_at(columns, threshold) for threshold in _THRESHOLDS]
    surest = sorted((metrics for runs, metrics in found if runs >= _FEWEST_RUNS), key=lambda m: -m.share)
    return [m for i, m in enumerate(surest) if not any(_alike(m, other) for other in surest[:i])]


def _alike(metrics: LineMetrics, other: LineMetrics) -> bool:
    """True when two distances are nearly the same."""
    return abs(metrics.space - other.space) < _ALIKE * max(metrics.space, other.space)


def _metrics_at(columns: Grey, threshold: int) -> tuple[float, LineMetrics]:
    """How many runs speak for the commonest distance where what is darker than a threshold is ink, and the metrics."""
    dark = np.zeros((columns.shape[0], columns.shape[1] + 2), bool)
    dark[:, 1:-1] = columns < threshold
    change = np.flatnonzero(dark.reshape(-1)[1:] != dark.reshape(-1)[:-1])
    runs = np.diff(change)
    ink, paper = runs[0::2], runs[1::2]
    n = min(len(ink), len(paper))
    ink, paper = ink[:n], paper[:n]
    pairs = np.concatenate([np.stack([ink, paper]), np.stack([ink[1:], paper[:-1]])], axis=1) if n else np.zeros((2, 0))
    pairs = pairs[:, (pairs[0] < 0.5 * pairs[1]) & (pairs.sum(0) <= _LARGEST_SPACE) & (pairs.sum(0) >= _LEAST_SPACE)]
    if not pairs.shape[1]:
        return 0.0, LineMetrics(0.0, 0.0, 0.0)
    sums = np.bincount(pairs.sum(0).astype(int), minlength=_LARGEST_SPACE + 2).astype(float)
    near = np.convolve(sums, [1.0, 1.0, 1.0], "same")
    mode = int(np.argmax(near))
    around = np.arange(max(mode - 1, 1), mode + 2)
    space = float((around * sums[around]).sum() / sums[around].sum())
    at = np.abs(pairs.sum(0) - space) <= 1.5
    return float(near[mode]), LineMetrics(space, float(np.median(pairs[0, at])), float(near[mode] / sums.sum()))

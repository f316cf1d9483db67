"""Where a picture has thin level lines, and where five of them lie over each other as those of a staff do."""

from __future__ import annotations

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


def without_beams(ridge: Floats, grey: Grey) -> Floats:
    """Returns the evidence of thin lines without that of beams, which lie as level and are darker: without what is in
    ink 0.4 spaces thick and more."""
    dark = cv2.blur((PAPER - grey).astype(np.float32) / PAPER, (9, 1))
    thick = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((round(0.4 * SPACE), 1), np.uint8))
    result: Floats = np.clip(ridge - thick, 0.0, 1.0)
    return result


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

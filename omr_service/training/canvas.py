"""Masks of line classes drawn as bits of one image."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.assembler.geometry import is_vertical
from omr_service.scan.vocabulary import LINE_INDEX
from omr_service.symbols import Box, Curve, Line

UNKNOWN = 15
"""Bit of the masks for places from which nothing is to be learned."""
_BIT = {**LINE_INDEX, "unknown": UNKNOWN}


class Canvas:
    """Masks of line classes as bits of one image."""

    def __init__(self, height: int, width: int, scale: float) -> None:
        self.bits = np.zeros((height, width), np.uint16)
        self.scale = scale
        self._shift = 4  # cv2 takes fixed-point coordinates

    def _fixed(self, points: Iterable[tuple[float, float]]) -> NDArray[np.int32]:
        scaled = np.array(list(points), np.float64) * self.scale - 0.5
        return np.round(scaled * (1 << self._shift)).astype(np.int32)

    def polygon(self, points: Iterable[tuple[float, float]], kind: str) -> None:
        """Fills a convex polygon given in page points."""
        mask = np.zeros(self.bits.shape, np.uint8)
        corners = self._fixed(points)
        x0, y0 = np.maximum((corners.min(axis=0) >> self._shift) - 2, 0)
        x1, y1 = (corners.max(axis=0) >> self._shift) + 3
        part = np.ascontiguousarray(mask[y0:y1, x0:x1])
        if part.size == 0:
            return
        shifted = corners - np.array([x0 << self._shift, y0 << self._shift], np.int32)
        cv2.fillConvexPoly(part, shifted, 1, cv2.LINE_8, self._shift)
        self.bits[y0:y1, x0:x1] |= part.astype(np.uint16) << _BIT[kind]

    def line(self, line: Line, kind: str) -> None:
        """Draws a line at its thickness, at least a pixel."""
        half = max(line.thickness, 1.0 / self.scale) / 2
        if is_vertical(line):
            corners = [(line.x0 - half, line.y0), (line.x0 + half, line.y0)]
            corners += [(line.x1 + half, line.y1), (line.x1 - half, line.y1)]
        else:
            corners = [(line.x0, line.y0 - half), (line.x1, line.y1 - half)]
            corners += [(line.x1, line.y1 + half), (line.x0, line.y0 + half)]
        self.polygon(corners, kind)

    def box(self, box: Box, kind: str) -> None:
        """Fills a box."""
        self.polygon([(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)], kind)

    def curve(self, curve: Curve, page: NDArray[np.uint8], oversampling: int) -> None:
        """Draws a crescent along the ink of a curve, which is near the parabola through its tips and its middle."""
        n = max(8, int((curve.x1 - curve.x0) * self.scale / 4))
        t = np.linspace(0.0, 1.0, n + 1)
        rise = curve.mid_y - (curve.y0 + curve.y1) / 2
        x = curve.x0 + t * (curve.x1 - curve.x0)
        y = curve.y0 + t * (curve.y1 - curve.y0) + 4 * t * (1 - t) * rise
        pixels = self.scale * oversampling
        for _ in range(2):  # the second time from nearer by
            y += _ink_offsets(page, x * pixels, y * pixels, curve.thickness * pixels, t) / pixels
        half = np.maximum(4 * t * (1 - t) * curve.thickness, 1.4 / self.scale) / 2
        for i in range(n):
            upper = [(x[i], y[i] - half[i]), (x[i + 1], y[i + 1] - half[i + 1])]
            lower = [(x[i + 1], y[i + 1] + half[i + 1]), (x[i], y[i] + half[i])]
            self.polygon([*upper, *lower], "curve")


def _ink_offsets(
    page: NDArray[np.uint8],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    thickness: float,
    t: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Returns how far below a guessed curve the ink is, smoothly along it.

    Args:
        page: Pixels.
        x, y: The guess, in pixels.
        thickness: Of the curve, in pixels.
        t: Place along the curve, 0 to 1.
    """
    reach = int(0.12 * (y.max() - y.min()) + 0.6 * thickness) + 10
    found: list[tuple[float, float]] = []
    for i in range(1, len(x) - 1):
        column, row = int(x[i]), int(y[i])
        if not (0 <= column < page.shape[1] and reach <= row < page.shape[0] - reach):
            continue
        dark = page[row - reach : row + reach + 1, column] < 128
        edges = np.flatnonzero(np.diff(np.concatenate(([False], dark, [False])).astype(np.int8)))
        runs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a <= 1.5 * thickness + 3]
        if runs:
            a, b = min(runs, key=lambda r: abs((r[0] + r[1]) / 2 - reach))
            found.append((t[i], (a + b) / 2 - reach))
    if len(found) < 6:
        return np.zeros_like(t)
    at, offset = np.array(found).T
    weight = np.ones_like(at)
    table = _bulges(at)
    for _ in range(4):  # runs of other ink get little weight
        answer, *_ = np.linalg.lstsq(table * weight[:, None], offset * weight, rcond=None)
        weight = 1.0 / (1.0 + np.abs(table @ answer - offset))
    return np.asarray(_bulges(t) @ answer)


def _bulges(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ways in which a curve may leave its parabola without leaving its tips, as columns."""
    arch = t * (1 - t)
    return np.stack((arch, arch * (t - 0.5), arch**2 - arch / 4), axis=1)

"""Pages of empty staves drawn in pixels, and what a scanner or a camera does to them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.scan.images import PageImage

Grey = NDArray[np.uint8]


def staves_page(
    width: int = 2000,
    height: int = 2600,
    space: float = 18.0,
    count: int = 8,
    left: int = 150,
    broken: float = 0.0,
    seed: int = 0,
) -> Grey:
    """A page with pairs of staves joined at the left; `broken` is the share of each line that is missing."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width), 255, np.uint8)
    right = width - left
    for n in range(count):
        top = 200 + n * (height - 400) / count
        for k in range(5):
            y = round(top + k * space)
            page[y : y + 3, left:right] = 0
            for _ in range(int(broken * (right - left) / 30)):
                x = int(rng.integers(left, right - 30))
                page[y : y + 3, x : x + 30] = 255
        # noteheads, so that there is ink other than lines
        for _ in range(24):
            x, step = int(rng.integers(left + 100, right - 40)), int(rng.integers(-3, 12))
            centre = (x, round(top + (8 - step) * space / 2))
            cv2.ellipse(page, centre, (round(0.62 * space), round(0.45 * space)), -20, 0, 360, 0, -1)
            cv2.line(page, (x + 10, centre[1]), (x + 10, centre[1] - round(3.4 * space)), 0, 3)
        if n % 2 == 0:
            bottom = round(200 + (n + 1) * (height - 400) / count + 4 * space)
            page[round(top) : bottom, left : left + 3] = 0
            page[round(top) : bottom, right - 3 : right] = 0
    return page


def turned(page: Grey, degrees: float) -> Grey:
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(page, matrix, (width, height), borderValue=255).astype(np.uint8)


def bent(page: Grey, depth: float) -> Grey:
    """The page bent towards one side as by the spine of a book; `depth` in pixels."""
    height, width = page.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    shift = depth * np.exp(-x / (0.25 * width))
    return cv2.remap(page, x, (y + shift).astype(np.float32), cv2.INTER_LINEAR, borderValue=255).astype(np.uint8)


def photographed(page: Grey) -> Grey:
    """The page from an angle, in a shadow, on a dark table."""
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
    seen = np.array(
        [
            [0.09 * width, 0.06 * height],
            [0.9 * width, 0.03 * height],
            [0.02 * width, 0.95 * height],
            [0.98 * width, 0.97 * height],
        ],
        np.float32,
    )
    matrix = cv2.getPerspectiveTransform(corners, seen)
    flat = cv2.warpPerspective(page, matrix, (width, height), borderValue=20)
    light = np.linspace(1.0, 0.45, width)[None, :] * np.linspace(0.95, 0.75, height)[:, None]
    return np.clip(40 * light + flat * light * 0.8, 0, 255).astype(np.uint8)


def image(page: Grey) -> PageImage:
    return PageImage(page, page.shape[1] * 72 / 300, page.shape[0] * 72 / 300)

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


def shaded(seen: Grey) -> Grey:
    """A photograph of which a soft shadow darkens one half, the light being bad anyhow."""
    height, width = seen.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    across = xs / width + 0.4 * ys / height - 0.8
    return (seen * (0.85 - 0.5 / (1 + np.exp(-across / 0.015)))).astype(np.uint8)


def screened(page: Grey) -> Grey:
    """Grey paper reproduced in dots of ink, 70 to the inch."""
    ys, xs = np.mgrid[0 : page.shape[0], 0 : page.shape[1]].astype(np.float32)
    dots = 0.25 * (np.cos((xs + ys) * (2 * np.pi / 6)) + np.cos((xs - ys) * (2 * np.pi / 6))) + 0.5
    return np.where(0.84 * page / 255 < 1 - dots, 0, 255).astype(np.uint8)


def browned(page: Grey, seed: int = 0) -> Grey:
    """Brown, grainy paper with faded ink and dark stains."""
    rng = np.random.default_rng(seed)
    blobs = cv2.resize(
        rng.standard_normal((26, 20)).astype(np.float32), page.shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    paper = 180 + rng.normal(0, 8, page.shape) - 70 * np.clip(blobs - 1.2, 0, 1)
    share = page.astype(np.float32) / 255
    return np.clip(share * paper + (1 - share) * 85, 0, 255).astype(np.uint8)


def image(page: Grey) -> PageImage:
    return PageImage(page, page.shape[1] * 72 / 300, page.shape[0] * 72 / 300)

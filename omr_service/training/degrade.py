"""Patches of engraved pages made to look like scans of old prints, with their labels.

A patch is cut from a page at twice the normal resolution, bent and stretched, its strokes thickened, thinned and
broken, the paper aged, and what a scanner, a threshold and a JPEG do to it done. Everything random comes from one
generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.training.pages import OVERSAMPLING, LabelledPage
from omr_service.training.punches import old_rests, other_digits, other_dots
from omr_service.training.typeset import TypeCase

Floats = NDArray[np.float32]
T = TypeVar("T", np.uint8, np.uint16)
HEIGHT, WIDTH = 256, 512
"""Size of a patch in pixels."""
_MARGIN = 24


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of a page as a scanner might have seen it.

    Attributes:
        page: uint8 (HEIGHT, WIDTH), dark ink on white.
        points: float32 (n, 5): class, x, y, width, height in pixels of the patch.
        masks: uint16 (HEIGHT, WIDTH), bits as in `PageLabels`.
    """

    page: NDArray[np.uint8]
    points: Floats
    masks: NDArray[np.uint16]


class Noise:
    """Fields of smooth noise, made once and looked at through moving windows."""

    def __init__(self, rng: np.random.Generator, sizes: Sequence[float] = (1.0, 2.5, 6.0, 20.0, 60.0)) -> None:
        self._rng = rng
        self._fields: dict[float, Floats] = {}
        for size in sizes:
            side = 1400
            small = rng.standard_normal((int(side / size) + 4, int(side / size) + 4)).astype(np.float32)
            field = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
            self._fields[size] = ((field - field.mean()) / field.std()).astype(np.float32)

    def field(self, shape: tuple[int, int], size: float) -> Floats:
        """Noise of mean 0 and deviation 1 whose blobs measure about `size` pixels; a window, not to be written to."""
        field = self._fields[size]
        y = int(self._rng.integers(0, field.shape[0] - shape[0]))
        x = int(self._rng.integers(0, field.shape[1] - shape[1]))
        window = field[y : y + shape[0], x : x + shape[1]]
        if self._rng.random() < 0.5:
            window = window[:, ::-1]
        return window[::-1] if self._rng.random() < 0.5 else window


class Degrader:
    """Cuts patches from pages and degrades them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._noise = Noise(self.rng)
        self._type = TypeCase(self.rng)

    def patch(self, page: LabelledPage, x: float, y: float, other: LabelledPage | None = None) -> Patch:
        """A degraded patch.

        Args:
            page: Where it is cut from.
            x, y: Its middle, in normalised pixels of the page.
            other: A page whose back shows through; none does where it is None.
        """
        rng = self.rng
        fine = rng.random() < 0.6
        ratio = 2 if fine else 1
        shape = (HEIGHT * ratio, WIDTH * ratio)
        to_page = _affine(rng, x, y)
        bend_x, bend_y = self._bend()
        grid_y, grid_x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        px = to_page[0, 0] * (grid_x - WIDTH / 2) + to_page[0, 1] * (grid_y - HEIGHT / 2) + to_page[0, 2] + bend_x
        py = to_page[1, 0] * (grid_x - WIDTH / 2) + to_page[1, 1] * (grid_y - HEIGHT / 2) + to_page[1, 2] + bend_y
        left, top = int(px.min()) - 2, int(py.min()) - 2
        right, bottom = int(px.max()) + 4, int(py.max()) + 4
        ink = _ink(page.page, left, top, right, bottom, ratio)
        points = page.points
        if rng.random() < 0.15:
            points = old_rests(ink, page, points, (left, top, right, bottom), ratio)
        if rng.random() < 0.4:
            points = other_dots(ink, page, points, (left, top, right, bottom), ratio, rng)
        if rng.random() < 0.35:
            points = other_digits(ink, page, points, (left, top, right, bottom), ratio, self._type, rng)
        masks = _crop(page.masks, left, top, right, bottom, 0)
        map_x, map_y = (px - left).astype(np.float32), (py - top).astype(np.float32)
        warped = np.asarray(cv2.remap(masks, map_x, map_y, cv2.INTER_NEAREST, borderValue=0), np.uint16)
        if fine:
            map_x = cv2.resize(map_x, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR) * 2 + 0.5
            map_y = cv2.resize(map_y, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR) * 2 + 0.5
        ink = np.asarray(cv2.remap(ink, map_x, map_y, cv2.INTER_LINEAR, borderValue=0.0), np.float32)
        points = _moved(points, to_page, bend_x, bend_y)
        if rng.random() < 0.25:
            self._type.print_words(ink, warped, ratio)
        if rng.random() < 0.35:
            points = self._type.print_fingers(ink, points, ratio)
        if rng.random() < 0.04:
            points = self._border(ink, warped, points, ratio)
        if rng.random() < 0.93:
            ink = self._strokes(ink, ratio)
            ink = self._breaks(ink, warped, ratio)
            ink = self._foreign(ink, ratio, other)
        return Patch(self._scan(ink, ratio), points, warped)

    def _border(self, ink: Floats, masks: NDArray[np.uint16], points: Floats, ratio: int) -> Floats:
        """The dark edge of a scan over one side of a patch; returns the points that are left."""
        rng = self.rng
        across = int(rng.integers(4, 60))
        side = rng.integers(2)
        edge = np.zeros(masks.shape, np.bool_)
        columns = slice(0, across) if rng.random() < 0.5 else slice(-across, None)
        edge[(slice(None), columns) if side else (columns, slice(None))] = True
        masks[edge] = 0
        dark = np.repeat(np.repeat(edge, ratio, axis=0), ratio, axis=1)
        shape = (ink.shape[0], ink.shape[1])
        texture = np.clip(rng.uniform(0.6, 1.3) + rng.uniform(0, 0.5) * self._noise.field(shape, 2.5), 0.0, 1.0)
        np.copyto(ink, texture.astype(np.float32), where=dark)
        row = np.clip(points[:, 2].astype(np.intp), 0, HEIGHT - 1)
        column = np.clip(points[:, 1].astype(np.intp), 0, WIDTH - 1)
        return points[~edge[row, column]]

    def _bend(self) -> tuple[Floats, Floats]:
        """How far each pixel is moved: the paper's waves, and the punches' own shapes."""
        rng = self.rng
        shape = (HEIGHT, WIDTH)
        wave, shake = rng.choice((0.0, 0.4, 0.9)), rng.choice((0.0, 0.2, 0.4, 0.6))
        x = wave * self._noise.field(shape, 60.0) + shake * self._noise.field(shape, 6.0)
        y = wave * self._noise.field(shape, 60.0) + 0.7 * shake * self._noise.field(shape, 6.0)
        return x, y

    def _strokes(self, ink: Floats, ratio: int) -> Floats:
        """Thicker or thinner strokes, more in one place than in the other."""
        rng = self.rng
        shape = (ink.shape[0], ink.shape[1])
        if ratio == 2 and rng.random() < 0.45:
            kernel = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8) if rng.random() < 0.7 else _SQUARE
            grown = (
                cv2.dilate(ink, kernel)
                if rng.random() < 0.75
                else cv2.erode(ink, kernel[1:2] if rng.random() < 0.3 else _SMALL)
            )
            where = self._noise.field(shape, 60.0) > rng.normal(-0.6, 0.8)
            ink = np.where(where, grown, ink)
        blur = ratio * rng.uniform(0.3, 0.75)
        soft = _blurred(ink, blur)
        level = np.full(shape, rng.normal(0.42, 0.09), np.float32)
        if rng.random() < 0.7:
            level = (
                level
                + rng.uniform(0.0, 0.09) * self._noise.field(shape, 6.0)
                + rng.uniform(0.0, 0.05) * self._noise.field(shape, 20.0)
            )
        if rng.random() < 0.5:
            level = level + rng.uniform(0.0, 0.12) * self._noise.field(shape, 1.0 if ratio == 1 else 2.5)
        steep = rng.uniform(2.0, 8.0)
        return np.clip((soft - level) * steep + 0.5, 0.0, 1.0).astype(np.float32)

    def _breaks(self, ink: Floats, masks: NDArray[np.uint16], ratio: int) -> Floats:
        """Ink that did not take: pale patches, holes, broken lines."""
        rng = self.rng
        shape = (ink.shape[0], ink.shape[1])
        if rng.random() < 0.4:
            pale = self._noise.field(shape, 6.0) + 0.7 * self._noise.field(shape, 60.0)
            ink = ink * np.where(pale > rng.uniform(1.6, 3.0), rng.uniform(0.0, 0.6), 1.0).astype(np.float32)
        if rng.random() < 0.3:
            thin = (masks & _THIN) != 0
            if ratio == 2:
                thin = np.repeat(np.repeat(thin, 2, axis=0), 2, axis=1)
            gone = thin & (self._noise.field(shape, 20.0) + self._noise.field(shape, 2.5) > rng.uniform(1.3, 2.6))
            gone &= _blurred(ink, 2.2 * ratio) < 0.45  # not where a symbol stands
            ink = np.where(gone, ink * rng.uniform(0.0, 0.5), ink).astype(np.float32)
        if rng.random() < 0.35:
            ink = ink * (self._noise.field(shape, 2.5) < rng.uniform(2.0, 3.2))
        return ink

    def _foreign(self, ink: Floats, ratio: int, other: LabelledPage | None) -> Floats:
        """What is no music: specks, strokes of a pen, a stamp, the other side of the paper."""
        rng = self.rng
        shape = (ink.shape[0], ink.shape[1])
        if rng.random() < 0.4:
            specks = self._noise.field(shape, 2.5 if ratio == 2 or rng.random() < 0.5 else 1.0) > rng.uniform(2.9, 4.0)
            ink = np.maximum(ink, specks * rng.uniform(0.5, 1.0)).astype(np.float32)
        if rng.random() < 0.12:
            pen = np.zeros(shape, np.uint8)
            for _ in range(int(rng.integers(1, 4))):
                _scribble(pen, rng, ratio)
            ink = np.maximum(ink, pen * (rng.uniform(0.3, 0.9) / 255)).astype(np.float32)
        if rng.random() < 0.03:
            stamp = np.zeros(shape, np.uint8)
            middle = (int(rng.integers(0, shape[1])), int(rng.integers(0, shape[0])))
            cv2.ellipse(stamp, middle, (60 * ratio, 40 * ratio), float(rng.uniform(0, 180)), 0, 360, 255, 2 * ratio)
            cv2.putText(stamp, "BIBLIOTHEK", (middle[0] - 50 * ratio, middle[1]), 0, 0.5 * ratio, 255, ratio)
            ink = np.maximum(ink, stamp * (rng.uniform(0.3, 0.8) / 255)).astype(np.float32)
        if other is not None and rng.random() < 0.1:
            back = other.page[:: 2 // ratio, :: 2 // ratio]
            y, x = (int(rng.integers(0, max(1, back.shape[i] - shape[i]))) for i in (0, 1))
            part = back[y : y + shape[0], x : x + shape[1]][:, ::-1]
            shade = np.zeros(shape, np.float32)
            shade[: part.shape[0], : part.shape[1]] = 1.0 - part / 255.0
            shade = _blurred(shade, 1.5 * ratio)
            ink = np.maximum(ink, shade * rng.uniform(0.05, 0.35)).astype(np.float32)
        return ink

    def _scan(self, ink: Floats, ratio: int) -> NDArray[np.uint8]:
        """Pixels of the normal resolution, by a threshold or in greys, perhaps through a JPEG."""
        rng = self.rng
        if ratio == 2:
            if rng.random() < 0.6:
                level = 0.5 + rng.uniform(0.0, 0.12) * self._noise.field((ink.shape[0], ink.shape[1]), 1.0)
                ink = (ink > level).astype(np.float32)
            if rng.random() < 0.3:
                ink = _blurred(ink, rng.uniform(0.5, 1.3))
            ink = np.asarray(cv2.resize(ink, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)
        elif rng.random() < 0.2:
            ink = (ink > rng.uniform(0.35, 0.6)).astype(np.float32)
        if rng.random() < 0.25:
            ink = _blurred(ink, rng.uniform(0.3, 0.9))
        paper, black = 255.0, 0.0
        if rng.random() < 0.5:
            paper, black = rng.uniform(190, 255), rng.uniform(0, 90)
        page = paper - (paper - black) * ink
        if rng.random() < 0.35:
            page = page + rng.uniform(0, 10) * self._noise.field((HEIGHT, WIDTH), 60.0)
            page = page + rng.uniform(0, 14) * self._noise.field((HEIGHT, WIDTH), 1.0)
        out = np.clip(page, 0, 255).astype(np.uint8)
        if rng.random() < 0.15:
            _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])
            out = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
        return out


_SQUARE = np.ones((3, 3), np.uint8)
_SMALL = np.ones((2, 2), np.uint8)
_THIN = np.uint16(0b111)
"""Staff lines, ledger lines, stems: what breaks first."""


def _blurred(ink: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), sigma), np.float32)


def _affine(rng: np.random.Generator, x: float, y: float) -> NDArray[np.float64]:
    """From pixels of the patch, counted from its middle, to pixels of the page."""
    scale = float(np.exp(rng.normal(0.0, 0.035)))
    across = float(np.exp(rng.normal(0.0, 0.04)))
    angle = rng.normal(0.0, 0.004)
    shear = rng.normal(0.0, 0.006)
    return np.array(
        [[scale * across, scale * (shear - angle), x], [scale * angle, scale, y]],
        np.float64,
    )


def _crop(image: NDArray[T], left: int, top: int, right: int, bottom: int, fill: int) -> NDArray[T]:
    """A window of an image, with `fill` where it reaches beyond."""
    height, width = image.shape
    inside = image[max(0, top) : max(0, min(bottom, height)), max(0, left) : max(0, min(right, width))]
    if inside.shape == (bottom - top, right - left):
        return np.asarray(inside)
    out = np.full((bottom - top, right - left), fill, image.dtype)
    y, x = max(0, -top), max(0, -left)
    out[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return out


def _ink(page: NDArray[np.uint8], left: int, top: int, right: int, bottom: int, ratio: int) -> Floats:
    """A window, given in normal pixels, as ink from 0 to 1 at `ratio` times the normal resolution."""
    k = OVERSAMPLING
    crop = _crop(page, left * k, top * k, right * k, bottom * k, 255)
    if ratio != k:
        size = ((right - left) * ratio, (bottom - top) * ratio)
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    return (255 - crop).astype(np.float32) * np.float32(1 / 255)


def _moved(points: Floats, to_page: NDArray[np.float64], bend_x: Floats, bend_y: Floats) -> Floats:
    """The points of a page that are in a patch, in its pixels."""
    linear = to_page[:, :2]
    back = np.linalg.inv(linear)
    place = points[:, 1:3].astype(np.float64) - 0.5 - to_page[:, 2]
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    at = place @ back.T + middle
    near = (at[:, 0] > -_MARGIN) & (at[:, 0] < WIDTH + _MARGIN) & (at[:, 1] > -_MARGIN) & (at[:, 1] < HEIGHT + _MARGIN)
    points, place, at = points[near], place[near], at[near]
    for _ in range(2):
        column = np.clip(at[:, 0], 0, WIDTH - 1).astype(np.intp)
        row = np.clip(at[:, 1], 0, HEIGHT - 1).astype(np.intp)
        bend = np.stack((bend_x[row, column], bend_y[row, column]), axis=1)
        at = (place - bend) @ back.T + middle
    at += 0.5
    out = points.copy()
    out[:, 1:3] = at
    out[:, 3] /= abs(linear[0, 0])
    out[:, 4] /= abs(linear[1, 1])
    inside = (at[:, 0] >= 0) & (at[:, 0] < WIDTH) & (at[:, 1] >= 0) & (at[:, 1] < HEIGHT)
    return out[inside]


def _scribble(pen: NDArray[np.uint8], rng: np.random.Generator, ratio: int) -> None:
    """A stroke of a hand."""
    at = np.array([rng.uniform(0, pen.shape[1]), rng.uniform(0, pen.shape[0])])
    heading = rng.uniform(0, 6.3)
    path = [at]
    for _ in range(int(rng.integers(4, 25))):
        heading += rng.normal(0, 0.7)
        at = at + rng.uniform(2, 9) * ratio * np.array([np.cos(heading), np.sin(heading)])
        path.append(at)
    line = np.round(np.array(path)).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(pen, [line], False, 255, int(rng.integers(1, 3)) * ratio, cv2.LINE_AA)

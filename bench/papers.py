"""Pages as other people's scanners and printers leave them: pure functions from a painted page to a picture.

They are not the degradations the detector was trained on (`omr_service/training/degrade.py`): what is measured with
them is how the reader does on paper it has not met. Everything random comes from the generator that is handed in.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.photographs import View, photographed, random_view

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Make = Callable[[Picture, np.random.Generator], Picture]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a page becomes a picture.

    Attributes:
        dpi: Resolution the page is painted at.
        make: From the painted page, 0 black to 255 white, to the picture: grey (rows, columns) or BGR.
    """

    dpi: int
    make: Make


def _plain(page: Picture, rng: np.random.Generator) -> Picture:
    return page


def _bilevel(limit: int) -> Make:
    """Black and white by one threshold: a low one leaves thin, broken strokes, a high one runs them together."""
    return lambda page, rng: np.where(page < limit, 0, 255).astype(np.uint8)


def _field(shape: tuple[int, ...], size: float, rng: np.random.Generator) -> Floats:
    """Smooth noise of mean 0 and deviation 1 whose blobs measure about `size` pixels."""
    small = rng.standard_normal((int(shape[0] / size) + 4, int(shape[1] / size) + 4)).astype(np.float32)
    field = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _resized(page: Picture, factor: float) -> Picture:
    return np.asarray(cv2.resize(page, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def halftone(page: Picture, rng: np.random.Generator) -> Picture:
    """Grey paper reproduced in dots of ink, 100 to the inch, as reprints of old editions are; from 600 to 300 dpi."""
    period, angle = 6, np.radians(45)
    ys, xs = np.mgrid[0 : page.shape[0], 0 : page.shape[1]].astype(np.float32)
    u = (xs * np.cos(angle) + ys * np.sin(angle)) * (2 * np.pi / period)
    v = (ys * np.cos(angle) - xs * np.sin(angle)) * (2 * np.pi / period)
    screen = (np.cos(u) + np.cos(v)) / 4 + 0.5
    tone = (0.86 + 0.03 * _field(page.shape, 300, rng)) * page / 255
    return _resized(np.where(tone < 1 - screen, 0, 255).astype(np.uint8), 0.5)


def strong_jpeg(page: Picture, rng: np.random.Generator) -> Picture:
    """Saved over and over as a poor JPEG."""
    for quality in (22, 18):
        buffer = io.BytesIO()
        Image.fromarray(page).save(buffer, "JPEG", quality=quality)
        page = np.array(Image.open(buffer).convert("L"), np.uint8)
    return page


def show_through(page: Picture, rng: np.random.Generator) -> Picture:
    """Thin paper: the back of the page, mirrored, shimmers through at a third of its ink."""
    back = cv2.GaussianBlur(page[:, ::-1], (0, 0), 2.0).astype(np.float32)
    back = np.roll(back, (int(rng.integers(-80, 80)), int(rng.integers(-80, 80))), (0, 1))
    return np.clip(page.astype(np.float32) - 0.33 * (255 - back) - 12, 0, 255).astype(np.uint8)


def foxed(page: Picture, rng: np.random.Generator) -> Picture:
    """Brown, stained, grainy paper with faded ink."""
    paper = 185 + 12 * _field(page.shape, 400, rng) + 6 * _field(page.shape, 3, rng)
    stains = np.clip(_field(page.shape, 120, rng) - 1.4, 0, 1)
    ink = 75 + 12 * _field(page.shape, 40, rng)
    share = page.astype(np.float32) / 255
    return np.clip(share * (paper - 60 * stains) + (1 - share) * ink, 0, 255).astype(np.uint8)


def worn(page: Picture, rng: np.random.Generator) -> Picture:
    """A worn plate: level strokes broken here and there, strokes nibbled at, specks; then black and white."""
    level = cv2.morphologyEx(255 - page, cv2.MORPH_OPEN, np.ones((1, 41), np.uint8))
    gaps = (_field(page.shape, 9, rng) + 0.5 * _field(page.shape, 70, rng)) > 1.25
    result = page.astype(np.float32)
    result[gaps & (level > 60)] = 255
    result += 60 * _field(page.shape, 2.2, rng)
    picture = np.where(cv2.GaussianBlur(result, (0, 0), 0.8) < 140, 0, 255).astype(np.uint8)
    specks = cv2.dilate((rng.random(page.shape) > 0.9999).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    picture[specks] = 0
    return picture


def photocopied(page: Picture, rng: np.random.Generator) -> Picture:
    """Three generations of a copier: softened, hardened, a little turned and specked each time."""
    for _ in range(3):
        angle = float(rng.normal(0, 0.4))
        turn = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), angle, 1.0)
        soft = cv2.GaussianBlur(page, (0, 0), 1.4).astype(np.float32) + 14 * _field(page.shape, 2.5, rng)
        hard = np.clip((soft - 150) * 3 + 128, 0, 255).astype(np.uint8)
        hard[rng.random(page.shape) > 0.9998] = 0
        page = np.asarray(cv2.warpAffine(hard, turn, (page.shape[1], page.shape[0]), borderValue=255), np.uint8)
    return page


def faxed(page: Picture, rng: np.random.Generator) -> Picture:
    """As a fax machine sends it: 204 x 196 dots to the inch, black and white, some rows lost or sent twice."""
    soft = cv2.GaussianBlur(page, (0, 0), 0.8).astype(np.float32) + 25 * _field(page.shape, 1.5, rng)
    dots = np.where(soft < 150, 0, 255).astype(np.uint8)
    rows = np.arange(len(dots)) + np.cumsum(rng.choice([-1, 0, 1], len(dots), p=[0.004, 0.992, 0.004]))
    return np.asarray(dots[np.clip(rows, 0, len(dots) - 1)], np.uint8)


def creased(page: Picture, rng: np.random.Generator) -> Picture:
    """Folded twice and crumpled: along each fold the ink is rubbed off and the paper bends; shades all over it."""
    rows, columns = page.shape
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    fields = [_field(page.shape, 260, rng) * 2.5 for _ in range(2)]
    bent = cv2.remap(page, xs + fields[0], ys + fields[1], cv2.INTER_LINEAR, borderValue=255).astype(np.float32)
    shade = 1 - 0.05 * np.abs(_field(page.shape, 300, rng))
    for away, size in ((np.abs(ys - 0.5 * rows), rows), (np.abs(xs - 0.47 * columns), columns)):
        rubbed = np.exp(-((away / (0.0016 * size)) ** 2)) * (_field(page.shape, 6, rng) > -0.3)
        bent += rubbed * (255 - bent)
        shade -= 0.2 * np.exp(-away / (0.01 * size))
    return np.clip(bent * shade, 0, 255).astype(np.uint8)


def from_screen(page: Picture, rng: np.random.Generator) -> Picture:
    """A photograph of a screen: its pixels, the three colours in each side by side, and the camera's beat with them."""
    rows, columns = page.shape
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    grid = 0.86 + 0.14 * np.cos(2 * np.pi * xs / 2.9) * np.cos(2 * np.pi * ys / 2.9)
    beat = 1 + 0.06 * np.cos(2 * np.pi * (xs + 0.3 * ys) / 170)
    share = np.stack([0.93 + 0.07 * np.cos(2 * np.pi * (xs / 2.9 + k / 3)) for k in range(3)], axis=2)
    seen = (30 + page.astype(np.float32) * 0.8)[:, :, None] * (grid * beat)[:, :, None] * share
    return np.clip(cv2.GaussianBlur(seen, (0, 0), 0.8), 0, 255).astype(np.uint8)


def library_copy(page: Picture, rng: np.random.Generator) -> Picture:
    """A worn plate, thickly inked, scanned askew with its lid open, kept black and white; from 400 to 200 dpi."""
    inked = heavy(worn(page, rng), rng)
    small = _resized(on_black(_turned(float(rng.normal(0, 1.5)))(inked, rng), rng), 0.5)
    return np.where(small < 150, 0, 255).astype(np.uint8)


def heavy(page: Picture, rng: np.random.Generator) -> Picture:
    """Over-inked: every stroke two pixels wider, small holes filled."""
    return np.asarray(cv2.erode(page, np.ones((3, 3), np.uint8)), np.uint8)


def _turned(degrees: float) -> Make:
    def make(page: Picture, rng: np.random.Generator) -> Picture:
        turn = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), degrees, 1.0)
        size = (page.shape[1], page.shape[0])
        return np.asarray(cv2.warpAffine(page, turn, size, flags=cv2.INTER_LINEAR, borderValue=255), np.uint8)

    return make


def cropped(page: Picture, rng: np.random.Generator) -> Picture:
    """Cut by a careless hand: nothing left around the ink but a few pixels."""
    rows, columns = np.flatnonzero((page < 128).any(1)), np.flatnonzero((page < 128).any(0))
    return np.ascontiguousarray(page[max(0, rows[0] - 4) : rows[-1] + 4, max(0, columns[0] - 4) : columns[-1] + 4])


def bound(page: Picture, rng: np.random.Generator) -> Picture:
    """A thick book on the glass of a scanner: towards the spine the page bends away, shortens and darkens."""
    rows, columns = page.shape
    away = np.exp(-np.arange(columns) / (0.05 * columns)).astype(np.float32)
    shortened = 1 - 0.45 * away
    place = np.cumsum(shortened)
    place = (place - place[0]) * (columns - 1) / (place[-1] - place[0])
    ys = np.arange(rows, dtype=np.float32)[:, None]
    map_y = ys + (ys / rows - 0.35) * (0.03 * rows) * away[None, :]
    map_x = np.broadcast_to(place.astype(np.float32)[None, :], (rows, columns))
    bent = cv2.remap(page, np.ascontiguousarray(map_x), map_y.astype(np.float32), cv2.INTER_LINEAR, borderValue=255)
    return np.clip(bent * (1 - 0.75 * away)[None, :], 0, 255).astype(np.uint8)


def stretched(page: Picture, rng: np.random.Generator) -> Picture:
    """Fed unevenly: six percent longer than wide."""
    return np.asarray(cv2.resize(page, None, fx=0.97, fy=1.03, interpolation=cv2.INTER_LINEAR), np.uint8)


def on_black(page: Picture, rng: np.random.Generator) -> Picture:
    """A sheet smaller than the glass, lid open: turned a little, black around it, another sheet's edge beside."""
    columns = page.shape[1]
    around = int(0.08 * columns)
    wide = cv2.copyMakeBorder(page, around, around, around, around, cv2.BORDER_CONSTANT, value=15)
    turn = cv2.getRotationMatrix2D((wide.shape[1] / 2, wide.shape[0] / 2), float(rng.normal(0, 1.2)), 1.0)
    seen = cv2.warpAffine(wide, turn, (wide.shape[1], wide.shape[0]), borderValue=15)
    seen[:, : around // 3] = 230
    return np.asarray(seen, np.uint8)


def annotated(page: Picture, rng: np.random.Generator) -> Picture:
    """A teacher's pencil: circles, strokes and numbers all over the page, and a yellow marker."""
    colour = np.repeat(page[:, :, None], 3, axis=2)
    height, width = page.shape
    for _ in range(25):
        x, y = int(rng.integers(width // 10, width * 9 // 10)), int(rng.integers(height // 10, height * 9 // 10))
        axes = (int(rng.integers(20, 90)), int(rng.integers(15, 50)))
        cv2.ellipse(colour, (x, y), axes, float(rng.uniform(0, 180)), 0, float(rng.uniform(200, 360)), (90, 90, 90), 3)
        cv2.putText(
            colour, str(rng.integers(1, 6)), (x + 60, y - 30), cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, 1.4, (80,) * 3, 3
        )
    for _ in range(4):
        x, y = int(rng.integers(width // 10, width // 2)), int(rng.integers(height // 10, height * 9 // 10))
        colour[y : y + 110, x : x + 500] = np.minimum(colour[y : y + 110, x : x + 500], (90, 245, 250))
    return np.asarray(colour, np.uint8)


def _view(height: int = 4000, noise: float = 0.0, blur: float = 0.0, **fixed: Any) -> Make:
    """A photograph as people take one, or as `fixed` says; more noise and blur than a good telephone's if wanted."""

    def make(page: Picture, rng: np.random.Generator) -> Picture:
        view = random_view(rng) if not fixed else View(**fixed)
        picture = photographed(page, view, rng, height)
        if blur:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.uint8)
        if noise:
            grain = rng.normal(0, noise, picture.shape).astype(np.float32)
            picture = np.clip(picture.astype(np.float32) + grain, 0, 255).astype(np.uint8)
        return picture

    return make


MANNERS: dict[str, Manner] = {
    "300 dpi": Manner(300, _plain),
    "200 dpi": Manner(200, _plain),
    "150 dpi": Manner(150, _plain),
    "1-bit, 200 dpi": Manner(200, _bilevel(140)),
    "1-bit, thin": Manner(300, _bilevel(60)),
    "1-bit, thick": Manner(300, _bilevel(235)),
    "halftone": Manner(600, halftone),
    "strong JPEG, 200 dpi": Manner(200, strong_jpeg),
    "show-through": Manner(300, show_through),
    "foxed paper": Manner(300, foxed),
    "worn plate": Manner(300, worn),
    "photocopy": Manner(300, photocopied),
    "heavy ink": Manner(300, heavy),
    "turned 3 degrees": Manner(300, _turned(3.0)),
    "turned -7 degrees": Manner(300, _turned(-7.0)),
    "cropped": Manner(300, cropped),
    "bound book": Manner(300, bound),
    "stretched": Manner(300, stretched),
    "on black": Manner(300, on_black),
    "pencil and marker": Manner(300, annotated),
    "fax": Manner(200, faxed),
    "creased": Manner(300, creased),
    "1-bit, 200 dpi, library copy": Manner(400, library_copy),
    "photo": Manner(300, _view()),
    "photo, from an angle": Manner(300, _view(tilt=(16.0, -14.0), turn=3.0, light=0.3)),
    "photo, shadow": Manner(300, _view(tilt=(4.0, 3.0), light=0.5, shadow=0.6)),
    "photo, curled": Manner(300, _view(tilt=(5.0, -4.0), curl=0.06, light=0.35)),
    "photo, uneven light": Manner(300, _view(tilt=(-3.0, 5.0), light=0.75, warm=1.0)),
    "photo, 1600 pixels": Manner(300, _view(1600, tilt=(5.0, 4.0), light=0.3)),
    "photo, dim": Manner(300, _view(noise=14.0, blur=1.2, tilt=(4.0, -5.0), light=0.4, warm=0.8)),
    "photo, too near": Manner(300, _view(share=1.06, tilt=(3.0, 3.0), light=0.3)),
    "photo, 24 degrees": Manner(300, _view(tilt=(24.0, -10.0), turn=-4.0, light=0.3)),
    "photo, 24 degrees aside": Manner(300, _view(tilt=(-6.0, 24.0), turn=3.0, light=0.3)),
    "photo, much curled": Manner(300, _view(tilt=(7.0, -5.0), curl=0.13, light=0.4)),
    "photo, turned 15 degrees": Manner(300, _view(tilt=(5.0, 3.0), turn=15.0, light=0.3, share=0.95)),
    "photo, held": Manner(300, _view(tilt=(9.0, -8.0), turn=4.0, curl=0.05, light=0.4, thumbs=2, things=9)),
    "photo, full desk": Manner(300, _view(tilt=(8.0, 6.0), light=0.3, shadow=0.3, things=25, share=0.75)),
    "photo, white table": Manner(300, _view(tilt=(8.0, 6.0), light=0.3, table=215.0, share=0.8)),
    "photo, small on black": Manner(300, _view(tilt=(6.0, -5.0), light=0.2, table=12.0, share=0.55)),
    "photo, all at once": Manner(
        300,
        _view(noise=8.0, tilt=(15.0, -9.0), turn=4.0, curl=0.05, light=0.5, shadow=0.5, warm=0.5, thumbs=2, things=9),
    ),
    "photo, of a screen": Manner(300, from_screen),
}
"""All manners by name."""

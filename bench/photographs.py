"""Pages as a telephone's camera sees them: bent, seen from an angle, on a table or held, in uneven light, in shadow.

Pure functions from a painted page to a picture; everything random comes from one generator. What is done is geometry
and light only, so that a page read flat and the same page photographed can be compared note by note.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """How a page is photographed.

    Attributes:
        tilt: How far the camera leans to the side and back, in degrees.
        turn: How far it is turned about its axis, in degrees.
        curl: Height of the page's bulge as a share of its width: an open book, or paper that was folded.
        light: Share of the light that is missing at the darkest edge.
        shadow: Share of the light that the shadow of a hand or the telephone takes.
        share: Share of the picture's height that the page takes.
        warm: Reddening of the light, 0 none, 1 candle-like.
        thumbs: How many thumbs hold the page: the first at its left edge, the second at its right.
        things: How many things lie on the table: other sheets, bright and dark, some under the page's edge.
        table: Brightness of the table, 0 to 255; None for any dark one.
    """

    tilt: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    curl: float = 0.0
    light: float = 0.0
    shadow: float = 0.0
    share: float = 0.9
    warm: float = 0.0
    thumbs: int = 0
    things: int = 0
    table: float | None = None


def random_view(rng: np.random.Generator) -> View:
    """A view as people take one who mean to have the page read: up to 15 degrees aslant, a little light lost."""
    return View(
        tilt=(float(rng.normal(0, 7)), float(rng.normal(0, 7))),
        turn=float(rng.normal(0, 2.5)),
        curl=float(abs(rng.normal(0, 0.02))),
        light=float(rng.uniform(0.1, 0.55)),
        shadow=float(rng.uniform(0.0, 0.45)) if rng.random() < 0.6 else 0.0,
        share=float(rng.uniform(0.82, 0.95)),
        warm=float(rng.uniform(0.0, 0.7)),
    )


def photographed(
    page: Picture, view: View, rng: np.random.Generator, height: int = 4000, aspect: float = 3 / 4
) -> Picture:
    """A colour picture (height, width, BGR) of a grey page.

    Args:
        page: Brightness, rows by columns, 0 black to 255 white.
        view: How it is photographed.
        rng: For the table's grain, the shadow's place and the sensor's noise.
        height: Height of the picture in pixels; telephones have 4,000 and more.
        aspect: Its width in parts of its height: telephones take 3:4.
    """
    width = round(height * aspect)
    table = _with_things(_table((height, width), view.table, rng), view.things, rng)
    map_x, map_y, inside = _seen(page.shape, view, height, width)
    paper = cv2.remap(page, map_x, map_y, cv2.INTER_AREA, borderValue=255).astype(np.float32)
    # paper is never white to a camera, ink never black
    paper = 20 + paper * (225 - 20) / 255
    grey = _held(np.where(inside, paper, table).astype(np.float32), inside, view.thumbs, rng)
    lit = grey * _light((height, width), view, rng)
    colour = np.stack([lit * (1 - 0.3 * view.warm), lit * (1 - 0.1 * view.warm), lit], axis=2)
    colour = cv2.GaussianBlur(colour, (0, 0), 0.7)
    colour += rng.normal(0, 3.0, colour.shape).astype(np.float32)
    return np.clip(colour, 0, 255).astype(np.uint8)


def _seen(shape: tuple[int, ...], view: View, height: int, width: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """For each pixel of the picture, where on the page it is, and whether it is on it."""
    rows, columns = shape[:2]
    # the page lies in space with its middle at the origin, one unit high; it bulges towards the camera
    ys, xs = np.mgrid[-0.5:0.5:96j, -0.5:0.5:96j]
    aspect = columns / rows
    bulge = view.curl * aspect * np.cos(np.pi * xs)
    space = np.stack([xs * aspect, ys, -bulge])
    for axis, degrees in ((0, view.tilt[0]), (1, view.tilt[1]), (2, view.turn)):
        space = np.einsum("ij,jrc->irc", _rotation(axis, np.radians(degrees)), space)
    distance = 2.2
    flat = space[:2] * (distance / (distance + space[2]))
    size = max(np.ptp(flat[0]) / (width / height), np.ptp(flat[1]))
    scale = view.share * height / size
    at_x = width / 2 + (flat[0] - (flat[0].max() + flat[0].min()) / 2) * scale
    at_y = height / 2 + (flat[1] - (flat[1].max() + flat[1].min()) / 2) * scale
    return _inverted(at_x, at_y, (rows, columns), (height, width))


def _inverted(
    at_x: NDArray[np.float64], at_y: NDArray[np.float64], page: tuple[int, int], picture: tuple[int, int]
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The way back of a grid of page places seen at (at_x, at_y): cell by cell, each a quadrangle of the picture."""
    height, width = picture
    map_x = np.full(picture, -1e4, np.float32)
    map_y = np.full(picture, -1e4, np.float32)
    nodes_y = np.linspace(0, page[0] - 1, at_x.shape[0])
    nodes_x = np.linspace(0, page[1] - 1, at_x.shape[1])
    for i in range(at_x.shape[0] - 1):
        for j in range(at_x.shape[1] - 1):
            corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
            seen = np.array([(at_x[c], at_y[c]) for c in corners], np.float32)
            own = np.array([(nodes_x[c[1]], nodes_y[c[0]]) for c in corners], np.float32)
            x0, y0 = np.maximum(np.floor(seen.min(0)).astype(int), 0)
            x1, y1 = np.minimum(np.ceil(seen.max(0)).astype(int) + 1, (width, height))
            if x1 <= x0 or y1 <= y0:
                continue
            back = cv2.getPerspectiveTransform(seen, own)
            gy, gx = np.mgrid[y0:y1, x0:x1].astype(np.float64)
            w = back[2, 0] * gx + back[2, 1] * gy + back[2, 2]
            px = (back[0, 0] * gx + back[0, 1] * gy + back[0, 2]) / w
            py = (back[1, 0] * gx + back[1, 1] * gy + back[1, 2]) / w
            mine = (
                (px >= nodes_x[j] - 0.5) & (px <= nodes_x[j + 1] + 0.5)
                & (py >= nodes_y[i] - 0.5) & (py <= nodes_y[i + 1] + 0.5)
            )  # fmt: skip
            map_x[y0:y1, x0:x1][mine] = px[mine]
            map_y[y0:y1, x0:x1][mine] = py[mine]
    return map_x, map_y, map_x > -1e3


def _rotation(axis: int, angle: float) -> NDArray[np.float64]:
    matrix = np.eye(3)
    a, b = [k for k in range(3) if k != axis]
    matrix[a, a] = matrix[b, b] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix


def _with_things(table: Floats, things: int, rng: np.random.Generator) -> Floats:
    """A table with sheets and other things on it, turned as they happen to lie."""
    height, width = table.shape
    for _ in range(things):
        middle = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        size = (float(rng.uniform(0.1, 0.7)) * width, float(rng.uniform(0.03, 0.4)) * height)
        corners = cv2.boxPoints((middle, size, float(rng.uniform(0, 180))))
        cv2.fillPoly(table, [corners.astype(np.int32)], float(rng.choice([15.0, 90.0, 170.0, 235.0])))
    return table


def _held(picture: Floats, inside: NDArray[np.bool_], thumbs: int, rng: np.random.Generator) -> Floats:
    """A page held by its sides: a thumb on the left edge, another on the right, as broad as a staff is high or more."""
    height, width = picture.shape
    skin = np.zeros_like(picture)
    for side in range(thumbs):
        y = int(rng.uniform(0.5, 0.8) * height)
        across = np.flatnonzero(inside[y])
        if across.size:
            edge = int(across[-1] if side else across[0])
            reach = (int(rng.uniform(0.07, 0.1) * width), int(rng.uniform(0.03, 0.04) * width))
            cv2.ellipse(skin, (edge, y), reach, float(rng.uniform(-25, 25)), 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(skin, (0, 0), 0.003 * width)
    return np.asarray(picture * (1 - soft) + 150 * soft, np.float32)


def _table(shape: tuple[int, int], brightness: float | None, rng: np.random.Generator) -> Floats:
    """A table top: some brightness of its own with a grain along it."""
    grain = rng.normal(0, 1, (shape[0] // 8 + 1, shape[1] // 90 + 1)).astype(np.float32)
    grain = cv2.resize(grain, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    own = rng.uniform(40, 120) if brightness is None else brightness
    return (own + 9 * grain).astype(np.float32)


def _light(shape: tuple[int, int], view: View, rng: np.random.Generator) -> Floats:
    """The light over the picture, 0 to 1: falling off to one side, less within a shadow with a soft edge."""
    ys, xs = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    ys, xs = ys / shape[0] - 0.5, xs / shape[1] - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    along = xs * np.cos(angle) + ys * np.sin(angle)
    light = 1 - view.light * (along - along.min()) / np.ptp(along)
    if view.shadow:
        side = rng.uniform(0, 2 * np.pi)
        edge = xs * np.cos(side) + ys * np.sin(side) - rng.uniform(0.0, 0.3)
        edge += 0.06 * np.sin(7 * (ys * np.cos(side) - xs * np.sin(side)) + rng.uniform(0, 6))
        soft = rng.uniform(0.01, 0.06)
        light = light * (1 - view.shadow / (1 + np.exp(np.clip(-edge / soft, -30, 30))))
    return light.astype(np.float32)

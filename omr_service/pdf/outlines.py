"""Which music symbol an outline is: by its likeness to the symbols of the open music fonts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from omr_service.pdf.raster import coverage
from omr_service.pdf.shapes import Points
from omr_service.symbols import Box, Glyph

# How much of a distance a difference of aspect and of size makes, and how much of the latter is free: engravers print
# grace notes and cues small.
_ASPECT_WEIGHT = 0.5
_SIZE_WEIGHT = 0.6
_SMALLEST, _LARGEST = 0.5, 1.15
# Beyond this distance an outline is no known symbol; the symbols of one music font lie mostly within 0.3 of another's.
MAX_DISTANCE = 0.5
_TEMPERATURE = 0.06
# What hardly occurs in piano music must be the likelier by this much.
_RARE = re.compile(
    r"Diamond|XBlack|XHalf|15m[ab]|quindicesima|[gc]Clef8|fClef8|128th|timeSigPlus|keyboardPedal[PED]$|tremolo"
)
_RARE_DISTANCE = 0.06
_DIGIT = re.compile(r"^(?:timeSig|tuplet|fingering)(\d)$")
_MAX_POINTS = 4000


@dataclass(frozen=True)
class _Library:
    names: list[str]
    boxes: NDArray[np.float32]
    grids: NDArray[np.float32]
    aspects: NDArray[np.float32]
    sizes: NDArray[np.float32]
    handicaps: NDArray[np.float32]


@cache
def _library() -> _Library:
    with resources.files(__package__).joinpath("symbol_shapes.npz").open("rb") as file, np.load(file) as data:
        boxes = data["boxes"].astype(np.float32)
        grids = data["grids"].astype(np.float32).reshape(len(boxes), -1) / 255.0
        names = [str(name) for name in data["names"]]
    spans = boxes[:, 2:] - boxes[:, :2]
    return _Library(
        names=names,
        boxes=boxes,
        grids=grids,
        aspects=np.log(spans[:, 0] / spans[:, 1]),
        sizes=np.sqrt(spans[:, 0] * spans[:, 1]),
        handicaps=np.array([_RARE_DISTANCE if _RARE.search(name) else 0.0 for name in names], dtype=np.float32),
    )


@cache
def known_box(name: str) -> tuple[float, float, float, float] | None:
    """Returns the ink of a symbol in ems around its origin, y up, midway among the known fonts; None for no symbol."""
    library = _library()
    rows = [index for index, other in enumerate(library.names) if other == name]
    if not rows:
        return None
    x0, y0, x1, y1 = np.median(library.boxes[rows], axis=0).tolist()
    return x0, y0, x1, y1


def symbol_grids(prefix: str) -> list[tuple[NDArray[np.float32], float, float]]:
    """Returns (coverage of each cell, row 0 lowest; width and height in ems) of the symbols named so, in all fonts."""
    library = _library()
    side = int(library.grids.shape[1] ** 0.5)
    spans = (library.boxes[:, 2:] - library.boxes[:, :2]).tolist()
    return [
        (library.grids[row].reshape(side, side), *spans[row])
        for row, name in enumerate(library.names)
        if name.startswith(prefix)
    ]


@dataclass(frozen=True, slots=True)
class Likeness:
    """A symbol an outline may be.

    Attributes:
        name: SMuFL name.
        distance: 0 for the very outline of a known font; above `MAX_DISTANCE` it is something else.
        probability: Among the symbols it may be.
        box: The symbol's ink in ems around its origin, y up.
    """

    name: str
    distance: float
    probability: float
    box: tuple[float, float, float, float]


def likenesses(polygons: list[Points], em: float | None) -> list[Likeness]:
    """Returns what symbols an outline may be, likeliest first; empty when it is like none.

    Args:
        polygons: Its contours, y up.
        em: What an em of full-size music measures in the outline's units; None when that is not known.
    """
    if not polygons or sum(len(p) for p in polygons) > _MAX_POINTS:
        return []
    grid = coverage(polygons)
    if grid is None:
        return []
    library = _library()
    every = np.concatenate(polygons)
    width, height = (every.max(axis=0) - every.min(axis=0)).tolist()
    flat = grid.reshape(1, -1)
    overlap = np.minimum(library.grids, flat).sum(axis=1)
    union = np.maximum(library.grids, flat).sum(axis=1)
    distances = 1.0 - overlap / np.maximum(union, 1e-6) + library.handicaps
    distances += _ASPECT_WEIGHT * np.abs(library.aspects - np.log(width / height))
    if em is not None:
        ratio = sqrt(width * height) / em / library.sizes
        off = np.maximum(np.log(_SMALLEST / ratio), np.log(ratio / _LARGEST))
        distances += _SIZE_WEIGHT * np.maximum(off, 0.0) + 0.05 * np.abs(np.log(ratio))
    best: dict[str, int] = {}
    for index in np.argsort(distances, kind="stable")[:24].tolist():
        if distances[index] > MAX_DISTANCE:
            break
        best.setdefault(library.names[index], index)
    if not best:
        return []
    nearest = float(distances[next(iter(best.values()))])
    weights = {name: exp((nearest - float(distances[index])) / _TEMPERATURE) for name, index in best.items()}
    total = sum(weights.values())
    out: list[Likeness] = []
    for name, index in best.items():
        x0, y0, x1, y1 = library.boxes[index].tolist()
        out.append(Likeness(name, float(distances[index]), weights[name] / total, (x0, y0, x1, y1)))
    return out


_EITHER = 0.1
"""By which a dot must likelier be one for staccato to be called so."""


def _kind(name: str) -> str:
    """Returns what symbols of the same shape have in common."""
    if name in ("augmentationDot", "articStaccatoAbove"):
        return "dot"
    if name in ("restWhole", "restHalf"):
        return "bar"
    if name.startswith("ottava"):
        return "ottava"
    digit = _DIGIT.match(name)
    return digit.group(1) if digit else name


def same_shape(one: str, other: str) -> bool:
    """Returns whether symbols look alike, however they are named."""
    return _kind(one) == _kind(other)


def confidence_of(distance: float) -> float:
    """Returns how surely an outline at a distance is a known symbol at all, 0 to 1."""
    return exp(-((distance / 0.6) ** 2))


def placed(likeness: list[Likeness], ink: Box, em: float | None = None) -> Glyph:
    """Returns the symbol that an outline with a given ink is, its origin found by laying the known symbol's ink on it.

    Its confidence counts symbols of one shape, as all dots are, as one: the place tells them apart, not the outline. A
    dot whose size does not tell either is called one that lengthens.

    Args:
        likeness: What it may be, likeliest first; not empty.
        ink: Where it is, in page points.
        em: Its em size in points when that is known.
    """
    if _kind(likeness[0].name) == "dot":
        likeness = sorted(likeness, key=lambda o: -o.probability - (_EITHER if o.name == "augmentationDot" else 0.0))
    first = likeness[0]
    kin = sum(other.probability for other in likeness if _kind(other.name) == _kind(first.name))
    x0, y0, x1, y1 = first.box
    scale = ((ink.x1 - ink.x0) + (ink.y1 - ink.y0)) / ((x1 - x0) + (y1 - y0))
    sure = confidence_of(first.distance)
    others = [other for other in likeness[1:5] if other.probability > 0.01]
    return Glyph(
        name=first.name,
        x=ink.x0 - x0 * scale,
        y=ink.y1 + y0 * scale,
        box=ink,
        size=em if em is not None else scale,
        confidence=sure * kin,
        alternatives=tuple((other.name, sure * other.probability) for other in others),
    )

"""The symbol detector: a normalised page in, symbols as points and lines as masks out. Runs in ONNX Runtime."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etude.inference import onnxruntime
from omr_service.scan.vocabulary import LINES, MASK_STRIDE, POINT_STRIDE, STAFF_SPACE

WEIGHTS = Path(__file__).parent / "weights" / "detector.onnx"
INPUT = "ink"
OUTPUTS = ("logits", "places", "masks")
"""What the network answers: of points the logits, since the softmax of all cells would take a quarter of its time."""
SEEN = 0.12
"""Least probability of a point that is reported: lower ones are for the reader's context to raise or drop."""
_HOPELESS = -9.0
"""By how much the logit of any class is below that of "nothing" where there is nothing to 98 % at least."""
SIDE = 1792
"""Side in pixels of a square as large as the largest tile: an A4 page is one tile, and a tile takes some 600 MB."""
MARGIN = 128
"""Pixels around a tile that are looked at, too."""
_MULTIPLE = 16
_ALTERNATIVES = 3
_APART = 0.35
"""Staff spaces within which two symbols do not stand."""
_SURELY_APART = 0.6
"""The same where a symbol's cells are no more probable than those around them."""
_FARTHEST = 1.5
"""Cells, each way, between a cell's middle and the symbol it points at at most."""
_OWN_CELL = 0.8
"""Cells, each way, between a symbol and the middle of a cell of its own at most; the network was taught 0.75."""


@dataclass(frozen=True, slots=True)
class Point:
    """A symbol.

    Attributes:
        name: Point class; see `vocabulary.POINTS`.
        x, y: Its point in pixels: the middle of its ink, for noteheads, rests, accidentals, clefs and time signatures
            at the height of the SMuFL origin.
        width, height: Size of its ink in pixels.
        probability: Of `name`, 0 to 1.
        alternatives: Other classes with their probabilities, most probable first.
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    probability: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Detections:
    """What is on a page.

    Attributes:
        points: Symbols, most probable first.
        masks: uint8 (lines, ceil(height / 2), ceil(width / 2)): probability of each line class, 255 for 1, per cell of
            MASK_STRIDE pixels.
    """

    points: tuple[Point, ...]
    masks: NDArray[np.uint8]

    def mask(self, line: str) -> NDArray[np.uint8]:
        """The mask of a line class; see `vocabulary.LINES`.

        Raises:
            ValueError: There is no such class.
        """
        return np.asarray(self.masks[LINES.index(line)])


class Detector:
    """A loaded detector. Not to be used from two threads at once."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Opens the weights.

        Args:
            path: ONNX file of `omr_service.training`.
            threads: Threads it computes with; 0 for as many as there are cores.

        Raises:
            onnxruntime.capi.onnxruntime_pybind11_state.Fail: The file is not ONNX.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._run_options = onnxruntime.RunOptions()
        # the memory of a large page is given back once it is read
        self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        known = self._session.get_modelmeta().custom_metadata_map
        self.classes = tuple(known["points"].split())
        """Point classes of these weights, in their order."""
        self.lines = tuple(known["lines"].split())
        """Line classes of these weights."""
        self.version = known["version"]
        self.digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"

    @staticmethod
    @functools.cache
    def load(threads: int = 0) -> Detector:
        """The detector with the weights that are shipped, opened once per process."""
        return Detector(WEIGHTS, threads)

    def detect(self, page: NDArray[np.uint8], part: tuple[int, int, int, int] | None = None) -> Detections:
        """What is on a page.

        Args:
            page: uint8 (height, width), dark ink on white, staff lines level, staff space `STAFF_SPACE` pixels.
            part: The part that is looked at (top, left, bottom, right); None for all of it.

        Raises:
            ValueError: The page is no such array.
        """
        if page.ndim != 2 or page.dtype != np.uint8 or 0 in page.shape:
            raise ValueError("A page is a non-empty uint8 array of two dimensions.")
        height, width = page.shape
        shape = (len(LINES), -(-height // MASK_STRIDE), -(-width // MASK_STRIDE))
        masks = np.zeros(shape, np.uint8)
        order = [self.lines.index(line) for line in LINES]
        points: list[Point] = []
        for tile in tiles(height, width) if part is None else tiles_of(part, height, width):
            top, left, bottom, right = tile.seen
            probabilities, places, drawn = self.run(page[top:bottom, left:right])
            for point in find_points(probabilities, places, self.classes):
                x, y = point.x + left, point.y + top
                if tile.left <= x < tile.right and tile.top <= y < tile.bottom:
                    points.append(_at(point, x, y))
            own = masks[:, tile.top // 2 : -(-tile.bottom // 2), tile.left // 2 : -(-tile.right // 2)]
            y0, x0 = (tile.top - top) // 2, (tile.left - left) // 2
            own[:] = drawn[order, y0 : y0 + own.shape[1], x0 : x0 + own.shape[2]]
        points.sort(key=lambda p: -p.probability)
        return Detections(tuple(points), masks)

    def run(self, page: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
        """The network's answer on a page of any size: probabilities (see `probabilities_of`), places and masks; see
        `training.net`."""
        height, width = page.shape
        padded = np.full((-(-height // _MULTIPLE) * _MULTIPLE, -(-width // _MULTIPLE) * _MULTIPLE), 255, np.uint8)
        padded[:height, :width] = page
        ink = ((255 - padded).astype(np.float32) * np.float32(1 / 255))[None, None]
        logits, places, masks = self._session.run(list(OUTPUTS), {INPUT: ink}, self._run_options)
        return probabilities_of(logits[0]), places[0], masks[0]


def probabilities_of(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probabilities of "nothing" and of each class per cell, (1 + classes, rows, columns), from their logits.

    Where there is hardly anything, as in nearly all cells, "nothing" is taken for certain.
    """
    probabilities = np.zeros_like(logits)
    probabilities[0] = 1.0
    row, column = np.nonzero(logits[1:].max(0) - logits[0] > _HOPELESS)
    some = logits[:, row, column]
    powers = np.exp(some - some.max(0))
    probabilities[:, row, column] = powers / powers.sum(0)
    return probabilities


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a page in pixels, and the part that is looked at for it: (top, left, bottom, right)."""

    top: int
    left: int
    bottom: int
    right: int
    seen: tuple[int, int, int, int]


def tiles(height: int, width: int, side: int = SIDE, margin: int = MARGIN) -> Iterator[Tile]:
    """Cuts a page into tiles of at most `side` squared pixels, of as little edge as may be, at even pixels."""
    rows, columns = _grid(height, width, side)
    for top, bottom in _cuts(height, rows):
        for left, right in _cuts(width, columns):
            seen = (
                max(0, top - margin),
                max(0, left - margin),
                min(height, bottom + margin),
                min(width, right + margin),
            )
            yield Tile(top, left, bottom, right, seen)


def tiles_of(part: tuple[int, int, int, int], height: int, width: int) -> Iterator[Tile]:
    """Cuts a part (top, left, bottom, right) of a page into tiles as `tiles` does; nothing beyond it is looked at."""
    top, left = (max(0, side // _MULTIPLE * _MULTIPLE) for side in part[:2])
    bottom, right = min(height, part[2]), min(width, part[3])
    for tile in tiles(bottom - top, right - left):
        a, b, c, d = tile.seen
        seen = (a + top, b + left, c + top, d + left)
        yield Tile(tile.top + top, tile.left + left, tile.bottom + top, tile.right + left, seen)


def _grid(height: int, width: int, side: int) -> tuple[int, int]:
    """Into how many rows and columns a page is cut: those with the least inner edge, which is looked at twice."""
    most = -(-height * width // (side * side))
    grids = [(rows, -(-height * width // (rows * side * side))) for rows in range(1, most + 1)]
    return min(grids, key=lambda grid: (grid[0] - 1) * width + (grid[1] - 1) * height)


def _cuts(length: int, count: int) -> list[tuple[int, int]]:
    step = -(-length // count // _MULTIPLE) * _MULTIPLE
    return [(start, min(length, start + step)) for start in range(0, length, step)]


def find_points(
    probabilities: NDArray[np.float32], places: NDArray[np.float32], classes: tuple[str, ...], seen: float = SEEN
) -> list[Point]:
    """The symbols that a map of points shows, most probable first.

    Every cell of a symbol points at its place; of those that point at the same place the most probable counts. The
    cells of two symbols touch where the symbols are two cells apart (a dot at its head, heads a third apart): not every
    symbol has a cell that is more probable than all around it.

    Args:
        probabilities: (1 + classes, rows, columns), the first for "nothing".
        places: (4, rows, columns); see `training.net`.
        classes: Names of the classes.
        seen: Least probability reported.
    """
    something = 1.0 - probabilities[0]
    rows, columns = something.shape
    padded = np.pad(something, 1)
    highest = padded[1:-1, 1:-1].copy()
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            np.maximum(highest, padded[dy : dy + rows, dx : dx + columns], out=highest)
    top = something >= highest
    own = np.abs(places[:2]).max(0) < _OWN_CELL
    row, column = np.nonzero((top | own) & (something > seen))
    order = np.argsort(-something[row, column], kind="stable")
    row, column = row[order], column[order]
    values = probabilities[1:, row, column].T
    offset = np.clip(places[:2, row, column], -_FARTHEST, _FARTHEST)
    x = (column + 0.5 + offset[0]) * POINT_STRIDE
    y = (row + 0.5 + offset[1]) * POINT_STRIDE
    apart = np.where(top[row, column], _APART, _SURELY_APART) * STAFF_SPACE
    size = np.exp(np.clip(places[2:, row, column], -4.0, 4.0)) * STAFF_SPACE
    best = np.argsort(-values, axis=1, kind="stable")[:, : _ALTERNATIVES + 1]
    taken: dict[tuple[int, int], list[int]] = {}
    found: list[Point] = []
    for i in range(len(row)):
        cell = (int(x[i] // STAFF_SPACE), int(y[i] // STAFF_SPACE))
        near = (j for dx in (-1, 0, 1) for dy in (-1, 0, 1) for j in taken.get((cell[0] + dx, cell[1] + dy), ()))
        if any(max(abs(x[i] - x[j]), abs(y[i] - y[j])) < apart[i] for j in near):
            continue
        taken.setdefault(cell, []).append(i)
        ranked = [(classes[k], float(values[i, k])) for k in best[i]]
        others = tuple((name, p) for name, p in ranked[1:] if p >= 0.02)
        name, probability = ranked[0]
        found.append(Point(name, float(x[i]), float(y[i]), float(size[0, i]), float(size[1, i]), probability, others))
    return found


def _at(point: Point, x: float, y: float) -> Point:
    return Point(point.name, x, y, point.width, point.height, point.probability, point.alternatives)

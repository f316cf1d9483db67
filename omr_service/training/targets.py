"""What the network should answer on a patch, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.vocabulary import MASK_STRIDE, POINT_STRIDE, STAFF_SPACE
from omr_service.training.canvas import UNKNOWN

NOTHING = 0
IGNORED = 255
SURE, NEAR = 0.75, 1.3
"""Greatest distance in cells, each way, of a cell's middle from a symbol for the cell to be the symbol's; and up to
which the cell may answer as it likes."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Answers for one patch.

    Attributes:
        classes: uint8 (rows, columns) at POINT_STRIDE: NOTHING, 1 + point class, or IGNORED.
        places: float32 (4, rows, columns), see `net`; of use where `classes` is a class.
        masks: uint16 (rows, columns) at MASK_STRIDE: bits as in `PageLabels`.
    """

    classes: NDArray[np.uint8]
    places: NDArray[np.float32]
    masks: NDArray[np.uint16]


def make_targets(points: NDArray[np.float32], masks: NDArray[np.uint16]) -> Targets:
    """Returns the answers for a patch with these labels; its sides are multiples of both strides."""
    rows, columns = masks.shape[0] // POINT_STRIDE, masks.shape[1] // POINT_STRIDE
    classes = np.zeros((rows, columns), np.uint8)
    places = np.zeros((4, rows, columns), np.float32)
    unknown = (masks >> UNKNOWN).astype(np.uint8)
    k = POINT_STRIDE
    classes[unknown.reshape(rows, k, columns, k).max(axis=(1, 3)) > 0] = IGNORED
    nearest = np.full((rows, columns), np.inf, np.float32)
    for reach in (NEAR, SURE):  # first what may be left open, so that a symbol's own cells come over it
        for kind, x, y, width, height in points:
            px, py = x / k, y / k
            for row in range(max(0, int(np.ceil(py - reach - 0.5))), min(rows, int(py + reach - 0.5) + 1)):
                for column in range(max(0, int(np.ceil(px - reach - 0.5))), min(columns, int(px + reach - 0.5) + 1)):
                    dx, dy = px - column - 0.5, py - row - 0.5
                    distance = dx * dx + dy * dy
                    if reach == NEAR:
                        classes[row, column] = IGNORED
                    elif distance < nearest[row, column]:
                        nearest[row, column] = distance
                        classes[row, column] = 1 + int(kind)
                        size = np.log(np.maximum((width, height), 0.5) / STAFF_SPACE)
                        places[:, row, column] = (dx, dy, size[0], size[1])
    m = MASK_STRIDE
    blocks = masks.reshape(masks.shape[0] // m, m, masks.shape[1] // m, m)
    return Targets(classes, places, np.bitwise_or.reduce(np.bitwise_or.reduce(blocks, axis=3), axis=1))

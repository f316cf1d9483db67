"""Intervals as the tables of a learned model tell them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

WIDE = 18
"""Semitones up to which steps are told apart one by one."""
STEPS = 2 * WIDE + 1
"""Steps that are told apart so, downwards and upwards."""
_EDGES = np.array([-8, -5, -3, -2, -1, 0, 1, 2, 3, 5, 8])
COARSE = len(_EDGES)
"""Classes of intervals."""


def coarse(interval: Ints) -> Ints:
    """Intervals in semitones as one of eleven classes."""
    return np.clip(np.searchsorted(_EDGES, interval, side="right") - 1, 0, COARSE - 1)

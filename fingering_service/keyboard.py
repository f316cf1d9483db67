"""The geometry of the piano keyboard, as seen by either hand.

Left-hand music is mirrored around D, where the keyboard is its own mirror image: a left hand then meets exactly what
a right hand would, thumb towards higher keys, and one set of costs and one model serve both hands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIRROR_SUM = 124
"""MIDI number plus mirrored MIDI number: D4 (62) is its own image."""

_BLACK = (False, True, False, True, False, False, True, False, True, False, True, False)


def mirrored(midi: int) -> int:
    """The key that is to a left hand what `midi` is to a right hand."""
    return MIRROR_SUM - midi


def is_black(midi: int) -> bool:
    """True for a black key."""
    return _BLACK[midi % 12]


def black_keys(midi: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True where a MIDI number is a black key."""
    return np.asarray(_BLACK)[midi % 12]

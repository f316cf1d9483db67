"""The geometry of the piano keyboard, as seen by either hand.

Left-hand music is mirrored around D, where the keyboard is its own mirror image: a left hand then meets exactly what
a right hand would, thumb towards higher keys, and one set of costs and one model serve both hands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIRROR_SUM = 124
"""MIDI number plus mirrored MIDI number: D4 (62) is its own image."""

WHITE_KEY_MM = 23.5
"""Distance between the middles of neighbouring white keys, in millimetres."""

_BLACK = (False, True, False, True, False, False, True, False, True, False, True, False)

# Middle of each key of an octave, in white-key widths from the middle of C. Black keys are not centred on the gaps:
# the outer ones of a group lie outwards, as on real instruments.
_POSITION = (0.0, 0.45, 1.0, 1.55, 2.0, 3.0, 3.42, 4.0, 4.5, 5.0, 5.58, 6.0)


def mirrored(midi: int) -> int:
    """The key that is to a left hand what `midi` is to a right hand."""
    return MIRROR_SUM - midi


def is_black(midi: int) -> bool:
    """True for a black key."""
    return _BLACK[midi % 12]


def black_keys(midi: NDArray[np.int64]) -> NDArray[np.bool_]:
    """True where a MIDI number is a black key."""
    return np.asarray(_BLACK)[midi % 12]


def positions_mm(midi: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distance of the middle of each key from the middle of MIDI key 0, in millimetres."""
    octave = np.asarray(_POSITION)[midi % 12] + 7.0 * (midi // 12)
    return np.asarray(octave * WHITE_KEY_MM)

"""Figures that come back: a player gives the same keys in the same rhythm the same fingers, in whichever octave.

A model prices every place by itself, and where what lies farther off differs its choice may flip by a finger. So each
place of a figure that comes back is decided by the mean of the probabilities of all its occurrences. Within a few
slices, as in an Alberti bass, a shorter figure will do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice

REACH = 2
"""Slices of a figure on either side of the one in its middle."""
SHORT_REACH = 1
"""The same of a figure that comes back at once."""
AT_ONCE = 8
"""Slices within which a short figure comes back."""

_ABSENT = -1_000
_HELD = 500
"""Added to the pitches of held keys."""
_TICKS = 480
"""Per quarter note; times are compared to that precision."""
_LONGEST = 30_000


def shared(probability: NDArray[np.float64], lattice: Lattice) -> NDArray[np.float64]:
    """Probabilities of fingers, [T, K, 5], each the mean over the places where its figure occurs."""
    result = probability.copy()
    for places in occurrences(lattice):
        result[places] = probability[places].mean(axis=0)
    for places in occurrences(lattice, SHORT_REACH):
        for close in np.split(places, np.flatnonzero(np.diff(places) > AT_ONCE) + 1):
            result[close] = result[close].mean(axis=0)
    return result


def occurrences(lattice: Lattice, reach: int = REACH) -> list[NDArray[np.int64]]:
    """The slices in the middle of each figure that occurs at least twice, by figure.

    Args:
        lattice: A hand's line.
        reach: Slices of a figure on either side of its middle.
    """
    count = len(lattice)
    middles = np.arange(reach, count - reach)
    if len(middles) < 2:
        return []
    base = lattice.pitch[:, 0] // 12 * 12
    times = np.minimum(np.round(lattice.ioi * _TICKS), _LONGEST)
    columns = []
    for offset in range(-reach, reach + 1):
        there = middles + offset
        keys = lattice.pitch[there] - base[middles][:, None] + _HELD * ~lattice.struck[there]
        columns.append(np.where(lattice.present[there], keys, _ABSENT))
        if offset > -reach:
            columns.append(times[there][:, None])
    signs = np.concatenate(columns, axis=1).astype(np.int16)
    found: dict[bytes, list[int]] = {}
    for middle, sign in zip(middles.tolist(), signs, strict=True):
        found.setdefault(sign.tobytes(), []).append(middle)
    return [np.array(places) for places in found.values() if len(places) > 1]

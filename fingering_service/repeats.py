"""Figures that come back: a player gives the same keys in the same rhythm the same fingers, in whichever octave.

A model prices every place by itself, and where what lies farther off differs its choice may flip by a finger. So each
place of a figure that comes back is decided by the mean of the probabilities of all its occurrences.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice

REACH = 2
"""Slices of a figure on either side of the one in its middle."""

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
    return result


def occurrences(lattice: Lattice) -> list[NDArray[np.int64]]:
    """The slices in the middle of each figure that occurs at least twice, by figure."""
    count = len(lattice)
    middles = np.arange(REACH, count - REACH)
    if len(middles) < 2:
        return []
    base = lattice.pitch[:, 0] // 12 * 12
    times = np.minimum(np.round(lattice.ioi * _TICKS), _LONGEST)
    columns = []
    for offset in range(-REACH, REACH + 1):
        there = middles + offset
        keys = lattice.pitch[there] - base[middles][:, None] + _HELD * ~lattice.struck[there]
        columns.append(np.where(lattice.present[there], keys, _ABSENT))
        if offset > -REACH:
            columns.append(times[there][:, None])
    signs = np.concatenate(columns, axis=1).astype(np.int16)
    found: dict[bytes, list[int]] = {}
    for middle, sign in zip(middles.tolist(), signs, strict=True):
        found.setdefault(sign.tobytes(), []).append(middle)
    return [np.array(places) for places in found.values() if len(places) > 1]

"""Where a hand plays a scale: the passages whose fingers every method prescribes, whatever is comfortable."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingering_service.keyboard import MIRROR_SUM
from fingering_service.lattice import Lattice

RUN = 7
"""Keys in a row, by step and one way, that make a scale; fewer lie under the hand or with one turn of the thumb."""

_PATTERNS = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11))
"""The major and the harmonic minor scale, in semitones above the tonic."""


def _scales_of_steps() -> NDArray[np.int64]:
    """[12, 12] by pitch class and semitones upwards: the scales that have this step, one bit each."""
    scales = [sorted((tonic + step) % 12 for step in pattern) for pattern in _PATTERNS for tonic in range(12)]
    scales.append(list(range(12)))
    table = np.zeros((12, 12), dtype=np.int64)
    for bit, keys in enumerate(scales):
        for key, after in zip(keys, keys[1:] + keys[:1], strict=True):
            table[key, (after - key) % 12] |= 1 << bit
    return table


_SCALES_OF_STEPS = _scales_of_steps()


def in_scale(lattice: Lattice) -> NDArray[np.bool_]:
    """[T] True for slices of one struck key that are part of a run of one major, harmonic minor or chromatic scale."""
    count = len(lattice)
    result = np.zeros(count, dtype=np.bool_)
    if count < RUN:
        return result
    pitch = lattice.pitch[np.arange(count), lattice.low].astype(np.int64)
    if not lattice.right:  # the mirror image of a minor scale is none
        pitch = MIRROR_SUM - pitch
    single = lattice.low == lattice.high
    before, now = pitch[:-1], pitch[1:]
    step = now - before
    near = single[1:] & single[:-1] & (np.abs(step) < 12)
    scales = np.where(near, _SCALES_OF_STEPS[np.minimum(before, now) % 12, np.abs(step) % 12], 0)
    for way in (1, -1):
        shared = np.where(np.sign(step) == way, scales, 0)
        run = np.bitwise_and.reduce(np.lib.stride_tricks.sliding_window_view(shared, RUN - 1), axis=1) != 0
        for first in np.flatnonzero(run):
            result[first : first + RUN] = True
    return result

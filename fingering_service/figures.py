"""What a learned model looks at beyond the neighbouring slices: runs, the colours of the keys ahead, hand frames.

A frame is the stretch of music around a slice that a hand can play without moving: it grows slice by slice until its
keys no longer lie within a limit. How many keys a frame has, and which of them a key is, says most about the finger of
a key in a five-finger figure, a broken chord or an Alberti bass.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FRAME_LIMITS = (7, 12)
"""Semitones of a narrow frame (five fingers at rest) and of a wide one (an octave)."""

FRAME_SLICES = 8
"""Slices a frame looks ahead or back."""

FRAME_KEYS = 6
"""Keys of a frame above or below a key are counted up to one less than this."""

RUN = 6
"""Slices of a run are counted up to one less than this."""

_STEPWISE, _BROKEN = 2, 5
"""Greatest intervals, in semitones, of scales and of broken chords."""


def key_counts(now: Ints, limit: int, lags: Iterable[int]) -> Ints:
    """How many keys of the frame lie below and above each outer key.

    Args:
        now: [T, 2] lowest and highest struck key of each slice.
        limit: Semitones the keys of a frame may lie apart.
        lags: Slices to look at, nearest first: 1, 2, ... ahead, -1, -2, ... back, or both in turn.

    Returns:
        [T, 2, 2] by outer key: different keys below it, above it.
    """
    count = len(now)
    top, bottom = now[:, 1].copy(), now[:, 0].copy()
    alive = np.ones(count, dtype=np.bool_)
    seen = np.zeros((count, 2, 2 * limit + 1), dtype=np.bool_)
    at = np.arange(count)
    for lag in lags:
        there = at + lag
        alive &= (there >= 0) & (there < count)
        other = now[np.clip(there, 0, count - 1)]
        new_top, new_bottom = np.maximum(top, other[:, 1]), np.minimum(bottom, other[:, 0])
        alive &= new_top - new_bottom <= limit
        if not alive.any():
            break
        top, bottom = np.where(alive, new_top, top), np.where(alive, new_bottom, bottom)
        rows = np.flatnonzero(alive)
        for voice in (0, 1):
            for key in (0, 1):
                seen[rows, voice, other[rows, key] - now[rows, voice] + limit] = True
    wide = now[:, 1] - now[:, 0] <= limit
    for voice in (0, 1):
        rows = np.flatnonzero(wide)
        seen[rows, voice, now[rows, 1 - voice] - now[rows, voice] + limit] = True
    below, above = seen[:, :, :limit].sum(axis=2), seen[:, :, limit + 1 :].sum(axis=2)
    return np.stack([below, above], axis=2)


def runs(now: Ints, *, ahead: bool) -> tuple[Ints, Ints]:
    """How long each outer line goes on the same way, and by what steps.

    Args:
        now: [T, 2] lowest and highest struck key of each slice.
        ahead: Looks ahead; else back.

    Returns:
        [T, 2] length with a sign, positive where the line rises in time, at most RUN - 1 either way; [T, 2] 0 for
        steps of a scale, 1 for those of a broken chord, 2 for wider ones.
    """
    count = len(now)
    length = np.zeros((count, 2), dtype=np.int64)
    kind = np.zeros((count, 2), dtype=np.int64)
    step = np.zeros((count, 2), dtype=np.int64)
    step[:-1] = now[1:] - now[:-1]
    if not ahead:
        step = np.roll(step, 1, axis=0)
        step[:1] = 0
    first = np.sign(step)
    alive = first != 0
    current = step.copy()
    for _ in range(RUN - 1):
        if not alive.any():
            break
        length += alive
        size = np.abs(current)
        kind = np.where(alive, np.maximum(kind, np.where(size <= _STEPWISE, 0, np.where(size <= _BROKEN, 1, 2))), kind)
        moved = np.zeros_like(current)
        if ahead:
            moved[:-1] = current[1:]
        else:
            moved[1:] = current[:-1]
        current = moved
        alive = alive & (np.sign(current) == first)
    return length * first, kind

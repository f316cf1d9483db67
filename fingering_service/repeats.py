"""Repeated notes and chords keep their fingers unless speed asks for a change.

A learned model has to be told: editors write fingers on repeated notes where they change and none where they stay, so
the labels alone speak for changing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice

SLOW_QUARTERS = 0.4
"""Notes repeated at this distance or more, in quarter notes, ask for no change of fingers; quicker ones may."""


def add_repeat_cost(lattice: Lattice, step: NDArray[np.float32], cost: float) -> None:
    """Adds `cost` to the steps ([T, S, S], in place) that change fingers between slow repetitions of the same keys."""
    at = np.arange(len(lattice))
    outer = (lattice.low, lattice.high)
    pitches = np.stack([lattice.pitch[at, slot] for slot in outer])
    repeated = (pitches == np.roll(pitches, 1, axis=1)).all(axis=0) & (lattice.ioi >= SLOW_QUARTERS)
    repeated[:1] = False
    again = np.flatnonzero(repeated)
    if not len(again):
        return
    changed = np.zeros((len(again), *step.shape[1:]), dtype=np.bool_)
    for slot in outer:
        fingers = lattice.fingers[at, :, slot]
        changed |= fingers[again - 1][:, :, None] != fingers[again][:, None, :]
    step[again] += np.float32(cost) * changed

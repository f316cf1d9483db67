"""What every player does and no edition prints.

Editors write a finger where it is not what the hand would do by itself: on repeated notes where the finger changes, on
octaves where the fourth finger takes the outer key. From such labels alone a model learns the exceptions for the rule.
So two rules are added to a learned model's costs, both of them beatable where the music speaks for the exception:

* notes and chords repeated slowly keep their fingers;
* an octave whose outer key is white is played with the thumb and the little finger.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials

SLOW_QUARTERS = 0.4
"""Notes repeated at this distance or more, in quarter notes, ask for no change of fingers; quicker ones may."""

_OCTAVE = 12


def slowly_repeated(lattice: Lattice) -> NDArray[np.bool_]:
    """[T] True where the hand strikes the keys of the slice before once more, those and no others, and not in haste."""
    struck = np.where(lattice.struck, lattice.pitch, -1)
    again = (struck[1:] == struck[:-1]).all(axis=1) & (lattice.present[1:] == lattice.present[:-1]).all(axis=1)
    return np.concatenate([np.zeros(1, dtype=np.bool_), again])[: len(lattice)] & (lattice.ioi >= SLOW_QUARTERS)


def add_conventions(lattice: Lattice, costs: Potentials, price: float) -> None:
    """Adds `price` (in the costs' unit) to states and steps that go against a convention, in place."""
    at = np.arange(len(lattice))
    outer = (lattice.low, lattice.high)
    pitches = np.stack([lattice.pitch[at, slot] for slot in outer])
    fingers = np.stack([lattice.fingers[at, :, slot] for slot in outer])
    wide = (pitches[1] - pitches[0] >= _OCTAVE) & ~lattice.black[at, lattice.high]
    costs.node[:] += np.float32(price) * (wide[:, None] & (fingers[1] == 4))
    repeated = (pitches == np.roll(pitches, 1, axis=1)).all(axis=0) & (lattice.ioi >= SLOW_QUARTERS)
    repeated[:1] = False
    again = np.flatnonzero(repeated)
    if len(again):
        changed = (fingers[:, again - 1, :, None] != fingers[:, again, None, :]).any(axis=0)
        costs.step[again] += np.float32(price) * changed

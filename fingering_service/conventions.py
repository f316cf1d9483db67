"""What every player does and no edition prints.

Editors write a finger where it is not what the hand would do by itself: on repeated notes where the finger changes, on
octaves where the fourth finger takes the outer key. From such labels alone a model learns the exceptions for the rule.
So rules are added to a learned model's costs, all of them beatable where the music speaks for the exception:

* notes and chords repeated slowly keep their fingers;
* an octave whose outer key is white is played with the thumb and the little finger;
* a trill's two keys, and those of other ornaments, are played by fingers that lie near each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials

SLOW_QUARTERS = 0.4
"""Notes repeated at this distance or more, in quarter notes, ask for no change of fingers; quicker ones may."""

_OCTAVE = 12
_NEIGHBOURS = 3
"""Semitones between the keys of an ornament, an augmented second at most."""
_NEAR = 2
"""Fingers this far apart trill with ease: 2 and 3, 1 and 3, 3 and 5."""
_ORNAMENTED = 10.0
"""What a finger more between them costs, in prices of a convention. The other rules are of taste; at a trill's speed
nobody plays 1-4 or 1-5, unless it is printed."""


def slowly_repeated(lattice: Lattice) -> NDArray[np.bool_]:
    """[T] True where the hand strikes the keys of the slice before once more, those and no others, and not in haste."""
    struck = np.where(lattice.struck, lattice.pitch, -1)
    again = (struck[1:] == struck[:-1]).all(axis=1) & (lattice.present[1:] == lattice.present[:-1]).all(axis=1)
    return np.concatenate([np.zeros(1, dtype=np.bool_), again])[: len(lattice)] & (lattice.ioi >= SLOW_QUARTERS)


def ornamental_spread(lattice: Lattice) -> NDArray[np.int64]:
    """[T, S] How much farther apart than they should be the fingers of an ornament's two keys lie: of the one it adds,
    struck in the slice, and of its note, which was struck at the same moment in the slice before and is still held."""
    spread = np.zeros(lattice.valid.shape, dtype=np.int64)
    for t in np.flatnonzero((lattice.ioi == 0) & (lattice.carried >= 0).any(axis=1)):
        fingers = lattice.fingers[t].astype(np.int64)
        for held in np.flatnonzero(lattice.carried[t] >= 0):
            if not lattice.struck[t - 1, lattice.carried[t, held]]:
                continue
            near = np.abs(lattice.pitch[t] - lattice.pitch[t, held]) <= _NEIGHBOURS
            for key in np.flatnonzero(lattice.struck[t] & lattice.present[t] & near):
                spread[t] += np.maximum(np.abs(fingers[:, key] - fingers[:, held]) - _NEAR, 0)
    return spread


def add_conventions(lattice: Lattice, costs: Potentials, price: float) -> None:
    """Adds `price` (in the costs' unit) to states and steps that go against a convention, in place."""
    at = np.arange(len(lattice))
    outer = (lattice.low, lattice.high)
    pitches = np.stack([lattice.pitch[at, slot] for slot in outer])
    fingers = np.stack([lattice.fingers[at, :, slot] for slot in outer])
    wide = (pitches[1] - pitches[0] >= _OCTAVE) & ~lattice.black[at, lattice.high]
    costs.node[:] += np.float32(price) * (wide[:, None] & (fingers[1] == 4))
    costs.node[:] += np.float32(price * _ORNAMENTED) * ornamental_spread(lattice)
    repeated = (pitches == np.roll(pitches, 1, axis=1)).all(axis=0) & (lattice.ioi >= SLOW_QUARTERS)
    repeated[:1] = False
    again = np.flatnonzero(repeated)
    if len(again):
        changed = (fingers[:, again - 1, :, None] != fingers[:, again, None, :]).any(axis=0)
        costs.step[again] += np.float32(price) * changed

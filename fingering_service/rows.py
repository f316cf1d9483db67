"""From rows of numbers per finger, pair and triple of fingers to costs of a lattice's states, steps and turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingering_service.features import PAIRS
from fingering_service.lattice import MAX_STATES, Lattice
from fingering_service.lines import MAX_KEYS
from fingering_service.potentials import IMPOSSIBLE, Potentials

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """Scores (higher is better) for a lattice of T slices, by fingers less one.

    Attributes:
        unary: [T, 5 slots, 5] of a finger.
        grip: [T, 10 pairs of slots, 25] of the lower and the higher slot's fingers.
        step: [T, 2, 25] of the fingers before and now, on the lowest and on the highest struck keys.
        turn: [T, 2, 125] of the fingers two slices before, before and now, likewise.
        line: [T, 2, 25] of the fingers before and now, on the lowest and on the highest keys, struck or held.
    """

    unary: Floats
    grip: Floats
    step: Floats
    turn: Floats
    line: Floats


def potentials_of(rows: Rows, lattice: Lattice) -> Potentials:
    """The costs that rows give to a lattice."""
    count = len(lattice)
    at = np.arange(count)
    fingers = np.maximum(lattice.fingers.astype(np.int64) - 1, 0)
    node = np.zeros((count, MAX_STATES), dtype=np.float32)
    for slot in range(MAX_KEYS):
        node -= np.take_along_axis(rows.unary[:, slot], fingers[:, :, slot], axis=1)
    for number, (low, high) in enumerate(PAIRS):
        used = np.flatnonzero(lattice.present[:, high])
        if len(used):
            index = fingers[used, :, low] * 5 + fingers[used, :, high]
            node[used] -= np.take_along_axis(rows.grip[used, number], index, axis=1)
    node[~lattice.valid] = IMPOSSIBLE
    step = np.zeros((count, MAX_STATES, MAX_STATES), dtype=np.float32)
    turn = np.zeros((count, MAX_STATES, MAX_STATES, MAX_STATES), dtype=np.float32)
    chordal = np.asarray(rows.step[:, 1].any(axis=1) | rows.turn[:, 1].any(axis=1))
    for voice, slots in enumerate((lattice.low, lattice.high)):
        own = fingers[at, :, slots]
        used = at[1:] if voice == 0 else np.flatnonzero(chordal[1:]) + 1
        pair = own[used - 1][:, :, None] * 5 + own[used][:, None, :]
        values = np.take_along_axis(rows.step[used, voice], pair.reshape(len(used), MAX_STATES**2), axis=1)
        step[used] -= values.reshape(pair.shape)
        used = used[used >= 2]
        triple = (
            own[used - 2][:, :, None, None] * 25 + own[used - 1][:, None, :, None] * 5 + own[used][:, None, None, :]
        )
        values = np.take_along_axis(rows.turn[used, voice], triple.reshape(len(used), MAX_STATES**3), axis=1)
        turn[used] -= values.reshape(triple.shape)
    for line, outer in enumerate((np.zeros(count, dtype=np.int64), lattice.present.sum(axis=1) - 1)):
        own = fingers[at, :, outer]
        used = np.flatnonzero(rows.line[1:, line].any(axis=1)) + 1
        pair = own[used - 1][:, :, None] * 5 + own[used][:, None, :]
        values = np.take_along_axis(rows.line[used, line], pair.reshape(len(used), MAX_STATES**2), axis=1)
        step[used] -= values.reshape(pair.shape)
    return Potentials(node, step, turn)

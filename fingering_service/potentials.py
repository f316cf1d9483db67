"""What a model says about a lattice: costs of states, of steps and of pairs of steps.

Models make them, the search adds them up. Costs are dimensionless; a lower one is better; a learned model's are
negative logarithms of unnormalised probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice

IMPOSSIBLE = 1e9
"""Cost of padding states."""


@dataclass(frozen=True, slots=True)
class Potentials:
    """Costs on a lattice of T slices with S states each.

    Attributes:
        node: [T, S] of a state.
        step: [T, S, S] of going from a state of slice t-1 to one of slice t; index 0 is unused.
        turn: [T, S, S, S] of going through states of slices t-2, t-1 and t; indices 0 and 1 are unused.
    """

    node: NDArray[np.float32]
    step: NDArray[np.float32]
    turn: NDArray[np.float32]

    def add(self, other: Potentials) -> None:
        """Adds other costs of the same lattice in place: a long line's turns are tens of megabytes."""
        for own, more in ((self.node, other.node), (self.step, other.step), (self.turn, other.turn)):
            own += more

    def scaled(self, weight: float) -> Potentials:
        """The same costs times `weight`."""
        factor = np.float32(weight)
        return Potentials(self.node * factor, self.step * factor, self.turn * factor)


def empty(lattice: Lattice) -> Potentials:
    """No costs but those that keep padding states out."""
    count, states = lattice.valid.shape
    node = np.where(lattice.valid, 0.0, IMPOSSIBLE).astype(np.float32)
    step = np.zeros((count, states, states), dtype=np.float32)
    return Potentials(node, step, np.zeros((count, states, states, states), dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Edge:
    """Pairs of slots in two slices, at most one pair per slice: "the lowest keys", "the highest keys".

    Attributes:
        at: [E] slice of the later slot.
        now: [E] its slot.
        lag: How many slices earlier the other slot is, 1 or 2.
        then: [E] the other slot.
    """

    at: NDArray[np.int64]
    now: NDArray[np.int64]
    lag: int
    then: NDArray[np.int64]

    def fingers(self, lattice: Lattice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Fingers less one, 0-4, in each state: [E, S] of the earlier slot and [E, S] of the later one."""
        earlier = lattice.fingers[self.at - self.lag, :, self.then].astype(np.int64)
        later = lattice.fingers[self.at, :, self.now].astype(np.int64)
        return np.maximum(earlier - 1, 0), np.maximum(later - 1, 0)

    def intervals(self, lattice: Lattice) -> NDArray[np.int64]:
        """[E] semitones from the earlier to the later slot."""
        return lattice.pitch[self.at, self.now] - lattice.pitch[self.at - self.lag, self.then]


def outer_edges(lattice: Lattice, lag: int) -> tuple[Edge, Edge]:
    """Edges between the lowest struck slots of slices `lag` apart and, where either is a chord, the highest too."""
    at = np.arange(lag, len(lattice))
    low, high = lattice.low, lattice.high
    chord = (low != high)[at] | (low != high)[at - lag]
    above = at[chord]
    return Edge(at, low[at], lag, low[at - lag]), Edge(above, high[above], lag, high[above - lag])

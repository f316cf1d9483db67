"""From costs to fingerings: probabilities first, then the fingering that is expected to be right most often.

The cheapest path is the likeliest fingering as a whole, which is not the one most of whose fingers are right. So the
search runs a second time, on the posterior: it takes the path with the greatest expected number of right fingers, with
a share of the model's own costs so that neighbouring fingers still belong together (Lember and Koloydenko, "Bridging
Viterbi and posterior decoding", JMLR 15, 2014). Figures that come back share what is expected of them (`repeats`). Only
grips of the lattice are ever chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingering_service.conventions import slowly_repeated
from fingering_service.lattice import Lattice
from fingering_service.lines import MAX_KEYS
from fingering_service.potentials import IMPOSSIBLE, Potentials
from fingering_service.repeats import shared
from fingering_service.search import Path, best_path, best_paths, finger_posterior, posterior

_SUBSTITUTION = 2.0
"""Cost of another finger on a held key, in expected right fingers."""
_CHANGE = 0.5
"""Cost of other fingers on a chord slowly repeated, likewise: of two grips about as likely, the hand keeps one."""
_SAME_FINGER = 0.8
"""Cost of one finger on two keys in a row with no silence between, likewise; probabilities by key do not see it."""
_RETURN = 0.5
"""Cost of another finger on a key that comes back after one other moment while a third is held, likewise: the held key
keeps the hand where it was."""
_TOGETHER = 12
"""Semitones within which a key and a chord lie under one hand: one that leaps has all its fingers anew."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What is known about a lattice's fingering.

    Attributes:
        paths: Whole fingerings, best first. Their costs are in expected right fingers.
        probability: [T, K, 5] posterior of each finger on each slot.
    """

    paths: list[Path]
    probability: NDArray[np.float64]


def decode(lattice: Lattice, costs: Potentials, temperature: float, coherence: float, number: int = 1) -> Decoded:
    """The best `number` fingerings of a lattice and the probability of every finger.

    Args:
        lattice: The states.
        costs: Their prices under a model.
        temperature: What the costs are divided by to make them negative logarithms of probabilities.
        coherence: Weight of the model's costs, in natural logarithms, beside one expected right finger. A large one
            gives the cheapest path.
        number: How many whole fingerings are wanted, at least 1.
    """
    probability = finger_posterior(lattice, posterior(costs, temperature))
    consensus = _consensus(lattice, costs.scaled(coherence / temperature), shared(probability, lattice))
    paths = best_paths(consensus, number) if number > 1 else [best_path(consensus)]
    return Decoded(paths, probability)


def _consensus(lattice: Lattice, share: Potentials, probability: NDArray[np.float64]) -> Potentials:
    expected = np.zeros(lattice.valid.shape)
    fingers = np.maximum(lattice.fingers.astype(np.int64) - 1, 0)
    for slot in range(MAX_KEYS):
        right = np.take_along_axis(probability[:, slot], fingers[:, :, slot], axis=1)
        expected += right * lattice.struck[:, slot, None]
    node = np.where(lattice.valid, share.node - expected, IMPOSSIBLE).astype(np.float32)
    step = share.step
    for slot in range(MAX_KEYS):
        at = np.flatnonzero(lattice.carried[:, slot] >= 0)
        if len(at):
            before = lattice.fingers[at - 1, :, lattice.carried[at, slot]]
            now = lattice.fingers[at, :, slot]
            step[at] += np.float32(_SUBSTITUTION) * (before[:, :, None] != now[:, None, :])
    _add_habits(lattice, step)
    _add_returns(lattice, share.turn)
    return Potentials(node, step, share.turn)


def _add_habits(lattice: Lattice, step: NDArray[np.float32]) -> None:
    """Adds to steps, in place, what players avoid where probabilities leave the choice."""
    again = np.flatnonzero(slowly_repeated(lattice) & (lattice.low != lattice.high))
    changed = lattice.fingers[again - 1][:, :, None] != lattice.fingers[again][:, None, :]
    step[again] += np.float32(_CHANGE) * changed.any(axis=3)
    count = len(lattice)
    before, now = np.arange(count - 1), np.arange(1, count)
    pitch, finger = (values[np.arange(count), ..., lattice.low] for values in (lattice.pitch, lattice.fingers))
    single = lattice.low == lattice.high
    joined = single[before] & single[now] & (pitch[before] != pitch[now]) & (lattice.gap[now] == 0)
    at = now[joined]
    step[at] += np.float32(_SAME_FINGER) * (finger[at - 1][:, :, None] == finger[at][:, None, :])
    _add_keys_beside_chords(lattice, step)


def _add_keys_beside_chords(lattice: Lattice, step: NDArray[np.float32]) -> None:
    """Adds to steps from a single key to a chord, or back, in place, the cost of one finger on two keys in a row."""
    count = np.arange(len(lattice))
    low, high = (lattice.pitch[count, slot] for slot in (lattice.low, lattice.high))
    chord = lattice.low != lattice.high
    near = np.maximum(high[1:], high[:-1]) - np.minimum(low[1:], low[:-1]) <= _TOGETHER
    at = 1 + np.flatnonzero(near & (chord[1:] != chord[:-1]) & (lattice.gap[1:] == 0))
    for before in range(MAX_KEYS):
        for now in range(MAX_KEYS):
            struck = lattice.struck[at - 1, before] & lattice.struck[at, now]
            here = at[struck & (lattice.pitch[at - 1, before] != lattice.pitch[at, now])]
            fingers = lattice.fingers[here - 1, :, before], lattice.fingers[here, :, now]
            step[here] += np.float32(_SAME_FINGER) * (fingers[0][:, :, None] == fingers[1][:, None, :])


def _add_returns(lattice: Lattice, turn: NDArray[np.float32]) -> None:
    """Adds to turns, in place, the cost of another finger on a key that comes back under a key held throughout."""
    held = lattice.carried >= 0
    for t in range(2, len(lattice)):
        since = lattice.carried[t][held[t]]
        if not held[t - 1, since].any():
            continue
        for now in np.flatnonzero(lattice.struck[t]):
            for before in np.flatnonzero(lattice.struck[t - 2] & (lattice.pitch[t - 2] == lattice.pitch[t, now])):
                fingers = lattice.fingers[t - 2, :, before], lattice.fingers[t, :, now]
                turn[t] += np.float32(_RETURN) * (fingers[0][:, None, None] != fingers[1][None, None, :])

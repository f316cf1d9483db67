"""Baseline: a hidden Markov model of second order, after Nakamura, Saito and Yoshii (Information Sciences 517, 2020).

The finger of a key depends on the two fingers before it; the interval from the key before depends on the two fingers
that play it, and so does the interval from the key before that one. Both intervals of a key are counted as if they were
independent, the second with a lower weight, as in the paper. Keys of a chord follow each other from the lowest up.
Trained by expectation-maximisation on partial labels, like the model of first order in `hmm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fingering_service.calibration import UNCHANGED, Calibration
from fingering_service.lattice import Lattice
from fingering_service.models.hidden_markov import SYMBOLS, symbol_of
from fingering_service.potentials import Potentials, empty
from fingering_service.profile import HandProfile
from fingering_service.training.corpus import Window
from fingering_service.training.hmm import PRIOR, first_output

_SECOND = 0.5
"""Weight of the interval from the key before the last."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SecondOrderHmm:
    """A trained model that the decoder can use.

    Attributes:
        transition: [5, 5, 5] log-probability of a finger after two others.
        near: [5, 5, symbols] log-probability of an interval between two fingers on keys in a row.
        far: [5, 5, symbols] the same for keys with one between them.
    """

    transition: Floats
    near: Floats
    far: Floats
    temperature: float = 1.0
    coherence: float = 10.0
    calibration: Calibration = UNCHANGED
    name: str = "hmm2"
    version: str = "1"
    digest: str = ""
    description: str = "Second-order hidden Markov model."
    size_bytes: int = 0

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states, steps and turns of `lattice`; the hand makes no difference."""
        del profile
        result = empty(lattice)
        fingers = np.maximum(lattice.fingers.astype(np.int64) - 1, 0)
        keys = [(int(t), int(k)) for t, k in zip(*np.nonzero(lattice.struck), strict=True)]
        for number, (t, k) in enumerate(keys):
            now = fingers[t, :, k]
            if number >= 1:
                s, j = keys[number - 1]
                cost = -self.near[:, :, symbol_of(int(lattice.pitch[s, j]), int(lattice.pitch[t, k]))]
                self._add(result, cost, (s, fingers[s, :, j]), (t, now))
            if number >= 2:
                r, i = keys[number - 2]
                far = self.far[:, :, symbol_of(int(lattice.pitch[r, i]), int(lattice.pitch[t, k]))]
                triple = -(self.transition + _SECOND * far[:, None, :])
                s, j = keys[number - 1]
                self._add_triple(result, triple, (r, fingers[r, :, i]), (s, fingers[s, :, j]), (t, now))
        return result

    @staticmethod
    def _add(result: Potentials, cost: Floats, before: tuple[int, Ints], now: tuple[int, Ints]) -> None:
        (s, first), (t, second) = before, now
        if s == t:
            result.node[t] += cost[first, second]
        else:
            result.step[t] += cost[first[:, None], second[None, :]]

    @staticmethod
    def _add_triple(
        result: Potentials, cost: Floats, earlier: tuple[int, Ints], before: tuple[int, Ints], now: tuple[int, Ints]
    ) -> None:
        (r, first), (s, second), (t, third) = earlier, before, now
        if r == t:
            result.node[t] += cost[first, second, third]
        elif s == t:
            result.step[t] += cost[first[:, None], second[None, :], third[None, :]]
        elif r == s:
            result.step[t] += cost[first[:, None], second[:, None], third[None, :]]
        else:
            result.turn[t] += cost[first[:, None, None], second[None, :, None], third[None, None, :]]


@dataclass(frozen=True, slots=True)
class _Sequence:
    """The struck keys of a window one after another: outputs against the last key and the one before, and labels."""

    near: Ints
    far: Ints
    labels: Ints


def train_second_order(windows: Sequence[Window], rounds: int = 1) -> SecondOrderHmm:
    """A model fitted to windows by expectation-maximisation.

    One round is best: with more of them what it makes of unlabelled notes outweighs the labels, even more so than at
    first order.
    """
    sequences = [s for s in map(_sequence, windows) if len(s.labels) >= 3]
    transition = np.log(np.full((5, 5, 5), 0.2))
    near = far = first_output()
    for _ in range(rounds):
        moves = np.full((5, 5, 5), PRIOR)
        emitted = np.full((2, 5, 5, SYMBOLS), PRIOR)
        for sequence in sequences:
            _count(sequence, (np.exp(transition), np.exp(near), np.exp(_SECOND * far)), moves, emitted)
        transition = np.log(moves / moves.sum(axis=2, keepdims=True))
        near, far = np.log(emitted / emitted.sum(axis=3, keepdims=True))
    return SecondOrderHmm(transition, near, far)


def _sequence(window: Window) -> _Sequence:
    lattice = window.lattice
    at = np.nonzero(lattice.struck)
    pitches = [int(p) for p in lattice.pitch[at]]
    near = [symbol_of(a, b) for a, b in pairwise(pitches)]
    far = [symbol_of(a, b) for a, b in zip(pitches, pitches[2:], strict=False)]
    return _Sequence(np.array([0, *near]), np.array([0, 0, *far]), window.labels[at])


def _count(sequence: _Sequence, model: tuple[Floats, Floats, Floats], moves: Floats, emitted: Floats) -> None:
    """Adds the expected transitions and outputs of a sequence; `model` holds probabilities, not logarithms."""
    transition, near, far = model
    count = len(sequence.labels)
    allowed = np.ones((count, 5))
    labelled = np.flatnonzero(sequence.labels)
    allowed[labelled] = np.arange(1, 6) == sequence.labels[labelled, None]
    pairs = near[:, :, sequence.near].transpose(2, 0, 1) * allowed[:, None, :]
    forward = np.zeros((count, 5, 5))
    forward[1] = allowed[0][:, None] * pairs[1]
    forward[1] /= forward[1].sum()
    triples = np.empty((count, 5, 5, 5))
    for i in range(2, count):
        triples[i] = transition * far[:, None, :, sequence.far[i]]
        forward[i] = np.einsum("hi,hij->ij", forward[i - 1], triples[i]) * pairs[i]
        forward[i] /= forward[i].sum()
    backward = np.ones((5, 5))
    for i in range(count - 1, 1, -1):
        joint = forward[i - 1][:, :, None] * triples[i] * (pairs[i] * backward)[None]
        joint /= joint.sum()
        moves += joint
        emitted[0, :, :, sequence.near[i]] += joint.sum(axis=0)
        emitted[1, :, :, sequence.far[i]] += joint.sum(axis=1)
        backward = np.einsum("hij,ij->hi", triples[i], pairs[i] * backward)
        backward /= backward.sum()

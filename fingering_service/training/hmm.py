"""Baselines: a hidden Markov model after Nakamura, and one constant fingering.

The HMM is that of E. Nakamura, Y. Saito and K. Yoshii, "Statistical Learning and Estimation of Piano Fingering"
(Information Sciences 517, 2020), of first order: fingers are the states of a Markov chain, intervals on the keyboard
its output, and the notes of a chord follow each other from the lowest up. Trained by expectation-maximisation on the
same windows as the model, so that notes without a label are summed out there too. Their intervals are on a lattice of
white keys by colours; here they are semitones by colours, which tells as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials, empty
from fingering_service.profile import HandProfile
from fingering_service.training.corpus import Window

_WIDE = 18
SYMBOLS = (2 * _WIDE + 1) * 4
"""Intervals by the colours of their keys."""

PRIOR = 0.1
"""Pseudo-count of each transition and output."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Sequence:
    """The struck keys of a window one after another: [N] outputs against the previous key, [N] labels (0 for none)."""

    symbols: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Hmm:
    """A trained HMM as a model the decoder can use.

    Attributes:
        transition: [5, 5] log-probability of a finger after another.
        output: [5, 5, symbols] log-probability of an interval between two fingers.
    """

    transition: Floats
    output: Floats
    temperature: float = 1.0
    coherence: float = 10.0
    name: str = "hmm"
    version: str = "1"
    digest: str = ""
    description: str = "First-order hidden Markov model."
    size_bytes: int = 0

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states and steps of `lattice`; the hand makes no difference."""
        del profile
        result = empty(lattice)
        score = -(self.transition[:, :, None] + self.output)
        fingers = np.maximum(lattice.fingers.astype(np.int64) - 1, 0)
        for t in range(len(lattice)):
            struck = np.flatnonzero(lattice.struck[t])
            for low, high in pairwise(struck):
                symbol = symbol_of(lattice.pitch[t, low], lattice.pitch[t, high])
                result.node[t] += score[fingers[t, :, low], fingers[t, :, high], symbol]
            if t:
                last = np.flatnonzero(lattice.struck[t - 1])[-1]
                symbol = symbol_of(lattice.pitch[t - 1, last], lattice.pitch[t, struck[0]])
                before, now = fingers[t - 1, :, last], fingers[t, :, struck[0]]
                result.step[t] += score[before[:, None], now[None, :], symbol]
        return result


@dataclass(frozen=True)
class Constant:
    """One finger for single notes, the same finger set for chords of one size: what knowing nothing gives."""

    temperature: float = 1.0
    coherence: float = 10.0
    name: str = "constant"
    version: str = "1"
    digest: str = ""
    description: str = "The middle finger, and the outermost fingers on chords."
    size_bytes: int = 0

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states: the middle finger for one key, wide grips for several."""
        del profile
        result = empty(lattice)
        fingers = lattice.fingers.astype(np.float64)
        count = lattice.present.sum(axis=1)
        lowest = fingers[:, :, 0]
        highest = np.take_along_axis(fingers, (count - 1)[:, None, None].repeat(fingers.shape[1], axis=1), axis=2)[
            :, :, 0
        ]
        alone = np.abs(lowest - 3)
        chord = lowest - highest
        result.node[:] += np.where((count == 1)[:, None], alone, chord).astype(np.float32)
        return result


def train_hmm(windows: Sequence[Window], rounds: int = 15) -> Hmm:
    """An HMM fitted to windows by expectation-maximisation."""
    sequences = [_sequence(w) for w in windows]
    transition = np.log(np.full((5, 5), 0.2))
    output = first_output()
    for _ in range(rounds):
        moves = np.full((5, 5), PRIOR)
        emitted = np.full((5, 5, SYMBOLS), PRIOR)
        for sequence in sequences:
            _count(sequence, np.exp(transition), np.exp(output), moves, emitted)
        transition = np.log(moves / moves.sum(axis=1, keepdims=True))
        output = np.log(emitted / emitted.sum(axis=2, keepdims=True))
    return Hmm(transition, output)


def first_output() -> Floats:
    """A start that knows which way fingers go, so that EM names the states as hands do."""
    interval = np.repeat(np.arange(-_WIDE, _WIDE + 1), 4)
    first, second = np.meshgrid(np.arange(5), np.arange(5), indexing="ij")
    expected = 2.0 * (second - first)[:, :, None]
    weight = np.exp(-0.5 * ((interval - expected) / 3.0) ** 2) + 1e-3
    return np.asarray(np.log(weight / weight.sum(axis=2, keepdims=True)))


def symbol_of(before: int, now: int) -> int:
    """Number of the interval between two keys, of SYMBOLS."""
    black = (1, 3, 6, 8, 10)
    colours = 2 * (before % 12 in black) + (now % 12 in black)
    return int(4 * (np.clip(now - before, -_WIDE, _WIDE) + _WIDE) + colours)


def _sequence(window: Window) -> _Sequence:
    lattice = window.lattice
    symbols, labels = [], []
    last = None
    for t, k in zip(*np.nonzero(lattice.struck), strict=True):
        pitch = int(lattice.pitch[t, k])
        symbols.append(symbol_of(last, pitch) if last is not None else 0)
        labels.append(int(window.labels[t, k]))
        last = pitch
    return _Sequence(np.array(symbols), np.array(labels))


def _count(sequence: _Sequence, transition: Floats, output: Floats, moves: Floats, emitted: Floats) -> None:
    """Adds the expected transitions and outputs of a sequence."""
    count = len(sequence.symbols)
    allowed = np.ones((count, 5))
    for i, label in enumerate(sequence.labels):
        if label:
            allowed[i] = np.arange(1, 6) == label
    steps = transition[None] * output[:, :, sequence.symbols].transpose(2, 0, 1)
    forward = np.zeros((count, 5))
    forward[0] = allowed[0] / allowed[0].sum()
    for i in range(1, count):
        forward[i] = (forward[i - 1] @ steps[i]) * allowed[i]
        forward[i] /= forward[i].sum()
    backward = np.ones(5)
    for i in range(count - 1, 0, -1):
        ahead = allowed[i] * backward
        joint = forward[i - 1][:, None] * steps[i] * ahead[None, :]
        joint /= joint.sum()
        moves += joint
        emitted[:, :, sequence.symbols[i]] += joint
        backward = steps[i] @ ahead
        backward /= backward.sum()

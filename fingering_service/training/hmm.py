"""Baselines: training of the hidden Markov model of `models.hidden_markov`, and one constant fingering.

The model is trained by expectation-maximisation on the same windows as the learned one, so that notes without a label
are summed out there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingering_service.calibration import UNCHANGED, Calibration
from fingering_service.lattice import Lattice
from fingering_service.models.hidden_markov import SYMBOLS, WIDEST, HiddenMarkov, symbol_of
from fingering_service.potentials import Potentials, empty
from fingering_service.profile import HandProfile
from fingering_service.training.corpus import Window

PRIOR = 0.1
"""Pseudo-count of each transition and output."""

ROUNDS = 3
"""Further rounds make it worse, as its generative view of unlabelled notes takes over."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Sequence:
    """The struck keys of a window one after another: [N] outputs against the previous key, [N] labels (0 for none)."""

    symbols: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Constant:
    """One finger for single notes, the same finger set for chords of one size: what knowing nothing gives."""

    temperature: float = 1.0
    coherence: float = 10.0
    calibration: Calibration = UNCHANGED
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


def train_hmm(windows: Sequence[Window], rounds: int = ROUNDS) -> HiddenMarkov:
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
    return HiddenMarkov((transition[:, :, None] + output).astype(np.float32))


def first_output() -> Floats:
    """A start that knows which way fingers go, so that EM names the states as hands do."""
    interval = np.repeat(np.arange(-WIDEST, WIDEST + 1), 4)
    first, second = np.meshgrid(np.arange(5), np.arange(5), indexing="ij")
    expected = 2.0 * (second - first)[:, :, None]
    weight = np.exp(-0.5 * ((interval - expected) / 3.0) ** 2) + 1e-3
    return np.asarray(np.log(weight / weight.sum(axis=2, keepdims=True)))


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

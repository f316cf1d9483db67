"""The hidden Markov model of the literature, to measure the other models against.

That of E. Nakamura, Y. Saito and K. Yoshii, "Statistical Learning and Estimation of Piano Fingering" (Information
Sciences 517, 2020), of first order: fingers are the states of a Markov chain, intervals on the keyboard its output, and
the notes of a chord follow each other from the lowest up. Their intervals are on a lattice of white keys by colours;
here they are semitones by colours, which tells as much. Its parameters are those of `training.hmm`, from the corpus of
the learned model; the paper's own are not openly licensed.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fingering_service.calibration import UNCHANGED, Calibration
from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials, empty
from fingering_service.profile import HandProfile

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "hmm.npy"

WIDEST = 18
"""Semitones intervals are told apart up to."""

SYMBOLS = (2 * WIDEST + 1) * 4
"""Intervals by the colours of their keys."""

_BLACK = (1, 3, 6, 8, 10)


def symbol_of(before: int, now: int) -> int:
    """Number of the interval between two keys, of SYMBOLS."""
    colours = 2 * (before % 12 in _BLACK) + (now % 12 in _BLACK)
    return int(4 * (np.clip(now - before, -WIDEST, WIDEST) + WIDEST) + colours)


@dataclass(frozen=True)
class HiddenMarkov:
    """A trained hidden Markov model of first order.

    Attributes:
        scores: [5, 5, SYMBOLS] log-probability of a finger after another with an interval.
    """

    scores: NDArray[np.float32]
    temperature: float = 1.0
    coherence: float = 10.0
    calibration: Calibration = UNCHANGED
    name: str = "hmm"
    version: str = "1.0.0"
    digest: str = ""
    description: str = "Hidden Markov model of first order after Nakamura and others, to compare with."
    size_bytes: int = 0

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> HiddenMarkov:
        """The model in a file.

        Raises:
            FileNotFoundError: There is none at `path`.
        """
        data = path.read_bytes()
        scores = np.load(io.BytesIO(data), allow_pickle=False)
        return cls(scores, digest=f"sha256:{hashlib.sha256(data).hexdigest()}", size_bytes=len(data))

    def save(self, path: Path) -> str:
        """Writes the model to `path`; returns "sha256:" and the digest of the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, self.scores)
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states and steps of `lattice`; the hand makes no difference."""
        del profile
        result = empty(lattice)
        fingers = np.maximum(lattice.fingers.astype(np.int64) - 1, 0)
        for t in range(len(lattice)):
            struck = np.flatnonzero(lattice.struck[t])
            for low, high in pairwise(struck):
                symbol = symbol_of(int(lattice.pitch[t, low]), int(lattice.pitch[t, high]))
                result.node[t] -= self.scores[fingers[t, :, low], fingers[t, :, high], symbol]
            if t:
                last = np.flatnonzero(lattice.struck[t - 1])[-1]
                symbol = symbol_of(int(lattice.pitch[t - 1, last]), int(lattice.pitch[t, struck[0]]))
                before, now = fingers[t - 1, :, last], fingers[t, :, struck[0]]
                result.step[t] -= self.scores[before[:, None], now[None, :], symbol]
        return result

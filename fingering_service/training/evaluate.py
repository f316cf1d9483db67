"""Figures of a model on windows: match rates, likelihood and reliability of its probabilities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fingering_service.calibration import UNCHANGED, Calibration
from fingering_service.conventions import add_conventions
from fingering_service.decode import decode
from fingering_service.emphasis import ergonomic_share
from fingering_service.features import features_of
from fingering_service.lattice import Lattice
from fingering_service.models.base import FingeringModel
from fingering_service.potentials import Potentials
from fingering_service.profile import PROFILES, HandProfile
from fingering_service.rows import Rows, potentials_of
from fingering_service.training.corpus import Window
from fingering_service.training.model import FingeringCrf

RELIABILITY_BINS = 10


@dataclass(frozen=True)
class TorchModel:
    """A model in training, priced as the service would price it."""

    crf: FingeringCrf
    temperature: float = 1.0
    coherence: float = 0.2
    conventions: float = 1.0
    emphasis: float = 1.0
    calibration: Calibration = UNCHANGED
    name: str = "training"
    version: str = "0"
    digest: str = ""
    description: str = ""
    size_bytes: int = 0

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states and steps of `lattice` for a player's hand."""
        rows = {n: torch.from_numpy(r) for n, r in features_of(lattice).rows.items()}
        with torch.no_grad():
            answer = self.crf.rows(rows)
        learned = potentials_of(Rows(*(a.numpy() for a in answer)), lattice)
        result = ergonomic_share(lattice, profile, self.crf.ergonomic.tolist(), self.emphasis)
        result.add(learned)
        add_conventions(lattice, result, self.conventions)
        return result


@dataclass(slots=True)
class Figures:
    """Counts over labelled notes, and what follows from them.

    Attributes:
        right: [2] right fingers of single notes and of chord notes.
        labels: [2] their labels.
        by_piece: right fingers and labels by piece.
        log_likelihood: Sum of the logarithms of the labels' probabilities.
        bins: [RELIABILITY_BINS, 3] by probability of the chosen finger: notes, sum of probabilities, right ones.
    """

    right: NDArray[np.int64]
    labels: NDArray[np.int64]
    by_piece: dict[str, tuple[int, int]]
    log_likelihood: float
    bins: NDArray[np.float64]

    def summary(self) -> dict[str, float]:
        """Rates in percent, nats per label, expected calibration error in percent."""
        rates = [100 * r / n for r, n in self.by_piece.values() if n]
        count = int(self.labels.sum())
        gap = np.abs(self.bins[:, 1] - self.bins[:, 2]).sum() / max(1.0, self.bins[:, 0].sum())
        return {
            "labels": count,
            "macro": round(float(np.mean(rates)), 2),
            "micro": round(100 * float(self.right.sum()) / count, 2),
            "single": round(100 * float(self.right[0] / self.labels[0]), 2),
            "chord": round(100 * float(self.right[1] / max(1, self.labels[1])), 2),
            "log_likelihood": round(self.log_likelihood / count, 4),
            "calibration_error": round(100 * float(gap), 2),
        }

    def add(self, other: Figures) -> None:
        """Adds the counts of other windows."""
        self.right += other.right
        self.labels += other.labels
        for piece, (right, labels) in other.by_piece.items():
            own = self.by_piece.get(piece, (0, 0))
            self.by_piece[piece] = (own[0] + right, own[1] + labels)
        self.log_likelihood += other.log_likelihood
        self.bins += other.bins


def nothing() -> Figures:
    """Figures of no piece."""
    zeros = np.zeros(2, dtype=np.int64)
    return Figures(zeros, zeros.copy(), {}, 0.0, np.zeros((RELIABILITY_BINS, 3)))


def evaluate(model: FingeringModel, windows: Sequence[Window]) -> Figures:
    """Figures of a model on the labels of windows."""
    result = nothing()
    pieces: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    profile = PROFILES["M"]
    for window in windows:
        lattice = window.lattice
        decoded = decode(lattice, model.costs(lattice, profile), model.temperature, model.coherence)
        told = model.calibration.told(decoded.probability)
        chosen = lattice.fingers[np.arange(len(lattice)), decoded.paths[0].states]
        labelled = window.labels > 0
        right = (chosen == window.labels) & labelled
        chord = (lattice.struck.sum(axis=1) > 1)[:, None]
        result.right += (int((right & ~chord).sum()), int((right & chord).sum()))
        result.labels += (int((labelled & ~chord).sum()), int((labelled & chord).sum()))
        pieces[window.piece][0] += int(right.sum())
        pieces[window.piece][1] += int(labelled.sum())
        of_label = _probability(told, window.labels)[labelled]
        result.log_likelihood += float(np.log(np.maximum(of_label, 1e-9)).sum())
        of_choice = _probability(told, chosen)[labelled]
        bins = np.minimum((of_choice * RELIABILITY_BINS).astype(np.int64), RELIABILITY_BINS - 1)
        for column, values in enumerate((np.ones_like(of_choice), of_choice, right[labelled])):
            np.add.at(result.bins[:, column], bins, values)
    result.by_piece = {p: (r, n) for p, (r, n) in pieces.items()}
    return result


def _probability(probability: NDArray[np.float64], fingers: NDArray[np.integer]) -> NDArray[np.float64]:
    index = np.maximum(fingers.astype(np.int64) - 1, 0)[:, :, None]
    return np.asarray(np.take_along_axis(probability, index, axis=2)[:, :, 0])

"""Honest probabilities: what is told of a finger, from what the model gives it.

As long as it is not very sure, a model trained on editions is right about how sure it can be. Of the fingers it gives
nineteen chances in twenty, though, editions print nine in ten: the others are players' choices and misprints, and no
music tells where they stand. So a part of every probability is spread over the other fingers of the key, more of it
over those the model finds likely; fingers no grip allows stay impossible, and certain ones certain. Only what is told
changes: the search works with the model's own probabilities, and no finger depends on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model's probabilities are told.

    Attributes:
        sharpness: Power of the model's probabilities in the part that is left to it.
        choice: Share of players who choose by themselves, 0 to 1; with 0 and a sharpness of 1 nothing changes.
        spread: Power of the model's probabilities in that share; the smaller, the more evenly it is spread.
    """

    sharpness: float = 1.0
    choice: float = 0.0
    spread: float = 1.0

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """The calibration written by `to_json`.

        Raises:
            ValueError: The text is not that of a calibration.
        """
        sharpness, choice, spread = map(float, json.loads(text))
        return cls(sharpness, choice, spread)

    def to_json(self) -> str:
        """For the facts of a file of weights."""
        return json.dumps([self.sharpness, self.choice, self.spread])

    def told(self, probability: Floats) -> Floats:
        """Honest probabilities.

        Args:
            probability: [..., 5] the model's, of each finger on a key; all zero where there is no key.

        Returns:
            As many, of which those of a key sum to 1 as before.
        """
        if self == UNCHANGED:
            return probability
        own, others = (_powered(probability, power) for power in (self.sharpness, self.spread))
        return (1 - self.choice) * own + self.choice * others


UNCHANGED = Calibration()
"""Probabilities are told as the model gives them."""


def _powered(probability: Floats, power: float) -> Floats:
    raised = np.power(probability, power)
    total = raised.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(raised, total, out=np.zeros_like(raised), where=total > 0))

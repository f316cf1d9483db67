"""How hard a fingered piece is, as a number and as a rank among other scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Seconds = Callable[[Fraction], float]
"""Seconds from the start of the music, by quarter notes from the start."""

WINDOW_QUARTERS = 4
"""Length, in quarter notes, of the stretches whose rates are compared."""

EASIER: tuple[float, ...] = (
    2.55, 3.74, 4.97, 6.99, 8.85, 9.9, 11.38, 15.28, 19.12, 22.33, 25.26, 26.88, 29.98, 36.96, 41.43, 48.28, 52.02,
    70.29, 85.31,
)  # fmt: skip
"""Costs per second that 5, 10, ... 95 percent of the reference collection stay below.

Measured by `bench/fingering_difficulty.py` on the Polish and Chopin scores.
"""


def cost_per_second(parts: Sequence[tuple[Sequence[Fraction], NDArray[np.float64]]], seconds: Seconds) -> float:
    """Ergonomic cost per second in the hardest tenth of the music, all hands together.

    Difficulty as the rate at which the costs of a fingering come is due to E. Nakamura and K. Yoshii, "Statistical
    Piano Reduction Controlling Performance Difficulty" (APSIPA Transactions on Signal and Information Processing 7,
    2018); their costs are a hidden Markov model's, ours are the ergonomic model's.

    Args:
        parts: For each hand the onsets of its slices, in quarter notes, and their costs.
        seconds: The speed.
    """
    windows: dict[int, float] = {}
    for onsets, costs in parts:
        for onset, cost in zip(onsets, costs.tolist(), strict=True):
            at = int(onset // WINDOW_QUARTERS)
            windows[at] = windows.get(at, 0.0) + cost
    rates = sorted(
        cost / (seconds(Fraction((at + 1) * WINDOW_QUARTERS)) - seconds(Fraction(at * WINDOW_QUARTERS)))
        for at, cost in windows.items()
    )
    hardest = rates[-max(1, len(rates) // 10) :]
    return sum(hardest) / len(hardest) if hardest else 0.0


def percentile(rate: float) -> float:
    """Share of the reference collection that is easier, 0 to 100, between the known shares by straight lines."""
    shares = np.linspace(0, 100, len(EASIER) + 2)[1:-1]
    return float(np.interp(rate, [0.0, *EASIER, 2 * EASIER[-1]], [0.0, *shares, 100.0]))

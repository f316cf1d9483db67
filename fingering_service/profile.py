"""The player's hand: how far each pair of fingers reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Spans of finger pairs in semitones for a medium hand, rising from the lower to the higher finger: least practical,
# comfortable and relaxed, greatest relaxed, comfortable and practical (Parncutt et al. 1997, table 1).
_SPANS: dict[tuple[int, int], tuple[int, int, int, int, int, int]] = {
    (1, 2): (-5, -3, 1, 5, 8, 10),
    (1, 3): (-4, -2, 3, 7, 10, 12),
    (1, 4): (-3, -1, 5, 9, 12, 14),
    (1, 5): (-1, 1, 7, 10, 13, 15),
    (2, 3): (1, 1, 1, 2, 3, 5),
    (2, 4): (1, 1, 3, 4, 5, 7),
    (2, 5): (2, 2, 5, 6, 8, 10),
    (3, 4): (1, 1, 1, 2, 2, 4),
    (3, 5): (1, 1, 3, 4, 5, 7),
    (4, 5): (1, 1, 1, 2, 3, 5),
}

_CHORD_ALLOWANCE = 1
"""Semitones a grip may exceed the practical span of a finger pair other than 1-5: editors write such grips."""

MEDIUM_SPAN = 15
"""Widest reach of a medium hand in semitones: a minor tenth."""


@dataclass(frozen=True, slots=True)
class HandProfile:
    """A hand.

    Attributes:
        name: "S", "M" or "L".
        max_span: Widest reach between thumb and little finger, in semitones.
    """

    name: str = "M"
    max_span: int = MEDIUM_SPAN

    @property
    def scale(self) -> float:
        """Reach compared with a medium hand."""
        return self.max_span / MEDIUM_SPAN

    def spans(self) -> NDArray[np.float64]:
        """Spans in semitones as [lower finger - 1, higher finger - 1, 6]; the upper three grow with the hand."""
        table = np.zeros((5, 5, 6))
        for (low, high), row in _SPANS.items():
            table[low - 1, high - 1, :3] = row[:3]
            table[low - 1, high - 1, 3:] = np.asarray(row[3:]) * self.scale
        return table

    def reach(self) -> NDArray[np.int64]:
        """Widest grip of each finger pair in semitones, as [lower finger - 1, higher finger - 1]."""
        table = np.zeros((5, 5), dtype=np.int64)
        for (low, high), row in _SPANS.items():
            table[low - 1, high - 1] = int(row[5] * self.scale + 1e-9) + _CHORD_ALLOWANCE
        table[0, 4] = self.max_span
        return np.minimum(table, self.max_span)


PROFILES = {
    "S": HandProfile("S", 14),
    "M": HandProfile("M", MEDIUM_SPAN),
    "L": HandProfile("L", 17),
}
"""The sizes a user can choose from: a ninth, a minor tenth and an eleventh as the limit."""

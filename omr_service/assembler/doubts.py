"""What the reader was not sure of, as costs that the bar solver weighs: evidence adds up, it is not decided alone.

What is certain (probability 1, as all that is read from an engraved page) has no other reading.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from omr_service.assembler.music import Element

STEP = 0.3
"""What it costs to prefer a reading that is as probable as the one taken."""
SCALE = 0.5
"""What each factor of e costs by which a reading is less probable."""
LEAST = 0.02
"""Probability below which a reading is none."""
PRESENT = 0.85
"""Probability from which on a chord or rest is taken to be there, whatever that does to its bar."""


def cost_of(taken: float, other: float) -> float:
    """What it costs to read something of probability `other` instead of something of probability `taken`."""
    return max(0.1, STEP + SCALE * math.log(max(taken, LEAST) / max(other, LEAST)))


def other_levels(taken: float, levels: Iterable[tuple[int, float]], level: int) -> tuple[tuple[int, float], ...]:
    """Other note values, each with its cost, the cheapest first.

    Args:
        taken: Probability of the value that was taken.
        levels: Values as powers of two, with their probabilities; one may come several times.
        level: The value that was taken.
    """
    best: dict[int, float] = {}
    for other, probability in levels:
        if other != level and probability >= LEAST:
            best[other] = max(best.get(other, 0.0), probability)
    return tuple(sorted(((n, cost_of(taken, p)) for n, p in best.items()), key=lambda o: (o[1], o[0])))


def doubtful(elements: Iterable[Element]) -> list[tuple[Element, float]]:
    """Chords and rests that may not be there at all, with what it costs to leave them out, the least sure first."""
    found: list[tuple[float, int, Element]] = []
    for element in elements:
        present = max((n.confidence for n in element.notes), default=element.confidence)
        if present < PRESENT:
            found.append((present, element.index, element))
    return [(e, cost_of(p, 1.0 - p)) for p, _, e in sorted(found, key=lambda f: f[:2])]

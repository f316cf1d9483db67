"""Stretches of measures that do not add up under the meter in force."""

from __future__ import annotations

from omr_service.assembler.piece.draft import JoinedMeasure, ScoreDraft
from omr_service.assembler.rhythm.measure_problem import GOOD

DOUBTFUL = 3.0
"""Cost of a measure's rhythm from which on a person should look at it."""
_LEAST = 5
"""By how many measures that do not add up a stretch has more of them than of such that do."""


def stretches_off(draft: ScoreDraft, first: int, end: int) -> list[range]:
    """The longest stretches among some measures in which far more do not add up than do, from left to right.

    Args:
        draft: A piece of which every measure has a rhythm.
        first, end: The measures, from one up to another.
    """
    best, start, sums = (0, first, first), first, 0
    for i in range(first, end):
        if sums <= 0:
            start, sums = i, 0
        sums += _off(draft.measures[i])
        best = max(best, (sums, start, i + 1), key=lambda found: found[0])
    gain, low, high = best
    if gain < _LEAST:
        return []
    return [*stretches_off(draft, first, low), range(low, high), *stretches_off(draft, high, end)]


def _off(measure: JoinedMeasure) -> int:
    """1 for a measure that is not as long as the meter says, or hardly can be, -1 for one that is, 0 for any other."""
    rhythm = measure.rhythm
    if not measure.signs.elements:
        return 0
    if not rhythm.expected or rhythm.cost >= DOUBTFUL:
        return 1
    return -1 if rhythm.fits and rhythm.cost <= GOOD else 0

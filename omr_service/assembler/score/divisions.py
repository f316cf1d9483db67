"""The ticks to a quarter of a Score: so many that every time is whole, or, where a piece has runs of too many different
numbers for that, as many as can be, and the other times on the ticks nearest to them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from omr_service.assembler.piece.draft import JoinedMeasure, ScoreDraft
from omr_service.assembler.rhythm.timing import MeasureTiming, Timing

MOST = 2**27
"""Ticks to a quarter at most: with them a bar of four whole notes still lasts less than 2^31 ticks, which is as far as
MusicXML's readers count."""


def common_divisions(needs: Iterable[int]) -> int:
    """Ticks to a quarter that are enough for measures that need so many each: for all of them, or, where that would be
    more than `MOST`, for those whose needs are the most frequent, and of equally many the smaller ones."""
    divisions = 1
    for need, _ in sorted(Counter(needs).items(), key=lambda n: (-n[1], n[0])):
        together = math.lcm(divisions, need)
        if together <= MOST:
            divisions = together
    return divisions


def settle_divisions(draft: ScoreDraft) -> int:
    """Ticks to a quarter in which all times of a piece are whole; times that cannot be are moved, in place, to the
    nearest tick."""
    divisions = common_divisions(_need(measure) for measure in draft.measures)
    onset = Fraction(0)
    for measure in draft.measures:
        if divisions % _need(measure):
            measure.timing = _on_ticks(measure.rhythm, divisions)
        measure.onset = onset
        onset += measure.rhythm.length
    return divisions


def _need(measure: JoinedMeasure) -> int:
    """Ticks to a quarter in which the times of a measure are whole."""
    times = [measure.rhythm.length]
    for timing in measure.rhythm.timings.values():
        times += [timing.onset, timing.duration]
    return math.lcm(*(time.denominator for time in times))


def _on_ticks(rhythm: MeasureTiming, divisions: int) -> MeasureTiming:
    """A rhythm whose times are whole ticks; what began as something else ended still does."""

    def nearest(time: Fraction) -> Fraction:
        return Fraction(round(time * divisions), divisions)

    def moved(timing: Timing) -> Timing:
        onset = nearest(timing.onset)
        return replace(timing, onset=onset, duration=nearest(timing.onset + timing.duration) - onset)

    timings = {element: moved(timing) for element, timing in rhythm.timings.items()}
    return replace(rhythm, length=nearest(rhythm.length), timings=timings)

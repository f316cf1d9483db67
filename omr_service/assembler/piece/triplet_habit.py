"""Passages in triplets that never print a number: what most beams of three are there is what the others are, too."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

from omr_service.assembler.music import Element
from omr_service.assembler.piece.draft import JoinedMeasure, ScoreDraft
from omr_service.assembler.rhythm.even_groups import equal_threes
from omr_service.assembler.rhythm.measure_problem import GOOD

TRIPLET = Fraction(2, 3)
"""What three notes take of their written time where they replace two."""
_LEAST = 6
"""Triplets without a number, in measures that add up, from which on a passage leaves them out."""
_MOST_PLAIN = Fraction(1, 4)
"""Share of the beams of three equal notes in such measures that are no triplets at most."""


def measures_in_triplets(draft: ScoreDraft) -> dict[int, Fraction | None]:
    """Measures to be worked out anew: those that do not quite add up, in passages of one meter whose beams of three
    equal notes are triplets without a number wherever measures do add up.

    Args:
        draft: A piece of which every measure has a rhythm.

    Returns:
        By measure the quarters it should last; None where its meter tells them.
    """
    starts = [0, *(i for i, m in enumerate(draft.measures) if m.meter_printed and i)]
    found: dict[int, Fraction | None] = {}
    for first, end in itertools.pairwise([*starts, len(draft.measures)]):
        passage = draft.measures[first:end]
        meter = passage[0].meter
        if meter is not None and meter.beat_type >= 8 and sum(meter.beats) % 3 == 0:
            continue
        usual = _usual_length(passage) if meter is None else None
        read = [triplet for measure in passage if _adds_up(measure, usual) for triplet in _threes(measure)]
        if sum(read) < _LEAST or len(read) - sum(read) > _MOST_PLAIN * len(read):
            continue
        for i, measure in enumerate(passage, first):
            if (measure.rhythm.cost > GOOD or not _adds_up(measure, usual)) and _groups(measure):
                found[i] = usual
    return found


def _usual_length(passage: Sequence[JoinedMeasure]) -> Fraction:
    """The length that most measures of a passage without a meter have."""
    lengths = Counter(measure.rhythm.length for measure in passage)
    return min(lengths, key=lambda length: (-lengths[length], length))


def _adds_up(measure: JoinedMeasure, usual: Fraction | None) -> bool:
    return measure.rhythm.fits and measure.rhythm.expected and usual in (None, measure.rhythm.length)


def _groups(measure: JoinedMeasure) -> list[Sequence[Element]]:
    return equal_threes(measure.signs.elements, measure.tuplets)


def _threes(measure: JoinedMeasure) -> Iterator[bool]:
    """For each beam of three equal notes without a number, whether it was read as a triplet."""
    timings = measure.rhythm.timings
    for group in _groups(measure):
        own = [timings[e.index] for e in group if e.index in timings]
        if len(own) == len(group):
            yield all((3, 2) in timing.ratios for timing in own)

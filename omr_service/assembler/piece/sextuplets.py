"""Sextuplets without a number: six equal notes under one beam are two triplets for the rhythm, but where a six was
printed before they are what that was."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

from omr_service.assembler.music import Element
from omr_service.assembler.piece.draft import ScoreDraft
from omr_service.assembler.rhythm.timing import MeasureTiming

TRIPLET, SEXTUPLET = (3, 2), (6, 4)


def step_sextuplets(draft: ScoreDraft) -> None:
    """Joins the halves of sextuplets whose number was printed once and is left out since."""
    printed = 0
    for measure in draft.measures:
        rhythm = measure.rhythm
        numbers = [t.number for t, run in zip(measure.tuplets, rhythm.runs, strict=False) if run >= 0]
        if printed == 6 and len(rhythm.unmarked) > 1:
            measure.timing = with_sextuplets(rhythm, {e.index: e for e in measure.signs.elements})
        printed = next((n for n in reversed(numbers) if n in (3, 6)), printed)


def with_sextuplets(rhythm: MeasureTiming, elements: Mapping[int, Element]) -> MeasureTiming:
    """The rhythm with each two triplets that follow each other under one beam of six equal notes as one sextuplet."""
    sizes: dict[int, int] = {}
    for element in elements.values():
        sizes[element.beam] = sizes.get(element.beam, 0) + 1
    unmarked: list[tuple[tuple[int, ...], tuple[int, int]]] = []
    joined: list[int] = []
    left = sorted(rhythm.unmarked, key=lambda u: (elements[u[0][0]].beam, elements[u[0][0]].x))
    while left:
        first = left.pop(0)
        members = [elements[i] for i in (*first[0], *(left[0][0] if left else ()))]
        beam = members[0].beam
        if (
            left
            and first[1] == left[0][1] == TRIPLET
            and beam >= 0
            and sizes[beam] == len(members) == 6
            and all((a.beam, a.value) == (b.beam, b.value) for a, b in itertools.pairwise(members))
        ):
            unmarked.append((first[0] + left.pop(0)[0], SEXTUPLET))
            joined += unmarked[-1][0]
        else:
            unmarked.append(first)
    timings = dict(rhythm.timings)
    for i in joined:
        ratios = (*timings[i].ratios[:-1], SEXTUPLET)
        timings[i] = replace(timings[i], ratios=ratios)
    return replace(rhythm, timings=timings, unmarked=tuple(unmarked))

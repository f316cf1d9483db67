"""The rhythm of a piece, measure by measure: what each may know of those before it, and what was worked out before."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from statistics import median
from typing import NamedTuple

from omr_service.assembler.music import Element, PageMusic
from omr_service.assembler.page.meters import MeterSign
from omr_service.assembler.piece.draft import JoinedMeasure, Question, ScoreDraft
from omr_service.assembler.piece.measure_order import expected_length, step_measures
from omr_service.assembler.piece.stretches_off import DOUBTFUL, stretches_off
from omr_service.assembler.piece.triplet_habit import TRIPLET, measures_in_triplets
from omr_service.assembler.rhythm.doubled import made_one
from omr_service.assembler.rhythm.measure_problem import GOOD, usual_normal
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from omr_service.assembler.rhythm.timing import MeasureTiming

_LOOK_BACK = 3
"""Measures before a measure whose tuplets are remembered in it."""
_SAMPLE = 12
"""Measures after a meter that are asked whether it can be."""
_MOST_ASKED = 60
"""Measures without a meter that are asked at most whether they can have a length."""
_BAD = 0.4
"""Share of them that do not add up from which on it may be another one."""
_MOST = 8.0
"""What one measure costs at most: a bad one shall not decide for all."""


def step_rhythm(draft: ScoreDraft) -> None:
    """Onsets, durations and voices, measure by measure."""
    _solve_in_turns(draft)
    onset = Fraction(0)
    for measure in draft.measures:
        measure.onset = onset
        onset += measure.rhythm.length


def _solve_in_turns(draft: ScoreDraft) -> None:
    """Solves all measures, and then anew those of which the others tell something."""
    _solve_all(draft, None)
    if settle_meters(draft):
        _solve_all(draft, None)
    for others_tell in (_usual_lengths, _in_triplets, _written_lengths):
        anew = others_tell(draft)
        if anew:
            _solve_all(draft, anew)


class _Known(NamedTuple):
    """What the other measures of a piece tell of one.

    Attributes:
        length: The length to be expected; None for that of the meter.
        ratios: Ratios of tuplets whose numbers are left out.
        in_triplets: True where its beams of three are triplets without a number.
    """

    length: Fraction | None
    ratios: frozenset[Fraction]
    in_triplets: bool = False


def _solve_all(draft: ScoreDraft, anew: Mapping[int, _Known] | None) -> None:
    """Solves all measures, or those of which the others tell something."""
    recent: list[frozenset[Fraction]] = []
    for i, measure in enumerate(draft.measures):
        signs = measure.signs
        if anew is None or i in anew:
            before = frozenset().union(*recent[-_LOOK_BACK:]) if recent else frozenset()
            known = anew[i] if anew is not None else _Known(None, frozenset())
            expected = known.length if known.length is not None else expected_length(measure.meter)
            question = _question(draft, i, expected, known.length is not None, before | known.ratios)
            measure.timing = _solved(draft, measure, replace(question, in_triplets=known.in_triplets))
        rhythm = measure.rhythm
        if rhythm.dropped or rhythm.doubled:
            kept = tuple(e for e in signs.elements if e.index not in rhythm.dropped)
            measure.signs = replace(signs, elements=made_one(kept, dict(rhythm.doubled)))
        printed = {Fraction(t.normal or usual_normal(t.number), t.number) for t in measure.tuplets if t.certain}
        sure = rhythm.timings.values() if rhythm.fits and rhythm.expected else ()
        ratios = printed | {Fraction(b, a) for t in sure for a, b in t.ratios}
        recent.append(frozenset(ratios))


def _question(
    draft: ScoreDraft, i: int, expected: Fraction | None, by_neighbours: bool, recent: frozenset[Fraction]
) -> Question:
    """Which rhythm a measure has, if so many quarters are to be expected; `by_neighbours` where these tell so."""
    measure = draft.measures[i]
    signs = measure.signs
    edges = [b for b in (signs.left, signs.right) if b is not None]
    special = i in (0, len(draft.measures) - 1)
    special = special or any("H" in b.strokes or len(b.strokes) > 1 or b.dots_left for b in edges)
    special = special or signs.right is None
    if by_neighbours and expected in _possible_lengths(measure):
        special = False
    return Question(
        page=measure.page.page_number,
        element=signs.elements[0].index if signs.elements else -1,
        count=len(signs.elements),
        expected=expected,
        irregular_is_usual=special,
        recent=recent,
        compound=measure.meter is None or (measure.meter.beat_type >= 8 and sum(measure.meter.beats) % 3 == 0),
    )


def settle_meters(draft: ScoreDraft) -> bool:
    """Reads meters again whose digits are not certain and whose measures do not add up; True where one is another now.

    A reading is worth how probable its digits look, and what it costs to write the measures under it; most of them have
    to add up.
    """
    changed = False
    starts = [i for i, m in enumerate(draft.measures) if m.meter_printed]
    for first, end in itertools.pairwise([*starts, len(draft.measures)]):
        meter = draft.measures[first].meter
        assert meter is not None
        sample = [i for i in range(first, end) if draft.measures[i].signs.elements][:_SAMPLE]
        bad = [i for i in sample if not (draft.measures[i].rhythm.fits and draft.measures[i].rhythm.expected)]
        if not meter.others or len(bad) < max(2, _BAD * len(sample)):
            continue
        readings = [meter, *(replace(meter, beats=o[0], beat_type=o[1], symbol="", others=()) for o in meter.others)]
        looks = [1.0, *(probability for _, _, probability in meter.others)]
        rhythms = [_under(draft, sample, reading) for reading in readings]
        costs = [
            sum(min(rhythm.cost, _MOST) for rhythm in own) - math.log(p) for own, p in zip(rhythms, looks, strict=True)
        ]
        k = costs.index(min(costs))
        best = readings[k]
        if best is not meter and 2 * sum(r.fits and r.expected for r in rhythms[k]) > len(sample):
            changed = True
            for measure in draft.measures[first:end]:
                measure.meter = best
    return changed


def _under(draft: ScoreDraft, sample: Sequence[int], meter: MeterSign) -> list[MeasureTiming]:
    """The rhythms of some measures under a meter."""
    length = expected_length(meter)
    return [_solved(draft, draft.measures[i], _question(draft, i, length, False, frozenset())) for i in sample]


def _solved(draft: ScoreDraft, measure: JoinedMeasure, question: Question) -> MeasureTiming:
    """A measure's rhythm: as it was worked out before under the same circumstances, or now."""
    known = (
        draft.known.get(question)
        or draft.answers.get(question)
        or solve_measure(
            measure.signs.elements,
            measure.tuplets,
            question.expected,
            measure.system.system.space,
            question.irregular_is_usual,
            question.recent,
            question.compound,
            question.in_triplets,
            certain=not measure.page.pictured,
        )
    )
    if question.element >= 0:
        draft.answers[question] = known
    return known


def work_out(pages: Sequence[PageMusic], numbers: Container[int]) -> dict[Question, MeasureTiming]:
    """The rhythm of the measures on some pages, as far as it can be told from these pages of a piece alone.

    Joining all pages asks the same questions again. Where what is not here matters after all, it asks others, and what
    is said here is not used: the Score is the same with it and without.

    Args:
        pages: Pages of one piece, in order: those wanted, and such before them as tell what holds there.
        numbers: The pages wanted.
    """
    draft = ScoreDraft(list(pages))
    step_measures(draft)
    first = next((i for i, m in enumerate(draft.measures) if m.page.page_number in numbers), None)
    if first is None:
        return {}
    del draft.measures[: max(0, first - _LOOK_BACK)]
    # Passages begin where a meter is printed, and this one somewhere before.
    draft.measures[0].meter_printed = draft.measures[0].meter is not None
    _solve_in_turns(draft)
    return {question: answer for question, answer in draft.answers.items() if question.page in numbers}


def _written_lengths(draft: ScoreDraft) -> dict[int, _Known]:
    """For stretches of measures that are not as long as the meter says, the length that most of them are written in: a
    change of the meter was not seen, or its digits were read wrongly."""
    found: dict[int, _Known] = {}
    starts = [i for i, m in enumerate(draft.measures) if m.meter_printed]
    for first, end in itertools.pairwise([*starts, len(draft.measures)]):
        expected = expected_length(draft.measures[first].meter)
        for stretch in stretches_off(draft, first, end):
            sample = [i for i in stretch if draft.measures[i].signs.elements]
            sample = sample[:: 1 + len(sample) // _SAMPLE]
            free = [_solved(draft, draft.measures[i], _question(draft, i, None, False, frozenset())) for i in sample]
            written = Counter(rhythm.length for rhythm in free if rhythm.fits and rhythm.cost <= GOOD)
            length = min(written, key=lambda n: (-written[n], n), default=expected)
            # what is half as long again may be triplets without numbers
            if length is None or length in (expected, expected and expected / TRIPLET):
                continue
            if 2 * written[length] <= len(sample):
                continue
            now = sum(min(draft.measures[i].rhythm.cost, _MOST) for i in sample)
            under = [_solved(draft, draft.measures[i], _question(draft, i, length, True, frozenset())) for i in sample]
            if sum(min(rhythm.cost, _MOST) for rhythm in under) < now - DOUBTFUL:
                found |= dict.fromkeys(stretch, _Known(length, frozenset()))
    return found


def _in_triplets(draft: ScoreDraft) -> dict[int, _Known]:
    """For measures in passages of triplets without numbers that do not add up, that they are in triplets, too."""
    return {i: _Known(length, frozenset({TRIPLET}), True) for i, length in measures_in_triplets(draft).items()}


def _usual_lengths(draft: ScoreDraft) -> dict[int, _Known]:
    """For measures without a meter that differ from their neighbours, the length most of those can have."""
    free = [i for i, m in enumerate(draft.measures) if m.meter is None]
    written = Counter(draft.measures[i].rhythm.length for i in free)
    # of lengths that equally many measures can have, the one that is written more often
    possible = Counter(length for i in free for length in _possible_lengths(draft.measures[i]))
    if not possible:
        return {}
    usual = max(possible, key=lambda n: (possible[n], written[n], -n))
    if possible[usual] * 2 <= len(free):
        return {}
    # most are written half as long again: what they leave out the numbers of is known
    known = frozenset({TRIPLET}) if 2 * written[usual / TRIPLET] > len(free) else frozenset[Fraction]()
    shorter = usual * TRIPLET
    if possible[shorter] * 2 > len(free):
        as_written, in_triplets = _cost_at(draft, free, usual), _cost_at(draft, free, shorter, {TRIPLET})
        if in_triplets < as_written - DOUBTFUL:
            usual, known = shorter, frozenset({TRIPLET})
    # what is half as long again may be so for triplets whose numbers are left out in it alone
    return {
        i: _Known(usual, known, length == usual / TRIPLET)
        for i in free
        if (length := draft.measures[i].rhythm.length) != usual
    }


def _cost_at(draft: ScoreDraft, measures: Sequence[int], length: Fraction, recent: Iterable[Fraction] = ()) -> float:
    """What it costs to read some measures, or every so many of them, as so long, with tuplets known from elsewhere.

    What most of them cost (that of triplets whose number is never printed) tells nothing: what the others cost does.
    """
    sample = measures[:: 1 + len(measures) // _MOST_ASKED]
    questions = [_question(draft, i, length, True, frozenset(recent)) for i in sample]
    costs = [_solved(draft, draft.measures[q], a).cost for q, a in zip(sample, questions, strict=True)]
    usual = median(costs)
    return sum(min(max(0.0, cost - usual), _MOST) for cost in costs)


def _possible_lengths(measure: JoinedMeasure) -> set[Fraction]:
    """The lengths a measure can have: as it is written, and two thirds of that where every note may be a triplet's.

    Without a meter, threes under beams are as good dotted beats as triplets; only other measures tell.
    """
    rhythm = measure.rhythm
    notes = [e for e in measure.signs.elements if e.index in rhythm.timings and not rhythm.timings[e.index].whole_bar]
    groups: dict[tuple[int, int], list[Element]] = {}
    for element in notes:
        groups.setdefault((element.beam, element.staff if element.beam < 0 else -1), []).append(element)
    # threes under beams in one hand, equal notes without beams in the other
    threes = any(beam >= 0 for beam, _ in groups) and all(
        len(own) % 3 == 0 and len({e.value for e in own}) == 1 for own in groups.values()
    )
    if threes and not any(t.ratios for t in rhythm.timings.values()):
        return {rhythm.length, rhythm.length * TRIPLET}
    return {rhythm.length}

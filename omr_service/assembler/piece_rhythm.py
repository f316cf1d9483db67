"""The rhythm of a piece, measure by measure: what each may know of those before it, and what was worked out before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import replace
from fractions import Fraction

from omr_service.assembler.draft import JoinedMeasure, Question, ScoreDraft
from omr_service.assembler.measure_order import expected_length, step_measures
from omr_service.assembler.music import Element, PageMusic
from omr_service.assembler.rhythm import solve_measure, usual_normal
from omr_service.assembler.timing import MeasureTiming

_LOOK_BACK = 3
"""Measures before a measure whose tuplets are remembered in it."""
DOUBTFUL = 3.0
"""Cost of a measure's rhythm from which on a person should look at it."""


def step_rhythm(draft: ScoreDraft) -> None:
    """Onsets, durations and voices, measure by measure."""
    _solve_all(draft, {})
    usual = _usual_lengths(draft)
    if usual:
        _solve_all(draft, usual)
    onset = Fraction(0)
    for measure in draft.measures:
        measure.onset = onset
        onset += measure.rhythm.length


def _solve_all(draft: ScoreDraft, usual: dict[int, Fraction], start: int = 0) -> None:
    """Solves all measures from one on, or those named in `usual`, for which it tells the length to be expected."""
    recent: list[frozenset[Fraction]] = []
    last = len(draft.measures) - 1
    for i, measure in enumerate(draft.measures[start:], start):
        signs = measure.signs
        if not usual or i in usual:
            edges = [b for b in (signs.left, signs.right) if b is not None]
            special = i in (0, last) or any("H" in b.strokes or len(b.strokes) > 1 or b.dots_left for b in edges)
            special = special or signs.right is None
            if i in usual and usual[i] in _possible_lengths(measure):
                special = False
            question = Question(
                page=measure.page.page_number,
                element=signs.elements[0].index if signs.elements else -1,
                count=len(signs.elements),
                expected=usual.get(i, expected_length(measure.meter)),
                irregular_is_usual=special,
                recent=frozenset().union(*recent[-_LOOK_BACK:]) if recent else frozenset(),
                compound=measure.meter is None or (measure.meter.beat_type >= 8 and sum(measure.meter.beats) % 3 == 0),
            )
            measure.timing = _solved(draft, measure, question)
        rhythm = measure.rhythm
        if rhythm.dropped:
            kept = tuple(e for e in signs.elements if e.index not in rhythm.dropped)
            measure.signs = replace(signs, elements=kept)
        printed = {Fraction(t.normal or usual_normal(t.number), t.number) for t in measure.tuplets if t.certain}
        sure = rhythm.timings.values() if rhythm.fits and rhythm.expected else ()
        ratios = printed | {Fraction(b, a) for t in sure for a, b in t.ratios}
        recent.append(frozenset(ratios))


def _solved(draft: ScoreDraft, measure: JoinedMeasure, question: Question) -> MeasureTiming:
    """A measure's rhythm: as it was worked out before under the same circumstances, or now."""
    known = draft.known.get(question) or solve_measure(
        measure.signs.elements,
        measure.tuplets,
        question.expected,
        measure.system.system.space,
        question.irregular_is_usual,
        question.recent,
        question.compound,
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
    _solve_all(draft, {}, max(0, first - _LOOK_BACK))
    return {question: answer for question, answer in draft.answers.items() if question.page in numbers}


def _usual_lengths(draft: ScoreDraft) -> dict[int, Fraction]:
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
    return {i: usual for i in free if draft.measures[i].rhythm.length != usual}


def _possible_lengths(measure: JoinedMeasure) -> set[Fraction]:
    """The lengths a measure can have: as it is written, and two thirds of that where every note may be a triplet's.

    Without a meter, threes under beams are as good dotted beats as triplets; only other measures tell.
    """
    rhythm = measure.rhythm
    notes = [e for e in measure.signs.elements if e.index in rhythm.timings and not rhythm.timings[e.index].whole_bar]
    groups: dict[int, list[Element]] = {}
    for element in notes:
        groups.setdefault(element.beam, []).append(element)
    threes = bool(notes) and all(
        beam >= 0 and len(own) % 3 == 0 and len({e.value for e in own}) == 1 for beam, own in groups.items()
    )
    if threes and not any(t.ratios for t in rhythm.timings.values()):
        return {rhythm.length, rhythm.length * Fraction(2, 3)}
    return {rhythm.length}

"""From the signs of a measure to onsets, durations, voices and tuplets: what the bar solver is asked, and when it is
asked again with more readings allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from omr_service.assembler.doubts import doubtful
from omr_service.assembler.music import Element, TupletSign
from omr_service.assembler.rhythm.bar_model import USUAL, Costs
from omr_service.assembler.rhythm.doubled import doubled, made_one
from omr_service.assembler.rhythm.even_groups import even_groups, threes_left_out, threes_of_one_line
from omr_service.assembler.rhythm.measure_problem import GOOD, HARD, RULER, MeasureProblem, usual_normal
from omr_service.assembler.rhythm.readings import Unnumbered
from omr_service.assembler.rhythm.runs import free_runs, others_begin, small_runs
from omr_service.assembler.rhythm.timing import MeasureTiming, measure_timing

UNMARKED: tuple[tuple[Fraction, float], ...] = (
    (Fraction(2, 3), 0.9),
    (Fraction(4, 5), 1.3),
    (Fraction(4, 7), 1.3),
    (Fraction(3, 4), 1.3),
    (Fraction(3, 2), 1.3),
)
"""Tuplets that may stand without their number, with what that costs per group under a beam."""
KNOWN = 0.33
"""Share of that cost where such a tuplet was printed shortly before."""
LOOSE, LOOSE_KNOWN = 2.5, 1.5
"""How many times as much it costs to begin one with a note that no beam joins to others: such a group has a number, or
at least a bracket, and less so where it was printed before."""
DOUBTFUL_AT_ONCE = 3
"""Chords and rests of a measure, the least sure, of which is asked whether they are there."""
CUES = 0.5
"""What it costs to take the small notes of a measure for cues, which last as long as they are written."""
ONE_VOICE = 0.3
"""What it costs to take heads of one height on both sides of a stem for notes of one voice."""
TIMED_RUN, FREE_TIME = 0.5, 1.0
"""What it costs to give a run of small notes time, and one of full notes another time than written."""


def grace_notes(elements: Sequence[Element]) -> list[Element]:
    """The small notes of a measure, but for those under one beam with full ones: they have time of their own."""
    full = {e.beam for e in elements if e.beam >= 0 and e.notes and not e.small}
    return [e for e in elements if e.small and e.notes and e.beam not in full]


def solve_measure(
    elements: Sequence[Element],
    tuplets: Sequence[TupletSign],
    expected: Fraction | None,
    space: float,
    irregular_is_usual: bool = False,
    recent: frozenset[Fraction] = frozenset(),
    compound: bool = True,
    in_triplets: bool = False,
    certain: bool = False,
) -> MeasureTiming:
    """Onsets, durations and voices of a measure's elements.

    Args:
        elements: Chords and rests of all staves, grace notes among them.
        tuplets: Printed tuplets with members in this measure.
        expected: Length by the meter in quarters, None when not known.
        space: Staff space in points.
        irregular_is_usual: True where a shorter measure is no surprise (the first, at a repeat).
        recent: Ratios of tuplets in the measures before: their number may be left out now.
        compound: True where the beat may be a dotted note, so that duplets and quadruplets may go without a number.
        in_triplets: True in a passage whose beams of three are triplets without a number.
        certain: True where everything is there that was read, however unlike the symbols of known fonts it looks.
    """
    grace = grace_notes(elements)
    aside = {e.index for e in grace}
    timed = [e for e in elements if e.index not in aside]
    if not timed:
        # a bar of cues
        timed, grace = [e for e in grace if not e.slash], [e for e in grace if e.slash]
    if not timed:
        return MeasureTiming(expected or Fraction(4), {}, True, True, 0.0, ())
    costs = Costs(irregular=0.8) if irregular_is_usual else USUAL
    known = recent | {Fraction(t.normal or usual_normal(t.number), t.number) for t in tuplets if t.certain}
    loose = KNOWN if in_triplets else LOOSE_KNOWN
    unmarked = tuple(
        Unnumbered(r, c * KNOWN, c * KNOWN, c * loose) if r in known else Unnumbered(r, c, c, c * LOOSE)
        for r, c in UNMARKED
        if compound or r.denominator not in (2, 4)
    )
    problem = MeasureProblem(timed, {}, tuplets, expected, space, costs, compound, unmarked)
    best = problem.solve(math.inf)
    assert best is not None
    pairs = doubled(timed)
    if pairs and best.solution.cost > HARD:
        one_voice = list(made_one(timed, pairs))
        other = MeasureProblem(one_voice, {}, tuplets, expected, space, costs, compound, unmarked)
        found = other.solve(math.inf)
        assert found is not None
        # a staff that fills the bar by itself only so counts as it does elsewhere
        margin = RULER if other.known and not problem.known else -ONE_VOICE
        if found.solution.cost < best.solution.cost + margin:
            problem, best, timed = other, found, one_voice
    groups = even_groups(timed, tuplets, compound)
    if in_triplets:
        groups.insert(0, threes_left_out(timed, tuplets))
    numbered: list[Sequence[TupletSign]] = [[*tuplets, *left_out] for left_out in groups]
    for signs in numbered:
        if best.solution.cost <= GOOD:
            break
        other = MeasureProblem(timed, {}, signs, expected, space, costs, compound, unmarked)
        found = other.solve(best.solution.cost, brief=True)
        if found is not None:
            problem, best = other, found
    threes = threes_of_one_line(timed, tuplets)
    if threes and best.solution.cost > GOOD:
        other = MeasureProblem(timed, {}, [*tuplets, *threes], expected, space, costs, compound, unmarked)
        found = other.with_ruler(None, best.solution.cost)
        if found is not None:
            problem, best = other, found
    cues = [e for e in grace if not e.slash]
    if cues and best.solution.cost > GOOD:
        with_cues = sorted([*timed, *cues], key=lambda e: (e.x, e.staff))
        other = MeasureProblem(with_cues, {}, tuplets, expected, space, costs, compound, unmarked)
        found = other.solve(best.solution.cost - CUES, brief=True)
        if found is not None:
            problem, best, timed = other, found, with_cues
            grace = [e for e in grace if e.slash]
    small_ones = small_runs(grace, timed)
    # a staff that merely begins late is in order, unless such a run stands there
    asked = (small_ones, 0.0, 0.0) if others_begin(small_ones, timed, space) else (small_ones, TIMED_RUN, GOOD)
    for runs, margin, good in (asked, (free_runs(timed, tuplets, space), FREE_TIME, GOOD)):
        if not runs or best.solution.cost <= good:
            continue
        members = {e.index for run in runs.values() for e in run}
        others = [e for e in problem.timed if e.index not in members]
        with_runs = sorted([*others, *(run[0] for run in runs.values())], key=lambda e: (e.x, e.staff))
        small = problem.small | runs
        other = MeasureProblem(with_runs, small, tuplets, expected, space, costs, compound, unmarked)
        found = other.solve(best.solution.cost - margin * len(runs), brief=True)
        if found is not None:
            problem, best = other, found
    dropped: list[int] = []
    for element, cost in [] if certain else doubtful(timed)[:DOUBTFUL_AT_ONCE]:
        rest = [e for e in problem.timed if e is not element]
        if not rest or best.solution.cost <= cost or element.index in problem.small:
            continue
        signs = numbered[0] if numbered else tuplets
        other = MeasureProblem(rest, problem.small, signs, expected, space, costs, compound, unmarked)
        found = other.solve(best.solution.cost - cost, brief=True)
        if found is not None:
            problem, best = other, found
            dropped.append(element.index)
    printed = len(tuplets)
    choice = tuple(k for k, _ in best.choice[:printed])
    timing = measure_timing(problem.timed, problem.small, best.marks, best.items, best.solution, choice, tuple(dropped))
    left_out = tuple(
        (sign.options[k], (sign.number, normal))
        for sign, (k, normal) in zip(problem.tuplets[printed:], best.choice[printed:], strict=True)
        if k >= 0
    )
    made = tuple((split, main) for split, main in pairs.items() if split not in timing.timings)
    return replace(timing, unmarked=(*timing.unmarked, *left_out), doubled=made)

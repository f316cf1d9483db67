"""From the signs of a measure to onsets, durations, voices and tuplets: what the bar solver is asked, and when it is
asked again with more readings allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from omr_service.assembler.bar_solver import BarSolution, Costs, Item, Placed, Reading, solve_bar
from omr_service.assembler.music import Element, TupletSign
from omr_service.assembler.tuplets import NORMALS

GOOD = 0.7
"""A solution that costs no more is not questioned."""
UNMARKED = (
    (Fraction(2, 3), 0.35),
    (Fraction(4, 5), 0.9),
    (Fraction(4, 7), 0.9),
    (Fraction(3, 4), 0.9),
    (Fraction(3, 2), 0.9),
)
"""Tuplets that may stand without their number, with what that costs per group."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Where an element sounds.

    Attributes:
        onset: Quarters from the start of the measure.
        duration: Quarters.
        voice: From 1, within the staff.
        home: Position of the staff its voice belongs to.
        ratios: Tuplet ratios (actual, normal), outermost first.
        whole_bar: True for a rest that stands for the whole measure.
        level: Note value taken.
        dots: Dots taken.
    """

    onset: Fraction
    duration: Fraction
    voice: int
    home: int
    ratios: tuple[tuple[int, int], ...]
    whole_bar: bool
    level: int
    dots: int


@dataclass(frozen=True, slots=True)
class MeasureTiming:
    """A measure's rhythm.

    Attributes:
        length: Quarters.
        timings: By element number on the page; grace notes are not in it.
        fits: True when all voices fill the measure.
        expected: True when the length is that of the meter.
        cost: Cost of the solution.
        unmarked: Runs of elements in a tuplet whose number is not printed, with (actual, normal).
    """

    length: Fraction
    timings: dict[int, Timing]
    fits: bool
    expected: bool
    cost: float
    unmarked: tuple[tuple[tuple[int, ...], tuple[int, int]], ...]


def solve_measure(
    elements: Sequence[Element],
    tuplets: Sequence[TupletSign],
    expected: Fraction | None,
    space: float,
    irregular_is_usual: bool = False,
    recent: frozenset[Fraction] = frozenset(),
) -> MeasureTiming:
    """Onsets, durations and voices of a measure's elements.

    Args:
        elements: Chords and rests of all staves, grace notes among them.
        tuplets: Printed tuplets with members in this measure.
        expected: Length by the meter in quarters, None when not known.
        space: Staff space in points.
        irregular_is_usual: True where a measure of another length is no surprise (the first, at a repeat).
        recent: Ratios of tuplets in the measures before: their number may be left out now.
    """
    timed = [e for e in elements if not (e.small and e.notes)]
    if not timed:
        return MeasureTiming(expected or Fraction(4), {}, True, True, 0.0, ())
    costs = Costs(irregular=0.6) if irregular_is_usual else Costs()
    marks = _nesting(tuplets)
    choice = {id(t): NORMALS.get(t.number, (_default_normal(t.number),))[0] for t in tuplets}
    choice.update({id(t): t.normal for t in tuplets if t.normal})
    best, best_items = _attempt(timed, marks, choice, expected, space, costs, (), 24)
    if best.cost > GOOD:
        for tuplet in tuplets:
            if tuplet.normal:
                continue
            for normal in NORMALS.get(tuplet.number, ())[1:]:
                other = {**choice, id(tuplet): normal}
                solution, items = _attempt(timed, marks, other, expected, space, costs, (), 24)
                if solution.cost + 0.3 < best.cost:
                    best, best_items, choice = solution, items, other
    if best.cost > GOOD:
        unmarked = tuple((r, c * (0.4 if r in recent else 1.0)) for r, c in UNMARKED)
        solution, items = _attempt(timed, marks, choice, expected, space, costs, unmarked, 60)
        if solution.cost < best.cost:
            best, best_items = solution, items
    return _timing(timed, best, best_items, marks, choice)


def _default_normal(number: int) -> int:
    """The greatest power of two below a tuplet number."""
    normal = 1
    while normal * 2 < number:
        normal *= 2
    return normal


def _nesting(tuplets: Sequence[TupletSign]) -> dict[int, list[TupletSign]]:
    """By element, the tuplets it is in, outermost first."""
    result: dict[int, list[TupletSign]] = {}
    for tuplet in sorted(tuplets, key=lambda t: -len(t.members)):
        for member in tuplet.members:
            result.setdefault(member, []).append(tuplet)
    return result


def _attempt(
    timed: list[Element],
    marks: dict[int, list[TupletSign]],
    choice: dict[int, int],
    expected: Fraction | None,
    space: float,
    costs: Costs,
    unmarked: tuple[tuple[Fraction, float], ...],
    effort: int,
) -> tuple[BarSolution, list[Item]]:
    left = min(e.x for e in timed if not (e.is_rest and e.level <= -2)) if any(
        not (e.is_rest and e.level <= -2) for e in timed
    ) else min(e.x for e in timed)
    items: list[Item] = []
    for element in timed:
        ratio = Fraction(1)
        for tuplet in marks.get(element.index, ()):
            ratio *= Fraction(choice[id(tuplet)], tuplet.number)
        value = element.value * ratio
        readings = [Reading(value)]
        x = element.x
        if element.is_rest and element.level <= -2 and not element.dots:
            # the sign of the whole rest stands for a whole bar; it is printed in the bar's middle
            readings = [Reading(Fraction(0)), Reading(value, 0.05 if expected and expected > 4 else 0.4)]
            x = left
        elif element.index not in marks and unmarked:
            can_be_in_tuplet = element.level >= -1
            for r, c in unmarked:
                # duplets and quadruplets belong to compound meters, where the beat is dotted
                if r in (Fraction(3, 4), Fraction(3, 2)) and expected and (expected * 2).denominator == 1:
                    if (expected * 2) % 3 or element.beam < 0:
                        continue
                if r.denominator in (5, 7) and element.beam < 0:
                    continue
                if can_be_in_tuplet and not element.dots:
                    readings.append(Reading(value * r, c, r))
        stem = 0 if element.up is None else 1 if element.up else -1
        height = element.rest_step if element.is_rest else sum(n.step for n in element.notes) / len(element.notes)
        items.append(
            Item(element.staff, x / space, tuple(readings), stem, element.is_rest, element.beam, height)
        )
    return solve_bar(items, expected, costs, effort), items


def _timing(
    timed: list[Element],
    solution: BarSolution,
    items: list[Item],
    marks: dict[int, list[TupletSign]],
    choice: dict[int, int],
) -> MeasureTiming:
    voices = _number_voices(timed, solution.placed, items)
    timings: dict[int, Timing] = {}
    by_chain: dict[int, list[int]] = {}
    for k, (element, placed) in enumerate(zip(timed, solution.placed, strict=True)):
        by_chain.setdefault(placed.voice, []).append(k)
        ratios = [(t.number, choice[id(t)]) for t in marks.get(element.index, ())]
        reading = items[k].readings[placed.reading]
        if reading.ratio != 1:
            ratios.append((reading.ratio.denominator, reading.ratio.numerator))
        home, voice = voices[placed.voice]
        timings[element.index] = Timing(
            placed.onset,
            placed.duration,
            voice,
            home,
            tuple(ratios),
            reading.duration == 0,
            element.level,
            element.dots,
        )
    unmarked = _unmarked(timed, solution.placed, items, by_chain)
    return MeasureTiming(solution.length, timings, solution.fits, solution.expected, solution.cost, unmarked)


def _unmarked(
    timed: list[Element], placed: Sequence[Placed], items: list[Item], by_chain: dict[int, list[int]]
) -> tuple[tuple[tuple[int, ...], tuple[int, int]], ...]:
    """Runs of a voice read as tuplets without a number, each as long as the ratio makes whole."""
    result: list[tuple[tuple[int, ...], tuple[int, int]]] = []
    for members in by_chain.values():
        members.sort(key=lambda k: placed[k].onset)
        run: list[int] = []
        total = Fraction(0)
        for k in members:
            ratio = items[k].readings[placed[k].reading].ratio
            if ratio == 1:
                run, total = [], Fraction(0)
                continue
            if run and items[run[-1]].readings[placed[run[-1]].reading].ratio != ratio:
                run, total = [], Fraction(0)
            run.append(k)
            total += timed[k].value
            units = total / min(timed[j].value for j in run)
            if len(run) > 1 and units.denominator == 1 and units % ratio.denominator == 0:
                result.append((tuple(timed[j].index for j in run), (ratio.denominator, ratio.numerator)))
                run, total = [], Fraction(0)
    return tuple(result)


def _number_voices(
    timed: list[Element], placed: Sequence[Placed], items: list[Item]
) -> dict[int, tuple[int, int]]:
    """By chain of the solution, (home staff, voice from 1 within the staff).

    The upper of two voices, whose stems point up, is the first; chains that do not overlap can share a voice.
    """
    chains: dict[int, list[int]] = {}
    for k, p in enumerate(placed):
        chains.setdefault(p.voice, []).append(k)
    homes: dict[int, int] = {}
    for chain, members in chains.items():
        counts: dict[int, int] = {}
        for k in members:
            counts[items[k].staff] = counts.get(items[k].staff, 0) + 1
        first = items[min(members, key=lambda k: placed[k].onset)].staff
        homes[chain] = max(counts, key=lambda s: (counts[s], s == first))
    result: dict[int, tuple[int, int]] = {}
    for staff in sorted(set(homes.values())):
        own = [c for c in chains if homes[c] == staff]
        spans = {
            c: (min(placed[k].onset for k in chains[c]), max(placed[k].onset + placed[k].duration for k in chains[c]))
            for c in own
        }

        def overlap(a: int, b: int, spans: dict[int, tuple[Fraction, Fraction]] = spans) -> bool:
            return spans[a][0] < spans[b][1] and spans[b][0] < spans[a][1]

        ranks = {c: _rank(chains[c], items) for c in own}
        slots: dict[int, list[int]] = {}
        for chain in sorted(own, key=lambda c: (-len(chains[c]) * 0, spans[c][0], -ranks[c], c)):
            rivals = [c for c in own if c != chain and overlap(c, chain)]
            lower = sum(ranks[c] > ranks[chain] or (ranks[c] == ranks[chain] and c < chain) for c in rivals)
            preferred = 2 if lower else 1
            order = [preferred, *(v for v in range(1, len(own) + 2) if v != preferred)]
            if preferred == 2:
                order = [*range(2, len(own) + 2), 1]
            voice = next(v for v in order if not any(overlap(c, chain) for c in slots.get(v, [])))
            slots.setdefault(voice, []).append(chain)
            result[chain] = (staff, voice)
    return result


def _rank(members: list[int], items: list[Item]) -> float:
    """How much a chain looks like the upper voice."""
    stems = sum(items[k].stem for k in members)
    height = sum(items[k].height for k in members) / len(members)
    return 100.0 * (stems > 0) - 100.0 * (stems < 0) + height

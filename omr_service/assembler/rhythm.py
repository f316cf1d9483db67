"""From the signs of a measure to onsets, durations, voices and tuplets: what the bar solver is asked, and when it is
asked again with more readings allowed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from omr_service.assembler.bar_model import USUAL, BarSolution, Costs, Item
from omr_service.assembler.bar_solver import solve_bar_below
from omr_service.assembler.doubts import doubtful
from omr_service.assembler.music import Element, TupletSign
from omr_service.assembler.readings import Unmarked, Unnumbered, collisions, item_of
from omr_service.assembler.runs import free_runs, small_runs
from omr_service.assembler.timing import MeasureTiming, Ratios, measure_timing
from omr_service.assembler.tuplets import NORMALS

GOOD = 0.7
"""A solution that costs no more is not questioned."""
GOOD_AND_FULL = 1.6
"""Nor is one that costs no more and fills a bar of the expected length in all voices."""
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
IN_ORDER = 0.5
"""A bar of another length than the meter's that costs no more, but for that, is in order as it is."""
ACROSS_BEAMS = 2.0
"""What it costs more there to begin a tuplet without a number elsewhere than at the beginning of a beam."""
DUPLETS = (2, 4, 8)
"""Numbers of notes that may take the time of more; of others that is only for dotted beats."""
UNREAD, UNREAD_BRACKET = 0.15, 1.0
"""What it costs not to read a number as a tuplet's that stands over a beam of just so many notes, or in a bracket."""
UNUSUAL = 0.6
"""What it costs to read a number as replacing another one than usual."""
HARD, THOROUGH = 4.0, 150
"""A measure that costs more as it is printed is searched once more, with so many partial solutions kept."""
DOUBTFUL_AT_ONCE = 3
"""Chords and rests of a measure, the least sure, of which is asked whether they are there."""
ASIDE = 0.3
"""What it costs to take a chord for one that was moved right of another with which it sounds."""
CUES = 0.5
"""What it costs to take the small notes of a measure for cues, which last as long as they are written."""
TIMED_RUN, FREE_TIME = 0.5, 1.0
"""What it costs to give a run of small notes time, and one of full notes another time than written."""


def _is_good(solution: BarSolution, costs: Costs, expected: Fraction | None) -> bool:
    """True for a solution that needs no other readings; a bar that is allowed to be short may be so in all voices."""
    usual = solution.expected or (costs is not USUAL and expected is not None and solution.length < expected)
    return solution.cost <= (GOOD_AND_FULL if solution.fits and usual else GOOD)


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
    unmarked = tuple(
        Unnumbered(r, c * KNOWN, c * KNOWN, c * LOOSE_KNOWN) if r in known else Unnumbered(r, c, c, c * LOOSE)
        for r, c in UNMARKED
        if compound or r.denominator not in (2, 4)
    )
    problem = _Problem(timed, {}, tuplets, expected, space, costs, compound, unmarked)
    best = problem.solve(math.inf)
    assert best is not None
    cues = [e for e in grace if not e.slash]
    if cues and best.solution.cost > GOOD:
        with_cues = sorted([*timed, *cues], key=lambda e: (e.x, e.staff))
        other = _Problem(with_cues, {}, tuplets, expected, space, costs, compound, unmarked)
        found = other.solve(best.solution.cost - CUES)
        if found is not None:
            problem, best, timed = other, found, with_cues
            grace = [e for e in grace if e.slash]
    for runs, margin in ((small_runs(grace, timed), TIMED_RUN), (free_runs(timed, tuplets, space), FREE_TIME)):
        if not runs or best.solution.cost <= GOOD:
            continue
        members = {e.index for run in runs.values() for e in run}
        others = [e for e in problem.timed if e.index not in members]
        with_runs = sorted([*others, *(run[0] for run in runs.values())], key=lambda e: (e.x, e.staff))
        small = problem.small | runs
        other = _Problem(with_runs, small, tuplets, expected, space, costs, compound, unmarked)
        found = other.solve(best.solution.cost - margin * len(runs))
        if found is not None:
            problem, best = other, found
    dropped: list[int] = []
    for element, cost in doubtful(timed)[:DOUBTFUL_AT_ONCE]:
        rest = [e for e in problem.timed if e is not element]
        if not rest or best.solution.cost <= cost or element.index in problem.small:
            continue
        other = _Problem(rest, problem.small, tuplets, expected, space, costs, compound, unmarked)
        found = other.solve(best.solution.cost - cost)
        if found is not None:
            problem, best = other, found
            dropped.append(element.index)
    choice = tuple(k for k, _ in best.choice)
    return measure_timing(problem.timed, problem.small, best.marks, best.items, best.solution, choice, tuple(dropped))


Choice = tuple[tuple[int, int], ...]
"""For each printed tuplet, (which of its runs or -1 for none, what the number replaces)."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    choice: Choice
    marks: dict[int, Ratios]  # by element, of printed tuplets
    solution: BarSolution
    items: list[Item]


class _Problem:
    """One measure, to be solved under several readings of its tuplet numbers."""

    def __init__(
        self,
        timed: list[Element],
        small: dict[int, tuple[Element, ...]],
        tuplets: Sequence[TupletSign],
        expected: Fraction | None,
        space: float,
        costs: Costs,
        compound: bool,
        without_number: Unmarked,
    ) -> None:
        placed = {e.index for e in timed}
        tuplets = [replace(t, options=tuple(o for o in t.options if placed.issuperset(o))) for t in tuplets]
        self.timed, self.small, self.tuplets = timed, small, tuplets
        self.expected, self.space, self.costs = expected, space, costs
        self.compound, self.without_number = compound, without_number
        self.x_of = {e.index: e.x for e in timed}
        beam_of = {e.index: e.beam for e in timed}
        size_of = Counter(beam_of.values())
        self.likely = {
            t
            for t in tuplets
            for beams in [{beam_of.get(i, -1) for i in t.options[0]} if t.options else set()]
            if len(beams) == 1 and min(beams) >= 0 and size_of[min(beams)] == len(t.options[0]) == t.number
        }
        self.in_threes = all(size % 3 == 0 for beam, size in size_of.items() if beam >= 0)
        self.snapped: dict[int, float] = {}
        self.doubts = False
        self.tried: dict[tuple[Choice, int, bool, frozenset[int], int], float] = {}

    def is_good(self, attempt: _Attempt) -> bool:
        """True for an attempt that is not questioned."""
        return _is_good(attempt.solution, self.costs, self.expected)

    def is_in_order(self, attempt: _Attempt) -> bool:
        """True for several voices that fill a bar that is merely not as long as the meter says; not for one that has
        its length where all notes are a triplet's, unless its beams join other numbers of them."""
        solution = attempt.solution
        if self.expected is None or solution.expected or not solution.fits:
            return False
        if 2 * solution.length == 3 * self.expected and self.in_threes:
            return False
        return (
            len({p.voice for p in solution.placed}) > 1
            and solution.cost - self.costs.of_length(solution.length, self.expected) < IN_ORDER
        )

    def solve(self, bound: float) -> _Attempt | None:
        """The best attempt below a bound; None where there is none."""
        best = self.attempt(self.first_choice(), bound)
        if best is not None and self.is_good(best):
            return best
        if any(e.others for e in self.timed):
            # from here on, what else the reader saw counts too
            self.doubts = True
            again = self.attempt(self.first_choice(), min(bound, best.solution.cost) if best is not None else bound)
            best = again if again is not None else best
            if best is not None and self.is_good(best):
                return best
        if self.tuplets:
            best = self.other_tuplets(best, bound)
            if best is not None and self.is_good(best):
                return best
        choice = best.choice if best is not None else self.first_choice()
        best = self.moved_aside(choice, best, bound)
        if best is not None and best.solution.cost > HARD:
            again = self.attempt(best.choice, min(bound, best.solution.cost), (), THOROUGH)
            best = again if again is not None else best
        if best is None or not self.is_good(best):
            unmarked = self.without_number
            if best is not None and self.is_in_order(best):
                # all voices agree on its length: where that is not right, all of them have tuplets, and beams show them
                unmarked = tuple(Unnumbered(r, b, c + ACROSS_BEAMS, d + ACROSS_BEAMS) for r, b, c, d in unmarked)
                self.costs = replace(self.costs, within_beam=ACROSS_BEAMS)
            for numbers in dict.fromkeys((choice, self.first_choice())):
                below = min(bound, best.solution.cost) if best is not None else bound
                again = self.attempt(numbers, below, unmarked, 60)
                best = again if again is not None else best
        return best

    def moved_aside(self, choice: Choice, best: _Attempt | None, bound: float) -> _Attempt | None:
        """Tries which chords were moved right because they collide with one they sound with: one after the other, and
        all of them, for what moves one staff's notes may move the other's."""
        found = collisions(self.timed, self.space)
        ordered = sorted(found.items(), key=lambda c: self.x_of[c[0]] - c[1])
        for moved in [*([c] for c in ordered), *([ordered] if len(ordered) > 1 else [])]:
            before = dict(self.snapped)
            self.snapped.update(moved)
            below = min(bound, best.solution.cost - ASIDE * len(moved)) if best is not None else bound
            again = self.attempt(choice, below)
            if again is None:
                self.snapped = before
            else:
                best = again
                if self.is_good(best):
                    break
        return best

    def normals(self, tuplet: TupletSign) -> tuple[int, ...]:
        """What a number can replace, the usual first."""
        if tuplet.normal:
            return (tuplet.normal,)
        usual = NORMALS.get(tuplet.number, (usual_normal(tuplet.number),))
        if self.compound or tuplet.number in DUPLETS:
            return usual
        return usual[:1] + tuple(n for n in usual[1:] if n < tuplet.number)

    def first_choice(self) -> Choice:
        """All numbers that are certain, each over the run it fits best that no other claims."""
        choice: list[tuple[int, int]] = []
        taken: list[set[int]] = []
        for tuplet in self.tuplets:
            run = -1
            if tuplet.certain:
                for k, option in enumerate(tuplet.options):
                    own = set(option)
                    if all(not own & other or own < other or other < own for other in taken):
                        run = k
                        taken.append(own)
                        break
            choice.append((run, self.normals(tuplet)[0]))
        return tuple(choice)

    def compatible(self, choice: Choice) -> bool:
        """True when no two tuplets cross."""
        runs = [set(t.options[k]) for t, (k, _) in zip(self.tuplets, choice, strict=True) if k >= 0]
        return all(not a & b or a < b or b < a for i, a in enumerate(runs) for b in runs[i + 1 :])

    def other_tuplets(self, best: _Attempt | None, bound: float) -> _Attempt | None:
        """Tries other readings of the numbers, one number at a time, and the uncertain ones all at once."""
        starts = [best.choice if best is not None else self.first_choice()]
        doubtful = [i for i, t in enumerate(self.tuplets) if not t.certain]
        if doubtful:
            everything = list(starts[0])
            for i in doubtful:
                for k in range(len(self.tuplets[i].options)):
                    everything[i] = (k, everything[i][1])
                    if self.compatible(tuple(everything)):
                        break
                    everything[i] = (-1, everything[i][1])
            starts.append(tuple(everything))
            found = self.attempt(starts[-1], best.solution.cost if best is not None else bound)
            if found is not None:
                best = found
                starts.reverse()
        for start in [self.in_thirds(start) for start in starts]:
            found = self.attempt(start, best.solution.cost if best is not None else bound)
            if found is not None:
                best = found
                starts.insert(0, start)
        for start in starts:
            if best is not None and self.is_good(best):
                break
            best = self.descend(start, best, bound)
        return best

    def in_thirds(self, choice: Choice) -> Choice:
        """A choice with the numbers over dotted beats: seven notes replace six there, not four."""
        if not self.compound or self.expected is None:
            return choice
        thirds = [next((n for n in self.normals(t) if n % 3 == 0), 0) for t in self.tuplets]
        return tuple((k, third or normal) for (k, normal), third in zip(choice, thirds, strict=True))

    def descend(self, choice: Choice, best: _Attempt | None, bound: float) -> _Attempt | None:
        """Changes the reading of one number after the other as long as it helps."""
        for _ in range(2):
            before = best
            for i in range(len(self.tuplets)):
                for other, margin in self.changes(choice, i):
                    found = self.attempt(other, min(bound, best.solution.cost - margin) if best else bound)
                    if found is not None:
                        best, choice = found, other
                if best is not None and self.is_good(best):
                    return best
            if best is before:
                break
        return best

    def changes(self, choice: Choice, i: int) -> Iterator[tuple[Choice, float]]:
        """Other readings of one number, each with how much cheaper it must be; its equals may change with it."""
        tuplet = self.tuplets[i]
        equals = [j for j, t in enumerate(self.tuplets) if t.number == tuplet.number and choice[j][0] >= 0]
        for normal in self.normals(tuplet):
            together = list(choice)
            for j in equals:
                together[j] = (choice[j][0], normal)
            if len(equals) > 1 and tuple(together) != choice:
                yield tuple(together), 0.3
        for k in (*range(len(tuplet.options)), -1):
            for normal in self.normals(tuplet) if k >= 0 else (choice[i][1],):
                other = (*choice[:i], (k, normal), *choice[i + 1 :])
                if other != choice and self.compatible(other):
                    yield other, 0.3 if k >= 0 else 0.8

    def attempt(self, choice: Choice, bound: float, unmarked: Unmarked = (), effort: int = 24) -> _Attempt | None:
        """The measure under one reading of its numbers; None where it costs no less than the bound."""
        key = (choice, len(unmarked), self.doubts, frozenset(self.snapped), effort)
        if bound <= self.tried.get(key, -1.0):
            return None
        self.tried[key] = bound
        taken = [(t, normal) for t, (k, normal) in zip(self.tuplets, choice, strict=True) if k >= 0]
        # numbers that look more like fingers, and those read in an unusual way, each kind once
        doubt = sum(t.cost for t, _ in taken)
        odd = {(t.number, n) for t, n in taken if n != self.normals(t)[0] and not (self.compound and n % 3 == 0)}
        doubt += UNUSUAL * len(odd)
        unread = [t for t, (k, _) in zip(self.tuplets, choice, strict=True) if k < 0]
        doubt += sum(UNREAD_BRACKET if t.bracket else UNREAD * (t in self.likely) for t in unread)
        marks = self.marks(choice)
        items = [
            item_of(
                element,
                self.timed,
                marks.get(element.index, ()),
                unmarked,
                self.expected,
                self.space,
                self.snapped.get(element.index, element.x),
                self.small.get(element.index, ()),
                self.doubts,
            )
            for element in self.timed
        ]
        solution = solve_bar_below(items, self.expected, self.costs, effort, bound - doubt)
        if solution is None:
            return None
        return _Attempt(choice, marks, replace(solution, cost=solution.cost + doubt), items)

    def marks(self, choice: Choice) -> dict[int, Ratios]:
        """By element, the ratios that apply, outermost first."""
        result: dict[int, Ratios] = {}
        chosen = [
            (t.options[k], (t.number, normal)) for t, (k, normal) in zip(self.tuplets, choice, strict=True) if k >= 0
        ]
        for run, pair in sorted(chosen, key=lambda c: -len(c[0])):
            for member in run:
                result[member] = (*result.get(member, ()), pair)
        return result


def usual_normal(number: int) -> int:
    """What a tuplet number usually replaces: the greatest power of two below it."""
    normal = 1
    while normal * 2 < number:
        normal *= 2
    return normal

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
GOOD_AND_FULL = 1.6
"""Nor is one that costs no more and fills a bar of the expected length in all voices."""
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
        runs: For each printed tuplet number, which of its runs it stands over; -1 for none.
    """

    length: Fraction
    timings: dict[int, Timing]
    fits: bool
    expected: bool
    cost: float
    unmarked: tuple[tuple[tuple[int, ...], tuple[int, int]], ...]
    runs: tuple[int, ...] = ()


def _is_good(solution: BarSolution) -> bool:
    return solution.cost <= (GOOD_AND_FULL if solution.fits and solution.expected else GOOD)


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
    problem = _Problem(timed, tuplets, expected, space, costs)
    best = problem.attempt(problem.first_choice())
    if not _is_good(best.solution) and tuplets:
        best = problem.other_tuplets(best)
    if not _is_good(best.solution) and problem.collisions():
        problem.snapped = problem.collisions()
        again = problem.attempt(best.choice)
        if again.solution.cost + 0.1 < best.solution.cost:
            best = again
        else:
            problem.snapped = {}
    if not _is_good(best.solution):
        unmarked = tuple((r, c * (0.4 if r in recent else 1.0)) for r, c in UNMARKED)
        again = problem.attempt(best.choice, unmarked, 60)
        if again.solution.cost < best.solution.cost:
            best = again
    return _timing(timed, best)


Choice = tuple[tuple[int, int], ...]
"""For each printed tuplet, (which of its runs or -1 for none, what the number replaces)."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    choice: Choice
    marks: dict[int, tuple[tuple[int, int], ...]]  # by element, ratios (actual, normal), outermost first
    solution: BarSolution
    items: list[Item]


class _Problem:
    """One measure, to be solved under several readings of its tuplet numbers."""

    def __init__(
        self,
        timed: list[Element],
        tuplets: Sequence[TupletSign],
        expected: Fraction | None,
        space: float,
        costs: Costs,
    ) -> None:
        self.timed, self.tuplets, self.expected, self.space, self.costs = timed, tuplets, expected, space, costs
        self.snapped: dict[int, float] = {}
        self.known: dict[tuple[Choice, int, int], _Attempt] = {}

    def normals(self, tuplet: TupletSign) -> tuple[int, ...]:
        """What a number can replace, the usual first."""
        if tuplet.normal:
            return (tuplet.normal,)
        return NORMALS.get(tuplet.number, (_default_normal(tuplet.number),))

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

    def other_tuplets(self, best: _Attempt) -> _Attempt:
        """Tries other readings of the numbers, one number at a time, and the uncertain ones all at once."""
        starts = [best.choice]
        doubtful = [i for i, t in enumerate(self.tuplets) if not t.certain]
        if doubtful:
            everything = list(best.choice)
            for i in doubtful:
                for k in range(len(self.tuplets[i].options)):
                    everything[i] = (k, everything[i][1])
                    if self.compatible(tuple(everything)):
                        break
                    everything[i] = (-1, everything[i][1])
            starts.append(tuple(everything))
        tried = sorted((self.attempt(start) for start in starts), key=lambda a: a.solution.cost)
        best = tried[0]
        for attempt in tried:
            if _is_good(best.solution):
                break
            found = self.descend(attempt)
            if found.solution.cost < best.solution.cost:
                best = found
        return best

    def descend(self, best: _Attempt) -> _Attempt:
        """Changes the reading of one number after the other as long as it helps."""
        for _ in range(2):
            before = best.solution.cost
            for i, tuplet in enumerate(self.tuplets):
                for k in (*range(len(tuplet.options)), -1):
                    for normal in self.normals(tuplet) if k >= 0 else (best.choice[i][1],):
                        other = (*best.choice[:i], (k, normal), *best.choice[i + 1 :])
                        if other != best.choice and self.compatible(other):
                            best = self.better(best, other, 0.3 if k >= 0 else 0.8)
                if _is_good(best.solution):
                    break
            if _is_good(best.solution) or best.solution.cost >= before:
                break
        return best

    def better(self, best: _Attempt, choice: Choice, margin: float) -> _Attempt:
        """The better of two readings; the new one must win by a margin."""
        attempt = self.attempt(choice)
        return attempt if attempt.solution.cost + margin < best.solution.cost else best

    def attempt(self, choice: Choice, unmarked: tuple[tuple[Fraction, float], ...] = (), effort: int = 24) -> _Attempt:
        """The measure under one reading of its numbers."""
        key = (choice, len(unmarked), len(self.snapped))
        if key in self.known:
            return self.known[key]
        marks = self.marks(choice)
        items = [self.item(e, marks, unmarked) for e in self.timed]
        self.known[key] = _Attempt(choice, marks, solve_bar(items, self.expected, self.costs, effort), items)
        return self.known[key]

    def marks(self, choice: Choice) -> dict[int, tuple[tuple[int, int], ...]]:
        """By element, the ratios that apply, outermost first."""
        result: dict[int, tuple[tuple[int, int], ...]] = {}
        chosen = [
            (t.options[k], (t.number, normal)) for t, (k, normal) in zip(self.tuplets, choice, strict=True) if k >= 0
        ]
        for run, pair in sorted(chosen, key=lambda c: -len(c[0])):
            for member in run:
                result[member] = (*result.get(member, ()), pair)
        return result

    def item(
        self,
        element: Element,
        marks: dict[int, tuple[tuple[int, int], ...]],
        unmarked: tuple[tuple[Fraction, float], ...],
    ) -> Item:
        """An element as the solver sees it."""
        ratio = Fraction(1)
        for actual, normal in marks.get(element.index, ()):
            ratio *= Fraction(normal, actual)
        value = element.value * ratio
        readings = [Reading(value)]
        x = self.snapped.get(element.index, element.x)
        if element.is_rest and element.level <= -2 and not element.dots:
            # the sign of the whole rest stands for a whole bar; it is printed in the bar's middle
            longer = self.expected is not None and self.expected > 4
            readings = [Reading(Fraction(0)), Reading(value, 0.05 if longer else 0.4)]
            x = min((e.x for e in self.timed if not (e.is_rest and e.level <= -2)), default=element.x)
        elif element.index not in marks:
            readings += self.unmarked_readings(element, value, unmarked)
            readings += self.overlaid(element)
        stem = 0 if element.up is None else 1 if element.up else -1
        height = element.rest_step if element.is_rest else sum(n.step for n in element.notes) / len(element.notes)
        return Item(element.staff, x / self.space, tuple(readings), stem, element.is_rest, element.beam, height)

    def collisions(self) -> dict[int, float]:
        """By element, the x of the chord of another voice that it was moved right of because they collide."""
        chords = [e for e in self.timed if e.notes and e.up is not None]
        found: dict[int, float] = {}
        for element in chords:
            for other in chords:
                if other.staff != element.staff or other.up == element.up:
                    continue
                reach = 2.3 + 1.0 * other.dots
                if not 0.4 * self.space < element.x - other.x < reach * self.space:
                    continue
                upper, lower = (element, other) if element.up else (other, element)
                if min(n.step for n in upper.notes) <= max(n.step for n in lower.notes) + 1:
                    found[element.index] = other.x
        return found

    def overlaid(self, element: Element) -> list[Reading]:
        """Readings of a chord laid on another one.

        A beam that another voice's stem runs into does not count for it; a dot beside two heads may be for one of them
        or for both.
        """
        if element.is_rest:
            return []
        near = [
            e
            for e in self.timed
            if e is not element and e.notes and e.staff == element.staff and abs(e.x - element.x) < 1.6 * self.space
        ]
        readings: list[Reading] = []
        if element.beam < 0 and element.level > 0 and any(e.beam >= 0 for e in near):
            plain = Fraction(1) * (2 - Fraction(1, 2**element.dots))
            readings.append(Reading(plain, 0.3))
        steps = [n.step for n in element.notes]
        touching = [
            e
            for e in near
            if abs(e.x - element.x) < 0.4 * self.space
            and any(abs(n.step - step) <= 1 for n in e.notes for step in steps)
        ]
        if not element.dots and any(e.dots and e.level == element.level for e in touching):
            readings.append(Reading(element.value * Fraction(3, 2), 0.3))
        if element.dots and any({n.step for n in e.notes} & {n.step for n in element.notes} for e in near):
            readings.append(Reading(element.value / (2 - Fraction(1, 2**element.dots)), 0.3))
        return readings

    def unmarked_readings(
        self, element: Element, value: Fraction, unmarked: tuple[tuple[Fraction, float], ...]
    ) -> list[Reading]:
        """Readings of an element as a member of a tuplet without a number."""
        if element.level < -1 or element.dots:
            return []
        readings: list[Reading] = []
        for ratio, cost in unmarked:
            if ratio in (Fraction(3, 4), Fraction(3, 2)) and (
                element.beam < 0 or (self.expected and (self.expected * 2) % 3)
            ):
                continue  # duplets and quadruplets belong to compound meters, where the beat is dotted
            if ratio.denominator in (5, 7) and element.beam < 0:
                continue
            readings.append(Reading(value * ratio, cost, ratio))
        return readings


def _default_normal(number: int) -> int:
    """The greatest power of two below a tuplet number."""
    normal = 1
    while normal * 2 < number:
        normal *= 2
    return normal


def _timing(timed: list[Element], attempt: _Attempt) -> MeasureTiming:
    solution, items = attempt.solution, attempt.items
    voices = _number_voices(timed, solution.placed, items)
    timings: dict[int, Timing] = {}
    by_chain: dict[int, list[int]] = {}
    for k, (element, placed) in enumerate(zip(timed, solution.placed, strict=True)):
        by_chain.setdefault(placed.voice, []).append(k)
        ratios = list(attempt.marks.get(element.index, ()))
        reading = items[k].readings[placed.reading]
        if reading.ratio != 1:
            ratios.append((reading.ratio.denominator, reading.ratio.numerator))
        home, voice = voices[placed.voice]
        level, dots = _written(element, reading, ratios)
        timings[element.index] = Timing(
            placed.onset, placed.duration, voice, home, tuple(ratios), reading.duration == 0, level, dots
        )
    unmarked = _unmarked(timed, solution.placed, items, by_chain)
    # what does not fit is kept as read: the measure lasts as long as its longest voice
    longest = max(t.onset + t.duration for t in timings.values())
    return MeasureTiming(
        max(solution.length, longest),
        timings,
        solution.fits,
        solution.expected and longest <= solution.length,
        solution.cost,
        unmarked,
        tuple(k for k, _ in attempt.choice),
    )


def _written(element: Element, reading: Reading, ratios: list[tuple[int, int]]) -> tuple[int, int]:
    """Level and dots of the reading taken: those printed unless it says otherwise."""
    if reading.duration == 0:
        return element.level, element.dots
    value = reading.duration
    for actual, normal in ratios:
        value *= Fraction(actual, normal)
    if value == element.value:
        return element.level, element.dots
    for dots in range(3):
        plain = value / (2 - Fraction(1, 2**dots))
        if plain.numerator == 1 and plain.denominator & (plain.denominator - 1) == 0:
            return plain.denominator.bit_length() - 1, dots
        if plain.denominator == 1 and plain.numerator & (plain.numerator - 1) == 0:
            return 1 - plain.numerator.bit_length(), dots
    return element.level, element.dots


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


def _number_voices(timed: list[Element], placed: Sequence[Placed], items: list[Item]) -> dict[int, tuple[int, int]]:
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

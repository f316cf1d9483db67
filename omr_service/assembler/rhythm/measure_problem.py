"""One measure as a question to the bar solver, under the readings its signs allow: which numbers are tuplets', what was
moved aside, which staff tells the time of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from omr_service.assembler.music import Element, TupletSign
from omr_service.assembler.page.tuplets import NORMALS
from omr_service.assembler.rhythm.bar_model import USUAL, BarSolution, Costs, Item
from omr_service.assembler.rhythm.bar_solver import solve_bar_below
from omr_service.assembler.rhythm.complete_lines import complete_lines, hands_in_turn
from omr_service.assembler.rhythm.readings import Unmarked, Unnumbered, collisions, item_of
from omr_service.assembler.rhythm.timing import Ratios

GOOD = 0.7
"""A solution that costs no more is not questioned."""
GOOD_AND_FULL = 1.6
"""Nor is one that costs no more and fills a bar of the expected length in all voices."""
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
MOST_WORK = 60_000
"""Partial solutions kept, over all readings of a measure, after which no others of its numbers and columns are tried: a
cadenza of a hundred chords and rests has more of them than are worth it."""
ASIDE = 0.3
"""What it costs to take a chord for one that was moved right of another with which it sounds."""
RULER = 3.0
"""How much more a bar may cost in which a staff that fills it by itself is read as it is printed."""
NONE_KNOWN: Mapping[int, Fraction] = {}


def _is_good(solution: BarSolution, costs: Costs, expected: Fraction | None) -> bool:
    """True for a solution that needs no other readings; a bar that is allowed to be short may be so in all voices."""
    usual = solution.expected or (costs is not USUAL and expected is not None and solution.length < expected)
    return solution.cost <= (GOOD_AND_FULL if solution.fits and usual else GOOD)


Choice = tuple[tuple[int, int], ...]
"""For each printed tuplet, (which of its runs or -1 for none, what the number replaces)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A measure solved under one reading of its signs.

    Attributes:
        choice: The reading of its tuplet numbers.
        marks: By element, the ratios of printed tuplets.
        solution: What the bar solver found.
        items: The elements as the solver saw them.
    """

    choice: Choice
    marks: dict[int, Ratios]
    solution: BarSolution
    items: list[Item]


class MeasureProblem:
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
        if expected is not None and expected.numerator % 3:
            # nothing in such a bar lasts three halves of two notes: the number is a finger's, whatever lines are beside
            tuplets = [replace(t, certain=False) if t.number == 2 and not t.normal else t for t in tuplets]
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
        self.in_threes = _in_threes(timed)
        self.snapped: dict[int, float] = {}
        self.doubts = False
        self.known = NONE_KNOWN  # onsets by element, where a staff is the ruler
        self.work = 0  # partial solutions kept so far, at most
        self.tried: dict[tuple[Choice, int, bool, frozenset[int], int, frozenset[int]], float] = {}

    def is_good(self, attempt: Attempt) -> bool:
        """True for an attempt that is not questioned."""
        return _is_good(attempt.solution, self.costs, self.expected)

    def is_in_order(self, attempt: Attempt) -> bool:
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

    def solve(self, bound: float, brief: bool = False) -> Attempt | None:
        """The best attempt below a bound; None where there is none.

        Args:
            bound: Cost that it has to stay below.
            brief: True for a hard measure in which something was changed that nothing asks for but its cost: where that
                does not help by itself, other readings of its numbers and places are not tried with it, unless the
                bound is low, which soon tells them.
        """
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
        if best is not None or not brief or bound <= HARD:
            best = self.in_other_ways(best, bound)
        choice = best.choice if best is not None else self.first_choice()
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

    def in_other_ways(self, best: Attempt | None, bound: float) -> Attempt | None:
        """Tries staves read by each other, other readings of the numbers, chords moved aside, and a longer search."""
        if best is None or best.solution.cost > HARD or not best.solution.expected:
            # a staff that is as long as the meter says speaks against a shorter bar, where that is no surprise, too
            best = self.with_ruler(best, bound)
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
        return best

    def with_ruler(self, best: Attempt | None, bound: float) -> Attempt | None:
        """Tries to read a staff that fills the bar by itself as it is printed, and the others by it, or hands in turn;
        what is tried after that keeps to it where it is likely."""
        choice = self.first_choice()
        if self.expected is None:
            return best
        marks = self.marks(choice)
        lines = complete_lines(self.timed, marks, self.expected, self.space)
        in_turn = hands_in_turn(self.timed, marks, self.expected, self.space)
        lines += in_turn
        unread = {i for t, (k, _) in zip(self.tuplets, choice, strict=True) if k < 0 for o in t.options for i in o}
        for line in lines:
            if unread.intersection(line):
                continue
            self.known = line
            usual = self.costs
            if line in in_turn:
                # what goes from staff to staff there is one voice
                self.costs = replace(usual, other_staff=usual.stem_changes)
            below = bound
            if best is not None:
                # where a shorter bar is no surprise, this one is, as it is elsewhere
                surprise = 0.0 if best.solution.expected else USUAL.irregular - self.costs.irregular
                below = min(bound, best.solution.cost + RULER + surprise)
            found = self.attempt(choice, below)
            if found is not None:
                return found
            self.known, self.costs = NONE_KNOWN, usual
        return best

    def moved_aside(self, choice: Choice, best: Attempt | None, bound: float) -> Attempt | None:
        """Tries which chords were moved right because they collide with one they sound with: one after the other, and
        all of them, for what moves one staff's notes may move the other's."""
        found = collisions(self.timed, self.space)
        ordered = sorted(found.items(), key=lambda c: self.x_of[c[0]] - c[1])
        for moved in [*([c] for c in ordered), *([ordered] if len(ordered) > 1 else [])]:
            if self.work > MOST_WORK:
                break
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

    def other_tuplets(self, best: Attempt | None, bound: float) -> Attempt | None:
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

    def descend(self, choice: Choice, best: Attempt | None, bound: float) -> Attempt | None:
        """Changes the reading of one number after the other as long as it helps."""
        for _ in range(2):
            before = best
            for i in range(len(self.tuplets)):
                doubted = best is not None and not best.solution.fits
                for other, margin in self.changes(choice, i, doubted):
                    if self.work > MOST_WORK:
                        return best
                    found = self.attempt(other, min(bound, best.solution.cost - margin) if best else bound)
                    if found is not None:
                        best, choice = found, other
                if best is not None and self.is_good(best):
                    return best
            if best is before:
                break
        return best

    def changes(self, choice: Choice, i: int, doubted: bool) -> Iterator[tuple[Choice, float]]:
        """Other readings of one number, each with how much cheaper it must be; its equals may change with it.

        A number over a bar that does not add up is as soon no tuplet's as another one's; `doubted` says that.
        """
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
                    yield other, 0.3 if k >= 0 or doubted else 0.8

    def attempt(self, choice: Choice, bound: float, unmarked: Unmarked = (), effort: int = 24) -> Attempt | None:
        """The measure under one reading of its numbers; None where it costs no less than the bound."""
        known = self.known
        key = (choice, len(unmarked), self.doubts, frozenset(self.snapped), effort, frozenset(known))
        if bound <= self.tried.get(key, -1.0):
            return None
        self.tried[key] = bound
        self.work += effort * len(self.timed)
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
        if known:
            items = [
                replace(item, onset=known[e.index], readings=item.readings[:1]) if e.index in known else item
                for item, e in zip(items, self.timed, strict=True)
            ]
        solution = solve_bar_below(items, self.expected, self.costs, effort, bound - doubt)
        if solution is None:
            return None
        return Attempt(choice, marks, replace(solution, cost=solution.cost + doubt), items)

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


def _in_threes(timed: Sequence[Element]) -> bool:
    """True where most beams are as long as a plain value if all their notes are a triplet's."""
    lengths: dict[int, Fraction] = {}
    for element in timed:
        if element.beam >= 0:
            lengths[element.beam] = lengths.get(element.beam, Fraction(0)) + element.value
    threes = sum(_is_plain(length * 2 / 3) for length in lengths.values())
    return 2 * threes > len(lengths) or not lengths


def _is_plain(length: Fraction) -> bool:
    """True for the length of a note without dots."""
    return all(n & (n - 1) == 0 for n in (length.numerator, length.denominator))


def usual_normal(number: int) -> int:
    """What a tuplet number usually replaces: the greatest power of two below it."""
    normal = 1
    while normal * 2 < number:
        normal *= 2
    return normal

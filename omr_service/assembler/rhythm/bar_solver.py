"""The bar as a constraint problem: onsets, voices and durations of a bar chosen together.

Items (chords and rests) are taken from left to right. Each is put either at the present moment, if it stands in the
same column, or at a later one, at which a voice ends; it continues a voice that ends then, or starts one. Everything
that is odd costs something: a voice that stops before the end of the bar, one that starts late, notes side by side
that are said to sound together, notes in one column that are not, a beam broken between voices, a reading of the
note value other than the printed one. The cheapest way through the bar is found best first, so a bar that simply
adds up costs hardly more time than reading it once.

The idea of costs that add to evidence instead of rules that overrule it is that of Viterbi decoding of bars; the
state here holds all voices of all staves at once, because alignment between the staves is the strongest evidence.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from fractions import Fraction

from omr_service.assembler.rhythm.bar_model import USUAL, BarSolution, Costs, Item, Placed
from omr_service.assembler.rhythm.bar_moves import Moves
from omr_service.assembler.rhythm.bar_problem import BarProblem
from omr_service.assembler.rhythm.bar_totals import columns_cost, finished
from omr_service.assembler.rhythm.bar_voices import WHOLE_BAR, Column, Trail, Tuplet, Voice

FIRST_LOOK = 6
"""Partial solutions kept per item in the first, quick search."""
MARGIN = 4.0
"""How much dearer than the cheapest partial solution with as many items one may be to be followed."""


def solve_bar(items: Sequence[Item], expected: Fraction | None, costs: Costs = USUAL, effort: int = 40) -> BarSolution:
    """The cheapest placing of the items of one bar.

    Args:
        items: Chords and rests of all staves, without grace notes, in any order.
        expected: The bar's length in quarters by the meter; None when there is no meter.
        costs: What odd things cost.
        effort: Greatest number of partial solutions kept per item.
    """
    solution = solve_bar_below(items, expected, costs, effort, math.inf)
    if solution is None:
        raise AssertionError("some placing always exists")
    return solution


def solve_bar_below(
    items: Sequence[Item], expected: Fraction | None, costs: Costs, effort: int, bound: float
) -> BarSolution | None:
    """As `solve_bar`, but None where no placing costs less than `bound`; the tighter, the sooner it is known.

    A quick search finds how much the bar costs at most, so that the thorough one need not go beyond that.
    """
    if not items:
        return BarSolution(expected or Fraction(4), (), 0.0, True, True)
    search = _Search(BarProblem(items, expected, costs))
    best: BarSolution | None = None
    for kept in (FIRST_LOOK, effort):
        found = search.run(kept, best.cost if best is not None else bound)
        best = found if found is not None else best
        if best is not None and best.cost < 0.25:
            break
    return best


# An entry of the queue: (cost, -depth, serial number, time, column x, voices, chains so far, trail)
_Entry = tuple[float, int, int, int, Column, tuple[Voice, ...], int, Trail]
_State = tuple[tuple[int, int, int, int, Tuplet, int], ...]


def _state(voices: tuple[Voice, ...]) -> _State:
    """The voices without what does not matter for what comes."""
    return tuple(
        sorted((end, staff, stem, beam, tuplet, paused) for end, staff, stem, beam, tuplet, _, paused in voices)
    )


class _Search:
    def __init__(self, problem: BarProblem) -> None:
        self.problem, self.moves = problem, Moves(problem)
        # by number of items placed, of all partial solutions seen
        self.cheapest = [math.inf] * (len(problem.items) + 1)

    def run(self, effort: int, bound: float) -> BarSolution | None:
        """The cheapest placing below a bound that a search finds which keeps so many partial solutions per item."""
        items = self.problem.items
        n = len(items)
        start: _Entry = (0.0, 0, 0, 0, (items[0].x, items[0].x), (), 0, None)
        heap: list[_Entry] = [start]
        popped = [0] * (n + 1)
        seen: set[tuple[int, int, Column, _State]] = set()
        best: tuple[float, int, bool, Trail] | None = None
        serial = 0
        while heap:
            cost, depth, _, time, column, voices, chains, trail = heapq.heappop(heap)
            depth = -depth
            if cost >= bound:
                break
            if depth == n:
                total, length, fits = finished(self.problem, cost + columns_cost(self.problem, trail), time, voices)
                if total < bound:
                    best = (total, length, fits, trail)
                    bound = total
                continue
            if popped[depth] >= effort or cost > self.cheapest[depth] + MARGIN:
                continue
            key = (depth, time, column, _state(voices))
            if key in seen:
                continue
            seen.add(key)
            popped[depth] += 1
            limit = min(bound, self.cheapest[depth + 1] + MARGIN)
            for step in self.moves.placing(depth, cost, time, column, voices, chains, trail, limit):
                serial += 1
                new_cost, new_time, new_column, new_voices, new_chains, new_trail = step
                if new_cost < self.cheapest[depth + 1]:
                    self.cheapest[depth + 1] = new_cost
                entry = (new_cost, -(depth + 1), serial, new_time, new_column, new_voices, new_chains, new_trail)
                heapq.heappush(heap, entry)
        return self._solution(*best) if best is not None else None

    def _solution(self, cost: float, length: int, fits: bool, trail: Trail) -> BarSolution:
        """The placing that a trail tells, for the items as they were given."""
        problem = self.problem
        placed: list[Placed | None] = [None] * len(problem.items)
        position = len(problem.items) - 1
        while trail is not None:
            trail, at, end, chain, reading = trail
            ticks = length - at if end == WHOLE_BAR else end - at
            placed[problem.order[position]] = Placed(
                Fraction(at, problem.unit), Fraction(max(ticks, 0), problem.unit), chain, reading
            )
            position -= 1
        return BarSolution(
            Fraction(length, problem.unit),
            tuple(p for p in placed if p is not None),
            cost,
            fits,
            not problem.expected or length == problem.expected,
        )

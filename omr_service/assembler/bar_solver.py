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
from typing import Any, NamedTuple

from omr_service.assembler.bar_model import USUAL, BarSolution, Costs, Item, Placed
from omr_service.assembler.spacing import apart_cost, same_cost, spacing_cost

WHOLE_BAR = -1
"""End of a voice that lasts as long as the bar, whatever that is."""
RESTING = -2
"""End of a voice that has stopped within the bar and may go on after a rest that is not printed."""


# A voice in the search: (end, staff, stem, pending beam member, open tuplet, chain number). The open tuplet is 0 for
# none, else (numerator, denominator of its ratio, written ticks so far, 1 when it may stop here).
_Tuplet = tuple[int, int, int, int]
_Voice = tuple[int, int, int, int, _Tuplet, int]
_NO_TUPLET: _Tuplet = (1, 1, 0, 1)
# Left edges of the first and the last item of the present column, in spaces
_Column = tuple[float, float]
# How a partial solution came about: (what came before, onset, end, chain, reading); the first is None.
_Trail = Any
# A partial solution one item on: (cost, time, column x, voices, chains so far, trail)
_Move = tuple[float, int, _Column, tuple[_Voice, ...], int, _Trail]


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
    search = _Search(items, expected, costs)
    best: BarSolution | None = None
    for kept in (FIRST_LOOK, effort):
        found = search.run(kept, best.cost if best is not None else bound)
        best = found if found is not None else best
        if best is not None and best.cost < 0.25:
            break
    return best


# An entry of the queue: (cost, -depth, serial number, time, column x, voices, chains so far, trail)
_Entry = tuple[float, int, int, int, _Column, tuple[_Voice, ...], int, _Trail]
_State = tuple[tuple[int, int, int, int, _Tuplet], ...]


def _state(voices: tuple[_Voice, ...]) -> _State:
    """The voices without what does not matter for what comes."""
    return tuple(sorted((end, staff, stem, beam, tuplet) for end, staff, stem, beam, tuplet, _ in voices))


class _Option(NamedTuple):
    """A reading in ticks; `top` and `bottom` are its ratio's numerator and denominator."""

    position: int
    ticks: int
    cost: float
    top: int
    bottom: int


class _Search:
    def __init__(self, items: Sequence[Item], expected: Fraction | None, costs: Costs) -> None:
        self.order = sorted(range(len(items)), key=lambda i: (items[i].x, items[i].staff, -items[i].height))
        self.items = [items[i] for i in self.order]
        self.costs = costs
        denominators = [r.duration.denominator for item in self.items for r in item.readings]
        self.unit = math.lcm(*denominators, (expected or Fraction(1)).denominator)
        self.ticks = [[int(r.duration * self.unit) for r in item.readings] for item in self.items]
        self.readings = [
            [_Option(k, int(r.duration * self.unit), r.cost, r.ratio.numerator, r.ratio.denominator) for k, r in each]
            for each in (sorted(enumerate(item.readings), key=lambda n: n[1].cost) for item in self.items)
        ]
        self.shortest = min((t[0] for t in self.ticks if t[0] > 0), default=1)
        self.cheapest = [math.inf] * (len(items) + 1)  # by number of items placed, of all partial solutions seen
        self.expected = int(expected * self.unit) if expected else 0
        self.after: list[int] = [-1] * len(items)  # next member of the same beam
        self.before: list[int] = [-1] * len(items)
        last: dict[int, int] = {}
        for i, item in enumerate(self.items):
            if item.beam >= 0:
                if item.beam in last:
                    self.before[i] = last[item.beam]
                    self.after[last[item.beam]] = i
                last[item.beam] = i

    def run(self, effort: int, bound: float) -> BarSolution | None:
        """The cheapest placing below a bound that a search finds which keeps so many partial solutions per item."""
        n = len(self.items)
        start: _Entry = (0.0, 0, 0, 0, (self.items[0].x, self.items[0].x), (), 0, None)
        heap: list[_Entry] = [start]
        popped = [0] * (n + 1)
        seen: set[tuple[int, int, _Column, _State]] = set()
        best: tuple[float, int, bool, _Trail] | None = None
        serial = 0
        while heap:
            cost, depth, _, time, column, voices, chains, trail = heapq.heappop(heap)
            depth = -depth
            if cost >= bound:
                break
            if depth == n:
                total, length, fits = self.finish(cost + self.spacing(trail), voices)
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
            for step in self.moves(depth, cost, time, column, voices, chains, trail, limit):
                serial += 1
                new_cost, new_time, new_column, new_voices, new_chains, new_trail = step
                if new_cost < self.cheapest[depth + 1]:
                    self.cheapest[depth + 1] = new_cost
                entry = (new_cost, -(depth + 1), serial, new_time, new_column, new_voices, new_chains, new_trail)
                heapq.heappush(heap, entry)
        return self.solution(*best) if best is not None else None

    def moves(
        self,
        i: int,
        cost: float,
        time: int,
        column: _Column,
        voices: tuple[_Voice, ...],
        chains: int,
        trail: _Trail,
        limit: float,
    ) -> list[_Move]:
        """Partial solutions with item i that cost less than a limit."""
        item = self.items[i]
        dx = item.x - column[0]
        times: list[tuple[int, float]] = []
        if dx < 3.2:
            times.append((time, same_cost(item.x - column[1])))
        apart = apart_cost(dx)
        if i:
            later = sorted({v[0] for v in voices if v[0] > time})
            # going past the end of a voice means that it stops there
            times.extend((t, apart) for t in later[:4])
            times.extend((t, apart + self.costs.gap) for t in self.between(i, time, later))
            if not later:
                # nothing sounds any more: a gap that only a hidden rest explains, or a column wider than usual
                times.append((time + max(self.ticks[i][0], 1), apart + 2.0))
                if dx >= 3.2:
                    times.append((time, 2 * self.costs.overfull))
        result: list[_Move] = []
        for at, extra in times:
            base = cost + extra
            if base >= limit:
                continue
            new_column = (column[0], item.x) if at == time else (item.x, item.x)
            open_voices = voices
            if at != time:
                gone = [v for v in voices if 0 <= v[0] < at]
                if gone:
                    base += self.stopped(gone, voices, at)
                    open_voices = tuple(
                        (RESTING, v[1], v[2], -1, _NO_TUPLET, v[5]) if 0 <= v[0] < at else v for v in voices
                    )
            for slot in range(-1, len(open_voices)):
                if slot >= 0 and open_voices[slot][0] not in (at, RESTING):
                    continue
                self.place(result, i, item, base, at, new_column, open_voices, slot, chains, trail, limit)
        return result

    def between(self, i: int, time: int, later: list[int]) -> list[int]:
        """Times before the next end of a voice at which an item may begin after a hidden rest.

        It begins one note value after the present column, its own or the shortest of the bar, or so that it ends with
        a voice that sounds.
        """
        if not later:
            return []
        own = self.ticks[i][0]
        if own <= 0:
            return []
        times = {time + self.shortest, time + own, *(end - own for end in later[:3])}
        return sorted(t for t in times if time < t < later[0])

    def stopped(self, gone: list[_Voice], voices: tuple[_Voice, ...], at: int) -> float:
        total = 0.0
        for voice in gone:
            others = any(v is not voice and v[1] == voice[1] and (v[0] >= at or v[0] == WHOLE_BAR) for v in voices)
            total += self.costs.pause + (0.0 if others else self.costs.pause_only)
            if voice[3] >= 0:
                total += self.costs.broken_beam
            if not voice[4][3]:
                total += self.costs.open_tuplet
        return total

    def place(
        self,
        result: list[_Move],
        i: int,
        item: Item,
        cost: float,
        at: int,
        column: _Column,
        voices: tuple[_Voice, ...],
        slot: int,
        chains: int,
        trail: _Trail,
        limit: float,
    ) -> None:
        """Puts item i at a time into the voice at `slot`, or into a new one for slot -1; once per reading."""
        costs = self.costs
        before = self.before[i]
        open_tuplet = _NO_TUPLET
        if slot < 0:
            on_staff = [v for v in voices if v[1] == item.staff and v[0] != RESTING]
            if at > 0:
                cost += costs.start_late
            if len(on_staff) >= 2:
                cost += costs.extra_voice * (len(on_staff) - 1)
            if before >= 0:
                cost += costs.broken_beam
            # the higher of two voices that start together has its stem up
            if item.stem:
                cost += 0.05 * sum(1 for v in on_staff if v[2] == item.stem)
            chain, pending, stem = chains, -1, 0
            home, rest = item.staff, voices
            chains += 1
        else:
            end, home, stem, pending, open_tuplet, chain = voices[slot]
            if end == RESTING:
                cost += costs.resume
            beamed = before >= 0 and before == pending
            if home != item.staff and not beamed:
                cost += costs.other_staff
            if item.stem and stem and item.stem != stem and not beamed:
                cost += costs.stem_changes
            if not item.is_rest and before != pending:
                cost += costs.broken_beam
            # a voice that wanders to the other staff along a beam comes back by itself: it keeps its home staff
            rest = voices[:slot] + voices[slot + 1 :]
        if cost >= limit:
            return
        if not item.is_rest:
            pending = i if self.after[i] >= 0 else -1
        stem = item.stem or stem
        for option in self.readings[i]:
            if cost + 0.2 * option.cost >= limit:
                break
            ticks = option.ticks
            tuplet, extra = self.in_tuplet(i, option, open_tuplet, voices)
            total = cost + extra
            if ticks == 0:
                if at != 0 or slot >= 0:
                    continue
                end = WHOLE_BAR
            else:
                end = at + ticks
                if self.expected and end > self.expected and at < self.expected:
                    total += 0.3  # paid in full at the end; a hint to look at other ways first
            if total < limit:
                voice: _Voice = (end, home, stem, pending, tuplet, chain)
                result.append((total, at, column, (*rest, voice), chains, (trail, at, end, chain, option.position)))

    def in_tuplet(self, i: int, option: _Option, before: _Tuplet, voices: tuple[_Voice, ...]) -> tuple[_Tuplet, float]:
        """The tuplet a voice is in after a reading, and what that costs.

        A tuplet without a number has at least two members and is as long as a plain value times its ratio's actual
        number; it is paid for once.
        """
        _, ticks, cost, top, bottom = option
        if top == bottom:
            if not before[3]:
                cost += self.costs.open_tuplet
            if before[2] and self.before[i] >= 0:
                cost += self.costs.within_beam * (before[1] - 2)
            return _NO_TUPLET, cost
        written = ticks * bottom // top
        same = before[0] == top and before[1] == bottom
        if not same or before[3]:
            # another one after a finished one of the same kind, or below one, is hardly news
            news = 1.0
            if same and before[2]:
                news = 0.2
            elif any(v[4][0] == top and v[4][1] == bottom and v[4][2] for v in voices):
                news = 0.4
            cost *= news
            if news > 0.2 and self.before[i] >= 0:
                cost += self.costs.within_beam * (bottom - 2)
            if not before[3]:
                cost += self.costs.open_tuplet
            return (top, bottom, written, 0), cost
        written += before[2]
        whole, left = divmod(written, bottom)
        plain = not left and self.is_plain(whole)
        return (top, bottom, written, int(plain)), 0.0

    def is_plain(self, ticks: int) -> bool:
        """True for the length of a note without dots."""
        longer, shorter = divmod(ticks, self.unit), divmod(self.unit, ticks)
        return any(not left and whole & (whole - 1) == 0 for whole, left in (longer, shorter) if whole)

    def spacing(self, trail: _Trail) -> float:
        """What it costs that columns stand closer together, or wider apart, than their time in the bar asks for."""
        columns: dict[int, float] = {}
        position = len(self.items)
        while trail is not None:
            trail, at, end, _, _ = trail
            position -= 1
            if end != WHOLE_BAR:
                columns[at] = min(self.items[position].x, columns.get(at, math.inf))
        return spacing_cost(sorted(columns.items()))

    def finish(self, cost: float, voices: tuple[_Voice, ...]) -> tuple[float, int, bool]:
        """Total cost, length and whether all voices fill the bar; for the cheaper of expected and real length."""
        ends = [v[0] for v in voices if v[0] >= 0]
        longest = max(ends, default=0)
        options: list[tuple[float, int, bool]] = []
        for length in {self.expected or longest, longest} - {0}:
            total = cost
            if self.expected and length != self.expected:
                total += self.costs.irregular
            fits = True
            for voice in voices:
                if voice[0] == RESTING:
                    total += self.costs.stop_early - self.costs.pause
                    fits = False
                elif voice[0] == WHOLE_BAR:
                    # the sign for a whole bar of rest in a bar of another length is unusual
                    total += 0.3 if length != self.expected else 0.0
                elif voice[0] < length:
                    alone = not any(
                        v is not voice and v[1] == voice[1] and (v[0] == length or v[0] == WHOLE_BAR) for v in voices
                    )
                    total += self.costs.stop_early + (self.costs.stop_early_only if alone else 0.0)
                    fits = False
                elif voice[0] > length:
                    total += self.costs.overfull
                    fits = False
                if voice[3] >= 0:
                    total += self.costs.broken_beam
                if not voice[4][3]:
                    total += self.costs.open_tuplet
            options.append((total, length, fits))
        return min(options) if options else (cost, self.expected or 4 * self.unit, True)

    def solution(self, cost: float, length: int, fits: bool, trail: _Trail) -> BarSolution:
        placed: list[Placed | None] = [None] * len(self.items)
        position = len(self.items) - 1
        while trail is not None:
            trail, at, end, chain, reading = trail
            ticks = length - at if end == WHOLE_BAR else end - at
            placed[self.order[position]] = Placed(
                Fraction(at, self.unit), Fraction(max(ticks, 0), self.unit), chain, reading
            )
            position -= 1
        return BarSolution(
            Fraction(length, self.unit),
            tuple(p for p in placed if p is not None),
            cost,
            fits,
            not self.expected or length == self.expected,
        )

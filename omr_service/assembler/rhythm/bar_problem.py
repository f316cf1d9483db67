"""The bar to be solved: its items from left to right, with their readings in ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from omr_service.assembler.rhythm.bar_model import Costs, Item


class Option(NamedTuple):
    """A reading in ticks; `top` and `bottom` are its ratio's numerator and denominator."""

    position: int
    ticks: int
    cost: float
    top: int
    bottom: int


class BarProblem:
    """The items of a bar and what they may be read as.

    Attributes:
        order: Numbers of the items as they were given, from left to right; everything below is in this order.
        items: The items.
        costs: What odd things cost.
        unit: Ticks to a quarter.
        ticks: The items' readings in ticks, as they were given.
        readings: The items' readings, the cheapest first.
        onsets: Ticks at which the items are known to begin; -1 where that is not known.
        shortest: Ticks of the shortest item.
        expected: The bar's length by the meter in ticks; 0 when there is no meter.
        after, before: For each item the next and the last one under the same beam; -1 for none.
    """

    def __init__(self, items: Sequence[Item], expected: Fraction | None, costs: Costs) -> None:
        """Prepares the items of a bar; the arguments are those of `solve_bar`."""
        self.order = sorted(range(len(items)), key=lambda i: (items[i].x, items[i].staff, -items[i].height))
        self.items = [items[i] for i in self.order]
        self.costs = costs
        denominators = [r.duration.denominator for item in self.items for r in item.readings]
        denominators += [item.onset.denominator for item in self.items if item.onset is not None]
        self.unit = math.lcm(*denominators, (expected or Fraction(1)).denominator)
        self.onsets = [-1 if item.onset is None else int(item.onset * self.unit) for item in self.items]
        self.ticks = [[int(r.duration * self.unit) for r in item.readings] for item in self.items]
        self.readings = [
            [Option(k, int(r.duration * self.unit), r.cost, r.ratio.numerator, r.ratio.denominator) for k, r in each]
            for each in (sorted(enumerate(item.readings), key=lambda n: n[1].cost) for item in self.items)
        ]
        self.shortest = min((t[0] for t in self.ticks if t[0] > 0), default=1)
        self.expected = int(expected * self.unit) if expected else 0
        self.after: list[int] = [-1] * len(items)
        self.before: list[int] = [-1] * len(items)
        last: dict[int, int] = {}
        for i, item in enumerate(self.items):
            if item.beam >= 0:
                if item.beam in last:
                    self.before[i] = last[item.beam]
                    self.after[last[item.beam]] = i
                last[item.beam] = i

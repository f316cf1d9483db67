"""What is measured, as data: a figure, its target, percentiles, and the tables the figures are written to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    Attributes:
        name: What was measured.
        value: The value.
        unit: Its unit.
        how: How it was measured, in a sentence.
        target: The most it should be, in the same unit; None for a value that only explains another.
    """

    name: str
    value: float
    unit: str
    how: str
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.value <= self.target

    def as_json(self) -> dict[str, object]:
        """The figure as JSON has it."""
        return {
            "name": self.name,
            "value": rounded(self.value),
            "unit": self.unit,
            "target": self.target,
            "met": self.met,
            "how": self.how,
        }


def percentile(values: Iterable[float], share: float) -> float:
    """The least value that at least `share` (0 to 1) of the values do not exceed (nearest rank).

    Raises:
        ValueError: There are no values.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values, no percentile")
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def rounded(value: float) -> float:
    """The value with three significant digits, and all digits before the point."""
    if not value:
        return 0.0
    return round(value, max(0, 2 - math.floor(math.log10(abs(value)))))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def report(surroundings: Mapping[str, str], parts: Mapping[str, Sequence[Figure]]) -> str:
    """All figures as Markdown: where they were measured, then a table for each part."""
    lines = ["# The mesh, measured\n\n", *(f"* {name}: {value}\n" for name, value in surroundings.items())]
    for title, figures in parts.items():
        rows = [[f.name, f"{rounded(f.value):g} {f.unit}", _target(f), f.how] for f in figures]
        lines += [f"\n## {title}\n\n", table(["figure", "value", "target", "how it was measured"], rows)]
    return "".join(lines)


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"≤ {figure.target:g} {figure.unit}: {'met' if figure.met else '**missed**'}"

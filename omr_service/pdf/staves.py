"""The little a reader of outlines must know of staves: how far apart their lines are, and where they run."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

from omr_service.symbols import Line

_LEAST_LENGTH = 15.0
_SLOPE = 0.01


@dataclass(frozen=True, slots=True)
class StaffLines:
    """Staff lines of a page.

    Attributes:
        space: Distance between neighbouring lines in points.
        lines: Horizontal lines as (y, x0, x1), by y.
    """

    space: float
    lines: tuple[tuple[float, float, float], ...]

    def distance(self, x: float, y: float) -> float:
        """Returns the height of the nearest staff line at `x` less `y`; infinite where there is none within a space."""
        best = float("inf")
        index = bisect_left(self.lines, (y - self.space, 0.0, 0.0))
        while index < len(self.lines) and self.lines[index][0] <= y + self.space:
            height, x0, x1 = self.lines[index]
            if x0 - self.space <= x <= x1 + self.space and abs(height - y) < abs(best):
                best = height - y
            index += 1
        return best


def find_staff_lines(lines: list[Line]) -> StaffLines | None:
    """Returns the staff lines among a page's lines, or None when no five run side by side.

    The staff space is the commonest gap between horizontal lines that begin and end together.
    """
    groups: dict[tuple[int, int], list[Line]] = defaultdict(list)
    for line in lines:
        length = line.x1 - line.x0
        if length >= _LEAST_LENGTH and abs(line.y1 - line.y0) <= _SLOPE * length and not line.dashed:
            groups[round(line.x0 / 3), round(line.x1 / 3)].append(line)
    gaps: Counter[int] = Counter()
    for group in groups.values():
        heights = sorted(line.y0 for line in group)
        thickest = max(line.thickness for line in group)
        run: list[float] = []
        for above, below in pairwise(heights):
            gap = below - above
            if gap < max(1.0, 1.5 * thickest):
                continue
            run.append(gap)
        # Five lines are four equal gaps in a row.
        for index in range(len(run) - 3):
            four = run[index : index + 4]
            if max(four) - min(four) < 0.08 * max(four):
                gaps[round(sum(four) / 4 * 20)] += 1
    if not gaps:
        return None
    # Neighbouring bins belong together: a page's staves differ by rounding.
    space = max(gaps, key=lambda bin_: (gaps[bin_] + gaps[bin_ - 1] + gaps[bin_ + 1], gaps[bin_])) / 20
    found = sorted(
        (line.y0, line.x0, line.x1) for group in groups.values() for line in group if line.thickness < 0.3 * space
    )
    return StaffLines(space, tuple(found))

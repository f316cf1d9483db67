"""Staves, systems, barlines and measures of a page as places, and the questions one asks of them.

All tolerances in the assembler are multiples of the staff space of the staff at hand, never points.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from omr_service.symbols import Box, Line

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Staff:
    """Five staff lines.

    Attributes:
        index: Number on the page, from 0, top to bottom.
        x0, x1: Left and right end in points.
        tops: Height of the five lines at `x0`, top line first.
        slope: Rise of the lines in points per point to the right (y down), 0 for an upright page.
        space: Distance between neighbouring lines in points.
    """

    index: int
    x0: float
    x1: float
    tops: tuple[float, ...]
    slope: float
    space: float

    def top(self, x: float) -> float:
        """Height of the top line at `x`."""
        return self.tops[0] + self.slope * (x - self.x0)

    def bottom(self, x: float) -> float:
        """Height of the bottom line at `x`."""
        return self.tops[-1] + self.slope * (x - self.x0)

    def step(self, x: float, y: float) -> float:
        """Position of a point in half spaces above the bottom line: 0 the bottom line, 8 the top line."""
        return (self.bottom(x) - y) / (self.space / 2)

    def distance(self, x: float, y: float) -> float:
        """How far a point is outside the staff, in spaces; 0 inside."""
        return max(self.top(x) - y, y - self.bottom(x), 0.0) / self.space


@dataclass(frozen=True, slots=True)
class Barline:
    """A barline of a system, which may be several strokes.

    Attributes:
        x0, x1: Left and right edge of its ink.
        strokes: "L" for a thin and "H" for a thick stroke, left to right, for example "LH".
        dashed: True when its strokes are dashed.
        dots_left, dots_right: Repeat dots at its left and right side.
        top, bottom: Vertical extent.
        confidence: 0 to 1.
    """

    x0: float
    x1: float
    strokes: str
    dashed: bool
    dots_left: bool
    dots_right: bool
    top: float
    bottom: float
    confidence: float = 1.0

    @property
    def x(self) -> float:
        """Its middle."""
        return (self.x0 + self.x1) / 2


@dataclass(frozen=True, slots=True)
class System:
    """Staves that sound together.

    Attributes:
        index: Number on the page, from 0.
        staves: Its staves, top to bottom.
        keyboard: Positions in `staves` of the staves of the keyboard part.
        barlines: Its barlines, left to right, without the line at its left end.
        ossia: Positions in `staves` of those with another reading of what the others play.
    """

    index: int
    staves: tuple[Staff, ...]
    keyboard: tuple[int, ...]
    barlines: tuple[Barline, ...] = ()
    ossia: tuple[int, ...] = ()

    @property
    def others(self) -> tuple[int, ...]:
        """Positions in `staves` of other parts' staves, one each."""
        return tuple(i for i in range(len(self.staves)) if i not in self.keyboard and i not in self.ossia)

    @property
    def space(self) -> float:
        """Staff space of its keyboard part."""
        return self.staves[self.keyboard[0]].space

    @property
    def x0(self) -> float:
        """Left end."""
        return min(s.x0 for s in self.staves)

    @property
    def x1(self) -> float:
        """Right end."""
        return max(s.x1 for s in self.staves)


def center(box: Box) -> tuple[float, float]:
    """The middle of a box."""
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def union(boxes: Iterable[Box]) -> Box:
    """The least box around some boxes.

    Raises:
        ValueError: There is no box.
    """
    boxes = list(boxes)
    return Box(min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes))


def is_vertical(line: Line) -> bool:
    """True for a line nearer to vertical than 1 in 12."""
    return abs(line.x1 - line.x0) * 12 <= abs(line.y1 - line.y0)


def is_horizontal(line: Line) -> bool:
    """True for a line nearer to horizontal than 1 in 25."""
    return abs(line.y1 - line.y0) * 25 <= abs(line.x1 - line.x0)


def y_at(line: Line, x: float) -> float:
    """Height of a line, extended if need be, at `x`."""
    if line.x1 == line.x0:
        return (line.y0 + line.y1) / 2
    return line.y0 + (line.y1 - line.y0) * (x - line.x0) / (line.x1 - line.x0)


class Sorted(Generic[T]):
    """Things sorted by one number, to be asked for those in a range."""

    def __init__(self, things: Iterable[T], key: Callable[[T], float]) -> None:
        """Sorts `things` by `key`."""
        self.things: list[T] = sorted(things, key=key)
        self.keys: list[float] = [key(t) for t in self.things]

    def between(self, low: float, high: float) -> Sequence[T]:
        """Those whose number is in [low, high], in order."""
        return self.things[bisect.bisect_left(self.keys, low) : bisect.bisect_right(self.keys, high)]

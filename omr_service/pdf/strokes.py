"""Straight lines that a page draws in pieces, as one line each: repeated in place, stacked, or end to end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import hypot

from omr_service.symbols import Line

# Lines of a stack lie next to each other: no further than this many of their thicknesses, and some units of a device.
_STACKED, _ROUNDING = 1.05, 0.005
# What a pen of a device draws at once, in points; thicker lines are no part of a stack.
_HAIRLINE = 0.5


def made_whole(lines: list[Line]) -> list[Line]:
    """Returns the lines that pieces of lines make up."""
    return _joined(_unique(_stacked(lines)))


def _stacked(lines: list[Line]) -> list[Line]:
    """Returns lines with those that lie side by side, equally long and without a gap, made one thick line.

    Printer drivers draw a thick line by as many strokes of the device's thinnest pen.
    """
    stacks: dict[tuple[bool, int, int, int, int], list[tuple[float, int]]] = defaultdict(list)
    for index, line in enumerate(lines):
        if line.thickness > _HAIRLINE or line.dashed:
            continue
        dx, dy = line.x1 - line.x0, line.y1 - line.y0
        level = abs(dx) >= abs(dy)
        along, far, rise, place = (line.x0, line.x1, dy, line.y0) if level else (line.y0, line.y1, dx, line.x0)
        key = (level, round(along * 20), round(far * 20), round(rise * 20), round(line.thickness * 100))
        stacks[key].append((place, index))
    taken: set[int] = set()
    made: dict[int, Line] = {}
    for (level, *_), stack in stacks.items():
        stack.sort()
        start = 0
        for end in range(1, len(stack) + 1):
            reach = _STACKED * lines[stack[start][1]].thickness + _ROUNDING
            if end < len(stack) and stack[end][0] - stack[end - 1][0] <= reach:
                continue
            thickest = stack[end - 1][0] - stack[start][0]
            if thickest > 0:
                first, last = lines[stack[start][1]], lines[stack[end - 1][1]]
                thick = replace(first, thickness=first.thickness + thickest)
                made[stack[start][1]] = (
                    replace(thick, y0=(first.y0 + last.y0) / 2, y1=(first.y1 + last.y1) / 2)
                    if level
                    else replace(thick, x0=(first.x0 + last.x0) / 2, x1=(first.x1 + last.x1) / 2)
                )
                taken.update(index for _, index in stack[start + 1 : end])
            start = end
    if not made:
        return lines
    return [made.get(index, line) for index, line in enumerate(lines) if index not in taken]


def _unique(lines: list[Line]) -> list[Line]:
    """Returns lines without those drawn twice in place."""
    seen: dict[tuple[int, int, int, int], int] = {}
    out: list[Line] = []
    for line in lines:
        key = (round(line.x0 * 5), round(line.y0 * 5), round(line.x1 * 5), round(line.y1 * 5))
        if key in seen:
            if line.thickness > out[seen[key]].thickness:
                out[seen[key]] = line
            continue
        seen[key] = len(out)
        out.append(line)
    return out


def _joined(lines: list[Line]) -> list[Line]:
    """Returns lines with those that go on where another ends, as thick and in the same direction, made one.

    Some writers cut staff lines at every barline, barlines at every staff, and beams at every stem.
    """
    starts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        if not line.dashed:
            starts[round(line.x0), round(line.y0)].append(index)
    follows: dict[int, int] = {}
    preceded: set[int] = set()
    for index, line in enumerate(lines):
        if line.dashed:
            continue
        x, y = round(line.x1), round(line.y1)
        near = [i for dx in (-1, 0, 1) for dy in (-1, 0, 1) for i in starts.get((x + dx, y + dy), ())]
        following = [i for i in near if i != index and i not in preceded and _goes_on(line, lines[i])]
        if len(following) == 1:
            follows[index] = following[0]
            preceded.add(following[0])
    if not follows:
        return lines
    out: list[Line] = []
    for index, line in enumerate(lines):
        if index in preceded:
            continue
        last = index
        while last in follows:
            last = follows[last]
        end = lines[last]
        out.append(replace(line, x1=end.x1, y1=end.y1) if last != index else line)
    return out


def _goes_on(a: Line, b: Line) -> bool:
    """Returns whether a line begins where another ends and continues it."""
    reach = 0.1 * a.thickness + 0.02
    if abs(b.x0 - a.x1) > reach or abs(b.y0 - a.y1) > reach or abs(a.thickness - b.thickness) > 0.05 * a.thickness:
        return False
    ax, ay, bx, by = a.x1 - a.x0, a.y1 - a.y0, b.x1 - b.x0, b.y1 - b.y0
    if ax * bx + ay * by <= 0:
        return False
    return abs(ax * by - ay * bx) <= 0.01 * hypot(ax, ay) * hypot(bx, by)

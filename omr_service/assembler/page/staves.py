"""Finds the staves of a page: five long parallel lines at even distances."""

from __future__ import annotations

from omr_service.assembler.geometry import Staff, is_horizontal
from omr_service.symbols import Line

THIN = 0.4
"""Greatest thickness of a staff line as a share of the distance to the next; beams are thicker."""
BEAM = 2.5
"""How many times as thick as another line one is at least that does not go on with it."""
CLOSEST = 1.0
"""Points between staff lines on the smallest staff that is found on a page of any size; on small pages less will do."""
ODD = 2.2
"""How many times larger or smaller than is usual on its page a staff may be."""
LADDER, LADDER_STEPS = 0.3, 3
"""Ledger lines that run into each other may look like a staff of at most this part of its staff's length, so many
spaces away; further away where there are others in each space between."""


def merge_collinear(lines: list[Line], tolerance: float, gap: float) -> list[Line]:
    """Horizontal lines with those on one height that touch or nearly touch joined.

    Engravers draw staff lines measure by measure as often as in one stroke.

    Args:
        lines: Nearly horizontal lines.
        tolerance: Greatest difference in height, in points.
        gap: Greatest gap bridged, in points.
    """
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda item: item.y0 + item.y1):
        if rows and abs((line.y0 + line.y1) - (rows[-1][-1].y0 + rows[-1][-1].y1)) / 2 <= tolerance:
            rows[-1].append(line)
        else:
            rows.append([line])
    merged: list[Line] = []
    for row in rows:
        row.sort(key=lambda item: item.x0)
        current = row[0]
        for line in row[1:]:
            thin, thick = sorted((current.thickness, line.thickness))
            if 0 < BEAM * thin < thick:
                # a beam on a staff line makes that no longer
                shorter = line if line.x1 - line.x0 < current.x1 - current.x0 else current
                current = current if shorter is line else line
                merged.append(shorter)
            elif line.x0 - current.x1 <= gap:
                if line.x1 > current.x1:
                    thickness = max(current.thickness, line.thickness)
                    current = Line(current.x0, current.y0, line.x1, line.y1, thickness)
            else:
                merged.append(current)
                current = line
        merged.append(current)
    return merged


def find_staves(lines: list[Line], width: float, height: float) -> list[Staff]:
    """The staves of a page, top to bottom.

    Args:
        lines: All lines of the page.
        width: Page width in points.
        height: Page height in points.
    """
    scale = max(width, height)
    flat = [line for line in lines if is_horizontal(line) and not line.dashed and line.thickness < scale / 300]
    flat = merge_collinear(flat, tolerance=scale / 4000, gap=scale / 800)
    flat = [line for line in flat if line.x1 - line.x0 > width / 25]
    flat.sort(key=lambda line: (line.y0 + line.y1, line.x0))
    heights = [(line.y0 + line.y1) / 2 for line in flat]
    used = [False] * len(flat)
    found: list[Staff] = []
    pairs: list[tuple[float, int, int]] = []
    for i, first in enumerate(flat):
        for j in range(i + 1, len(flat)):
            gap = heights[j] - heights[i]
            if gap > height / 20:
                break
            thin = max(first.thickness, flat[j].thickness) < THIN * gap
            if gap >= min(scale / 600, CLOSEST) and thin and _same_extent(first, flat[j], gap):
                pairs.append((gap, i, j))
    # the closest lines first: a line over a staff and lines of several staves may stand at even distances too
    for gap, i, j in sorted(pairs, key=lambda p: (round(p[0], 1), p[1], p[2])):
        if used[i] or used[j]:
            continue
        rest = _continue(flat, heights, used, i, j, gap)
        if rest is not None:
            members = [i, j, *rest]
            for k in members:
                used[k] = True
            found.append(_staff([flat[k] for k in members]))
    usual = sorted(staff.space for staff in found)[len(found) // 2] if found else 0.0
    found = [staff for staff in found if usual / ODD < staff.space < usual * ODD]
    found = [staff for staff in found if not any(_is_ladder(staff, other, lines) for other in found)]
    found.sort(key=lambda staff: (staff.tops[0], staff.x0))
    return [Staff(i, s.x0, s.x1, s.tops, s.slope, s.space) for i, s in enumerate(found)]


def _is_ladder(staff: Staff, other: Staff, lines: list[Line]) -> bool:
    """True for what are the ledger lines of a run over or under a staff, so close to each other that they touch: they
    go on in its distances, where another staff never stands."""
    if staff.x1 - staff.x0 > LADDER * (other.x1 - other.x0) or not other.x0 <= staff.x0 <= staff.x1 <= other.x1:
        return False
    high, low = (staff, other) if staff.tops[0] < other.tops[0] else (other, staff)
    between = (low.tops[0] - high.tops[-1]) / other.space
    steps = round(between)
    if steps < 1 or abs(between - steps) > 0.15 or abs(staff.space / other.space - 1) > 0.05:
        return False
    rungs = [high.tops[-1] + n * (low.tops[0] - high.tops[-1]) / steps for n in range(1, steps)]
    return steps <= LADDER_STEPS or all(
        any(abs(v.y0 - y) < 0.15 * other.space and v.x0 < staff.x1 and v.x1 > staff.x0 for v in lines) for y in rungs
    )


def _same_extent(a: Line, b: Line, gap: float) -> bool:
    return a.x1 - a.x0 > 6 * gap and abs(a.x0 - b.x0) < 2 * gap and abs(a.x1 - b.x1) < 2 * gap


def _continue(
    flat: list[Line], heights: list[float], used: list[bool], i: int, j: int, gap: float
) -> tuple[int, int, int] | None:
    """Indices of the third, fourth and fifth line below lines i and j, where they are."""
    result: list[int] = []
    for n in (2, 3, 4):
        target = heights[i] + n * gap
        best = None
        for k in range(j + 1, len(flat)):
            if heights[k] > target + 0.2 * gap:
                break
            near = abs(heights[k] - target) <= 0.2 * gap
            if (
                near
                and not used[k]
                and k not in result
                and _same_extent(flat[i], flat[k], gap)
                and (best is None or abs(heights[k] - target) < abs(heights[best] - target))
            ):
                best = k
        if best is None:
            return None
        result.append(best)
    return result[0], result[1], result[2]


def _staff(members: list[Line]) -> Staff:
    """The staff of five lines; it reaches as far as most of them: brackets may touch the outer ones."""
    x0, x1 = sorted(m.x0 for m in members)[2], sorted(m.x1 for m in members)[2]
    slope = sum((m.y1 - m.y0) / (m.x1 - m.x0) for m in members) / 5
    tops = tuple(sorted(m.y0 + slope * (x0 - m.x0) for m in members))
    return Staff(0, x0, x1, tops, slope, (tops[4] - tops[0]) / 4)

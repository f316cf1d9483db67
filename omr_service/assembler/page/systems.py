"""Groups staves to systems, and finds the keyboard part's staves among them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from omr_service.assembler.geometry import Staff, System, is_vertical
from omr_service.assembler.page.barlines import SHARED, is_line_to_line
from omr_service.assembler.page.ossias import reduced
from omr_service.symbols import Glyph, Line

_BRACKET_END = 3.0
"""Staff spaces that a bracket reaches beyond its staves at most."""


MOST_PAIRS = 0.5
"""Share of a page's staves that stand in pairs at least, where two others are taken for a pair by their distance."""
NEAR = 1.15
"""How many times as far apart these may be as those of any pair."""
_FEWEST_SHARED = 3
"""Barlines that two staves share at least where nothing else joins them."""
_SHARE = 0.4
"""Their share at least of the strokes, stems among them, that might be barlines."""
_TWO_ALONE = 0.75
"""Share of a piece's systems from which on those of two staves are all of its parts."""


def vertical_runs(lines: list[Line], space: float) -> list[Line]:
    """Vertical lines with those on one x that touch joined: a barline may be drawn staff by staff."""
    columns: list[list[Line]] = []
    for line in sorted((v for v in lines if is_vertical(v)), key=lambda v: v.x0 + v.x1):
        if columns and abs((line.x0 + line.x1) - (columns[-1][-1].x0 + columns[-1][-1].x1)) / 2 <= 0.1 * space:
            columns[-1].append(line)
        else:
            columns.append([line])
    runs: list[Line] = []
    for column in columns:
        column.sort(key=lambda v: v.y0)
        current = column[0]
        for line in column[1:]:
            # the dashes of a dashed barline stand further apart
            gap = 1.0 * space if current.dashed or line.dashed or _is_dash(current, line, space) else 0.15 * space
            if line.y0 - current.y1 <= gap and _alike(current, line):
                dashed = current.dashed or line.dashed or line.y0 - current.y1 > 0.15 * space
                bottom = max(current.y1, line.y1)
                current = Line(current.x0, current.y0, line.x1, bottom, max(current.thickness, line.thickness), dashed)
            else:
                runs.append(current)
                current = line
        runs.append(current)
    return runs


def _is_dash(a: Line, b: Line, space: float) -> bool:
    return b.y1 - b.y0 < 1.2 * space and (a.dashed or a.y1 - a.y0 < 1.2 * space)


def _alike(a: Line, b: Line) -> bool:
    return max(a.thickness, b.thickness) <= 2.5 * max(min(a.thickness, b.thickness), 1e-3)


def group_systems(staves: list[Staff], lines: list[Line], glyphs: list[Glyph]) -> list[System]:
    """Systems of a page, top to bottom, without barlines yet.

    Staves belong together when a vertical line runs from one to the other over both their lines' full height, or a
    brace or bracket does; the edge of the paper beside them is no such line. Where there is none, two staves belong
    together whose barlines stand over each other, as in prints that draw them staff by staff; where there is none on
    the page, those that stand in pairs.
    """
    if not staves:
        return []
    space = sorted(s.space for s in staves)[len(staves) // 2]
    joined = [False] * len(staves)  # joined[i]: with the next one
    braced = [False] * len(staves)
    verticals = vertical_runs(lines, space)
    long = [r for r in verticals if r.y1 - r.y0 > 5 * space]
    runs = [r for r in long if not _is_edge(r, staves, space, long)]
    for i in range(len(staves) - 1):
        upper, lower = staves[i], staves[i + 1]
        tolerance = 0.6 * space
        for run in runs:
            if run.y0 > upper.top(run.x0) + tolerance or run.y1 < lower.bottom(run.x0) - tolerance:
                continue
            if upper.x0 - 4 * space <= run.x0 <= upper.x1 + space:
                joined[i] = True
                break
        for glyph in glyphs:
            spans = glyph.box.y0 < upper.bottom(upper.x0) and glyph.box.y1 > lower.top(lower.x0)
            if glyph.name in ("brace", "bracket") and spans:
                joined[i] = True
                braced[i] = braced[i] or glyph.name == "brace"
    joined = _with_shared_barlines(joined, staves, verticals)
    if not any(joined) and len(staves) % 2 == 0:
        inner = [staves[i + 1].tops[0] - staves[i].tops[-1] for i in range(0, len(staves), 2)]
        outer = [staves[i + 1].tops[0] - staves[i].tops[-1] for i in range(1, len(staves) - 1, 2)]
        if not outer or max(inner) < min(outer):
            joined = [i % 2 == 0 for i in range(len(staves))]
    joined = _with_hidden(joined, staves)
    systems: list[System] = []
    start = 0
    for i in range(len(staves)):
        if not joined[i] or i == len(staves) - 1:
            members = tuple(staves[start : i + 1])
            keyboard = _keyboard_of(members, braced[start:i], runs)
            systems.append(System(len(systems), members, keyboard))
            start = i + 1
    return agree(systems)


def _is_edge(run: Line, staves: list[Staff], space: float, runs: list[Line]) -> bool:
    """True for a line beside the staves that neither starts nor ends where a system does: an edge of the paper.

    It goes on beyond the staves, or ends between two that another line joins.
    """
    passed = [s for s in staves if run.y0 < s.bottom(run.x0) and run.y1 > s.top(run.x0)]
    if not passed or not all(_is_beside(run, staff) for staff in passed):
        return False
    first, last = staves.index(passed[0]), staves.index(passed[-1])
    ends = [(staves[i], staves[i + 1]) for i in (first - 1, last) if 0 <= i < len(staves) - 1]
    if any(
        not _is_beside(r, upper) and r.y0 < upper.top(r.x0) + 0.6 * space and r.y1 > lower.bottom(r.x0) - 0.6 * space
        for upper, lower in ends
        for r in runs
    ):
        return True
    over = passed[0].top(run.x0) - run.y0
    under = run.y1 - passed[-1].bottom(run.x0)
    return over > _BRACKET_END * space or under > _BRACKET_END * space


def _is_beside(run: Line, staff: Staff) -> bool:
    return run.x0 < staff.x0 - staff.space or run.x0 > staff.x1 + staff.space


def _with_shared_barlines(joined: list[bool], staves: list[Staff], runs: list[Line]) -> list[bool]:
    """What is joined, and pairs of staves that stand alone whose barlines stand over each other.

    Strokes from line to line of a staff may be stems, so not all of them need a partner; with the staves above and
    below a pair shares few.

    Args:
        joined: For each staff, whether it belongs with the next one.
        staves: The staves.
        runs: Vertical lines of the page.
    """
    strokes = [_strokes_of(staff, runs) for staff in staves]
    shared = [
        sum(any(abs(x - other) < SHARED * staff.space for other in lower) for x in upper)
        for staff, upper, lower in zip(staves, strokes, strokes[1:], strict=False)
    ]
    above = [False, *joined[:-1]]
    alone = [not (a or b) for a, b in zip(above, joined, strict=True)]
    result = list(joined)
    for i, count in enumerate(shared):
        others = max((shared[k] for k in (i - 1, i + 1) if 0 <= k < len(shared)), default=0)
        enough = max(_FEWEST_SHARED, _SHARE * min(len(strokes[i]), len(strokes[i + 1])))
        if alone[i] and alone[i + 1] and count >= enough and count >= 2 * others:
            result[i] = True
    return result


def _strokes_of(staff: Staff, runs: list[Line]) -> list[float]:
    """X of the strokes within a staff that go from its first line to its last."""
    begin, end = staff.x0 + 3 * staff.space, staff.x1 - 1.5 * staff.space
    return [(run.x0 + run.x1) / 2 for run in runs if begin < run.x0 < end and is_line_to_line(run, staff)]


def _with_hidden(joined: list[bool], staves: list[Staff]) -> list[bool]:
    """What is joined, and two staves that stand alone among pairs as near to each other as those of the pairs: what
    joins them is hidden by a thumb, or cut off.

    Args:
        joined: For each staff, whether it belongs with the next one.
        staves: The staves.
    """
    above = [False, *joined[:-1]]
    apart = [lower.tops[0] - upper.tops[-1] for upper, lower in itertools.pairwise(staves)]
    pairs = [gap for i, gap in enumerate(apart) if joined[i] and not above[i] and not joined[i + 1]]
    if 2 * len(pairs) < MOST_PAIRS * len(staves):
        return joined
    alone = [not (a or b) for a, b in zip(above, joined, strict=True)]
    result = list(joined)
    for i, gap in enumerate(apart):
        two = alone[i] and alone[i + 1] and not any(alone[k] for k in (i - 1, i + 2) if 0 <= k < len(alone))
        upper, lower = staves[i], staves[i + 1]
        ends = max(abs(upper.x0 - lower.x0), abs(upper.x1 - lower.x1))
        if two and gap < NEAR * max(pairs) and ends < 3 * upper.space:
            result[i] = True
    return result


def agree(systems: Sequence[System]) -> list[System]:
    """Systems with the keyboard part's staves where most systems of as many staves have them: a brace or a barline
    that one of them lacks does not move the part."""

    def kind(system: System) -> tuple[bool, ...]:
        small = reduced(system.staves)
        return tuple(s.index in small for s in system.staves)

    votes: dict[tuple[bool, ...], Counter[tuple[int, ...]]] = {}
    for system in systems:
        votes.setdefault(kind(system), Counter())[system.keyboard] += 1
    usual = {n: min(found, key=lambda k: (-found[k], len(k), k)) for n, found in votes.items()}
    return [replace(s, keyboard=usual[kind(s)]) for s in systems]


def with_added_staves(systems: Sequence[System]) -> list[System]:
    """The systems of a piece, a staff that few of them add to the keyboard part's two being that part's too.

    Piano music goes over to three staves and back without a name or a brace that would tell so; another part's staff
    goes through most of a piece.
    """
    if sum(len(s.staves) == 2 for s in systems) < _TWO_ALONE * len(systems):
        return list(systems)
    found: list[System] = []
    for system in systems:
        small = reduced(system.staves)
        added = not system.ossia and len(system.staves) == 3 and not small
        found.append(replace(system, keyboard=(0, 1, 2)) if added else system)
    return found


def _keyboard_of(staves: tuple[Staff, ...], braced: list[bool], runs: list[Line]) -> tuple[int, ...]:
    """Positions of the keyboard part's staves: smaller ones are another part's, or an ossia, where two are larger."""
    small = reduced(staves)
    large = [k for k, s in enumerate(staves) if s.index not in small]
    if not 1 < len(large) < len(staves):
        return _keyboard(staves, braced, runs)
    between = [all(braced[a:b]) for a, b in itertools.pairwise(large)]
    return tuple(large[k] for k in _keyboard(tuple(staves[k] for k in large), between, runs))


def _keyboard(staves: tuple[Staff, ...], braced: list[bool], runs: list[Line]) -> tuple[int, ...]:
    """Positions of the keyboard part's staves: those under a brace, else those whose barlines run through, else the
    lowest two."""
    n = len(staves)
    if n <= 2:
        return tuple(range(n))
    for i, brace in enumerate(braced):
        if brace:
            last = i + 1
            while last < n - 1 and braced[last]:
                last += 1
            return tuple(range(i, last + 1))
    through = [0] * (n - 1)
    for run in runs:
        for i in range(n - 1):
            inside = staves[i].x0 + 3 * staves[i].space < run.x0
            over = run.y0 < staves[i].top(run.x0) + 0.6 * staves[i].space
            under = run.y1 > staves[i + 1].bottom(run.x0) - 0.6 * staves[i].space
            through[i] += inside and over and under
    if max(through) > 0:
        start = next(i for i in reversed(range(n - 1)) if through[i])
        first = start
        while first > 0 and through[first - 1]:
            first -= 1
        return tuple(range(first, start + 2))
    return (n - 2, n - 1)

"""Finds the barlines of a system; a stem is no barline."""

from __future__ import annotations

from dataclasses import replace

from omr_service.assembler.geometry import Barline, Sorted, Staff, System
from omr_service.assembler.page.heads_stems import SMALL
from omr_service.symbols import Glyph, Line

DOTS = frozenset({"augmentationDot", "repeatDot", "articStaccatoAbove", "articStaccatoBelow"})
EXACT = 0.15
"""How far in spaces the ends of a barline of one staff alone may be off the outer lines."""
COLUMN = 0.25
"""Distance in spaces up to which strokes over each other are one barline: on paper they lean."""
SHARED = 0.6
"""The same where a barline is drawn staff by staff: the engraver set his tool anew for each."""
LINE_TO_LINE = 0.3
"""How far in spaces the ends of such a stroke may be off the outer lines of its staff."""
OVERRUN = 2.0
"""Spaces by which one staff may begin before another of its system: its lines run on into the foot of the brace."""
BEYOND = 0.8
"""Spaces by which a stroke through all staves goes beyond them from which on it may be a stem."""
HEAVY = 0.3
"""Thickness in spaces from which on a stroke counts as thick."""


def find_barlines(system: System, runs: list[Line], glyphs: list[Glyph], heads: Sorted[Glyph]) -> System:
    """The system with its barlines.

    Args:
        system: The system.
        runs: Vertical lines of the page, joined where they touch.
        glyphs: Glyphs of the page.
        heads: Noteheads of the page by x.
    """
    space = system.space
    staves = [system.staves[i] for i in system.keyboard]
    strokes: list[tuple[float, Line]] = []
    by_x = sorted(
        # a thick stroke that ends left of the staff lines is the bracket
        (
            r
            for r in runs
            if system.x0 - space < r.x0 < system.x1 + space
            and (r.x0 + r.x1) / 2 + r.thickness / 2 > system.x0 - 0.1 * space
            and _spans_any(r, staves)
        ),
        key=lambda r: r.x0 + r.x1,
    )
    used = [False] * len(by_x)
    for i, run in enumerate(by_x):
        if used[i]:
            continue
        x = (run.x0 + run.x1) / 2
        same = [j for j in range(i, len(by_x)) if (by_x[j].x0 + by_x[j].x1) / 2 - x <= COLUMN * space]
        column = [by_x[j] for j in same]
        whole = all(any(_covers(r, s) for r in column) for s in staves)
        if not whole:
            same += _on_other_staves(by_x, same, staves, heads)
            column = [by_x[j] for j in same]
        is_one = (
            _is_barline(column, staves, heads)
            if whole
            else all(any(_covers(r, s) for r in column) for s in staves)
            or _stands_alone(column, staves, heads)
            or _breaks_off(column, staves, heads)
        )
        if is_one:
            for j in same:
                used[j] = True
            strokes.append((x, max(column, key=lambda r: r.thickness)))
    marks = [_with_dots(m, staves, glyphs) for m in _join(strokes, staves, space)]
    begun = max((s.x0 for s in staves if s.x0 < system.x0 + OVERRUN * space), default=system.x0)
    return replace(system, barlines=tuple(m for m in marks if m.x > begun + 1.0 * space or _begins_repeat(m)))


def _on_other_staves(by_x: list[Line], same: list[int], staves: list[Staff], heads: Sorted[Glyph]) -> list[int]:
    """The strokes that a barline drawn staff by staff has on the other staves: each goes from the first line of its
    staff to the last, and they stand over each other less exactly than the parts of one stroke.

    Args:
        by_x: Strokes by x.
        same: Positions of those that stand over each other exactly, from the first.
        staves: Staves of the part.
        heads: Noteheads of the page by x.

    Returns:
        Positions of the strokes that complete it; none where some staff has none.
    """
    first = by_x[same[0]]
    x, space = (first.x0 + first.x1) / 2, staves[0].space
    near = [j for j in range(same[0], len(by_x)) if (by_x[j].x0 + by_x[j].x1) / 2 - x <= SHARED * space]
    found: list[int] = []
    for staff in staves:
        own = [j for j in near if is_line_to_line(by_x[j], staff) and not _has_head([by_x[j]], heads, space)]
        if not own:
            return []
        found += [own[0]] if own[0] not in same else []
    return found


def is_line_to_line(run: Line, staff: Staff) -> bool:
    """True for a stroke from the first line of a staff to its last, no further."""
    over, under = abs(run.y0 - staff.top(run.x0)), abs(run.y1 - staff.bottom(run.x0))
    return max(over, under) < LINE_TO_LINE * staff.space


def _begins_repeat(mark: Barline) -> bool:
    """True for a mark that is more than the line at the left end of a system, which may be printed thick."""
    return "H" in mark.strokes and (len(mark.strokes) > 1 or mark.dots_right)


def _spans_any(run: Line, staves: list[Staff]) -> bool:
    return any(_covers(run, s) for s in staves)


def _covers(run: Line, staff: Staff) -> bool:
    """True when the stroke runs over the whole height of the staff."""
    tolerance = 0.35 * staff.space
    return run.y0 <= staff.top(run.x0) + tolerance and run.y1 >= staff.bottom(run.x0) - tolerance


def _is_barline(column: list[Line], staves: list[Staff], heads: Sorted[Glyph]) -> bool:
    """Tells barlines from stems that happen to be as long as a staff is high."""
    x = (column[0].x0 + column[0].x1) / 2
    space = staves[0].space
    top, bottom = min(r.y0 for r in column), max(r.y1 for r in column)
    first, last = staves[0].top(x), staves[-1].bottom(x)
    if len(staves) > 1 and any(r.y0 < first + 0.4 * space and r.y1 > last - 0.4 * space for r in column):
        # runs through from staff to staff; what goes on to a beam over or under them is the stem of a chord on both
        beyond = max(first - top, bottom - last) > BEYOND * space
        return not (beyond and _has_head(column, heads, space, small=False))
    if abs(top - first) > 0.4 * space or abs(bottom - last) > 0.4 * space:
        return False
    return not _has_head(column, heads, space)


def _has_head(column: list[Line], heads: Sorted[Glyph], space: float, small: bool = True) -> bool:
    """True where a notehead, a small one only if these count, touches strokes: they are its stem."""
    x = (column[0].x0 + column[0].x1) / 2
    for head in heads.between(x - 2.5 * space, x + 0.5 * space):
        if not small and head.size < SMALL * 4 * space:
            continue
        touches = min(abs(head.box.x0 - x), abs(head.box.x1 - x)) < 0.2 * space
        cy = (head.box.y0 + head.box.y1) / 2
        if touches and any(r.y0 - 0.6 * space < cy < r.y1 + 0.6 * space for r in column):
            return True
    return False


def _breaks_off(column: list[Line], staves: list[Staff], heads: Sorted[Glyph]) -> bool:
    """True for a stroke without a head that goes from the outer line of the first or last staff over that staff and all
    the room to the next one: a barline that is broken, or hidden, on its way through that."""
    x = (column[0].x0 + column[0].x1) / 2
    space = staves[0].space
    if len(staves) < 2 or _has_head(column, heads, space):
        return False
    from_top = abs(min(r.y0 for r in column) - staves[0].top(x)) < 0.4 * space
    from_bottom = abs(max(r.y1 for r in column) - staves[-1].bottom(x)) < 0.4 * space
    return any(
        (from_top and _covers(r, staves[0]) and r.y1 > staves[1].top(x) - 0.4 * space)
        or (from_bottom and _covers(r, staves[-1]) and r.y0 < staves[-2].bottom(x) + 0.4 * space)
        for r in column
    )


def _stands_alone(column: list[Line], staves: list[Staff], heads: Sorted[Glyph]) -> bool:
    """True for strokes that go from line to line of some of the staves, over or under which nothing sounds: a barline
    that is not drawn on all staves."""
    x = (column[0].x0 + column[0].x1) / 2
    space = staves[0].space
    for run in (r for r in column if _spans_any(r, staves)):
        ends = [(abs(run.y0 - s.top(x)), abs(run.y1 - t.bottom(x))) for s in staves for t in staves]
        if not any(max(each) < EXACT * space for each in ends):
            return False
    top, bottom = staves[0].top(x) - 5 * space, staves[-1].bottom(x) + 5 * space
    near = heads.between(x - 2.5 * space, x + 0.3 * space)
    return not any(h.box.x1 > x - 0.3 * space and top < (h.box.y0 + h.box.y1) / 2 < bottom for h in near)


def _join(strokes: list[tuple[float, Line]], staves: list[Staff], space: float) -> list[Barline]:
    """Strokes that stand close together as one barline."""
    result: list[Barline] = []
    for x, line in strokes:
        half = line.thickness / 2
        kind = "H" if line.thickness > HEAVY * space else "L"
        if result and x - half - result[-1].x1 < 0.9 * space:
            last = result[-1]
            result[-1] = replace(last, x1=x + half, strokes=last.strokes + kind, dashed=last.dashed and line.dashed)
        else:
            top, bottom = staves[0].top(x), staves[-1].bottom(x)
            result.append(Barline(x - half, x + half, kind, line.dashed, False, False, top, bottom))
    return result


def _with_dots(mark: Barline, staves: list[Staff], glyphs: list[Glyph]) -> Barline:
    """The barline with the repeat dots beside it."""
    space = staves[0].space
    sides = {"left": 0, "right": 0}
    for glyph in glyphs:
        name = glyph.name
        if name not in DOTS and not name.startswith("repeat"):
            continue
        cx, cy = (glyph.box.x0 + glyph.box.x1) / 2, (glyph.box.y0 + glyph.box.y1) / 2
        if mark.x0 - 1.4 * space < cx < mark.x0:
            side = "left"
        elif mark.x1 < cx < mark.x1 + 1.4 * space:
            side = "right"
        else:
            continue
        for staff in staves:
            step = staff.step(cx, cy)
            if name in ("repeatDots", "repeatLeft", "repeatRight") and abs(step - 4) < 1.5:
                sides[side] += 2
            elif min(abs(step - 3), abs(step - 5)) < 0.4 or (name == "repeatDot" and 1.5 < step < 6.5):
                sides[side] += 1
    need = 2 * len(staves) if "H" not in mark.strokes else 2
    return replace(mark, dots_left=sides["left"] >= need, dots_right=sides["right"] >= need)

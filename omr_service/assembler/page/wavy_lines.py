"""Wavy and straight lines from a note: the line of a long trill, glissandi."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omr_service.assembler.geometry import System, center, is_vertical, union
from omr_service.assembler.music import Element, MarkSign, NoteSign
from omr_service.assembler.page.dynamics_words import staff_of
from omr_service.symbols import Box, Glyph, Line

_LINK = re.compile(r"wiggle(Trill|Vibrato|Glissando|ArpeggiatoUp$|ArpeggiatoDown$)")
TRILL = "ornamentTrill"
_TILTED = (0.75, 1.5)
"""Heights of a link over its width between which it is neither level nor upright, a rolled chord's."""
_STEEPEST = 2.5
"""Rise over run of a line whose links are tilted, at most."""
_End = tuple[NoteSign, Element]


@dataclass(frozen=True, slots=True)
class _Chain:
    """A wavy line: the ink of its links and the middles of the first and the last."""

    box: Box
    start: tuple[float, float]
    end: tuple[float, float]


def _chains(glyphs: Sequence[Glyph], space: float) -> list[_Chain]:
    """Wavy lines that are not upright, of links that stand next to each other from left to right."""
    rows: list[list[Box]] = []
    links = [g.box for g in glyphs if _LINK.match(g.name)]
    for box in sorted((b for b in links if not _is_stacked(b, links)), key=lambda b: b.x0):
        x, y = center(box)
        best: tuple[float, list[Box]] | None = None
        for row in rows:
            before = center(row[-1])
            dx, dy = x - before[0], y - before[1]
            width = row[-1].x1 - row[-1].x0
            steepest = _STEEPEST if _is_tilted(box) and _is_tilted(row[-1]) else 1.5
            if not 0.3 * width < dx < 1.5 * width + 0.3 * space or abs(dy) > steepest * dx:
                continue
            # links of a slanted line go on the way they came
            bend = abs(dy) if len(row) < 2 else abs(dy - (before[1] - center(row[-2])[1]))
            if bend < (1.5 if len(row) < 2 else 0.3) * space and (best is None or bend < best[0]):
                best = bend, row
        if best is not None:
            best[1].append(box)
        else:
            rows.append([box])
    return [_Chain(union(row), center(row[0]), center(row[-1])) for row in rows]


def _is_tilted(box: Box) -> bool:
    return _TILTED[0] < (box.y1 - box.y0) / max(box.x1 - box.x0, 0.01) < _TILTED[1]


def _is_stacked(box: Box, links: Sequence[Box]) -> bool:
    """True for a link of an upright line, that of an arpeggio: another stands right over or under it."""
    x, y = center(box)
    width, height = box.x1 - box.x0, box.y1 - box.y0
    return any(
        b is not box and abs(center(b)[0] - x) < 0.25 * width and 0.5 * height < abs(center(b)[1] - y) < 1.3 * height
        for b in links
    )


def find_wavy_lines(
    glyphs: Sequence[Glyph],
    wiggles: Sequence[Box],
    lines: Sequence[Line],
    ornaments: Sequence[MarkSign],
    elements: Sequence[Element],
    system: System,
) -> list[MarkSign]:
    """The lines of long trills and the glissandi of a system.

    A level wavy line is a trill's: it begins at the trill's sign, or goes on from the system before, or stands over
    its note without a sign. A line from one head to another is a glissando.

    Args:
        glyphs: Glyphs of the system.
        wiggles: Wavy lines that are no glyphs.
        lines: Lines of the system.
        ornaments: Its ornaments.
        elements: Its chords and rests.
        system: The system.
    """
    space = system.space
    chains = _chains(glyphs, space)
    chains += [_Chain(w, _left(w), _right(w)) for w in wiggles if w.x1 - w.x0 > 1.5 * (w.y1 - w.y0)]
    trills = [m for m in ornaments if m.name == TRILL]
    # the slash of a grace note's stem leads to no other note
    heads = [(n, e) for e in elements for n in e.notes if not e.small]
    found: list[MarkSign] = []
    for chain in chains:
        if chain.start == chain.end and _is_tilted(chain.box):
            found += _tilted_link(chain.box, heads, system)
            continue
        ends = _heads_at(chain.start, chain.end, heads, space, 1.4)
        if ends is not None and abs(chain.start[1] - chain.end[1]) > 0.4 * space:
            found.append(_glissando("wavy", chain.box, ends, system))
        elif abs(chain.start[1] - chain.end[1]) < 0.4 * space:
            found += _trill_line(chain.box, trills, elements, system)
    upright = [v for v in lines if is_vertical(v)]
    for v in lines:
        ends = None if is_vertical(v) or _joins_stems(v, upright, space) else _straight(v, heads, space)
        if ends is not None:
            box = Box(v.x0, min(v.y0, v.y1), v.x1, max(v.y0, v.y1))
            found.append(_glissando("straight", box, ends, system))
    return found


def _tilted_link(box: Box, heads: Sequence[_End], system: System) -> list[MarkSign]:
    """A glissando of one link, which its box shows to rise or to fall; to which of both, its notes tell."""
    ways = (((box.x0, box.y0), (box.x1, box.y1)), ((box.x0, box.y1), (box.x1, box.y0)))
    both = [_heads_at(start, end, heads, system.space, 1.4) for start, end in ways]
    return [_glissando("wavy", box, ends, system) for ends in both if ends is not None][:1]


def _left(box: Box) -> tuple[float, float]:
    return box.x0, (box.y0 + box.y1) / 2


def _right(box: Box) -> tuple[float, float]:
    return box.x1, (box.y0 + box.y1) / 2


def _trill_line(box: Box, trills: Sequence[MarkSign], elements: Sequence[Element], system: System) -> list[MarkSign]:
    space = system.space
    staff, above = staff_of(box, system)
    signs = [
        m
        for m in trills
        if -0.6 * space < box.x0 - m.box.x1 < 2 * space and m.box.y0 - space < center(box)[1] < m.box.y1 + space
    ]
    element, x0 = -1, box.x0
    if signs:
        sign = max(signs, key=lambda m: m.box.x1)
        element, staff, x0 = sign.element, sign.staff, sign.box.x0
    elif box.x1 - box.x0 < 2 * space:
        return []  # a single link is the sign of another ornament
    return [MarkSign("trill_line", "", system.index, staff, x0, box.x1, box, above, element)]


def _glissando(name: str, box: Box, ends: tuple[_End, _End], system: System) -> MarkSign:
    (_, first), (_, last) = ends
    return MarkSign(
        "glissando", name, system.index, first.staff, box.x0, box.x1, box, False, first.index, detail=str(last.index)
    )


def _joins_stems(v: Line, upright: Sequence[Line], space: float) -> bool:
    """True for a thin beam: both of its ends are at stems."""
    reach = 0.5 * space
    return all(
        any(abs(u.x0 - x) < 0.2 * space and min(u.y0, u.y1) - reach < y < max(u.y0, u.y1) + reach for u in upright)
        for x, y in ((v.x0, v.y0), (v.x1, v.y1))
    )


def _straight(v: Line, heads: Sequence[_End], space: float) -> tuple[_End, _End] | None:
    """The notes that a thin slanted line joins."""
    rise = abs(v.y1 - v.y0)
    if v.thickness > 0.3 * space or rise < 0.8 * space or v.x1 - v.x0 < 1.0 * space:
        return None
    return _heads_at((v.x0, v.y0), (v.x1, v.y1), heads, space, 1.0)


def _heads_at(
    start: tuple[float, float], end: tuple[float, float], heads: Sequence[_End], space: float, reach: float
) -> tuple[_End, _End] | None:
    """The notes whose heads a line runs from and to; None where one of its ends is at no head."""
    lefts = [(_gap(start, n.box, space, -1), k) for k, (n, _) in enumerate(heads)]
    rights = [(_gap(end, n.box, space, 1), k) for k, (n, _) in enumerate(heads)]
    left, right = min(lefts, default=(99.0, 0)), min(rights, default=(99.0, 0))
    if max(left[0], right[0]) > reach or left[1] == right[1]:
        return None
    first, last = heads[left[1]], heads[right[1]]
    if first[0].box.x1 > last[0].box.x0 or first[1].index == last[1].index:
        return None
    return first, last


def _gap(point: tuple[float, float], box: Box, space: float, side: int) -> float:
    """Spaces from the end of a line to the edge of a head that faces it."""
    edge = box.x1 if side < 0 else box.x0
    dx = (point[0] - edge) * -side / space
    if dx < -1.0:
        return 99.0
    return max(abs(dx) - 0.4, 0.0) + 0.5 * max(abs(point[1] - (box.y0 + box.y1) / 2) / space - 0.3, 0.0)

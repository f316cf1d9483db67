"""Octave lines of a page: a sign, the dashed line it starts, and the staff whose notes they move."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omr_service.assembler.geometry import Staff, System, center, is_vertical
from omr_service.assembler.music import Element, OctaveSign
from omr_service.symbols import Box, Glyph, Line, Text

TEXT = re.compile(r"\(?(8|15)(va|vb|ma|mb|)(?:\s?bassa|\s?alta)?\.?\)?$", re.IGNORECASE)
BELOW = 2.0
"""Spaces by which a sign that does not say its direction must stand nearer to the notes over it than to those under
it to be read as theirs: signs for an octave up are far more common."""


@dataclass(frozen=True, slots=True)
class _Option:
    """A staff that a sign may belong to."""

    system: int
    staff: int
    above: bool
    cost: float


@dataclass(frozen=True, slots=True)
class _Sign:
    """A sign with its line: where it reaches, how many octaves it moves, and whose it may be."""

    box: Box
    octaves: int
    x1: float
    hooked: bool
    options: tuple[_Option, ...]


def find_octave_lines(
    glyphs: list[Glyph],
    texts: list[Text],
    lines: list[Line],
    systems: Sequence[System],
    elements: Mapping[int, Sequence[Element]],
) -> list[OctaveSign]:
    """The octave lines of a page.

    A sign without a line counts only when it names itself fully ("8va"); a lone digit is a finger, a tuplet or a bar
    number. A sign stands over or under its staff as its hook or its name says, else as the rest of the line in the
    next system does, else next to the notes it clears with the least room.

    Args:
        glyphs: Glyphs of the page.
        texts: Texts of the page.
        lines: Lines of the page.
        systems: Its systems, top to bottom.
        elements: Chords and rests by system.
    """
    if not systems:
        return []
    space = sorted(s.space for s in systems)[len(systems) // 2]
    dashes = [v for v in lines if not is_vertical(v) and v.thickness < 0.3 * space]
    signs: list[_Sign] = []
    for box, octaves, direction, certain in _starts(glyphs, texts):
        end, hook = _line_after(box, dashes, lines, space)
        if end is None and not certain:
            continue
        x1 = end if end is not None else box.x1
        options = _options(box, x1, direction or hook, systems, elements)
        if options:
            signs.append(_Sign(box, octaves, x1, bool(hook), options))
    chosen = _choose(signs, systems, elements)
    return [
        OctaveSign(
            o.system,
            o.staff,
            s.octaves if o.above else -s.octaves,
            s.box.x0,
            s.x1,
            Box(s.box.x0, s.box.y0, s.x1, s.box.y1),
        )
        for s, o in sorted(zip(signs, chosen, strict=True), key=lambda c: (c[1].system, c[0].box.x0))
    ]


def _starts(glyphs: list[Glyph], texts: list[Text]) -> list[tuple[Box, int, int, bool]]:
    """Signs: box, octaves, direction they tell (0 for none), and whether they count without a line."""
    starts: list[tuple[Box, int, int, bool]] = []
    for glyph in glyphs:
        if glyph.name.startswith(("ottava", "quindicesima", "ventiduesima")):
            octaves = {"o": 1, "q": 2, "v": 3}[glyph.name[0]]
            direction = -1 if "Bassa" in glyph.name or glyph.name.endswith("Mb") else 0
            starts.append((glyph.box, octaves, direction or (1 if "Alta" in glyph.name else 0), True))
    for text in texts:
        match = TEXT.match(text.text.strip())
        if match:
            direction = {"va": 1, "ma": 1, "vb": -1, "mb": -1, "": 0}[match[2].lower()]
            if "bassa" in text.text.lower():
                direction = -1
            starts.append((text.box, 1 if match[1] == "8" else 2, direction, bool(match[2])))
    return starts


def _line_after(box: Box, dashes: list[Line], lines: list[Line], space: float) -> tuple[float | None, int]:
    """Right end of the line that starts at a sign, and which way its hook points: 1 down, -1 up, 0 for none."""
    reach = box.x1
    level: float | None = None
    for v in sorted(dashes, key=lambda d: d.x0):
        y = (v.y0 + v.y1) / 2
        if not -0.5 * space <= v.x0 - reach <= 1.8 * space or abs(v.y1 - v.y0) > 0.2 * space:
            continue
        inside = box.y0 - 0.4 * space <= y <= box.y1 + 0.4 * space
        if (level is None and inside) or (level is not None and abs(y - level) < 0.2 * space):
            if level is None and not v.dashed and v.x1 - v.x0 > 2 * space:
                continue  # a solid line is no octave line, but its first dash may look like one
            reach, level = max(reach, v.x1), y
    if level is None:
        return None, 0
    for v in lines:
        if is_vertical(v) and abs((v.x0 + v.x1) / 2 - reach) < 0.4 * space and v.y1 - v.y0 < 2.5 * space:
            if abs(v.y0 - level) < 0.4 * space:
                return reach, 1
            if abs(v.y1 - level) < 0.4 * space:
                return reach, -1
    return reach, 0


def _options(
    box: Box, x1: float, direction: int, systems: Sequence[System], elements: Mapping[int, Sequence[Element]]
) -> tuple[_Option, ...]:
    """The staff next under a sign and the one next over it, those that the direction rules out left out."""
    x, y = center(box)
    found: list[_Option] = []
    over: tuple[float, System, int] | None = None
    under: tuple[float, System, int] | None = None
    for system in systems:
        if not system.x0 - 4 * system.space < x < system.x1 + 4 * system.space:
            continue
        for position, staff in enumerate(system.staves):
            gap = staff.top(x) - y
            if gap > -staff.space and (under is None or gap < under[0]):
                under = gap, system, position
            gap = y - staff.bottom(x)
            if gap > -staff.space and (over is None or gap < over[0]):
                over = gap, system, position
    for near, above in ((under, True), (over, False)):
        if near is None or (direction != 0 and above != (direction > 0)):
            continue
        _, system, position = near
        staff = system.staves[position]
        room = _room(box, x1, staff, position, above, elements.get(system.index, ()))
        if room is not None:
            cost = abs(room) / staff.space + (0.0 if above else BELOW)
            found.append(_Option(system.index, position, above, cost))
    return tuple(found)


def _room(box: Box, x1: float, staff: Staff, position: int, above: bool, elements: Sequence[Element]) -> float | None:
    """Points between a line and the notes of a staff it would move; None where there is none to move."""
    x, y = center(box)
    edges: list[float] = []
    for element in elements:
        own = [n for n in element.notes if n.staff == position]
        if not own or element.x1 < box.x0 or element.x > max(x1, box.x1 + staff.space):
            continue
        edges += [n.box.y0 if above else n.box.y1 for n in own]
        if element.staff == position:
            edges.append(element.tip)
    if not edges:
        return None
    if above:
        return min(min(edges), staff.top(x)) - y
    return y - max(max(edges), staff.bottom(x))


def _choose(
    signs: Sequence[_Sign], systems: Sequence[System], elements: Mapping[int, Sequence[Element]]
) -> list[_Option]:
    """One option for each sign; a line that its system leaves open and the rest of it in the next agree."""
    chosen = [min(sign.options, key=lambda o: o.cost) for sign in signs]
    first_x = {k: min((e.x for e in own if e.notes), default=0.0) for k, own in elements.items()}
    for i, sign in enumerate(signs):
        if sign.hooked:
            continue
        pairs = [
            (one.cost + other.cost, one, j, other)
            for one, (j, rest) in itertools.product(sign.options, enumerate(signs))
            for other in rest.options
            if j != i
            and (other.system, other.staff, other.above) == (one.system + 1, one.staff, one.above)
            and sign.x1 > systems[one.system].x1 - 4 * systems[one.system].space
            and rest.box.x0 < first_x.get(other.system, 0.0)
        ]
        if pairs:
            _, one, j, other = min(pairs, key=lambda p: p[0])
            chosen[i], chosen[j] = one, other
    return chosen

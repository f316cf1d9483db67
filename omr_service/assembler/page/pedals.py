"""Pedals of a system: as "Ped." and a star, as a line with hooks, or as a sign that such a line goes on from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omr_service.assembler.geometry import System, center, is_horizontal, is_vertical
from omr_service.assembler.music import Element, MarkSign, TupletSign
from omr_service.symbols import Box, Glyph, Line, Text

LINE = "line"
"""Detail of a pedal that is drawn as a line."""
_PED = re.compile(r"\(?ped\.?\)?$", re.IGNORECASE)
_SIGNS = {"keyboardPedalPed": "down", "keyboardPedalSost": "down", "keyboardPedalP": "down", "keyboardPedalS": "down"}
_SIGNS |= {"keyboardPedalUp": "up", "keyboardPedalUpNotch": "up", "keyboardPedalUpSpecial": "up"}
"""Signs, and the first letters of signs put together of letters: the e, d and stop of a Ped. tell nothing more."""
_STARS = ("*", "\u2217", "\u2731")
_LONG = 2.0
"""Spaces that a line is long at least."""
_HOOK = (0.6, 2.7)
"""Heights of a hook or notch in spaces."""
_JOINS = 0.3
"""Spaces by which ends that touch may miss each other."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A level line under the staves with what is at its ends.

    Attributes:
        line: The line.
        starts, ends: "hook" for an upright hook, "notch" for a slanted one, "" for neither.
    """

    line: Line
    starts: str
    ends: str


def pedal_texts(texts: Sequence[Text], glyphs: Sequence[Glyph], system: System) -> list[Text]:
    """Texts that are signs for the pedal: "Ped." and, under the lowest staff, a star.

    Where nothing releases it, "Ped." is a word: it may be for an organist's feet.

    Args:
        texts: Texts of the system.
        glyphs: Its glyphs.
        system: The system.
    """
    lowest = system.staves[system.keyboard[-1]]
    stars = [t for t in texts if t.text.strip() in _STARS and t.box.y0 > lowest.bottom(t.x)]
    if not stars and not any(_SIGNS.get(g.name) == "up" for g in glyphs):
        return []
    return [*stars, *(t for t in texts if _PED.match(t.text.strip()))]


def find_pedals(
    glyphs: Sequence[Glyph],
    texts: Sequence[Text],
    lines: Sequence[Line],
    tuplets: Sequence[TupletSign],
    elements: Sequence[Element],
    system: System,
) -> list[MarkSign]:
    """Marks for "down", "up" and, where a line has a notch, "change".

    A line counts for its hooks: it begins with one, with a notch, with a sign or before the first note, and ends with
    a hook, a notch or at the edge of the system. Brackets of tuplets have the tuplet's number beside them.

    Args:
        glyphs: Glyphs of the system.
        texts: Texts of the system that are signs for the pedal.
        lines: Lines of the system.
        tuplets: Its tuplets' numbers.
        elements: Its chords and rests.
        system: The system.
    """
    space = system.space
    signs = [(_SIGNS[g.name], g.box) for g in glyphs if g.name in _SIGNS]
    signs += [("up" if t.text.strip() in _STARS else "down", t.box) for t in texts]
    found = [_mark(name, box, system, "") for name, box in signs]
    downs = [box for name, box in signs if name == "down"]
    first = min((e.x for e in elements if e.notes), default=system.x0) + 0.5 * space
    numbers = [t.box for t in tuplets] + [g.box for g in glyphs if g.name.startswith("tuplet")]
    for stretch in _stretches(lines, numbers, system):
        v, y = stretch.line, (stretch.line.y0 + stretch.line.y1) / 2
        signed = any(-space < v.x0 - b.x1 < 2.5 * space and b.y0 - space < y < b.y1 + space for b in downs)
        if not (stretch.starts or signed or v.x0 < first) or not (stretch.ends or v.x1 > system.x1 - 2.5 * space):
            continue
        top, bottom = min(v.y0, v.y1) - space, max(v.y0, v.y1)
        if stretch.starts and not signed:
            name = "change" if stretch.starts == "notch" else "down"
            found.append(_mark(name, Box(v.x0, top, v.x0, bottom), system, LINE))
        if stretch.ends == "hook":
            found.append(_mark("up", Box(v.x1, top, v.x1, bottom), system, LINE))
    return found


def _mark(name: str, box: Box, system: System, detail: str) -> MarkSign:
    return MarkSign("pedal", name, system.index, system.keyboard[-1], box.x0, box.x1, box, False, detail=detail)


def _stretches(lines: Sequence[Line], numbers: Sequence[Box], system: System) -> list[_Stretch]:
    """Level lines under the lowest staff of the keyboard part, with the hooks at their ends."""
    space = system.space
    lowest = system.staves[system.keyboard[-1]]
    thin = [v for v in lines if v.thickness < 0.35 * space]
    flat = [
        v
        for v in thin
        if is_horizontal(v)
        and not v.dashed
        and v.x1 - v.x0 > _LONG * space
        and (v.y0 + v.y1) / 2 > lowest.bottom((v.x0 + v.x1) / 2) + 0.7 * space
        and v.x0 > system.x0 - 2 * space
    ]
    hooks = [v for v in thin if _HOOK[0] * space < abs(v.y1 - v.y0) < _HOOK[1] * space and not is_horizontal(v)]
    found: list[_Stretch] = []
    for v in flat:
        if any(_is_beside(box, v, space) for box in numbers):
            continue
        starts, ends = _end(v.x0, v.y0, hooks, space), _end(v.x1, v.y1, hooks, space)
        if starts or ends:
            found.append(_Stretch(v, starts, ends))
    return found


def _is_beside(box: Box, line: Line, space: float) -> bool:
    """True for a number on the level of a line and close to it."""
    x, y = center(box)
    level = (line.y0 + line.y1) / 2
    return abs(y - level) < 1.2 * space and line.x0 - 2.5 * space < x < line.x1 + 2.5 * space


def _end(x: float, y: float, hooks: Sequence[Line], space: float) -> str:
    """What rises from the end of a line: "hook", "notch" or nothing."""
    for v in hooks:
        foot = max((v.x0, v.y0), (v.x1, v.y1), key=lambda p: p[1])
        if abs(foot[0] - x) < _JOINS * space and abs(foot[1] - y) < _JOINS * space:
            return "hook" if is_vertical(v) else "notch"
    return ""

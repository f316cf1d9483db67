"""Marks that hold from a moment on: dynamics, hairpins, pedal, navigation, endings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from omr_service.assembler.geometry import System, center, is_vertical, union
from omr_service.assembler.music import MarkSign
from omr_service.symbols import Box, Glyph, Line, Text

DYNAMIC_LETTERS = {
    "Piano": "p", "Mezzo": "m", "Forte": "f", "Rinforzando": "r", "Sforzando": "s", "Z": "z", "Niente": "n",
    "PPPPPP": "pppppp", "PPPPP": "ppppp", "PPPP": "pppp", "PPP": "ppp", "PP": "pp", "MP": "mp", "MF": "mf",
    "PF": "pf", "FF": "ff", "FFF": "fff", "FFFF": "ffff", "FFFFF": "fffff", "FFFFFF": "ffffff",
    "FortePiano": "fp", "Forzando": "fz", "Sforzando1": "sf", "SforzandoPiano": "sfp", "SforzandoPianissimo": "sfpp",
    "Sforzato": "sfz", "SforzatoPiano": "sfzp", "SforzatoFF": "sffz", "Rinforzando1": "rf", "Rinforzando2": "rfz",
}  # fmt: skip
SPELLED = frozenset(DYNAMIC_LETTERS.values()) - {"m", "r", "s", "z", "n"}
"""Dynamics as words spell them; other letters are parts of such only."""
ENDING = re.compile(r"[1-9]\.?(?:\s?[,\-–]\s?[1-9]\.?)*$")


_POINT = 0.2
"""Spaces between the arms of a hairpin at its point, at most; wider apart they come from another system or go there."""
_SHORT = 1.5
"""Spaces from which on a hairpin is long."""
_KERN = 0.9
"""Spaces by which the letters of a dynamic may reach into each other, however narrow they are."""
_STANDS_OUT = 0.3
"""Spaces by which the room between two dynamics is wider than that between the letters of one."""


def staff_of(box: Box, system: System) -> tuple[int, bool]:
    """Nearest staff and whether the box is above it; between the two staves of a piano, the upper one's underside."""
    x, y = center(box)
    position = min(range(len(system.staves)), key=lambda i: (round(system.staves[i].distance(x, y), 1), i))
    keyboard = system.keyboard
    if position in keyboard and keyboard.index(position) > 0 and y < system.staves[position].top(x):
        upper = keyboard[keyboard.index(position) - 1]
        if y > system.staves[upper].bottom(x):
            return upper, False
    return position, y < (system.staves[position].top(x) + system.staves[position].bottom(x)) / 2


def find_dynamics(glyphs: list[Glyph], system: System) -> list[MarkSign]:
    """Dynamic marks; letters set one by one are joined."""
    letters = sorted(
        (g for g in glyphs if g.name.startswith("dynamic") and g.name[7:] in DYNAMIC_LETTERS), key=lambda g: g.box.x0
    )
    found: list[MarkSign] = []
    used: set[int] = set()
    for i, glyph in enumerate(letters):
        if i in used:
            continue
        word = [glyph]
        for j in range(i + 1, len(letters)):
            other = letters[j]
            if (
                j not in used
                and abs(other.y - glyph.y) < 0.3 * system.space
                and _follows(word[-1], other, system.space)
            ):
                used.add(j)
                word.append(other)
        for part in _parted(word, system.space):
            box = union([g.box for g in part])
            staff, above = staff_of(box, system)
            found.append(MarkSign("dynamic", _spelled(part), system.index, staff, box.x0, box.x1, box, above))
    return found


def _spelled(word: Sequence[Glyph]) -> str:
    return "".join(DYNAMIC_LETTERS[glyph.name[7:]] for glyph in word)


def _parted(word: list[Glyph], space: float) -> list[list[Glyph]]:
    """Two dynamics that nearly touch, as one at the end of a measure and the next do, or the only one.

    They are two where together they spell none, each spells one, and the room between them is wider than any other.
    """
    known = DYNAMIC_LETTERS.values()
    if _spelled(word) in known:
        return [word]
    gaps = [b.box.x0 - a.box.x1 for a, b in pairwise(word)]
    for k, gap in enumerate(gaps, 1):
        others = gaps[: k - 1] + gaps[k:]
        stands_out = gap > max(others, default=-space) + _STANDS_OUT * space
        if stands_out and _spelled(word[:k]) in known and _spelled(word[k:]) in known:
            return [word[:k], word[k:]]
    return [word]


def _follows(last: Glyph, letter: Glyph, space: float) -> bool:
    """Whether a letter goes on where another ends; marks of two voices may lie on each other."""
    kern = max(0.5 * (last.box.x1 - last.box.x0), _KERN * space)
    if len(DYNAMIC_LETTERS[last.name[7:]]) > 1:
        kern = _KERN / 3 * space
    return -kern < letter.box.x0 - last.box.x1 < 0.45 * space


@dataclass(frozen=True, slots=True)
class Wedge:
    """The arms of a hairpin, or of a part of one.

    Attributes:
        box: Its ink.
        rising: True where it opens to the right.
        pointed: True where its arms meet.
    """

    box: Box
    rising: bool
    pointed: bool


def find_wedges(lines: list[Line], space: float) -> list[Wedge]:
    """The hairpins of a page: two thin slanted lines each that meet at one end.

    Args:
        lines: Lines of the page.
        space: Its staff space.
    """
    arms = [
        v
        for v in lines
        if not is_vertical(v)
        and v.thickness < 0.3 * space
        and v.x1 - v.x0 > 0.8 * space
        and 0.04 * space < abs(v.y1 - v.y0) < 0.5 * (v.x1 - v.x0)
    ]
    arms.sort(key=lambda v: v.x0)
    found: list[Wedge] = []
    used: set[int] = set()
    for i, a in enumerate(arms):
        for j in range(i + 1, len(arms)):
            b = arms[j]
            if b.x0 - a.x0 > 0.6 * space:
                break
            if i in used or j in used or abs(a.x1 - b.x1) > 0.6 * space or not _is_wedge(a, b, space):
                continue
            used.update((i, j))
            left, right = abs(a.y0 - b.y0), abs(a.y1 - b.y1)
            box = Box(min(a.x0, b.x0), min(a.y0, a.y1, b.y0, b.y1), max(a.x1, b.x1), max(a.y0, a.y1, b.y0, b.y1))
            found.append(Wedge(box, left < right, min(left, right) <= _POINT * space))
    return found


def hairpins_of(wedges: Sequence[Wedge], system: System) -> list[MarkSign]:
    """The hairpins of a system as marks."""
    found: list[MarkSign] = []
    for wedge in wedges:
        staff, above = staff_of(wedge.box, system)
        name, part = "crescendo" if wedge.rising else "diminuendo", "" if wedge.pointed else "open"
        x0, x1 = wedge.box.x0, wedge.box.x1
        found.append(MarkSign("hairpin", name, system.index, staff, x0, x1, wedge.box, above, detail=part))
    return found


def _is_wedge(a: Line, b: Line, space: float) -> bool:
    """Whether two slanted lines under each other open like a hairpin or a part of one: a part of a long one may be
    hardly slanted, but both arms are alike; a short one begins in a point."""
    left, right = abs(a.y0 - b.y0), abs(a.y1 - b.y1)
    if max(left, right) > 3 * space or max(left, right) < 0.5 * space or (a.y1 - a.y0) * (b.y1 - b.y0) > 0:
        return False
    if max(a.x1 - a.x0, b.x1 - b.x0) < _SHORT * space:
        return min(left, right) < 0.1 * space
    if min(left, right) <= 0.75 * max(left, right):
        return True
    rises = abs(a.y1 - a.y0), abs(b.y1 - b.y0)
    ends = abs(a.x0 - b.x0), abs(a.x1 - b.x1)
    return max(ends) < 0.2 * space and max(rises) - min(rises) < 0.25 * max(rises)


def find_signs(glyphs: list[Glyph], system: System) -> list[MarkSign]:
    """Segno, coda, breath marks."""
    kinds = {"segno": "segno", "segnoSerpent1": "segno", "coda": "coda", "codaSquare": "coda"}
    found: list[MarkSign] = []
    for glyph in glyphs:
        kind = kinds.get(glyph.name)
        if glyph.name.startswith("breathMark"):
            kind = "breath"
        elif glyph.name.startswith("caesura"):
            kind = "caesura"
        if kind:
            staff, above = staff_of(glyph.box, system)
            found.append(MarkSign(kind, glyph.name, system.index, staff, glyph.box.x0, glyph.box.x1, glyph.box, above))
    return found


def find_endings(texts: list[Text], lines: list[Line], system: System) -> list[MarkSign]:
    """First and second endings: a number at the left end of a bracket over the system; `name` is the number, with a
    "|" after it where the bracket has a hook at its right end."""
    space = system.space
    top = system.staves[0]
    found: list[MarkSign] = []
    for text in texts:
        if not ENDING.match(text.text.strip()) or text.box.y1 > top.top(text.x) - 0.2 * space:
            continue
        y0, y1 = text.box.y0 - 1.6 * space, text.box.y0 + 0.9 * space
        for v in lines:
            flat = abs(v.y1 - v.y0) < 0.1 * space and v.x1 - v.x0 > 4 * space and v.thickness < 0.35 * space
            if flat and y0 < v.y0 < y1 and -0.3 * space < text.box.x0 - v.x0 < 2.5 * space:
                hook = any(
                    is_vertical(h) and abs(h.x0 - v.x1) < 0.4 * space and abs(min(h.y0, h.y1) - v.y0) < 0.5 * space
                    for h in lines
                )
                box = Box(v.x0, v.y0, v.x1, text.box.y1)
                name = text.text.strip() + ("|" if hook else "")
                found.append(MarkSign("ending", name, system.index, -1, v.x0, v.x1, box, True))
                break
    return found


def is_ending_number(text: Text, endings: Sequence[MarkSign]) -> bool:
    """True for the number that stands at the left end of an ending's bracket, and so is no finger."""
    x, y = center(text.box)
    return any(
        text.text.strip() == ending.name.removesuffix("|")
        and ending.box.x0 <= x <= ending.box.x1
        and ending.box.y0 <= y <= ending.box.y1
        for ending in endings
    )

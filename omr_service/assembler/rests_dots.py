"""Rests on their staves, and augmentation dots at the notes and rests they belong to."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from omr_service.assembler.barlines import DOTS
from omr_service.assembler.geometry import Barline, Sorted, Staff, center
from omr_service.assembler.heads_stems import Chord, Head
from omr_service.symbols import Glyph

REST = re.compile(r"rest(Longa|DoubleWhole|Whole|Half|Quarter|8th|16th|32nd|64th|128th|256th)(LegerLine)?$")
REST_LEVELS = {
    "Longa": -4,
    "DoubleWhole": -3,
    "Whole": -2,
    "Half": -1,
    "Quarter": 0,
    "8th": 1,
    "16th": 2,
    "32nd": 3,
    "64th": 4,
    "128th": 5,
    "256th": 6,
}


@dataclass(frozen=True, slots=True)
class RestSign:
    """A rest.

    Attributes:
        index: Number on the page.
        glyph: What the reader saw.
        staff: Index of the staff on the page.
        step: Position of its origin in half spaces above the staff's bottom line.
        level: 0 for a quarter, 1 for an eighth and so on; -1 half, -2 whole, -3 breve.
    """

    index: int
    glyph: Glyph
    staff: int
    step: float
    level: int


def find_rests(glyphs: list[Glyph], staves: list[Staff]) -> list[RestSign]:
    """All rests, each on the nearest staff."""
    rests: list[RestSign] = []
    for glyph in glyphs:
        match = REST.match(glyph.name)
        if not match:
            continue
        x, y = center(glyph.box)
        near = [s for s in staves if s.x0 - s.space < x < s.x1 + s.space and s.distance(x, y) < 7]
        if not near:
            continue
        staff = min(near, key=lambda s: s.distance(x, y))
        rests.append(RestSign(len(rests), glyph, staff.index, staff.step(x, glyph.y), REST_LEVELS[match[1]]))
    return rests


@dataclass(frozen=True, slots=True)
class Dots:
    """Augmentation dots.

    Attributes:
        chords: Number of dots by chord index.
        rests: Number of dots by rest index.
        used: Positions of the glyphs used, in the page's list of glyphs.
    """

    chords: dict[int, int]
    rests: dict[int, int]
    used: frozenset[int]


def find_dots(
    glyphs: list[Glyph],
    heads: list[Head],
    chords: list[Chord],
    rests: list[RestSign],
    staves: list[Staff],
    barlines: list[Barline],
) -> Dots:
    """Gives each dot right of a notehead or rest to it."""
    right_of_chord = {c.index: max(heads[h].glyph.box.x1 for h in c.heads) for c in chords}
    owners: list[tuple[float, float, str, int, int]] = []  # right edge, height, kind, index, step parity
    for chord in chords:
        for h in chord.heads:
            owners.append((right_of_chord[chord.index], heads[h].y, "c", chord.index, heads[h].step))
    for rest in rests:
        owners.append((rest.glyph.box.x1, center(rest.glyph.box)[1], "r", rest.index, 1))
    widest = max((s.space for s in staves), default=1.0)
    order = Sorted(owners, key=lambda o: o[0])
    heads_by_x = Sorted(heads, key=lambda h: h.x)
    repeat_dots = [b for b in barlines if b.dots_left or b.dots_right]
    columns: dict[tuple[str, int], list[tuple[float, float]]] = {}
    used: set[int] = set()
    for position, glyph in sorted(enumerate(glyphs), key=lambda g: g[1].x):
        if glyph.name not in DOTS:
            continue
        x, y = center(glyph.box)
        staff = min(staves, key=lambda s: s.distance(x, y), default=None)
        if staff is None or is_repeat_dot(x, y, staff, repeat_dots):
            continue
        space = staff.space
        best: tuple[float, tuple[str, int]] | None = None
        for edge, cy, kind, index, step in order.between(x - 3.5 * widest, x - 0.05 * space):
            dx = (x - edge) / space
            dy = (y - cy) / space
            # a dot stands in the head's space, or in the space above (rarely below) its line
            if kind == "r":
                miss = max(0.0, abs(dy) - 1.0) + 0.1
            elif step % 2:
                miss = abs(dy)
            else:
                miss = min(abs(dy + 0.5), abs(dy - 0.5) + 0.15)
            chain = columns.get((kind, index), [])
            previous = max((cx for cx, _ in chain if cx < x - 0.2 * space), default=None)
            reach = 1.7 if previous is None else (previous - edge) / space + 1.3
            if dx > reach or miss > 1.05:
                continue
            cost = dx * 0.5 + miss
            if best is None or cost < best[0]:
                best = (cost, (kind, index))
        if best is not None and best[0] > (0.45 if glyph.name.startswith("articStaccato") else 0.9):
            # it may as well be a staccato dot of the head under or over it
            near = [h for h in heads_by_x.between(x - 0.45 * space, x + 0.45 * space) if h.staff == staff.index]
            if glyph.name.startswith("artic") or any(0.75 < abs(h.y - y) / space < 3 for h in near):
                best = None
        if best is not None:
            columns.setdefault(best[1], []).append((x, y))
            used.add(position)
    counts: dict[tuple[str, int], int] = {}
    for key, points in columns.items():
        xs = sorted(x for x, _ in points)
        counts[key] = 1 + sum(b - a > 0.3 * widest for a, b in itertools.pairwise(xs))
    return Dots(
        {i: n for (kind, i), n in counts.items() if kind == "c"},
        {i: n for (kind, i), n in counts.items() if kind == "r"},
        frozenset(used),
    )


def is_repeat_dot(x: float, y: float, staff: Staff, barlines: list[Barline]) -> bool:
    """True for a dot at its place beside one of some barlines with repeat dots."""
    step = staff.step(x, y)
    if min(abs(step - 3), abs(step - 5)) > 0.45:
        return False
    reach = 1.4 * staff.space
    for mark in barlines:
        if not mark.top - staff.space < y < mark.bottom + staff.space:
            continue
        if (mark.dots_left and mark.x0 - reach < x < mark.x0) or (mark.dots_right and mark.x1 < x < mark.x1 + reach):
            return True
    return False

"""Rests on their staves, and augmentation dots at the notes and rests they belong to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from omr_service.assembler.doubts import cost_of, other_levels
from omr_service.assembler.geometry import Barline, Sorted, Staff, center
from omr_service.assembler.page.barlines import DOTS
from omr_service.assembler.page.heads_stems import Chord, Head
from omr_service.symbols import Glyph

NEAR, FAR = 1.7, 2.3
"""How far right of a chord's heads a dot stands at most, in staff spaces: one of any kind, and one that is known to
lengthen."""
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
        doubts: Other levels that the reader saw, each with what it costs to read it.
    """

    index: int
    glyph: Glyph
    staff: int
    step: float
    level: int
    doubts: tuple[tuple[int, float], ...] = ()


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
        level = REST_LEVELS[match[1]]
        seen = [(REST.match(name), p) for name, p in glyph.alternatives]
        doubts = other_levels(glyph.confidence, [(REST_LEVELS[m[1]], p) for m, p in seen if m], level)
        rests.append(RestSign(len(rests), glyph, staff.index, staff.step(x, glyph.y), level, doubts))
    return rests


@dataclass(frozen=True, slots=True)
class Dots:
    """Augmentation dots.

    Attributes:
        chords: Number of dots by chord index.
        rests: Number of dots by rest index.
        used: Positions of the glyphs used, in the page's list of glyphs.
        chord_doubts, rest_doubts: By chord or rest index, what it costs to read it with one dot less.
    """

    chords: dict[int, int]
    rests: dict[int, int]
    used: frozenset[int]
    chord_doubts: dict[int, float] = field(default_factory=dict)
    rest_doubts: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Owner:
    """A head or rest that a dot may belong to.

    Attributes:
        number: Its number among all of them.
        key: "c" and the number of its chord, or "r" and that of the rest.
        edge: Where its dots begin: right of its chord and of what stands beside that.
        extra: Cost of a dot that stands so far right.
        y: Its middle.
        step: Position in half spaces above the bottom line.
    """

    number: int
    key: tuple[str, int]
    edge: float
    extra: float
    y: float
    step: int


def _owners(heads: list[Head], chords: list[Chord], rests: list[RestSign], staves: list[Staff]) -> list[_Owner]:
    """All that may have dots; the dots of a chord may stand right of another voice's head that touches it."""
    owners: list[_Owner] = []
    by_left = Sorted(heads, key=lambda h: h.glyph.box.x0)
    for chord in chords:
        right = max(heads[h].glyph.box.x1 for h in chord.heads)
        space = staves[chord.staff].space
        steps = [heads[h].step for h in chord.heads]
        beside = [
            h.glyph.box.x1
            for h in by_left.between(right - 0.9 * space, right + 0.35 * space)
            if h.staff == chord.staff and h.index not in chord.heads and min(steps) - 7 <= h.step <= max(steps) + 7
        ]
        for h in chord.heads:
            owners.append(_Owner(len(owners), ("c", chord.index), right, 0.0, heads[h].y, heads[h].step))
            if beside and max(beside) > right + 0.3 * space:
                n = len(owners) - 1
                owners.append(_Owner(n, ("c", chord.index), max(beside), 0.1, heads[h].y, heads[h].step))
    for rest in rests:
        owners.append(_Owner(len(owners), ("r", rest.index), rest.glyph.box.x1, 0.0, center(rest.glyph.box)[1], 1))
    return owners


def _options(
    x: float,
    y: float,
    space: float,
    first: float,
    near: Iterable[_Owner],
    columns: dict[tuple[str, int], list[tuple[float, float]]],
) -> list[tuple[float, _Owner]]:
    """What a dot may belong to, with costs: to what it follows, at the height where it belongs; the first dot of a
    chord no further right of it than `first` staff spaces."""
    options: list[tuple[float, _Owner]] = []
    for owner in near:
        dx = (x - owner.edge) / space
        dy = (y - owner.y) / space
        # a dot stands in the head's space, or in the space above (rarely below) its line
        if owner.key[0] == "r":
            miss = max(0.0, abs(dy) - 1.0) + 0.1
        elif owner.step % 2:
            miss = abs(dy)
        else:
            miss = min(abs(dy + 0.5), abs(dy - 0.5) + 0.15)
        chain = columns.get(owner.key, [])
        previous = max((cx for cx, _ in chain if cx < x - 0.2 * space), default=None)
        reach = first if previous is None else (previous - owner.edge) / space + 1.3
        if dx <= reach and miss <= 1.05:
            options.append((dx * 0.5 + miss + owner.extra, owner))
    return options


def find_dots(
    glyphs: list[Glyph],
    heads: list[Head],
    chords: list[Chord],
    rests: list[RestSign],
    staves: list[Staff],
    barlines: list[Barline],
) -> Dots:
    """Gives each dot right of a notehead or rest to it."""
    owners = _owners(heads, chords, rests, staves)
    widest = max((s.space for s in staves), default=1.0)
    order = Sorted(owners, key=lambda o: o.edge)
    heads_by_x = Sorted(heads, key=lambda h: h.x)
    clefs = [g for g in glyphs if g.name.startswith("fClef")]
    repeat_dots = [b for b in barlines if b.dots_left or b.dots_right]
    columns: dict[tuple[str, int], list[tuple[float, float]]] = {}
    used: set[int] = set()
    surest: dict[tuple[str, int], float] = {}
    dots = sorted((g.x, n) for n, g in enumerate(glyphs) if g.name in DOTS)
    starts = [k for k, (x, _) in enumerate(dots) if k == 0 or x - dots[k - 1][0] > 0.3 * widest]
    for start, end in itertools.pairwise([*starts, len(dots)]):
        options: list[tuple[float, int, _Owner]] = []
        for _, position in dots[start:end]:
            glyph = glyphs[position]
            x, y = center(glyph.box)
            staff = min(staves, key=lambda s: s.distance(x, y), default=None)
            if staff is None or is_repeat_dot(x, y, staff, repeat_dots) or _of_clef(x, y, clefs, staff.space):
                continue
            staccato = glyph.name.startswith("artic")
            if staccato and glyph.confidence == 1.0 and not glyph.alternatives:
                continue  # its font says so
            first = FAR if glyph.name == "augmentationDot" else NEAR
            before = order.between(x - 3.5 * widest, x - 0.05 * staff.space)
            own = _options(x, y, staff.space, first, before, columns)
            best = min((cost for cost, _ in own), default=0.0)
            either = _is_either(glyph)
            if best > (0.45 if staccato or either else 0.9):
                # it may as well be a staccato dot of the head under or over it
                near = list(heads_by_x.between(x - 0.45 * staff.space, x + 0.45 * staff.space))
                if (staccato and not either) or any(
                    h.staff == staff.index and 0.75 < abs(h.y - y) / staff.space < 3 for h in near
                ):
                    continue
            options += [(cost, position, owner) for cost, owner in own]
        # each head or rest has one dot of a column, so that two voices' dots are shared out between them
        taken: set[int] = set()
        for _, position, owner in sorted(options, key=lambda o: o[0]):
            if position not in used and owner.number not in taken:
                taken.add(owner.number)
                used.add(position)
                columns.setdefault(owner.key, []).append(center(glyphs[position].box))
                surest[owner.key] = max(surest.get(owner.key, 0.0), _lengthens(glyphs[position]))
        for _, position, owner in sorted(options, key=lambda o: o[0]):
            if position not in used:
                used.add(position)
                columns.setdefault(owner.key, []).append(center(glyphs[position].box))
                surest[owner.key] = max(surest.get(owner.key, 0.0), _lengthens(glyphs[position]))
    counts: dict[tuple[str, int], int] = {}
    for key, points in columns.items():
        xs = sorted(x for x, _ in points)
        counts[key] = 1 + sum(b - a > 0.3 * widest for a, b in itertools.pairwise(xs))
    return Dots(
        {i: n for (kind, i), n in counts.items() if kind == "c"},
        {i: n for (kind, i), n in counts.items() if kind == "r"},
        frozenset(used),
        {i: cost_of(p, 1.0 - p) for (kind, i), p in surest.items() if kind == "c" and p < 1.0},
        {i: cost_of(p, 1.0 - p) for (kind, i), p in surest.items() if kind == "r" and p < 1.0},
    )


def _is_either(dot: Glyph) -> bool:
    """Whether the reader could not tell a dot that lengthens from one for staccato."""
    names = {dot.name, *(name for name, _ in dot.alternatives)}
    return "augmentationDot" in names and any(name.startswith("articStaccato") for name in names)


def _lengthens(dot: Glyph) -> float:
    """How probable it is that a dot is an augmentation dot; certain where the reader knew its class."""
    if dot.name == "augmentationDot" or dot.confidence == 1.0:
        return dot.confidence
    return dict(dot.alternatives).get("augmentationDot", 0.0)


def _of_clef(x: float, y: float, clefs: list[Glyph], space: float) -> bool:
    """True for one of the dots of a bass clef, which stand over and under its line."""
    return any(c.box.x1 - 1.2 * space < x < c.box.x1 + 0.7 * space and abs(y - c.y) < 0.9 * space for c in clefs)


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

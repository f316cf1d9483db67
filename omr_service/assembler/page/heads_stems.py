"""Noteheads on their staves, stems, and the chords they make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from omr_service.assembler.geometry import Sorted, Staff, is_horizontal
from omr_service.assembler.page.stems_of_heads import Touch, resolved
from omr_service.symbols import Box, Glyph, Line

HEAD_KINDS = {
    "noteheadBlack": "black",
    "noteheadHalf": "half",
    "noteheadWhole": "whole",
    "noteheadDoubleWhole": "breve",
    "noteheadDoubleWholeSquare": "breve",
    "noteheadXBlack": "black",
    "noteheadXHalf": "half",
    "noteheadXWhole": "whole",
    "noteheadDiamondBlack": "black",
    "noteheadDiamondHalf": "half",
    "noteheadDiamondWhole": "whole",
    "noteheadDiamondWhite": "half",
    "noteheadTriangleUpBlack": "black",
    "noteheadSlashVerticalEnds": "black",
}
SMALL = 0.82
"""Heads smaller than this part of the page's usual head are grace or cue notes."""
_LOST = 0.1
"""What each ledger line costs that ought to lead to a head and is not to be seen, beside their share."""


@dataclass(frozen=True, slots=True)
class Head:
    """A notehead.

    Attributes:
        index: Number on the page.
        glyph: What the reader saw.
        staff: Index of the staff on the page.
        step: Position in half spaces above the staff's bottom line.
        kind: "black", "half", "whole" or "breve".
        small: True for grace and cue size.
        confidence: Confidence in staff and step, 0 to 1.
        twice: True for one that is printed twice in place, for two voices.
    """

    index: int
    glyph: Glyph
    staff: int
    step: int
    kind: str
    small: bool
    confidence: float
    twice: bool = False

    @property
    def x(self) -> float:
        """Its middle."""
        return (self.glyph.box.x0 + self.glyph.box.x1) / 2

    @property
    def y(self) -> float:
        """Its middle."""
        return (self.glyph.box.y0 + self.glyph.box.y1) / 2


@dataclass(frozen=True, slots=True)
class Chord:
    """Heads on one stem, or stemless heads of one moment.

    Attributes:
        index: Number on the page.
        heads: Indices of its heads, lowest first.
        stem: The stem, None for whole notes.
        up: True for a stem that points up; meaningless without a stem.
        x: Left edge of its main column of heads, by which it is aligned.
        staff: Staff of the head at the stem's root.
        small: True for grace and cue size.
    """

    index: int
    heads: tuple[int, ...]
    stem: Line | None
    up: bool
    x: float
    staff: int
    small: bool

    @property
    def tip(self) -> float:
        """Height of the free end of the stem; NaN without a stem."""
        if self.stem is None:
            return math.nan
        return self.stem.y0 if self.up else self.stem.y1


def ledger_lines(lines: list[Line], space: float) -> Sorted[Line]:
    """Lines that can be ledger lines, by height."""
    short = (v for v in lines if is_horizontal(v) and 0.6 * space < v.x1 - v.x0 < 8 * space and v.thickness < space / 2)
    return Sorted(short, key=lambda v: (v.y0 + v.y1) / 2)


def ledger_spread(ledgers: Sorted[Line], staves: list[Staff]) -> float:
    """Distance of the ledger lines of a page in staff spaces: 1 in what computers set, up to a fifth more on plates
    that were punched by hand.

    The median over the first ledger lines of its staves; 1 where there are few.
    """
    seen: list[float] = []
    for line in ledgers.things:
        x, y = (line.x0 + line.x1) / 2, (line.y0 + line.y1) / 2
        seen += [d for s in staves if s.x0 < x < s.x1 and 0.75 < (d := s.distance(x, y)) < 1.45]
    return sorted(seen)[len(seen) // 2] if len(seen) > 5 else 1.0


def step_at(x: float, y: float, staff: Staff, ledgers: Sorted[Line], spread: float = 1.0) -> float:
    """Position of a notehead in half spaces above the bottom line; outside the staff by its ledger lines.

    Args:
        x, y: Middle of the head.
        staff: Its staff.
        ledgers: Lines that can be ledger lines, by height.
        spread: As `ledger_spread`.
    """
    step = staff.step(x, y)
    if -1.3 < step < 9.3:
        return step
    edge = staff.top(x) if step > 4 else staff.bottom(x)
    reach = abs(y - edge) + 0.45 * staff.space
    low, high = (edge - reach, edge) if step > 4 else (edge, edge + reach)
    lines = [v for v in ledgers.between(low, high) if v.x0 - 0.4 * staff.space < x < v.x1 + 0.4 * staff.space]
    number, at, pitch = 0, 0.0, spread * staff.space
    for distance in sorted(abs((v.y0 + v.y1) / 2 - edge) for v in lines):
        passed = round((distance - at) / pitch)
        if passed >= 1:
            number, at = number + passed, distance
    beyond = (abs(y - edge) - at) / pitch
    # past the last ledger line stands one head, touching it or not: the next would have a line of its own
    offset = 2 * number + (1 if number and 0.28 < beyond < 0.95 else 2 * beyond)
    return 8 + offset if step > 4 else -offset


def staff_of_head(
    x: float, y: float, staves: list[Staff], ledgers: Sorted[Line], spread: float = 1.0
) -> tuple[Staff, float] | None:
    """The staff a notehead belongs to and the confidence in it; None where no staff is near.

    A head outside the staves belongs to the staff whose ledger lines lead to it.
    """
    near = [s for s in staves if s.x0 - 4 * s.space < x < s.x1 + 2 * s.space and s.distance(x, y) < 9]
    if not near:
        return None
    near.sort(key=lambda s: s.distance(x, y))
    if near[0].distance(x, y) <= 0.6:
        return near[0], 1.0
    costs: list[tuple[float, int]] = []
    for i, staff in enumerate(near[:3]):
        below = y > staff.bottom(x)
        need = math.floor(staff.distance(x, y) / spread + 0.25)
        missing = 0
        for n in range(1, need + 1):
            away = n * spread * staff.space
            at = staff.bottom(x) + away if below else staff.top(x) - away
            close = ledgers.between(at - 0.22 * staff.space, at + 0.22 * staff.space)
            missing += not any(v.x0 - 0.4 * staff.space < x < v.x1 + 0.4 * staff.space for v in close)
        step = step_at(x, y, staff, ledgers, spread)
        grid = abs(step - round(step))
        # where none is to be seen it is the staff of which fewer were lost
        costs.append((missing / max(need, 1) + _LOST * missing + 0.5 * grid + 0.02 * staff.distance(x, y), i))
    costs.sort()
    margin = costs[1][0] - costs[0][0] if len(costs) > 1 else 1.0
    return near[costs[0][1]], max(0.5, min(1.0, 0.5 + margin))


def find_heads(glyphs: list[Glyph], staves: list[Staff], ledgers: Sorted[Line]) -> list[Head]:
    """All noteheads that stand on a staff."""
    candidates = [g for g in glyphs if g.name in HEAD_KINDS]
    spread = ledger_spread(ledgers, staves)
    heights = sorted(g.size for g in candidates)
    usual = heights[int(len(heights) * 0.75)] if heights else 1.0
    heads: list[Head] = []
    seen: set[tuple[int, int, int]] = set()
    for glyph in candidates:
        x = (glyph.box.x0 + glyph.box.x1) / 2
        y = (glyph.box.y0 + glyph.box.y1) / 2
        where = staff_of_head(x, y, staves, ledgers, spread)
        if where is None:
            continue
        staff, confidence = where
        step = step_at(x, y, staff, ledgers, spread)
        # two voices that share a head are printed as two heads on one place
        key = (staff.index, round(step), round(4 * x / staff.space))
        twin = any((key[0], key[1], key[2] + d) in seen for d in (-1, 0, 1))
        same = _same_place(glyph, heads, staff.space) if twin else None
        if same is not None:
            heads[same.index] = replace(same, twice=True)
            continue
        seen.add(key)
        off_grid = abs(step - round(step))
        heads.append(
            Head(
                len(heads),
                glyph,
                staff.index,
                round(step),
                HEAD_KINDS[glyph.name],
                glyph.size < SMALL * usual,
                min(confidence, glyph.confidence, 1.0 if off_grid < 0.3 else 0.6),
            )
        )
    return heads


def _same_place(glyph: Glyph, heads: list[Head], space: float) -> Head | None:
    """The head of which a glyph is another print."""
    same = (
        h
        for h in heads
        if h.glyph.name == glyph.name
        and abs(h.glyph.box.x0 - glyph.box.x0) < 0.1 * space
        and abs(h.glyph.box.y0 - glyph.box.y0) < 0.1 * space
        and abs(h.glyph.size - glyph.size) < 0.1 * glyph.size
    )
    return next(same, None)


def touches_stem(head: Head, stem: Line, space: float) -> bool:
    """True for a head at a stem: beside it, and not beyond its ends."""
    box = head.glyph.box
    x = (stem.x0 + stem.x1) / 2
    if not box.x0 - 0.3 * space <= x <= box.x1 + 0.3 * space:
        return False
    if min(x - box.x0, box.x1 - x) > 0.4 * (box.x1 - box.x0):
        return False
    return stem.y0 - 0.62 * space <= head.y <= stem.y1 + 0.62 * space


def find_chords(
    heads: list[Head], stems: list[Line], staves: list[Staff], accidentals: Sequence[Box] = ()
) -> list[Chord]:
    """Chords: heads that share a stem, and stemless heads that stand together.

    A head that two stems touch in the usual way (an upward one at its right, a downward one at its left) belongs to
    both: two voices meet on it; but one of them may be the upright stroke of an accidental beside it.

    Args:
        heads: Noteheads of the page.
        stems: Upright strokes that may be stems.
        staves: Staves of the page.
        accidentals: The ink of its accidentals.
    """
    order = Sorted(range(len(stems)), key=lambda i: (stems[i].x0 + stems[i].x1) / 2)
    touches: list[Touch] = []
    for head in heads:
        space = staves[head.staff].space
        box = head.glyph.box
        if head.kind in ("whole", "breve"):
            continue
        for i in order.between(box.x0 - 0.3 * space, box.x1 + 0.3 * space):
            if touches_stem(head, stems[i], space):
                touches.append(Touch(head, i, left=(stems[i].x0 + stems[i].x1) / 2 > head.x))
    by_stem: dict[int, list[Touch]] = {}
    for touch in touches:
        by_stem.setdefault(touch.stem, []).append(touch)
    up = {i: _points_up(stems[i], members) for i, members in by_stem.items()}
    members_of = resolved(touches, stems, up, staves, accidentals)
    chords: list[Chord] = []
    taken: set[int] = set()
    for i in sorted(members_of, key=lambda k: (stems[k].x0, stems[k].y0)):
        group = sorted(members_of[i], key=lambda t: t.head.step * 1e-6 - t.head.y)
        if not group:
            continue
        # heads of two kinds on one stem are two voices that an engraver laid on top of each other
        for kind in sorted({t.head.kind for t in group}):
            own = [t for t in group if t.head.kind == kind]
            main = [t for t in own if t.left == up[i]] or own
            root = own[0] if up[i] else own[-1]
            taken.update(t.head.index for t in own)
            chords.append(
                Chord(
                    len(chords),
                    tuple(t.head.index for t in own),
                    stems[i],
                    up[i],
                    min(t.head.glyph.box.x0 for t in main),
                    root.head.staff,
                    all(t.head.small for t in own),
                )
            )
    for group_of_heads in _stemless([h for h in heads if h.index not in taken], staves):
        chords.append(
            Chord(
                len(chords),
                tuple(h.index for h in group_of_heads),
                None,
                False,
                min(h.glyph.box.x0 for h in group_of_heads),
                group_of_heads[0].staff,
                all(h.small for h in group_of_heads),
            )
        )
    return chords


def _points_up(stem: Line, members: list[Touch]) -> bool:
    """Direction of a stem from where its heads are and on which side of it."""
    above = min(t.head.y for t in members) - stem.y0  # free length over the highest head
    below = stem.y1 - max(t.head.y for t in members)
    left = sum(t.left for t in members)
    bias = 0.25 * (stem.y1 - stem.y0) * (2 * left - len(members)) / len(members)
    return above - below + bias > 0


def _stemless(heads: list[Head], staves: list[Staff]) -> list[list[Head]]:
    """Stemless heads of one staff that stand in one column (with seconds beside it), lowest first."""
    groups: list[list[Head]] = []
    for head in sorted(heads, key=lambda h: (h.staff, h.glyph.box.x0)):
        space = staves[head.staff].space
        width = head.glyph.box.x1 - head.glyph.box.x0
        for group in groups[-3:]:
            first = group[0]
            same = first.staff == head.staff and first.kind == head.kind and first.small == head.small
            dx = head.glyph.box.x0 - first.glyph.box.x0
            beside = dx < 1.15 * width and any(abs(h.step - head.step) == 1 for h in group)
            if same and (dx < 0.3 * space or beside) and all(h.step != head.step for h in group):
                group.append(head)
                break
        else:
            groups.append([head])
    return [sorted(group, key=lambda h: h.step) for group in groups]

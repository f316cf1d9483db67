"""Curves and what they can join: the heads of a tie, the chords of a slur."""

from __future__ import annotations

from dataclasses import dataclass

from omr_service.assembler.geometry import Sorted, System, center
from omr_service.assembler.music import CurveSign, Element, NoteSign
from omr_service.symbols import Curve


def read_curves(
    curves: list[Curve], system: System, elements: list[Element], pictured: bool = False
) -> list[CurveSign]:
    """The curves of a system with the heads and elements at their tips.

    Args:
        curves: Curves in the system's band.
        system: The system.
        elements: Its chords and rests.
        pictured: True for curves out of a picture: what ends at nothing there is most often a piece of another curve.
    """
    chords = [e for e in elements if e.notes]
    if not chords:
        return []
    space = system.space
    notes = Sorted([(n, e) for e in chords for n in e.notes], key=lambda p: p[0].box.x0)
    by_x = Sorted(chords, key=lambda e: e.x)
    signs: list[CurveSign] = []
    first_x = min(e.x for e in chords)
    last_x = max(e.x1 for e in chords)
    seen: list[Curve] = []
    for curve in sorted(curves, key=lambda c: (c.x0, c.y0, c.x1)):
        open_left = curve.x0 < first_x - 0.1 * space
        open_right = curve.x1 > last_x + 0.1 * space
        # half a tie at the edge of a system may be no more than a stub
        shortest = 0.8 if not open_left and not open_right else 0.2
        if curve.x1 - curve.x0 < shortest * space or any(_same(curve, other, space) for other in seen[-8:]):
            continue
        seen.append(curve)
        above = curve.mid_y < (curve.y0 + curve.y1) / 2
        tip = _Tip(above, (curve.x1 - curve.x0) / space, pictured and not open_left and not open_right)
        lefts = [] if open_left else _tie_heads(curve.x0, curve.y0, tip, notes, by_x, space, left=True)
        rights = [] if open_right else _tie_heads(curve.x1, curve.y1, tip, notes, by_x, space, left=False)
        pairs = _pairs(lefts, rights, open_left, open_right, system, None if pictured else curve)
        first = -1 if open_left else _slur_end(curve.x0, curve.y0, above, by_x, space)
        last = -1 if open_right else _slur_end(curve.x1, curve.y1, above, by_x, space)
        signs.append(
            CurveSign(
                system.index,
                curve.box,
                above,
                open_left,
                open_right,
                tuple((a, b) for _, a, b in pairs[:4]),
                first,
                last,
                curve.dashed,
                tuple(c for c, _, _ in pairs[:4]),
                -1 if pictured else _ringing(curve, lefts, chords, system),
            )
        )
    return signs


RINGS_AT = 1.2
"""Cost up to which the tip of such a curve is at its head."""
RINGING = 4.5
"""Spaces that the curve of a note left to ring is long at most."""


def _ringing(curve: Curve, lefts: list[tuple[float, NoteSign]], chords: list[Element], system: System) -> int:
    """The head from which a short level curve leads to nothing; -1 where it has an end, or none such begins it, or it
    may go on in the next system."""
    space = system.space
    level = abs(curve.y1 - curve.y0) < 0.3 * space
    short = curve.x1 - curve.x0 <= RINGING * space and curve.x1 < system.x1 - 0.5 * space
    if not lefts or lefts[0][0] > RINGS_AT or not level or not short:
        return -1
    note = lefts[0][1]
    for element in chords:
        ends = [element.tip, *((n.box.y0 + n.box.y1) / 2 for n in element.notes)]
        # the end of a slur is over the middle of its chord, that of a tie beside its head
        over = abs((element.x + element.x1) / 2 - curve.x1) < space
        near = min(abs(end - curve.y1) for end in ends) < (2.5 if over else 1.3) * space
        own = any(n.head == note.head for n in element.notes)
        before = 2.2 if any(n.accidental for n in element.notes) else 0.9
        if near and not own and element.x - before * space < curve.x1 < element.x1 + 0.5 * space:
            return -1
    return note.head


def _same(a: Curve, b: Curve, space: float) -> bool:
    """True for one curve painted twice: filled and outlined."""
    tips = (a.x0 - b.x0, a.y0 - b.y0, a.x1 - b.x1, a.y1 - b.y1)
    return max(abs(d) for d in tips) < 0.25 * space and abs(a.mid_y - b.mid_y) < 0.25 * space


PASSED = 2.0
"""Cost, in staff spaces, of a tie whose tip lies at another chord than the one it is said to hold."""

PAST = 0.55
"""Staff spaces by which the tip of a tie lies beyond the middle of its head at most: on old plates ties go from middle
to middle, over or under the heads."""

NEAR, FAR = 1.5, 2.6
"""Staff spaces from the middle of a head up to which the tip of its tie may lie; and, on old plates, over or under an
outer head."""
OVER, FARTHER = 1.0, 0.3
"""Staff spaces over or under its head from which on it costs so many times less that the tip lies still farther."""
AT_TIP = 0.4
"""Staff spaces beside a head up to which a tip is over or under it."""
LOST, SHORT = 0.06, 4.0
"""Share of a curve in a picture that may be lost at either tip, where it is thinnest, of what is longer than so many
staff spaces."""


def _right_edge(element: Element, by_x: Sorted[Element], space: float) -> float:
    """Right edge of a chord with its dots, and of the chords of other voices that stand beside it."""
    beside = by_x.between(element.x - 1.6 * space, element.x + 1.6 * space)
    return max(e.x1 + 0.9 * space * min(e.dots, 2) for e in beside if e.staff == element.staff)


def _passes(x: float, note: NoteSign, by_x: Sorted[Element], space: float, left: bool) -> bool:
    """True when another chord of the staff stands between a note and the tip of a curve, so that it has that tip.

    A tip that only comes near a chord, and lies beyond what a tip of its own would do, has not come to it yet.
    """
    if left:
        near = list(by_x.between(note.box.x1 + 0.1 * space, x - 0.3 * space))
    else:
        before = by_x.between(x - 3 * space, note.box.x0)
        near = [e for e in before if x + 0.3 * space < e.x1 < note.box.x0 - 0.1 * space]
    return any(e.notes[0].staff == note.staff for e in near)


@dataclass(frozen=True, slots=True)
class _Tip:
    """What the tips of a curve have in common.

    Attributes:
        above: True for a curve that bends upwards.
        length: Its length in staff spaces.
        far: True where a tie's tips may lie far over or under its heads.
    """

    above: bool
    length: float
    far: bool


def _tie_heads(
    x: float,
    y: float,
    tip: _Tip,
    notes: Sorted[tuple[NoteSign, Element]],
    by_x: Sorted[Element],
    space: float,
    left: bool,
) -> list[tuple[float, NoteSign]]:
    """Heads a tie's tip can belong to, with costs in staff spaces."""
    found: list[tuple[float, NoteSign]] = []
    lost = LOST * max(0.0, tip.length - SHORT) if tip.far else 0.0
    for note, element in notes.between(x - 5.5 * space, x + 2.4 * space):
        over = ((note.box.y0 + note.box.y1) / 2 - y) / space * (1 if tip.above else -1)
        dy = abs(over)
        outer = tip.far and NEAR < over < FAR and not element.small
        if dy > NEAR and (not outer or _is_between(note, y, notes, space)):
            continue
        if tip.far and over > OVER:
            dy = OVER + (over - OVER) * FARTHER
        middle = (note.box.x0 + note.box.x1) / 2
        if left:
            # of a chord with seconds or dots, ties may start right of it all
            dx = (x - note.box.x1) / space
            beyond = (_right_edge(element, by_x, space) - note.box.x1) / space
            reach = 1.9 + beyond + lost
            if x < middle - PAST * space or dx > reach:
                continue
            off = max(0.0, dx - 0.4 - beyond - lost) * 1.5 + max(0.0, -dx - 0.3) * 0.4
        else:
            # before accidentals, ties may end left of them
            dx = (note.box.x0 - x) / space
            beyond = 1.3 if any(n.accidental for n in element.notes) else 0.0
            if x > middle + PAST * space or dx > 1.9 + beyond + lost:
                continue
            off = max(0.0, dx - 0.4 - beyond - lost) * 1.5 + max(0.0, -dx - 0.3) * 0.4
        nearer = tip.far and over > OVER and _has_nearer(x, y, note, notes, space)
        passed = nearer or _passes(x, note, by_x, space, left)
        found.append((dy + off + PASSED * passed, note))
    found.sort(key=lambda f: (f[0], f[1].head))
    return found


def _has_nearer(x: float, y: float, note: NoteSign, notes: Sorted[tuple[NoteSign, Element]], space: float) -> bool:
    """True when the tip of a curve is over or under another head of the staff, and nearer to that."""
    off = abs((note.box.y0 + note.box.y1) / 2 - y)
    return any(
        other.staff == note.staff
        and abs(other.box.x0 - note.box.x0) > 1.5 * space
        and other.box.x0 - AT_TIP * space < x < other.box.x1 + AT_TIP * space
        and abs((other.box.y0 + other.box.y1) / 2 - y) < off
        for other, _ in notes.between(x - 2 * space, x + space)
    )


def _is_between(note: NoteSign, y: float, notes: Sorted[tuple[NoteSign, Element]], space: float) -> bool:
    """True when another head of the staff stands over or under a note towards a height."""
    middle = (note.box.y0 + note.box.y1) / 2
    low, high = min(middle, y), max(middle, y)
    return any(
        other.head != note.head
        and other.staff == note.staff
        and abs(other.box.x0 - note.box.x0) < 1.5 * space
        and low < (other.box.y0 + other.box.y1) / 2 < high
        for other, _ in notes.between(note.box.x0 - 1.5 * space, note.box.x0 + 1.5 * space)
    )


def _pairs(
    lefts: list[tuple[float, NoteSign]],
    rights: list[tuple[float, NoteSign]],
    open_left: bool,
    open_right: bool,
    system: System,
    engraved: Curve | None,
) -> list[tuple[float, int, int]]:
    """Pairs of heads that a curve may tie, with costs in staff spaces.

    Args:
        lefts, rights: Heads at its tips with costs.
        open_left, open_right: True where it goes on in another system.
        system: Its system.
        engraved: The curve, where it is told exactly and not seen in a picture.
    """
    pairs: list[tuple[float, int, int]] = []
    if open_left and open_right:
        return []
    if open_left:
        pairs = [(c, -1, n.head) for c, n in rights]
    elif open_right:
        pairs = [(c, n.head, -1) for c, n in lefts]
    else:
        for cost_a, a in lefts:
            for cost_b, b in rights:
                if a.head == b.head or b.box.x0 <= a.box.x0:
                    continue
                if engraved is not None and _spans_middles(engraved, a, b, system.space):
                    continue
                ya, yb = (a.box.y0 + a.box.y1) / 2, (b.box.y0 + b.box.y1) / 2
                tilt = abs(ya - yb) / system.space
                if tilt < 0.3 or a.staff != b.staff:
                    pairs.append((cost_a + cost_b, a.head, b.head))
                elif tilt < 7:
                    # a clef change between them is the only excuse for another height
                    pairs.append((cost_a + cost_b + 1.0, a.head, b.head))
    return sorted(pairs)


OFF, INSIDE = 0.25, 0.05
"""Staff spaces by which the tips of a slur lie over or under the middles of heads at least, and inside them at most."""
ROOM = 1.7
"""Staff spaces between two heads from which on a tie has room there: where it has none, engravers put it over them."""


def _spans_middles(curve: Curve, first: NoteSign, second: NoteSign, space: float) -> bool:
    """True for a curve over all the way from the middle of one head to that of another, or under it, although a tie
    would have room between them."""
    a, b = center(first.box), center(second.box)
    way = 1 if curve.mid_y < (curve.y0 + curve.y1) / 2 else -1
    off = min(way * (a[1] - curve.y0), way * (b[1] - curve.y1))
    reaches = curve.x0 < a[0] + INSIDE * space and curve.x1 > b[0] - INSIDE * space
    return reaches and off > OFF * space and second.box.x0 - first.box.x1 > ROOM * space


WRONG_SIDE = 2.0
"""Cost, in staff spaces, of a slur whose tip lies on the side of a chord to which the slur does not bend: an arch has
its chords below it, and comes near the staff above only because it is high."""


def _slur_end(x: float, y: float, above: bool, chords: Sorted[Element], space: float) -> int:
    """The chord at a slur's tip; -1 for none.

    Args:
        x, y: The tip.
        above: True for a slur that bends upwards.
        chords: Chords of all staves.
        space: Staff space.
    """
    best: tuple[float, int] | None = None
    for element in chords.between(x - 4 * space, x + 3 * space):
        middle = (element.x + element.x1) / 2
        dx = abs(x - middle)
        ends = [element.box.y0, element.box.y1]
        if element.up is not None:
            ends.append(element.tip)
            stem_x = element.x1 if element.up else element.x
            dx = min(dx, abs(x - stem_x) + 0.2 * space)
        dy = min(abs(y - end) for end in ends)
        if min(ends) < y < max(ends):
            dy *= 0.5
        cost = (dx + 0.35 * dy) / space
        if cost >= 4.5:
            continue
        cost += WRONG_SIDE * (max(ends) < y if above else min(ends) > y)
        if best is None or cost < best[0]:
            best = (cost, element.index)
    return best[1] if best else -1

"""The ways to read the elements of a measure, each with its cost: what the bar solver chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from omr_service.assembler.music import Element
from omr_service.assembler.rhythm.bar_model import Item, Reading


class Unnumbered(NamedTuple):
    """A tuplet that may go without its number.

    Attributes:
        ratio: Normal by actual number.
        beamed, rest, loose: What a group costs that begins with a note under a beam, with a rest, with another note.
    """

    ratio: Fraction
    beamed: float
    rest: float
    loose: float


Unmarked = tuple[Unnumbered, ...]
PLAIN = tuple(Fraction(n, 4) for n in (1, 2, 3, 4, 6, 8, 12, 16))
"""Quarters that a run may share."""

LEAST_RUN = 5
"""Equal notes under one beam from which on they may take less time than written, however many they are."""
RUN, PART_OF_RUN = 1.3, 1.0
"""What that costs, and what it costs more to find a tuplet among them that does not go into their number."""
DOTTED_RUN = 0.7
"""What it costs more that they take the time of a dotted value where the beat is no dotted one."""
SHARED = tuple(Fraction(n, 8) for n in (2, 4, 6, 8, 12))
"""Quarters that either of two chords with black heads on one stem may last."""
BESIDE = 1.0
"""What it costs to lengthen a note by the dot of another one that stands beside it."""


def item_of(
    element: Element,
    elements: Sequence[Element],
    marks: Sequence[tuple[int, int]],
    unmarked: Unmarked,
    expected: Fraction | None,
    space: float,
    x: float,
    run: Sequence[Element],
    doubts: bool = False,
) -> Item:
    """An element as the solver sees it.

    Args:
        element: The element.
        elements: All elements of the measure that take time.
        marks: Ratios (actual, normal) of the printed tuplets it is in.
        unmarked: Tuplets that may go without a number.
        expected: Length of the measure in quarters, None when not known.
        space: Staff space in points.
        x: Its left edge in points.
        run: The run it stands for, itself the first; empty for an ordinary element.
        doubts: True to read what else the reader saw, too.
    """
    ratio = Fraction(1)
    for actual, normal in marks:
        ratio *= Fraction(normal, actual)
    value = element.value * ratio
    readings = [Reading(value)]
    if run:
        readings = _run_readings(run, elements, expected, space)
    elif element.is_rest and element.level <= -2 and not element.dots:
        # the sign of the whole rest stands for a whole bar; it is printed in the bar's middle
        longer = expected is not None and expected > 4
        readings = [Reading(Fraction(0)), Reading(value, 0.05 if longer else 0.4)]
        x = min((e.x for e in elements if not (e.is_rest and e.level <= -2)), default=element.x)
    else:
        if not marks:
            readings += _unmarked_readings(element, elements, value, unmarked)
            readings += _overlaid(element, elements, space)
        for level, dots, cost in element.others if doubts else ():
            readings.append(Reading(element.value_of(level, dots) * ratio, cost))
            if not marks:
                other = replace(element, level=level, dots=dots)
                inside = _unmarked_readings(other, elements, other.value, unmarked)
                readings += [replace(reading, cost=reading.cost + cost) for reading in inside]
    stem = 0 if element.up is None else 1 if element.up else -1
    height = element.rest_step if element.is_rest else sum(n.step for n in element.notes) / len(element.notes)
    beam = -1 if run else element.beam
    return Item(element.staff, x / space, tuple(readings), stem, element.is_rest, beam, height)


def _run_readings(
    run: Sequence[Element], elements: Sequence[Element], expected: Fraction | None, space: float
) -> list[Reading]:
    """A run lasts as long as its notes say, or as its place in the bar asks: all of it where nothing comes before it or
    after it."""
    total = sum((e.value for e in run), Fraction(0))
    first, last = run[0].x - space, run[-1].x + space
    if expected is not None and total != expected and not any(e.x < first or e.x > last for e in elements):
        return [Reading(expected, 0.4)]
    others = [v for v in PLAIN if v != total and v < 2 * total and (expected is None or v <= expected)]
    return [Reading(total), *(Reading(v, 0.4) for v in others)]


def collisions(elements: Sequence[Element], space: float) -> dict[int, float]:
    """By element, the x of the chord of another voice that it was moved right of because they collide."""
    chords = [e for e in elements if e.notes]
    found: dict[int, float] = {}
    for element in chords:
        for other in chords:
            if other.staff != element.staff:
                continue
            end = other.x1 + (0.6 + 1.0 * other.dots) * space
            if other.x + 0.4 * space < element.x < end and _collide(element, other):
                found[element.index] = other.x
    return found


def _collide(one: Element, other: Element) -> bool:
    """True for two chords of a staff that could not stand in one column."""
    if one.up is None or other.up is None:
        return any(abs(n.step - m.step) <= 1 for n in one.notes for m in other.notes)
    if one.up == other.up:
        # the stem of one runs along the heads of the other, however far they are apart; what beams join follow each
        # other
        return one.beam < 0 or other.beam < 0
    upper, lower = (one, other) if one.up else (other, one)
    return min(n.step for n in upper.notes) <= max(n.step for n in lower.notes) + 1


def _overlaid(element: Element, elements: Sequence[Element], space: float) -> list[Reading]:
    """Readings of a chord laid on another one.

    A beam that another voice's stem runs into does not count for it; a dot beside two heads may be for one of them
    or for both.
    """
    if element.is_rest:
        # a rest that is printed on a chord of another voice has its dot within or beside that chord
        beside_dot = not element.dots and any(e.notes and e.dots for e in _on(element, elements))
        return [Reading(element.value * Fraction(3, 2), 0.3)] if beside_dot else []
    near = [
        e
        for e in elements
        if e is not element and e.notes and e.staff == element.staff and abs(e.x - element.x) < 1.6 * space
    ]
    readings: list[Reading] = []
    if element.shared:
        cost = 0.25 if element.beam < 0 else 0.3
        # an open head tells its voice's value, but a dot may be the other's
        own = SHARED if element.level >= 0 else [element.value_of(element.level, n) for n in range(element.dots)]
        return [Reading(v, cost) for v in own if v != element.value]
    if element.beam < 0 and element.level > 0 and not element.flagged and any(e.beam >= 0 for e in near):
        plain = Fraction(1) * (2 - Fraction(1, 2**element.dots))
        readings.append(Reading(plain, 0.3))
    # a dot stands between the heads of a second, too
    seconds = [e for e in near if any(abs(n.step - m.step) <= 1 for n in e.notes for m in element.notes)]
    dotted = [e for e in seconds if e.dots]
    if not element.dots and dotted:
        places = {n.step for n in element.notes}
        on_it = any(
            abs(e.x - element.x) < 0.4 * space
            and (e.level == element.level or not places.isdisjoint(n.step for n in e.notes))
            for e in dotted
        )
        readings.append(Reading(element.value * Fraction(3, 2), 0.3 if on_it else BESIDE))
    of_other = any(not e.dots or {n.step for n in e.notes} & {n.step for n in element.notes} for e in seconds)
    if element.dots and (of_other or any(e.is_rest and not e.dots for e in _on(element, elements))):
        readings.append(Reading(element.value / (2 - Fraction(1, 2**element.dots)), 0.3))
    return readings


def _on(element: Element, elements: Sequence[Element]) -> list[Element]:
    """Chords and rests of its staff that are printed on an element."""
    box = element.box
    return [
        e
        for e in elements
        if e is not element
        and e.staff == element.staff
        and e.box.x0 < box.x1
        and box.x0 < e.box.x1
        and e.box.y0 < box.y1
        and box.y0 < e.box.y1
    ]


def _unmarked_readings(
    element: Element, elements: Sequence[Element], value: Fraction, unmarked: Unmarked
) -> list[Reading]:
    """Readings of an element as a member of a tuplet without a number: mostly notes under one beam of their own."""
    group = [e for e in elements if e.beam == element.beam] if element.beam >= 0 else []
    thirds = sum((e.value for e in group), Fraction(0)) / 3
    # under a beam that is three plain values long, a triplet may be dotted
    plain = thirds > 0 and all(n & (n - 1) == 0 for n in (thirds.numerator, thirds.denominator))
    dotted = element.dots == 1 and plain
    if element.level < -1 or (element.dots and not dotted):
        return []
    readings: list[Reading] = []
    for ratio, beamed, rest, loose in unmarked:
        number = ratio.denominator
        if (element.dots or not group) and number != 3:
            continue
        if number in (5, 7) and len(group) < number:
            continue
        if _is_run(group) and len(group) % number:
            beamed += PART_OF_RUN
        readings.append(Reading(value * ratio, beamed if group else rest if element.is_rest else loose, ratio))
    known = {each.ratio for each in unmarked}
    dotted_beats = any(ratio.denominator in (2, 4) for ratio in known)
    for ratio in _ratios_of_run(group) if unmarked else ():
        if ratio not in known:
            odd = ratio.numerator % 3 == 0 and not dotted_beats
            readings.append(Reading(value * ratio, RUN + (DOTTED_RUN if odd else 0.0), ratio))
    return readings


def _is_run(group: Sequence[Element]) -> bool:
    """True for several notes of one value under one beam."""
    return len(group) >= LEAST_RUN and len({(e.level, e.dots) for e in group}) == 1


def _ratios_of_run(group: Sequence[Element]) -> list[Fraction]:
    """How much of its written time a run of equal notes under one beam may take where its number is not printed: as
    many of them as make a plain value, or a dotted one, though not half as many."""
    if not _is_run(group):
        return []
    count = len(group)
    plain = 1 << (count - 1).bit_length() - 1
    dotted = 3 * plain // 2 if 3 * plain // 2 < count else 3 * plain // 4
    return [Fraction(n, count) for n in (plain, dotted) if n == plain or 2 * n != count]

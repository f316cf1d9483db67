"""The ways to read the elements of a measure, each with its cost: what the bar solver chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from omr_service.assembler.bar_model import Item, Reading
from omr_service.assembler.music import Element

Unmarked = tuple[tuple[Fraction, float], ...]
"""Tuplet ratios (normal/actual) that may go without a number, with what a group of one costs."""
PLAIN = tuple(Fraction(n, 4) for n in (1, 2, 3, 4, 6, 8, 12, 16))
"""Quarters that a run of small notes may share."""

SHARED = tuple(Fraction(n, 8) for n in (2, 4, 6, 8, 12))
"""Quarters that either of two chords on one stem may last."""
UNBEAMED = 2.5
"""How much more it costs to begin a tuplet without a number with a note that no beam joins to others."""


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
        run: The small notes it stands for, itself the first; empty for an ordinary element.
        doubts: True to read what else the reader saw, too.
    """
    ratio = Fraction(1)
    for actual, normal in marks:
        ratio *= Fraction(normal, actual)
    value = element.value * ratio
    readings = [Reading(value)]
    if run:
        readings = _run_readings(run, expected)
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


def _run_readings(run: Sequence[Element], expected: Fraction | None) -> list[Reading]:
    """A run of small notes lasts as long as its notes say, or as its place in the bar asks."""
    total = sum((e.value for e in run), Fraction(0))
    others = [v for v in PLAIN if v != total and v < 2 * total and (expected is None or v <= expected)]
    return [Reading(total), *(Reading(v, 0.4) for v in others)]


def collisions(elements: Sequence[Element], space: float) -> dict[int, float]:
    """By element, the x of the chord of another voice that it was moved right of because they collide."""
    chords = [e for e in elements if e.notes and e.up is not None]
    found: dict[int, float] = {}
    for element in chords:
        for other in chords:
            if other.staff != element.staff or other.up == element.up:
                continue
            reach = 1.75 + 1.0 * other.dots
            if not 0.4 * space < element.x - other.x < reach * space:
                continue
            upper, lower = (element, other) if element.up else (other, element)
            if min(n.step for n in upper.notes) <= max(n.step for n in lower.notes) + 1:
                found[element.index] = other.x
    return found


def _overlaid(element: Element, elements: Sequence[Element], space: float) -> list[Reading]:
    """Readings of a chord laid on another one.

    A beam that another voice's stem runs into does not count for it; a dot beside two heads may be for one of them
    or for both.
    """
    if element.is_rest:
        return []
    near = [
        e
        for e in elements
        if e is not element and e.notes and e.staff == element.staff and abs(e.x - element.x) < 1.6 * space
    ]
    readings: list[Reading] = []
    if element.shared:
        cost = 0.25 if element.beam < 0 else 0.3
        return [Reading(v, cost) for v in SHARED if v != element.value]
    if element.beam < 0 and element.level > 0 and not element.flagged and any(e.beam >= 0 for e in near):
        plain = Fraction(1) * (2 - Fraction(1, 2**element.dots))
        readings.append(Reading(plain, 0.3))
    steps = [n.step for n in element.notes]
    touching = [
        e
        for e in near
        if abs(e.x - element.x) < 0.4 * space and any(abs(n.step - step) <= 1 for n in e.notes for step in steps)
    ]
    if not element.dots and any(e.dots and e.level == element.level for e in touching):
        readings.append(Reading(element.value * Fraction(3, 2), 0.3))
    if element.dots and any({n.step for n in e.notes} & {n.step for n in element.notes} for e in near):
        readings.append(Reading(element.value / (2 - Fraction(1, 2**element.dots)), 0.3))
    return readings


def _unmarked_readings(
    element: Element, elements: Sequence[Element], value: Fraction, unmarked: Unmarked
) -> list[Reading]:
    """Readings of an element as a member of a tuplet without a number: mostly notes under one beam of their own."""
    if element.level < -1 or element.dots:
        return []
    beamed = sum(e.beam == element.beam for e in elements) if element.beam >= 0 else 0
    readings: list[Reading] = []
    for ratio, cost in unmarked:
        number = ratio.denominator
        if not beamed and number != 3:
            continue
        if number in (5, 7) and beamed < number:
            continue
        readings.append(Reading(value * ratio, cost * (1.0 if beamed or element.is_rest else UNBEAMED), ratio))
    return readings

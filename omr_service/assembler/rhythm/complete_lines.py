"""A staff whose notes fill a measure by themselves, read one after the other as they are printed: a ruler for the
others. And hands that take turns, whose notes fill it together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction

from omr_service.assembler.music import Element
from omr_service.assembler.rhythm.timing import Ratios

LEAST = 4
"""So many notes and rests that add up to the meter do not so by accident."""
APART = 1.0
"""How far apart, in staff spaces, two notes stand that follow each other."""
SAME = 0.4
"""How far apart two stand that sound together."""


def complete_lines(
    elements: Sequence[Element], marks: Mapping[int, Ratios], expected: Fraction, space: float
) -> list[dict[int, Fraction]]:
    """The staves of a measure of which all notes and rests together are as long as its meter says, each as
    the onsets of its elements by their number.

    Args:
        elements: Chords and rests that take time.
        marks: By element, the ratios of the printed tuplets it is in.
        expected: Length of the measure in quarters.
        space: Staff space in points.
    """
    found: list[dict[int, Fraction]] = []
    for staff in sorted({e.staff for e in elements}):
        line = sorted((e for e in elements if e.staff == staff), key=lambda e: e.x)
        onsets = _onsets(line, marks, expected, space)
        if onsets and _beams_are_whole(line, elements):
            found.append(onsets)
    return found


def hands_in_turn(
    elements: Sequence[Element], marks: Mapping[int, Ratios], expected: Fraction, space: float
) -> list[dict[int, Fraction]]:
    """Onsets, by their number, of notes that two staves play in turn without rests between them, where all of them one
    after the other are as long as the meter says; nothing in other measures. Arguments as of `complete_lines`."""
    line = sorted(elements, key=lambda e: e.x)
    columns: list[list[Element]] = []
    for element in line:
        if columns and element.x - columns[-1][0].x < SAME * space:
            columns[-1].append(element)
        else:
            columns.append([element])
    if any(len({(e.level, e.dots, marks.get(e.index, ())) for e in column}) > 1 for column in columns):
        return []
    turns = sum(a[0].staff != b[0].staff for a, b in itertools.pairwise(columns))
    if (2 * turns < len(columns) and turns < LEAST) or len({e.staff for e in elements}) != 2:
        return []
    onsets = _onsets([column[0] for column in columns], marks, expected, space)
    return [{e.index: onsets[c[0].index] for c in columns for e in c}] if onsets else []


def _onsets(
    line: Sequence[Element], marks: Mapping[int, Ratios], expected: Fraction, space: float
) -> dict[int, Fraction]:
    """Onsets of elements that follow each other and fill the measure; nothing where they do not."""
    if len(line) < LEAST or any(e.is_rest and e.level <= -2 for e in line):
        return {}
    if any(b.x - a.x < APART * space for a, b in itertools.pairwise(line)):
        return {}
    onsets: dict[int, Fraction] = {}
    time = Fraction(0)
    for element in line:
        onsets[element.index] = time
        value = element.value
        for actual, normal in marks.get(element.index, ()):
            value *= Fraction(normal, actual)
        time += value
    return onsets if time == expected else {}


def _beams_are_whole(line: Sequence[Element], elements: Sequence[Element]) -> bool:
    """True for a line that shares no beam with what is not in it."""
    inside = {e.index for e in line}
    beams = {e.beam for e in line if e.beam >= 0}
    return not any(e.beam in beams and e.index not in inside for e in elements)

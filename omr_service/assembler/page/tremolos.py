"""Tremolos between two chords: strokes that lie between their stems, or beams on notes too long for beams."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from omr_service.assembler.geometry import Staff, y_at
from omr_service.assembler.page.beams_flags import Beaming
from omr_service.assembler.page.heads_stems import Chord, Head
from omr_service.symbols import Line

STEEP = 1.5
"""Greatest rise of a stroke over its length."""
GAP = 2.5
"""Greatest distance in spaces between a stroke's end and the chord it reaches for; more where the stroke is in the
middle."""
SHARE, MIDDLE = 0.35, 0.5
"""Part of the way between its chords that a stroke in their middle leaves free on either side at most, and how many
spaces these may differ by."""


@dataclass(frozen=True, slots=True)
class Between:
    """A tremolo between two chords.

    Attributes:
        first, last: Chords by number on the page, left to right.
        strokes: Number of its strokes, those that meet the stems of long notes among them.
    """

    first: int
    last: int
    strokes: int


def find_between(
    chords: Sequence[Chord], heads: Sequence[Head], beaming: Beaming, staves: list[Staff]
) -> list[Between]:
    """The tremolos between two chords.

    Half notes under one beam are a tremolo; whole notes, quarters and shorter ones are when strokes that meet no stem
    lie between them.
    """
    found: dict[tuple[int, int], int] = {}
    for group in beaming.groups:
        first, last = group[0], group[-1]
        if len(group) == 2 and _is_long(chords[first], heads) and _is_long(chords[last], heads):
            found[first, last] = min(beaming.levels.get(first, 0), beaming.levels.get(last, 0))
    by_staff: dict[int, list[Chord]] = {}
    for chord in sorted(chords, key=lambda c: c.x):
        if not chord.small:
            by_staff.setdefault(chord.staff, []).append(chord)
    for line in beaming.loose:
        pair = _around(line, by_staff, heads, staves)
        if pair is not None:
            found[pair] = found.get(pair, 0) + 1
    return [Between(first, last, strokes) for (first, last), strokes in sorted(found.items()) if strokes > 0]


def _is_long(chord: Chord, heads: Sequence[Head]) -> bool:
    return all(heads[h].kind != "black" for h in chord.heads)


def _around(
    line: Line, by_staff: dict[int, list[Chord]], heads: Sequence[Head], staves: list[Staff]
) -> tuple[int, int] | None:
    """The two neighbouring chords that a stroke lies between."""
    best: tuple[float, tuple[int, int]] | None = None
    if abs(line.y1 - line.y0) > STEEP * (line.x1 - line.x0):
        return None
    for staff, row in by_staff.items():
        space = staves[staff].space
        for left, right in itertools.pairwise(row):
            if left.x > line.x1:
                break
            start, end = _edge(left, heads, right=True), _edge(right, heads, right=False)
            gaps = line.x0 - start, end - line.x1
            if min(gaps) < 0.05 * space or line.x1 - line.x0 < 0.6 * space:
                continue
            middle = abs(gaps[0] - gaps[1]) < MIDDLE * space and max(gaps) < SHARE * (end - start)
            alike = len({heads[c.heads[0]].kind for c in (left, right)}) == 1
            if max(gaps) > GAP * space and not (middle and alike):
                continue
            y = y_at(line, (line.x0 + line.x1) / 2)
            spans = [_span(c, heads) for c in (left, right)]
            top, bottom = min(s[0] for s in spans), max(s[1] for s in spans)
            if not top - 3.5 * space < y < bottom + 3.5 * space:
                continue
            cost = abs(gaps[0] - gaps[1]) + max(top - y, y - bottom, 0.0)
            if best is None or cost < best[0]:
                best = cost, (left.index, right.index)
    return None if best is None else best[1]


def _edge(chord: Chord, heads: Sequence[Head], right: bool) -> float:
    """Where a chord ends on one side: at its stem, else at its heads."""
    if chord.stem is not None:
        return (chord.stem.x0 + chord.stem.x1) / 2
    boxes = [heads[h].glyph.box for h in chord.heads]
    return max(b.x1 for b in boxes) if right else min(b.x0 for b in boxes)


def _span(chord: Chord, heads: Sequence[Head]) -> tuple[float, float]:
    """Top and bottom of a chord with its stem."""
    edges = [e for h in chord.heads for e in (heads[h].glyph.box.y0, heads[h].glyph.box.y1)]
    if chord.stem is not None:
        edges += [chord.stem.y0, chord.stem.y1]
    return min(edges), max(edges)

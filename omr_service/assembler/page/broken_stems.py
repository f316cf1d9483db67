"""Stems that old ink left broken: what heads and beams say of them."""

from __future__ import annotations

from dataclasses import replace

from omr_service.assembler.geometry import Sorted, Staff, y_at
from omr_service.assembler.page.heads_stems import Head, touches_stem
from omr_service.symbols import Line

_BESIDE = 0.3
"""Staff spaces between the edge of a head and a stem on it at most."""
_GAP = 4.0
"""Staff spaces that a stem may be broken over: heads of a chord stand no further apart than an octave, mostly."""
_SAME, _ROOTS = 0.05, 0.6
"""Staff spaces between two stems that are one, and between where they leave their heads."""
_LEAST, _MOST = 1.5, 6.0
"""Staff spaces between a head and a beam over a stem of which nothing is left."""


def mend_stems(heads: list[Head], stems: list[Line], beams: list[Line], staves: list[Staff]) -> list[Line]:
    """Stems with those made longer that end before a head without a stem, and those added of which only a beam's end is
    left.

    No black or half head stands without a stem, and a stem leaves it upward at its right edge, downward at its left.
    Grace notes are left as they are: theirs are too small to tell a break from an end.

    Args:
        heads: All heads of a page.
        stems: Its stems, each from top to bottom.
        beams: Its beams.
        staves: Its staves.
    """
    order = Sorted(range(len(stems)), key=lambda i: (stems[i].x0 + stems[i].x1) / 2)
    mended = list(stems)
    bare: list[Head] = []
    for head in heads:
        if head.kind not in ("black", "half") or head.small:
            continue
        space, box = staves[head.staff].space, head.glyph.box
        near = order.between(box.x0 - _BESIDE * space, box.x1 + _BESIDE * space)
        if not any(touches_stem(head, stems[i], space) for i in near):
            bare.append(head)
    # the nearest first: one stem may have several heads beyond its break
    left: list[Head] = []
    for head in sorted(bare, key=lambda h: min((_gap(h, s) for s in stems), default=0.0)):
        space, box = staves[head.staff].space, head.glyph.box
        near = order.between(box.x0 - _BESIDE * space, box.x1 + _BESIDE * space)
        fitting = [i for i in near if _leads_to(mended[i], head, space)]
        if not fitting:
            left.append(head)
            continue
        i = min(fitting, key=lambda i: _gap(head, mended[i]))
        stem = mended[i]
        mended[i] = replace(stem, y0=min(stem.y0, head.y), y1=max(stem.y1, head.y))
    added = [_under_a_beam(head, beams, staves[head.staff].space) for head in left]
    return mended + [stem for stem in added if stem is not None]


def each_once(stems: list[Line], heads: list[Head], space: float) -> list[Line]:
    """Stems without those that lie on another one and end where it ends: two voices' half notes of one height are drawn
    on each other. Those of black heads may have beams of their own.

    Args:
        stems: Stems of a page, each from top to bottom.
        heads: All heads of the page.
        space: Staff space in points.
    """
    kept: list[Line] = []
    column: list[Line] = []  # those kept of one x
    for stem in sorted(stems, key=lambda v: (v.x0 + v.x1, v.y0 - v.y1)):
        column = [v for v in column if stem.x0 + stem.x1 - v.x0 - v.x1 < 2 * _SAME * space]
        twice = any(_lies_on(stem, longer, space) for longer in column)
        if not twice or any(h.kind == "black" and touches_stem(h, stem, space) for h in heads):
            kept.append(stem)
            column.append(stem)
    return kept


def _lies_on(stem: Line, other: Line, space: float) -> bool:
    ends = sorted((abs(other.y0 - stem.y0), abs(other.y1 - stem.y1)))
    return ends[0] < _SAME * space and ends[1] < _ROOTS * space


def _gap(head: Head, stem: Line) -> float:
    """How far a head is beyond the ends of a stem."""
    return max(stem.y0 - head.y, head.y - stem.y1)


def _leads_to(stem: Line, head: Head, space: float) -> bool:
    """True for a stem that, made longer away from its free end, meets a head on the side where stems stand."""
    if not 0.0 < _gap(head, stem) <= _GAP * space:
        return False
    edge = head.glyph.box.x1 if head.y > stem.y1 else head.glyph.box.x0
    return abs((stem.x0 + stem.x1) / 2 - edge) <= _BESIDE * space


def _under_a_beam(head: Head, beams: list[Line], space: float) -> Line | None:
    """The stem of a black head from whose edge a beam starts, or at whose edge one ends."""
    if head.kind != "black":
        return None
    best: Line | None = None
    for beam in beams:
        for x in (beam.x0, beam.x1):
            y = y_at(beam, x)
            edge = head.glyph.box.x1 if y < head.y else head.glyph.box.x0
            if abs(x - edge) <= _BESIDE * space and _LEAST * space < abs(y - head.y) < _MOST * space:
                stem = Line(edge, min(y, head.y), edge, max(y, head.y), 0.1 * space)
                if best is None or stem.y1 - stem.y0 < best.y1 - best.y0:
                    best = stem
    return best

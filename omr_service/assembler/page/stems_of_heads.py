"""Which of the stems that a head touches are its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omr_service.assembler.geometry import Staff
from omr_service.symbols import Box, Line

if TYPE_CHECKING:
    from omr_service.assembler.page.heads_stems import Head

ACCIDENTAL, BESIDE = 1.3, 0.25
"""Spaces by which the upright stroke of an accidental goes beyond the box in which the accidental was seen at most, up
and down, and aside."""
FREE = (1.7, 4.2)
"""How long, in staff spaces, a stem is from the last of its heads to its tip, mostly."""


@dataclass(slots=True)
class Touch:
    """A head that a stem touches.

    Attributes:
        head: The head.
        stem: Number of the stem.
        left: True for a head left of it.
    """

    head: Head
    stem: int
    left: bool


def resolved(
    touches: list[Touch], stems: list[Line], up: dict[int, bool], staves: list[Staff], accidentals: Sequence[Box]
) -> dict[int, list[Touch]]:
    """Which heads each stem keeps, where a head touches more than one."""
    of_head: dict[int, list[Touch]] = {}
    for touch in touches:
        of_head.setdefault(touch.head.index, []).append(touch)
    kept: dict[int, list[Touch]] = {}
    for group in of_head.values():
        choice = group
        if len(group) > 1:
            space = staves[group[0].head.staff].space
            group = [t for t in group if not _on_accidental(stems[t.stem], accidentals, space)] or group
            usual = [t for t in group if t.left == up[t.stem]]
            rooted = [t for t in usual if _at_root(t, stems[t.stem], up[t.stem], staves)]
            last = [t for t in usual if _is_last(t, stems[t.stem], up[t.stem], staves)]
            choice = (
                rooted or (last if len(last) == 1 else usual) or [min(group, key=lambda t: _reach(t, stems[t.stem]))]
            )
            ups = [t for t in choice if up[t.stem]]
            downs = [t for t in choice if not up[t.stem]]
            # at most one stem of each direction can share a head, of two on each other the one that starts at it; but
            # where the head is printed twice both do
            sides = [sorted(side, key=lambda t: _off(t, stems[t.stem], up[t.stem])) for side in (ups, downs) if side]
            choice = [touch for side in sides for touch in side[: 1 + _shared(side, stems, up, staves)]]
        for touch in choice:
            kept.setdefault(touch.stem, []).append(touch)
    return kept


def _on_accidental(stem: Line, accidentals: Sequence[Box], space: float) -> bool:
    """True for a stroke that lies along an accidental and hardly beyond it."""
    x = (stem.x0 + stem.x1) / 2
    return any(
        box.x0 - BESIDE * space < x < box.x1 + BESIDE * space
        and box.y0 - ACCIDENTAL * space < stem.y0
        and stem.y1 < box.y1 + ACCIDENTAL * space
        for box in accidentals
    )


def _shared(side: list[Touch], stems: list[Line], up: dict[int, bool], staves: list[Staff]) -> bool:
    """True where the first two stems of one direction on a head that is printed twice both start at it, one over the
    other, and end at beams of their own."""
    if len(side) < 2 or not side[0].head.twice:
        return False
    space = staves[side[0].head.staff].space
    first, second = (stems[t.stem] for t in side[:2])
    over = abs((first.x0 + first.x1) - (second.x0 + second.x1)) < 0.2 * space
    longer = abs((first.y1 - first.y0) - (second.y1 - second.y0)) > space
    return over and longer and all(_at_root(t, stems[t.stem], up[t.stem], staves) for t in side[:2])


def _edge(touch: Touch) -> float:
    box = touch.head.glyph.box
    return box.x1 if touch.left else box.x0


def _off(touch: Touch, stem: Line, up: bool) -> tuple[float, float]:
    """How far a stem is from the head's edge, to a tenth of a point, and its root from the head's middle."""
    root = stem.y1 if up else stem.y0
    return round(abs((stem.x0 + stem.x1) / 2 - _edge(touch)), 1), abs(touch.head.y - root)


def _reach(touch: Touch, stem: Line) -> float:
    """How far the head is outside the stem's extent."""
    return max(stem.y0 - touch.head.y, touch.head.y - stem.y1)


def _is_last(touch: Touch, stem: Line, up: bool, staves: list[Staff]) -> bool:
    """True for a head from which a stem is as long as a stem is from the last head on it: of the stems of two voices
    whose notes lie between each other's, the other passes it."""
    free = touch.head.y - stem.y0 if up else stem.y1 - touch.head.y
    return FREE[0] < free / staves[touch.head.staff].space < FREE[1]


def _at_root(touch: Touch, stem: Line, up: bool, staves: list[Staff]) -> bool:
    """True for a head at the end of the stem where a stem starts."""
    root = stem.y1 if up else stem.y0
    return abs(touch.head.y - root) < 0.7 * staves[touch.head.staff].space

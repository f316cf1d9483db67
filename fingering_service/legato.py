"""What a learned model looks at where a key is held while the hand plays others, as a melody over its accompaniment.

A hand's outer lines, its lowest and its highest, go from one outermost key to the next one struck; between them may lie
slices in which the outermost key is only held. There the fingers of neighbouring struck keys say nothing of the line,
so it has tables of its own: they apply where the line moves on from a key that was held through at least one slice.
"""

from __future__ import annotations

import numpy as np

from fingering_service.intervals import COARSE, STEPS, WIDE, Ints, coarse
from fingering_service.keyboard import black_keys
from fingering_service.lattice import Lattice

_NONE = COARSE
"""Class of an interval to where the line has no key, before its first one and after its last one."""

LINE_SIZES = {
    "line_span": 2 * STEPS,
    "line_next": 2 * COARSE * COARSE,
    "line_colour": 2 * COARSE * 4,
}
"""Rows of the tables of the fingers of the held key and of the next one of its line."""

UNARY_LINE = 2 * (COARSE + 1) ** 2
"""Rows of the table of the finger of a key whose neighbours in its line are not those in time."""


def line_rows(lattice: Lattice) -> tuple[dict[str, Ints], list[tuple[Ints, Ints]]]:
    """Rows of the line tables, and those of the unary one.

    Returns:
        By table, [T, 2] for the lowest and the highest line; for each line the [T] slot of its key and the [T] row of
        the unary table. -1 for none.
    """
    count = len(lattice)
    at = np.arange(count)
    rows = {name: np.full((count, 2), -1, dtype=np.int64) for name in LINE_SIZES}
    unary: list[tuple[Ints, Ints]] = []
    for line, slot in enumerate((np.zeros(count, dtype=np.int64), lattice.present.sum(axis=1) - 1)):
        pitch = lattice.pitch[at, slot]
        struck = lattice.struck[at, slot]
        last = np.maximum.accumulate(np.where(struck, at, -1))
        before = np.concatenate([[-1], last[:-1]])
        first = np.minimum.accumulate(np.where(struck, at, count)[::-1])[::-1]
        after = np.concatenate([first[1:], [count]])
        come, go = before >= 0, after < count
        came, goes = coarse(pitch - pitch[before]), coarse(pitch[np.minimum(after, count - 1)] - pitch)
        moved = struck & come & (before < at - 1)
        span = np.clip(pitch - pitch[before], -WIDE, WIDE) + WIDE
        black = black_keys(pitch).astype(np.int64)
        rows["line_span"][:, line] = np.where(moved, line * STEPS + span, -1)
        rows["line_colour"][:, line] = np.where(moved, (line * COARSE + came) * 4 + black[before] * 2 + black, -1)
        rows["line_next"][:, line] = np.where(moved & go, (line * COARSE + came) * COARSE + goes, -1)
        apart = moved | (struck & go & (after > at + 1))
        ways = np.where(come, came, _NONE) * (COARSE + 1) + np.where(go, goes, _NONE)
        unary.append((slot, np.where(apart, line * (COARSE + 1) ** 2 + ways, -1)))
    return rows, unary

"""What the places of signs on the page say of their times: costs of columns, by their distances in staff spaces."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence


def same_cost(dx: float) -> float:
    """Cost of two items `dx` spaces apart sounding together."""
    if dx < 0.4:
        return 0.0
    if dx < 1.6:
        return 0.5 * (dx - 0.4)
    return 0.6 + 3.0 * (dx - 1.6)


BETWEEN_STAVES = 2.0
"""How many times as far apart on one staff what does not sound together stands as on two, where it cannot collide."""


def apart_cost(dx: float) -> float:
    """Cost of two items `dx` spaces apart on one staff not sounding together."""
    if dx >= 1.3:
        return 0.0
    if dx >= 0.7:
        return 1.3 - dx
    return 0.6 + 6.0 * (0.7 - dx)


def spacing_cost(columns: Sequence[tuple[int, float]]) -> float:
    """What it costs that columns (time, x in spaces) stand closer or wider than an engraver sets their times.

    Engravers give a note that lasts twice as long about one and a half times the room; signs before a note may widen
    that, nothing makes it much narrower.
    """
    gaps = [
        math.log(max(x1 - x0, 0.1)) - 0.55 * math.log(t1 - t0)
        for (t0, x0), (t1, x1) in itertools.pairwise(columns)
        if t1 > t0
    ]
    if len(gaps) < 2:
        return 0.0
    usual = sorted(gaps)[(len(gaps) - 1) // 2]
    narrow = sum(min(max(0.0, usual - g - 0.25), 1.0) for g in gaps)
    wide = sum(min(max(0.0, g - usual - 0.5), 1.0) for g in gaps)
    return min(1.0 * narrow + 0.3 * wide, 3.0)

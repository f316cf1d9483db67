"""What a learned model looks at of each hand by itself.

A left hand mirrored around D meets the same keys as a right hand, and what is comfortable to one is to the other. What
is customary is not: the thumbs' places in a scale follow from its tonic, and a scale's mirror image has its tonic
elsewhere. So some tables have a part for each hand: where on the keyboard a key lies, and how the music runs past it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fingering_service.intervals import COARSE, Ints, coarse
from fingering_service.lattice import Lattice

TWINS = {"unary_hand_key": "unary_key", "unary_hand_colours": "unary_colours", "unary_hand_run": "unary_run"}
"""Tables that are another one, once for each hand."""

_STEPS = np.array([-2.5, -0.5, 0.5, 2.5])
"""Semitones between a leap down, a step down, the same key, a step up and a leap up."""
_WAYS = len(_STEPS) + 1

SCALE_SIZES = {
    "unary_scale": 2 * 12 * _WAYS * _WAYS * 3,
    "step_scale": 2 * COARSE * 12,
}
"""Rows of the tables of single keys by their place within the octave."""


def handed_rows(lattice: Lattice, rows: Mapping[str, Ints], sizes: Mapping[str, int]) -> dict[str, Ints]:
    """Rows of the tables that tell the hands apart; -1 for none.

    Args:
        lattice: One hand's.
        rows: Those of the shared tables.
        sizes: Theirs.
    """
    hand = 0 if lattice.right else 1
    result = {}
    for name, shared in TWINS.items():
        result[name] = np.where(rows[shared] >= 0, rows[shared] + hand * sizes[shared], -1)
    return result | _scales(lattice, hand)


def _scales(lattice: Lattice, hand: int) -> dict[str, Ints]:
    count = len(lattice)
    at = np.arange(count)
    now = lattice.pitch[at, lattice.low]
    single = lattice.low == lattice.high
    place = now % 12
    before, after = now[np.maximum(at - 1, 0)], now[np.minimum(at + 1, count - 1)]
    later = np.where(at + 2 < count, now[np.minimum(at + 2, count - 1)], now)
    came, goes = np.searchsorted(_STEPS, before - now), np.searchsorted(_STEPS, after - now)
    row = ((hand * 12 + place) * _WAYS + came) * _WAYS + goes
    inside = single & (at > 0) & (at < count - 1)
    unary = np.full(lattice.pitch.shape, -1, dtype=np.int64)
    unary[at, lattice.low] = np.where(inside, row * 3 + np.sign(later - after) + 1, -1)
    step = np.full((count, 2), -1, dtype=np.int64)
    both = single[1:] & single[:-1]
    step[1:, 0] = np.where(both, (hand * COARSE + coarse(now - before)[1:]) * 12 + place[1:], -1)
    return {"unary_scale": unary, "step_scale": step}

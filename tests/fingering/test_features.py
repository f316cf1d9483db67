"""What the learned model looks at."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from fingering_service.features import SIZES, features_of
from fingering_service.lattice import build_lattice
from fingering_service.lines import Strike, build_line
from fingering_service.profile import PROFILES


def lattice_of(*strikes: tuple[int, int, int]):
    """A right hand's lattice from (MIDI key, onset, end) in quarter notes."""
    made = [Strike((i,), midi, Fraction(on), Fraction(off)) for i, (midi, on, off) in enumerate(strikes)]
    return build_lattice(build_line(made, right=True, max_span=15), PROFILES["M"])


def test_rows_lie_within_their_tables():
    rows = features_of(lattice_of((60, 0, 4), (64, 0, 1), (67, 1, 2), (66, 2, 3), (79, 3, 4), (48, 4, 5))).rows
    assert set(rows) == set(SIZES)
    assert all(r.min() >= -1 and r.max() < SIZES[name] for name, r in rows.items())


def test_an_octave_higher_is_the_same():
    low, high = (features_of(lattice_of(*((m + up, t, t + 1) for t, m in enumerate((60, 64, 67, 66))))).rows
                 for up in (0, 12))  # fmt: skip
    assert all(np.array_equal(low[name], high[name]) for name in SIZES)

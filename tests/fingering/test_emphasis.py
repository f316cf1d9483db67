"""How much ergonomic costs count, in scales and elsewhere."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fingering_service.emphasis import ergonomic_share
from fingering_service.lattice import Lattice, build_lattice
from fingering_service.lines import Strike, build_line
from fingering_service.profile import PROFILES
from fingering_service.scales import in_scale

C_MAJOR = (60, 62, 64, 65, 67, 69, 71, 72)
A_HARMONIC_MINOR = (57, 59, 60, 62, 64, 65, 68, 69)
LEAPS = (60, 67, 55, 64)


def lattice_of(keys: tuple[int | tuple[int, ...], ...], *, right: bool = True) -> Lattice:
    """A hand's line, one slice every sixteenth."""
    strikes = [
        Strike((i,), key, Fraction(i, 4), Fraction(i + 1, 4))
        for i, slice_ in enumerate(keys)
        for key in (slice_ if isinstance(slice_, tuple) else (slice_,))
    ]
    return build_lattice(build_line(strikes, right=right, max_span=15), PROFILES["M"])


@pytest.mark.parametrize("right", [True, False], ids=["right", "left"])
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (C_MAJOR, 8),
        (C_MAJOR[::-1], 8),
        (A_HARMONIC_MINOR, 8),
        (tuple(range(60, 68)), 8),
        (C_MAJOR[:6], 0),
        ((60, 62, 64, 66, 68, 70, 72), 0),
        ((60, 64, 67, 72, 76, 79, 84), 0),
        ((*C_MAJOR[:5], *C_MAJOR[3::-1]), 0),
        ((*LEAPS, *C_MAJOR, *LEAPS), 8),
        ((*C_MAJOR[:6], (69, 71, 74)), 0),
    ],
    ids=[
        "major",
        "downwards",
        "harmonic minor",
        "chromatic",
        "too short",
        "whole tones",
        "arpeggio",
        "there and back within a hand",
        "between leaps",
        "into a chord",
    ],
)
def test_a_scale_is_seven_keys_or_more_one_way(keys, expected, right):
    assert int(in_scale(lattice_of(keys, right=right)).sum()) == expected


def test_ergonomic_costs_of_moving_count_for_more_outside_scales_only():
    lattice = lattice_of((*LEAPS, *C_MAJOR, *LEAPS))
    once, more = (ergonomic_share(lattice, PROFILES["M"], (0.5, 0.4, 0.3), e) for e in (1.0, 1.2))
    factor = np.repeat([1.2, 1.0, 1.2], [4, 8, 4])
    assert np.array_equal(more.node, once.node)
    assert np.allclose(more.step, once.step * factor[:, None, None])
    assert np.allclose(more.turn, once.turn * factor[:, None, None, None])
    assert (more.step[13] > once.step[13]).any()

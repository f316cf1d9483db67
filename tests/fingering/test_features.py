"""What the learned model looks at."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from fingering_service.features import SIZES, features_of
from fingering_service.handed import SCALE_SIZES, TWINS
from fingering_service.lattice import build_lattice
from fingering_service.legato import LINE_SIZES
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


def test_a_line_moves_on_from_a_held_key_over_what_lies_between():
    # G5 is held over E4 and F4, then F5 follows it; the line below goes from key to key in time
    rows = features_of(lattice_of((79, 0, 3), (60, 0, 1), (64, 1, 2), (65, 2, 3), (77, 3, 4), (67, 3, 4))).rows
    for name in LINE_SIZES:
        moved = rows[name][:, 1] >= 0
        assert moved.tolist() == [False, False, False, name != "line_next"]  # nothing follows F5
        assert (rows[name][:, 0] == -1).all()
    assert (rows["unary_line"][0] >= 0).tolist() == [False, True, False, False, False]
    assert (rows["unary_line"][3] >= 0).tolist() == [False, True, False, False, False]


def test_keys_that_follow_each_other_are_no_held_line():
    rows = features_of(lattice_of((60, 0, 1), (64, 0, 1), (62, 1, 2), (65, 1, 2), (64, 2, 3))).rows
    assert all((rows[name] == -1).all() for name in (*LINE_SIZES, "unary_line"))


def test_the_tables_of_a_hand_tell_it_from_the_other_and_the_shared_ones_do_not():
    keys = (60, 62, 64, 65, 67, 69)
    right = features_of(lattice_of(*((k, t, t + 1) for t, k in enumerate(keys)))).rows
    mirrored = [Strike((i,), 124 - k, Fraction(i), Fraction(i + 1)) for i, k in enumerate(keys)]
    left = features_of(build_lattice(build_line(mirrored, right=False, max_span=15), PROFILES["M"])).rows
    own = {*TWINS, *SCALE_SIZES}
    for name in SIZES:
        used = right[name] >= 0
        assert np.array_equal(used, left[name] >= 0)
        if name in own:
            assert used.any()
            assert (left[name][used] - right[name][used] == SIZES[name] // 2).all()
        else:
            assert np.array_equal(right[name], left[name])

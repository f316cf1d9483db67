"""What is told of a finger's probability."""

from __future__ import annotations

import numpy as np
import pytest

from fingering_service.calibration import Calibration

KEY = np.array([[0.96, 0.03, 0.01, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
SPREAD = Calibration(sharpness=1.2, choice=0.15, spread=0.25)


def test_nothing_changes_without_a_calibration():
    assert np.array_equal(Calibration().told(KEY), KEY)


def test_great_probabilities_shrink_and_small_ones_grow_in_the_same_order():
    told = SPREAD.told(KEY)
    assert 0.85 < told[0, 0] < KEY[0, 0]
    assert told[0, 0] > told[0, 1] > KEY[0, 1]
    assert told[0, 1] > told[0, 2] > KEY[0, 2]


def test_what_is_certain_or_impossible_stays_so():
    told = SPREAD.told(KEY)
    assert np.array_equal(told[1], KEY[1])
    assert np.array_equal(told[:, 4], KEY[:, 4])


def test_probabilities_of_a_key_sum_to_one_and_absent_keys_have_none():
    assert SPREAD.told(KEY).sum(axis=1) == pytest.approx([1.0, 1.0, 0.0])


def test_a_calibration_is_read_as_it_was_written():
    assert Calibration.from_json(SPREAD.to_json()) == SPREAD
    with pytest.raises(ValueError, match="not enough values"):
        Calibration.from_json("[1.0]")

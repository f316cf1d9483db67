"""Filled contours that are slurs and ties, and such that are not."""

from __future__ import annotations

import numpy as np
import pytest

from omr_service.pdf.paths import crescent


def contour(length, bend, thickness):
    """Two parabolas between the tips of a crescent, `thickness` apart in the middle."""
    along = np.linspace(0, 1, 33)
    arch = 4 * along * (1 - along)
    over = np.column_stack((length * along, (bend + thickness / 2) * arch))
    under = np.column_stack((length * along, (bend - thickness / 2) * arch))
    return np.concatenate((over, under[-2::-1]))


@pytest.mark.parametrize(
    ("length", "bend", "thickness", "found"),
    [
        (20.0, 4.0, 1.0, True),
        (3.2, 2.0, 0.8, True),  # between two chords that nearly touch
        (3.2, 1.0, 0.8, False),  # thick and hardly bent: a sign, not a tie
        (3.2, 2.5, 1.2, False),
    ],
)
def test_short_ties_are_thick_for_their_length_and_bent_far(length, bend, thickness, found):
    assert (crescent(contour(length, bend, thickness)) is not None) == found

"""What the search does where probabilities by key leave the choice."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fingering_service.decode import decode
from fingering_service.lattice import Lattice, build_lattice
from fingering_service.lines import Strike, build_line
from fingering_service.potentials import empty
from fingering_service.profile import PROFILES

QUARTER, SIXTEENTH = Fraction(1), Fraction(1, 4)


def lattice_of(keys: tuple[int, ...], unit: Fraction, length: Fraction) -> Lattice:
    """A right hand's single keys, one every `unit`, each `length` quarter notes long."""
    strikes = [Strike((i,), key, i * unit, i * unit + length) for i, key in enumerate(keys)]
    return build_lattice(build_line(strikes, right=True, max_span=15), PROFILES["M"])


def fingers(lattice: Lattice, wanted: tuple[int, ...], nats: float) -> list[int]:
    """What is chosen where each key's wanted finger is likelier than any other by `nats`."""
    costs = empty(lattice)
    at = np.arange(len(lattice))
    costs.node[at] -= nats * (lattice.fingers[:, :, 0] == np.array(wanted)[:, None])
    states = decode(lattice, costs, 1.0, 0.2).paths[0].states
    return lattice.fingers[at, states, 0].tolist()


@pytest.mark.parametrize(
    ("unit", "nats", "kept"),
    [(QUARTER, 1.2, True), (QUARTER, 5.0, False), (SIXTEENTH, 1.2, False)],
    ids=["slowly", "slowly, much likelier", "quickly"],
)
def test_a_chord_slowly_repeated_keeps_its_fingers_unless_others_are_much_likelier(unit, nats, kept):
    strikes = [Strike((i,), key, i // 2 * unit, (i // 2 + 1) * unit) for i, key in enumerate((60, 64, 60, 64))]
    lattice = build_lattice(build_line(strikes, right=True, max_span=15), PROFILES["M"])
    costs = empty(lattice)
    for slice_, grip in enumerate(((1, 2), (1, 3))):
        costs.node[slice_] -= nats * (lattice.fingers[slice_, :, :2] == grip).all(axis=1)
    states = decode(lattice, costs, 1.0, 0.2).paths[0].states
    assert bool(states[0] == states[1]) is kept


@pytest.mark.parametrize(
    ("length", "nats", "same"),
    [(SIXTEENTH, 0.5, False), (SIXTEENTH / 2, 0.5, True), (SIXTEENTH, 6.0, True)],
    ids=["joined", "apart", "much likelier"],
)
def test_one_finger_takes_two_keys_in_a_row_only_after_silence_or_where_it_is_much_likelier(length, nats, same):
    found = fingers(lattice_of((60, 67), SIXTEENTH, length), (1, 1), nats)
    assert (found == [1, 1]) is same


@pytest.mark.parametrize(
    ("chord", "nats", "same"),
    [((64, 69), 0.2, False), ((64, 69), 3.0, True), ((67, 74), 0.2, True)],
    ids=["near", "much likelier", "a leap away"],
)
def test_a_finger_goes_from_a_key_to_another_one_of_a_chord_only_where_the_hand_leaps_or_it_is_much_likelier(
    chord, nats, same
):
    strikes = [Strike((0,), 60, Fraction(0), QUARTER)]
    strikes += [Strike((i,), key, QUARTER, 2 * QUARTER) for i, key in enumerate(chord, 1)]
    lattice = build_lattice(build_line(strikes, right=True, max_span=15), PROFILES["M"])
    costs = empty(lattice)
    costs.node[0] -= 20 * (lattice.fingers[0, :, 0] == 2)
    costs.node[1] -= nats * (lattice.fingers[1, :, :2] == (2, 5)).all(axis=1)
    costs.node[1] -= 20 * (lattice.fingers[1, :, 1] == 5)
    states = decode(lattice, costs, 1.0, 0.2).paths[0].states
    assert (lattice.fingers[1, states[1], 0] == 2) is np.bool_(same)


@pytest.mark.parametrize(
    ("bass", "nats", "kept"),
    [(QUARTER * 2, 0.6, True), (QUARTER * 2, 8.0, False), (SIXTEENTH, 0.6, False)],
    ids=["held", "held, much likelier", "let go"],
)
def test_a_key_that_comes_back_under_a_held_one_keeps_its_finger(bass, nats, kept):
    half = QUARTER / 2
    strikes = [Strike((0,), 60, Fraction(0), bass)]
    strikes += [Strike((i,), key, (i - 1) * half, i * half) for i, key in enumerate((64, 67, 64, 67), 1)]
    lattice = build_lattice(build_line(strikes, right=True, max_span=15), PROFILES["M"])
    costs = empty(lattice)
    for slice_, finger in enumerate((2, 5, 3, 5)):
        key = np.flatnonzero(lattice.pitch[slice_] == (64, 67)[slice_ % 2])[0]
        costs.node[slice_] -= (nats if slice_ == 2 else 20) * (lattice.fingers[slice_, :, key] == finger)
    states = decode(lattice, costs, 1.0, 0.2).paths[0].states
    again = np.flatnonzero(lattice.pitch[2] == 64)[0]
    assert (lattice.fingers[2, states[2], again] == 2) is np.bool_(kept)

"""Figures that come back."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from fingering_service.decode import decode
from fingering_service.lattice import Lattice, build_lattice
from fingering_service.lines import Strike, build_line
from fingering_service.potentials import empty
from fingering_service.profile import PROFILES
from fingering_service.repeats import REACH, SHORT_REACH, occurrences, shared

FIGURE = (60, 64, 62, 65, 64)
BETWEEN = (72, 55, 79, 50)


def lattice_of(keys: tuple[int, ...], lengths: tuple[int, ...] = ()) -> Lattice:
    """A right hand's line of single keys, with their lengths in quarter notes."""
    lengths = lengths or (1,) * len(keys)
    onsets = [Fraction(sum(lengths[:i])) for i in range(len(keys))]
    strikes = [Strike((i,), k, on, on + n) for i, (k, on, n) in enumerate(zip(keys, onsets, lengths, strict=True))]
    return build_lattice(build_line(strikes, right=True, max_span=15), PROFILES["M"])


def middles(lattice: Lattice) -> list[list[int]]:
    return sorted(places.tolist() for places in occurrences(lattice))


def test_a_figure_is_known_again_in_any_octave():
    octave_higher = tuple(k + 12 for k in FIGURE)
    assert middles(lattice_of((*FIGURE, *BETWEEN, *octave_higher, *FIGURE))) == [[2, 11, 16]]


def test_another_rhythm_another_key_or_another_colour_make_another_figure():
    assert middles(lattice_of((*FIGURE, *BETWEEN, *FIGURE), (1,) * 10 + (2,) + (1,) * 3)) == []
    assert middles(lattice_of((*FIGURE, *BETWEEN, *FIGURE[:4], 65))) == []
    assert middles(lattice_of((*FIGURE, *BETWEEN, *(k + 1 for k in FIGURE)))) == []


def test_a_held_key_is_not_a_struck_one():
    def played(held: bool) -> Lattice:
        keys = [(k, i) for i, k in enumerate((*FIGURE, *BETWEEN, *FIGURE))]
        strikes = [Strike((i,), k, Fraction(on), Fraction(on + 1)) for i, (k, on) in enumerate(keys)]
        strikes.append(Strike((99,), 72, Fraction(10), Fraction(12 if held else 11)))
        strikes += [Strike((98,), 72, Fraction(1), Fraction(2)), Strike((97,), 72, Fraction(2), Fraction(3))]
        if not held:
            strikes.append(Strike((96,), 72, Fraction(11), Fraction(12)))
        return build_lattice(build_line(strikes, right=True, max_span=15), PROFILES["M"])

    assert middles(played(held=False)) == [[2, 11]]
    assert middles(played(held=True)) == []


def test_lines_too_short_for_a_figure_have_none():
    for count in range(2 * REACH + 2):
        assert occurrences(lattice_of((60,) * count)) == []


def test_the_mean_of_probabilities_decides_alike_and_leaves_other_places_alone():
    lattice = lattice_of((*FIGURE, *BETWEEN, *FIGURE, *BETWEEN[::-1], *FIGURE))
    places = middles(lattice)[0]
    probability = np.random.default_rng(0).dirichlet(np.ones(5), size=(len(lattice), 5))
    before = probability.copy()
    result = shared(probability, lattice)
    assert np.allclose(result[places], before[places].mean(axis=0))
    others = [t for t in range(len(lattice)) if t not in places]
    assert np.array_equal(result[others], before[others])
    assert np.array_equal(probability, before)


def test_a_short_figure_counts_where_it_comes_back_at_once():
    alberti, far = (60, 67, 64, 67), (72, 55, 79, 50, 74, 52, 77, 53, 81)
    lattice = lattice_of((*alberti, *alberti, *far, *alberti))
    close = next(p.tolist() for p in occurrences(lattice, SHORT_REACH) if p[0] == 1)
    assert close == [1, 5, 18]
    probability = np.random.default_rng(0).dirichlet(np.ones(5), size=(len(lattice), 5))
    result = shared(probability, lattice)
    assert np.allclose(result[[1, 5]], probability[[1, 5]].mean(axis=0))
    assert np.array_equal(result[18], probability[18])


def test_where_two_places_of_a_figure_disagree_the_surer_one_decides():
    lattice = lattice_of((*FIGURE, *BETWEEN, *FIGURE))
    (places,) = occurrences(lattice)
    costs = empty(lattice)
    middle = lattice.fingers[places, :, 0]
    costs.node[places[0]] -= 2.0 * (middle[0] == 2)
    costs.node[places[1]] -= 0.5 * (middle[1] == 3)
    decoded = decode(lattice, costs, 1.0, 0.2)
    assert decoded.probability[places].argmax(axis=2)[:, 0].tolist() == [1, 2]  # fingers 2 and 3, each by itself
    fingers = lattice.fingers[np.arange(len(lattice)), decoded.paths[0].states, 0]
    assert fingers[places].tolist() == [2, 2]

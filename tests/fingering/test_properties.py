"""What holds of every fingering, whatever the music."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etude.notation.validate import validate
from fingering_service.decode import decode
from fingering_service.hands import Reach, assign_hands
from fingering_service.keyboard import mirrored
from fingering_service.lattice import build_lattice
from fingering_service.lines import MAX_KEYS, Strike, build_line
from fingering_service.models import Registry
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.profile import PROFILES
from fingering_service.search import best_path, best_paths, posterior
from tests.fingering.support import LEFT, RIGHT, finger
from tests.notation.strategies import scores

MODELS = Registry.load().models
WITHOUT_CUSTOMS = [model for model in MODELS if model.name != "crf"]
"""Models of comfort alone; the learned one knows what is customary for each hand, as in scales."""
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def strikes(draw):
    """What one hand might strike: chords of up to seven keys, overlaps, repeats, graces."""
    found = []
    onset = Fraction(0)
    for _ in range(draw(st.integers(1, 12))):
        base = draw(st.integers(40, 80))
        grace = draw(st.integers(0, 7)) == 0
        keys = {base + draw(st.integers(0, 17)) for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 4, 7])))}
        for key in sorted(keys):
            length = Fraction(0) if grace else Fraction(draw(st.integers(1, 8)), 4)
            found.append(Strike((len(found),), key, onset, onset + length, grace))
        if not grace:
            onset += Fraction(draw(st.integers(1, 6)), 4)
    return found


def fingered(line, model, profile):
    lattice = build_lattice(line, profile)
    decoded = decode(lattice, model.costs(lattice, profile), model.temperature, model.coherence)
    chosen = lattice.fingers[np.arange(len(lattice)), decoded.paths[0].states]
    return [tuple(row[: len(m.slots)]) for row, m in zip(chosen.tolist(), line.slices, strict=True)]


@SLOW
@given(strikes(), st.sampled_from(MODELS), st.sampled_from("SML"))
def test_every_key_has_one_finger_and_no_grip_is_impossible(played, model, size):
    profile = PROFILES[size]
    line = build_line(played, right=True, max_span=profile.max_span)
    fingers = fingered(line, model, profile)
    seen = set()
    for moment, row in zip(line.slices, fingers, strict=True):
        assert all(1 <= f <= 5 for f in row)
        assert list(row) == sorted(set(row)), "fingers rise with pitch; none plays two slots"
        for slot in moment.slots:
            keys = [line.strikes[i].midi for i in slot.strikes]
            assert max(keys) - min(keys) <= 2
            if slot.struck:
                seen.update(i for number in slot.strikes for i in line.strikes[number].notes)
    assert seen == set(range(len(played)))


@SLOW
@given(strikes(), st.sampled_from(WITHOUT_CUSTOMS))
def test_a_mirrored_left_hand_is_fingered_as_the_right_one(played, model):
    profile = PROFILES["M"]
    right = build_line(played, right=True, max_span=profile.max_span)
    images = [Strike(s.notes, mirrored(s.midi), s.onset, s.end, s.grace) for s in played]
    left = build_line(images, right=False, max_span=profile.max_span)
    assert fingered(right, model, profile) == fingered(left, model, profile)


@SLOW
@given(strikes())
def test_k_best_are_ordered_distinct_and_begin_with_the_best(played):
    profile = PROFILES["M"]
    lattice = build_lattice(build_line(played, right=True, max_span=profile.max_span), profile)
    costs = Ergonomic().costs(lattice, profile)
    paths = best_paths(costs, 6)
    assert paths[0].cost == best_path(costs).cost
    assert [p.cost for p in paths] == sorted(p.cost for p in paths)
    assert len({tuple(p.states) for p in paths}) == len(paths)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(60, 72), min_size=1, max_size=4))
def test_best_path_and_posterior_are_those_of_trying_everything(keys):
    profile = PROFILES["M"]
    played = [Strike((i,), k, Fraction(i), Fraction(i + 1)) for i, k in enumerate(keys)]
    lattice = build_lattice(build_line(played, right=True, max_span=profile.max_span), profile)
    costs = Ergonomic().costs(lattice, profile)
    grid = np.stack(np.meshgrid(*[range(5)] * len(keys), indexing="ij"), axis=-1).reshape(-1, len(keys))
    totals = np.zeros(len(grid))
    for t in range(len(keys)):
        totals += costs.node[t, grid[:, t]]
        if t >= 1:
            totals += costs.step[t, grid[:, t - 1], grid[:, t]]
        if t >= 2:
            totals += costs.turn[t, grid[:, t - 2], grid[:, t - 1], grid[:, t]]
    assert np.isclose(best_path(costs).cost, totals.min(), rtol=1e-5)
    weights = np.exp(-(totals - totals.min()) / 2.0)
    expected = np.zeros((len(keys), 5))
    for t in range(len(keys)):
        np.add.at(expected[t], grid[:, t], weights)
    expected /= weights.sum()
    assert np.allclose(posterior(costs, 2.0)[:, :5], expected, atol=1e-5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scores(), st.sampled_from(MODELS))
def test_any_valid_score_stays_valid_and_is_fingered_whole(score, model):
    result = finger(score, model).score
    assert validate(result) == []
    hands = defaultdict(dict)
    for event in result.events:
        for note in event.notes:
            assert note.hand in (RIGHT, LEFT)
            assert 1 <= note.fingering.finger <= 5
            if not event.HasField("grace"):
                hands[event.onset_ticks, note.hand][note.midi_pitch] = note.fingering.finger
    assert [n.note_id for e in result.events for n in e.notes] == [n.note_id for e in score.events for n in e.notes]


@given(
    st.lists(st.tuples(st.integers(21, 108), st.sampled_from("RL")), min_size=1, max_size=10, unique_by=lambda n: n[0])
)
@settings(deadline=None, max_examples=200)
def test_no_chord_is_left_to_be_rolled_that_two_hands_could_strike(notes):
    reaches = [Reach(midi, hand, "", (1 if hand == "R" else 2, 1), False) for midi, hand in notes]
    (hands,) = assign_hands([reaches], PROFILES["M"])
    keys = sorted(midi for midi, _ in notes)

    def fits(own):
        return not own or (own[-1] - own[0] <= 15 and len(own) <= MAX_KEYS)

    if any(fits(keys[:cut]) and fits(keys[cut:]) for cut in range(len(keys) + 1)):
        for letter in "RL":
            assert fits(sorted(midi for (midi, _), hand in zip(notes, hands, strict=True) if hand == letter))

"""The search space: for each slice of a line, the finger sets (states) that can hold its keys.

In a state fingers rise with pitch, so no two fingers cross and no finger takes two keys, and neighbouring fingers stay
within the hand's reach. There are never more than ten states for a slice; the arrays are padded to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from fingering_service.keyboard import black_keys
from fingering_service.lines import MAX_KEYS, ONE_FINGER_SEMITONES, Line, Slice
from fingering_service.profile import HandProfile

MAX_STATES = 10

_STRETCH_ON_DEMAND = 3
"""Semitones beyond a finger pair's reach that a printed or pinned finger may ask for: hands differ."""

Allowed = Mapping[int, frozenset[int]]
"""Right-hand-order fingers (1-5) a strike may take, by index of the strike. Strikes not named may take any."""


class InfeasibleError(Exception):
    """No grip satisfies the constraints of a slice.

    Attributes:
        strikes: Indices of the constrained strikes of that slice.
    """

    def __init__(self, strikes: tuple[int, ...]) -> None:
        super().__init__(f"no grip satisfies the fingers asked for on strikes {strikes}")
        self.strikes = strikes


@dataclass(frozen=True, slots=True)
class Lattice:
    """States of a line's slices. T slices, S = 10 states, K = 5 slots.

    Attributes:
        right: True for the right hand.
        fingers: [T, S, K] finger of each slot in each state, 1-5; 0 for padding.
        valid: [T, S] True for real states.
        pitch: [T, K] right-hand pitch; 0 for padding.
        black: [T, K] True for black keys.
        present: [T, K] True for real slots.
        struck: [T, K] True for slots struck in the slice.
        low: [T] lowest struck slot.
        high: [T] highest struck slot.
        ioi: [T] quarter notes since the previous slice.
        gap: [T] quarter notes of silence before the slice.
        carried: [T, K] slot of the previous slice that holds the same strike; -1 for none.
        unreachable: slices with keys beyond the hand's reach, whose grips are rolled.
    """

    right: bool
    fingers: NDArray[np.int8]
    valid: NDArray[np.bool_]
    pitch: NDArray[np.int64]
    black: NDArray[np.bool_]
    present: NDArray[np.bool_]
    struck: NDArray[np.bool_]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    ioi: NDArray[np.float64]
    gap: NDArray[np.float64]
    carried: NDArray[np.int64]
    unreachable: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.valid)

    def along(self, states: NDArray[np.int64]) -> Lattice:
        """The lattice with one state per slice, that of a path."""
        chosen = self.fingers[np.arange(len(self)), states][:, None]
        return replace(self, fingers=chosen, valid=np.ones((len(self), 1), dtype=np.bool_))


def build_lattice(line: Line, profile: HandProfile, allowed: Allowed | None = None) -> Lattice:
    """All states of a line under a hand's reach and the given constraints.

    Raises:
        InfeasibleError: Where the constraints of one slice leave no grip.
    """
    slices = line.slices
    count = len(slices)
    fingers = np.zeros((count, MAX_STATES, MAX_KEYS), dtype=np.int8)
    valid = np.zeros((count, MAX_STATES), dtype=np.bool_)
    pitch = np.zeros((count, MAX_KEYS), dtype=np.int64)
    present = np.zeros((count, MAX_KEYS), dtype=np.bool_)
    struck = np.zeros((count, MAX_KEYS), dtype=np.bool_)
    carried = np.full((count, MAX_KEYS), -1, dtype=np.int64)
    low = np.zeros(count, dtype=np.int64)
    high = np.zeros(count, dtype=np.int64)
    unreachable: list[int] = []
    reach = tuple(map(tuple, profile.reach().tolist()))
    before: dict[int, int] = {}
    for t, moment in enumerate(slices):
        slots = moment.slots
        pitches = tuple(s.pitch for s in slots)
        states, fits = _states(pitches, reach)
        if allowed:
            states, fits = _constrained(line, moment, states, fits, allowed, reach)
        if not fits:
            unreachable.append(t)
        fingers[t, : len(states), : len(slots)] = states
        valid[t, : len(states)] = True
        pitch[t, : len(slots)] = pitches
        present[t, : len(slots)] = True
        marks = [s.struck for s in slots]
        struck[t, : len(slots)] = marks
        low[t] = marks.index(True)
        high[t] = len(marks) - 1 - marks[::-1].index(True)
        now: dict[int, int] = {}
        for k, slot in enumerate(slots):
            now[slot.strikes[0]] = k
            if not slot.struck:
                carried[t, k] = before.get(slot.strikes[0], -1)
        before = now
    return Lattice(
        right=line.right,
        fingers=fingers,
        valid=valid,
        pitch=pitch,
        black=black_keys(pitch),
        present=present,
        struck=struck,
        low=low,
        high=high,
        ioi=np.array([s.ioi for s in slices]),
        gap=np.array([s.gap for s in slices]),
        carried=carried,
        unreachable=tuple(unreachable),
    )


Grip = tuple[int, ...]


@lru_cache(maxsize=65536)
def _states_of_shape(shape: tuple[int, ...], reach: tuple[tuple[int, ...], ...]) -> tuple[tuple[Grip, ...], bool]:
    """States for keys at `shape` semitones above the lowest, and whether they are within reach."""
    every = tuple(combinations(range(1, MAX_KEYS + 1), len(shape)))
    near = tuple(g for g in every if _within(shape, g, reach))
    if near:
        return near, True
    # Wider than the hand: the chord is rolled. Of the order-keeping grips those that spread widest come closest.
    widest = max(g[-1] - g[0] for g in every)
    return tuple(g for g in every if g[-1] - g[0] == widest), False


def _states(pitches: tuple[int, ...], reach: tuple[tuple[int, ...], ...]) -> tuple[tuple[Grip, ...], bool]:
    return _states_of_shape(tuple(p - pitches[0] for p in pitches), reach)


def _within(shape: tuple[int, ...], grip: Grip, reach: tuple[tuple[int, ...], ...]) -> bool:
    return all(shape[j] - shape[i] <= reach[grip[i] - 1][grip[j] - 1] for j in range(1, len(shape)) for i in range(j))


def _constrained(
    line: Line,
    moment: Slice,
    states: tuple[Grip, ...],
    fits: bool,
    allowed: Allowed,
    reach: tuple[tuple[int, ...], ...],
) -> tuple[tuple[Grip, ...], bool]:
    """The states that obey `allowed` on the struck slots; looser grips are tried where none does."""
    masks: list[frozenset[int] | None] = []
    for slot in moment.slots:
        sets = [allowed[i] for i in slot.strikes if i in allowed] if slot.struck else []
        masks.append(frozenset.intersection(*sets) if sets else None)
    if all(m is None for m in masks):
        return states, fits
    pitches = tuple(s.pitch for s in moment.slots)
    shape = tuple(p - pitches[0] for p in pitches)
    kept = tuple(g for g in states if _obeys(g, masks))
    if kept:
        return kept, fits
    # Constraints may ask for more than the search offers by itself: a wider stretch between two fingers, or one
    # finger on two neighbouring keys.
    for grips in (
        combinations(range(1, MAX_KEYS + 1), len(shape)),
        combinations_with_replacement(range(1, MAX_KEYS + 1), len(shape)),
    ):
        kept = tuple(g for g in grips if _obeys(g, masks) and _no_far_double(shape, g))
        if fits:
            kept = tuple(g for g in kept if _within_or_double(shape, g, reach, _STRETCH_ON_DEMAND))
        if kept:
            return kept[:MAX_STATES], fits
    raise InfeasibleError(tuple(i for s in moment.slots if s.struck for i in s.strikes if i in allowed))


def _obeys(grip: Grip, masks: list[frozenset[int] | None]) -> bool:
    return all(mask is None or finger in mask for finger, mask in zip(grip, masks, strict=True))


def _no_far_double(shape: tuple[int, ...], grip: Grip) -> bool:
    return all(
        grip[i] != grip[j] or shape[j] - shape[i] <= ONE_FINGER_SEMITONES for j in range(1, len(grip)) for i in range(j)
    )


def _within_or_double(shape: tuple[int, ...], grip: Grip, reach: tuple[tuple[int, ...], ...], allowance: int) -> bool:
    return all(
        grip[i] == grip[j] or shape[j] - shape[i] <= reach[grip[i] - 1][grip[j] - 1] + allowance
        for j in range(1, len(grip))
        for i in range(j)
    )

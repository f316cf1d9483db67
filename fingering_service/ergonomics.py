"""The ergonomic model: what a grip, a step and a turn cost a hand. It has no weights learned from data.

The rules for single notes are those of R. Parncutt, J. A. Sloboda, E. F. Clarke, M. Raekallio and P. Desain, "An
Ergonomic Model of Keyboard Fingering for Melodic Fragments" (Music Perception 14, 1997), with these later
refinements: J. P. Jacobs (Music Perception 18, 2001) for distances on the real keyboard instead of semitones and
against the special weakness of finger 3-4-5 sequences; A. Al Kasimi, E. Nichols and C. Raphael, "A Simple Algorithm
for Automatic Generation of Polyphonic Piano Fingerings" (ISMIR 2007) for vertical costs within chords beside
horizontal costs between them; M. Balliauw, D. Herremans, D. Palhazi Cuervo and K. Soerensen, "A variable neighborhood
search algorithm to generate piano fingerings for polyphonic sheet music" (ITOR 24, 2017) for spans by hand size and
costs of repeated keys. Silence before a note sets the hand free.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import Lattice
from fingering_service.lines import MAX_KEYS
from fingering_service.potentials import Edge, Potentials, empty, outer_edges
from fingering_service.profile import HandProfile

_REACH = 48
"""Intervals are clipped to this many semitones either way."""

_MIN_PRAC, _MIN_COMF, _MIN_REL, _MAX_REL, _MAX_COMF, _MAX_PRAC = range(6)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each rule counts.

    The defaults began as Parncutt's points and were then moved, one at a time and by coarse steps, towards what
    fingered editions of the training split print; small spans count less there than he found, moving one finger to
    another key counts more.

    Attributes:
        stretch: Per semitone beyond the comfortable span.
        span: Per semitone outside the relaxed span, for pairs with the thumb; doubled for others.
        impractical: Per semitone outside the practical span.
        position_size: Per semitone by which a change of position exceeds the comfortable span.
        position_count: A change of position; doubled for a full change over the thumb.
        weak_finger: Each use of finger 4 or 5.
        three_four_five: Fingers 3, 4 and 5 in a row, in any order.
        three_to_four: 3 followed by 4.
        four_on_black: 3 on white beside 4 on black.
        thumb_on_black: The thumb on a black key; twice as much more for a white neighbour on either side.
        five_on_black: The little finger on a black key, for each white neighbour.
        thumb_pass: The thumb passing under or a finger passing over it, on one level.
        thumb_pass_uneven: The same with the thumb on a black key and the finger on a white one.
        crossing: Two fingers other than the thumb passing each other.
        same_finger: One finger going to another key, and per semitone of its way (see `same_finger_semitone`).
        same_finger_semitone: See `same_finger`.
        finger_change: Another finger on a repeated key.
        chord_move: Per semitone by which the hand moves between chords.
        chord_span: Within a chord, per point of the span rules.
        chord_turn: Share of the rules on three notes that counts for the outer voices of chords.
        chord_inner: Share of the span rules that counts for keys of a chord that are not neighbours.
        same_position: Another finger on a key that comes back after one other note.
        release: How quickly silence sets the hand free, per quarter note.
        substitution: Another finger on a key that is held.
        two_keys: One finger on two keys of a grip.
    """

    stretch: float = 1.6
    span: float = 0.4
    impractical: float = 0.5
    position_size: float = 0.7
    position_count: float = 0.4
    weak_finger: float = 0.1
    three_four_five: float = 0.5
    three_to_four: float = 0.4
    four_on_black: float = 0.1
    thumb_on_black: float = 1.0
    five_on_black: float = 0.7
    thumb_pass: float = 1.0
    thumb_pass_uneven: float = 6.0
    crossing: float = 4.0
    same_finger: float = 11.0
    same_finger_semitone: float = 1.0
    finger_change: float = 1.0
    chord_move: float = 0.35
    chord_span: float = 2.0
    chord_turn: float = 0.1
    chord_inner: float = 0.5
    same_position: float = 1.4
    release: float = 4.0
    substitution: float = 12.0
    two_keys: float = 6.0


@dataclass(frozen=True, slots=True)
class ErgonomicModel:
    """Prices a lattice by ergonomic rules.

    Attributes:
        profile: The hand.
        weights: How much each rule counts.
    """

    profile: HandProfile = field(default_factory=HandProfile)
    weights: Weights = field(default_factory=Weights)

    def costs(self, lattice: Lattice) -> Potentials:
        """Costs of all states and steps of `lattice`."""
        result = empty(lattice)
        if len(lattice) == 0:
            return result
        tables = _Tables(self.profile, self.weights)
        result.node[:] += _grips(lattice, tables, self.weights)
        _add_steps(lattice, tables, result.step, self.weights)
        _add_turns(lattice, tables, result.turn, self.weights)
        return result


def path_costs(lattice: Lattice, states: NDArray[np.int64], profile: HandProfile) -> NDArray[np.float64]:
    """[T] what each slice of a path costs a hand: its grip, the step and the turn that lead to it."""
    costs = ErgonomicModel(profile).costs(lattice.along(states))
    return np.asarray(costs.node[:, 0] + costs.step[:, 0, 0] + costs.turn[:, 0, 0, 0], dtype=np.float64)


class _Tables:
    """Costs of pairs of fingers by interval: everything that does not depend on the piece."""

    def __init__(self, profile: HandProfile, weights: Weights) -> None:
        """Prepares the tables, each [interval + _REACH, first finger - 1, second finger - 1]."""
        intervals = np.arange(-_REACH, _REACH + 1, dtype=np.float64)
        spans = profile.spans()
        size = len(intervals)
        self.span = np.zeros((size, 5, 5))
        self.position = np.zeros((size, 5, 5))
        self.full_change = np.zeros((size, 5, 5), dtype=np.bool_)
        self.chord_move = np.zeros((size, 5, 5))
        distance = np.abs(intervals)
        for first in range(5):
            for second in range(5):
                move = np.abs(intervals - 1.8 * (second - first))
                self.chord_move[:, first, second] = weights.chord_move * np.maximum(0.0, move - 2.0)
                if first == second:
                    self.span[:, first, first] = np.where(
                        distance > 0, weights.same_finger + weights.same_finger_semitone * distance, 0.0
                    )
                    self.position[:, first, first] = weights.position_size * distance
                    self.position[:, first, first] += weights.position_count * (distance > 0)
                    continue
                low, high = min(first, second), max(first, second)
                rising = intervals if first < second else -intervals
                limits = spans[low, high]
                factor = 1.0 if low == 0 else 2.0
                beyond = np.maximum(rising - limits[_MAX_COMF], 0) + np.maximum(limits[_MIN_COMF] - rising, 0)
                loose = np.maximum(rising - limits[_MAX_REL], 0) + np.maximum(limits[_MIN_REL] - rising, 0)
                hard = np.maximum(rising - limits[_MAX_PRAC], 0) + np.maximum(limits[_MIN_PRAC] - rising, 0)
                cost = weights.stretch * beyond + weights.span * factor * loose + weights.impractical * hard
                self.span[:, first, second] = np.minimum(cost, 40.0)
                self.span[_REACH, first, second] = weights.finger_change
                self.position[:, first, second] = weights.position_size * beyond
                self.position[:, first, second] += weights.position_count * (beyond > 0)
                self.full_change[:, first, second] = (rising > limits[_MAX_PRAC]) | (rising < limits[_MIN_PRAC])
        self.position = np.minimum(self.position, 15.0)
        crossing = np.zeros((size, 5, 5))
        for first in range(1, 5):
            for second in range(1, 5):
                wrong = intervals * (second - first) < 0
                crossing[:, first, second] = weights.crossing * wrong
        self.span += crossing
        self.passing = np.zeros((size, 5, 5), dtype=np.bool_)
        self.passing[_REACH + 1 :, 1:, 0] = True
        self.passing[:_REACH, 0, 1:] = True


def _index(intervals: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(intervals, -_REACH, _REACH) + _REACH


def _grips(lattice: Lattice, tables: _Tables, weights: Weights) -> NDArray[np.float64]:
    """[T, S] what it costs to hold each state: spans between its fingers and the fingers' own weaknesses."""
    cost = np.zeros(lattice.valid.shape)
    fingers = np.maximum(lattice.fingers.astype(np.int64) - 1, 0)
    for low in range(MAX_KEYS):
        new = lattice.struck[:, low]
        weak = (fingers[:, :, low] >= 3) & new[:, None]
        cost += weights.weak_finger * weak / np.maximum(1, lattice.struck.sum(axis=1))[:, None]
        chord = (lattice.present.sum(axis=1) > 1) & new
        black = lattice.black[:, low] & chord
        cost += 2 * weights.thumb_on_black * ((fingers[:, :, low] == 0) & black[:, None])
        for high in range(low + 1, MAX_KEYS):
            both = lattice.present[:, low] & lattice.present[:, high]
            either = both & (lattice.struck[:, low] | lattice.struck[:, high])
            at = np.flatnonzero(either)
            if not len(at):
                continue
            interval = _index(lattice.pitch[at, high] - lattice.pitch[at, low])
            near = 1.0 if high == low + 1 else weights.chord_inner
            first, second = fingers[at, :, low], fingers[at, :, high]
            pair = tables.span[interval[:, None], first, second]
            cost[at] += weights.chord_span * near * np.where(first == second, weights.two_keys, pair)
    return cost


def _freedom(lattice: Lattice, at: NDArray[np.int64], weights: Weights) -> NDArray[np.float64]:
    """[E] how much a step counts: less after a silence, in which the hand can move."""
    return np.asarray(1.0 / (1.0 + weights.release * lattice.gap[at]))


def _add_steps(lattice: Lattice, tables: _Tables, step: NDArray[np.float32], weights: Weights) -> None:
    low, high = outer_edges(lattice, 1)
    chordal = np.zeros(len(lattice), dtype=np.bool_)
    chordal[high.at] = True
    for edge in (low, high):
        if not len(edge.at):
            continue
        first, second = edge.fingers(lattice)
        interval = _index(edge.intervals(lattice))[:, None, None]
        a, b = first[:, :, None], second[:, None, :]
        single = tables.span[interval, a, b] + _colours(lattice, edge, tables, weights)
        chord = tables.chord_move[interval, a, b]
        is_chord = chordal[edge.at][:, None, None]
        cost = np.where(is_chord, chord, single) * _freedom(lattice, edge.at, weights)[:, None, None]
        step[edge.at] += cost.astype(np.float32)
    _add_substitutions(lattice, step, weights)


def _colours(lattice: Lattice, edge: Edge, tables: _Tables, weights: Weights) -> NDArray[np.float64]:
    """[E, S, S] rules on black and white keys, on 3 beside 4 and on passing the thumb."""
    first, second = edge.fingers(lattice)
    a, b = first[:, :, None], second[:, None, :]
    black_a = lattice.black[edge.at - edge.lag, edge.then][:, None, None]
    black_b = lattice.black[edge.at, edge.now][:, None, None]
    interval = _index(edge.intervals(lattice))[:, None, None]
    moving = interval != _REACH
    cost = weights.three_to_four * ((a == 2) & (b == 3) & moving)
    cost = cost + weights.four_on_black * (
        ((a == 2) & ~black_a & (b == 3) & black_b) | ((a == 3) & black_a & (b == 2) & ~black_b)
    )
    cost += weights.thumb_on_black * ((b == 0) & black_b)
    cost += 2 * weights.thumb_on_black * (((b == 0) & black_b & ~black_a) | ((a == 0) & black_a & ~black_b))
    cost += weights.five_on_black * (((b == 4) & black_b & ~black_a) | ((a == 4) & black_a & ~black_b))
    passing = tables.passing[interval, a, b]
    thumb_black = np.where(b == 0, black_b, black_a)
    finger_black = np.where(b == 0, black_a, black_b)
    uneven = thumb_black & ~finger_black
    even = thumb_black == finger_black
    cost += passing * np.where(uneven, weights.thumb_pass_uneven, np.where(even, weights.thumb_pass, 0.0))
    return np.asarray(cost)


def _add_substitutions(lattice: Lattice, step: NDArray[np.float32], weights: Weights) -> None:
    """Lets a held key change its finger only at a price."""
    for slot in range(MAX_KEYS):
        at = np.flatnonzero(lattice.carried[:, slot] >= 0)
        if len(at):
            before = lattice.fingers[at - 1, :, lattice.carried[at, slot]]
            now = lattice.fingers[at, :, slot]
            step[at] += np.float32(weights.substitution) * (before[:, :, None] != now[:, None, :])


def _add_turns(lattice: Lattice, tables: _Tables, turn: NDArray[np.float32], weights: Weights) -> None:
    """Rules on three notes in a row, for lines of single notes and the outer voices of chords."""
    if len(lattice) < 3:
        return
    low, high = outer_edges(lattice, 2)
    middles = lattice.low[low.at - 1], lattice.high[high.at - 1]
    chordal = np.zeros(len(lattice), dtype=np.bool_)
    chordal[high.at] = True
    for edge, middle in zip((low, high), middles, strict=True):
        if not len(edge.at):
            continue
        first, third = edge.fingers(lattice)
        second = np.maximum(lattice.fingers[edge.at - 1, :, middle].astype(np.int64) - 1, 0)
        interval = edge.intervals(lattice)
        between = lattice.pitch[edge.at - 1, middle] - lattice.pitch[edge.at - 2, edge.then]
        inside = (between * (interval - between) > 0)[:, None, None]
        index = _index(interval)[:, None, None]
        a, c = first[:, :, None], third[:, None, :]
        outer = tables.position[index, a, c]
        same_key = (interval == 0)[:, None, None]
        outer = np.where(same_key, weights.same_position * (a != c), outer)
        full = tables.full_change[index, a, c] & inside
        weight = _freedom(lattice, edge.at, weights) * _freedom(lattice, edge.at - 1, weights)
        weight = weight * np.where(chordal[edge.at], weights.chord_turn, 1.0)
        scaled = (outer * weight[:, None, None]).astype(np.float32)
        over_thumb = (second == 0)[:, None, :, None] & full[:, :, None, :]
        once = weight.astype(np.float32)[:, None, None, None]
        turn[edge.at] += scaled[:, :, None, :] + np.float32(weights.position_count) * over_thumb * once
        runs = (np.minimum(a, c) >= 2) & (a != c)
        odd = (second >= 2)[:, None, :, None] & runs[:, :, None, :]
        odd = odd & (second[:, None, :, None] != a[:, :, None, :]) & (second[:, None, :, None] != c[:, :, None, :])
        turn[edge.at] += np.float32(weights.three_four_five) * odd * once

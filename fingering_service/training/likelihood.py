"""How likely a batch's labels are under the model's rows, and the gradient of that: what training spends its time on.

A window's likelihood is the sum over the paths that agree with its labels divided by the sum over all paths, both by
forward-backward over pairs of states (second order). The gradient with respect to a state's, a step's or a turn's score
is its probability among all paths less that among the agreeing ones. Slices have one to ten states, mostly five: loops
over just those, compiled by Numba, are many times quicker than tensors padded to ten.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from fingering_service.features import PAIRS
from fingering_service.lattice import MAX_STATES

FINGERS = 5


class Lattices(NamedTuple):
    """The lattices of W windows, N slices in all, one after another. S = 10 states, K = 5 slots.

    Attributes:
        first: [W + 1] where each window begins, and N.
        states: [N] number of states of each slice; they come first.
        keys: [N] number of slots, likewise.
        fingers: [N, S, K] finger less one of each slot in each state.
        low: [N] lowest struck slot.
        high: [N] highest struck slot.
        agreement: [N, S] how well a state agrees with its slice's labels: 1 altogether, 0 not at all.
        node: [N, S] ergonomic costs of states.
        step: [N, S, S] of steps from the slice before.
        turn: [N, S, S, S] of turns from the two slices before.
    """

    first: NDArray[np.int64]
    states: NDArray[np.int64]
    keys: NDArray[np.int64]
    fingers: NDArray[np.int8]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    agreement: NDArray[np.float32]
    node: NDArray[np.float32]
    step: NDArray[np.float32]
    turn: NDArray[np.float32]


class RowArrays(NamedTuple):
    """Rows as in `fingering_service.rows`, or gradients with respect to them.

    Attributes:
        unary: [N, K, 5].
        grip: [N, 10, 25].
        step: [N, 2, 25].
        turn: [N, 2, 125].
        line: [N, 2, 25].
    """

    unary: NDArray[np.float32]
    grip: NDArray[np.float32]
    step: NDArray[np.float32]
    turn: NDArray[np.float32]
    line: NDArray[np.float32]


def negative_log_likelihood(rows: tuple[Tensor, ...], ergonomic: Tensor, lattices: Lattices) -> Tensor:
    """[W] of the labels of each window, in nats.

    Args:
        rows: The tensors of RowArrays.
        ergonomic: [3] weights of the ergonomic costs of states, steps and turns.
        lattices: Windows of at least two slices each, every slice with a state that agrees with its labels.
    """
    answer: Tensor = _NegativeLogLikelihood.apply(*rows, ergonomic, lattices)
    return answer


class _NegativeLogLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *args: Any) -> Tensor:
        *rows, ergonomic, lattices = args
        arrays = RowArrays(*(np.ascontiguousarray(r.detach().numpy()) for r in rows))
        weights = ergonomic.detach().numpy().astype(np.float64)
        slopes = RowArrays(*(np.zeros_like(a) for a in arrays))
        loss = np.zeros(len(lattices.first) - 1)
        of_costs = np.zeros((len(loss), 3))
        _windows(lattices, arrays, weights, loss, slopes, of_costs)
        ctx.first = lattices.first
        ctx.save_for_backward(*(torch.from_numpy(s) for s in slopes), torch.from_numpy(of_costs).float())
        return torch.from_numpy(loss).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        *slopes, of_costs = ctx.saved_tensors
        by_slice = grad.repeat_interleave(torch.from_numpy(np.diff(ctx.first)))[:, None, None]
        return (*(s * by_slice for s in slopes), (of_costs * grad[:, None]).sum(dim=0), None)


_FIRST, _SECOND = (np.array(side) for side in zip(*PAIRS, strict=True))


@njit(cache=True)
def _windows(
    lattices: Lattices,
    rows: RowArrays,
    weights: NDArray[np.float64],
    loss: NDArray[np.float64],
    slopes: RowArrays,
    of_costs: NDArray[np.float64],
) -> None:
    """Fills the losses [W], their gradients by rows, and by the ergonomic weights [W, 3]."""
    longest = np.diff(lattices.first).max()
    size = MAX_STATES
    local = np.zeros((longest, size, size))
    ways = np.zeros((longest, size, size, size))
    alpha = np.zeros((longest, size, size))
    pairs = np.zeros((longest, size, size))
    triples = np.zeros((longest, size, size, size))
    anything = np.ones((longest, size), dtype=np.float32)
    for w in range(len(loss)):
        a, b = lattices.first[w], lattices.first[w + 1]
        states, agreement = lattices.states[a:b], lattices.agreement[a:b]
        _weigh(lattices, rows, weights, a, b, local, ways)
        for t in range(b - a):
            pairs[t] = 0.0
            triples[t] = 0.0
        loss[w] += _sum(states, local, ways, anything, alpha)
        _masses(states, local, ways, anything, alpha, 1.0, pairs, triples)
        loss[w] -= _sum(states, local, ways, agreement, alpha)
        _masses(states, local, ways, agreement, alpha, -1.0, pairs, triples)
        _spread(lattices, a, b, pairs, triples, slopes, of_costs[w])


@njit(cache=True)
def _weigh(
    lattices: Lattices,
    rows: RowArrays,
    weights: NDArray[np.float64],
    a: int,
    b: int,
    local: NDArray[np.float64],
    ways: NDArray[np.float64],
) -> None:
    """Weights of the window of slices a to b: [T, S, S] of pairs of states and [T, S, S, S] of turns.

    They are exponentials of scores, those of each slice divided by the greatest: that changes all paths alike.
    """
    for t in range(a + 1, b):
        now, before = lattices.states[t], lattices.states[t - 1]
        fingers, earlier = lattices.fingers[t], lattices.fingers[t - 1]
        low, high = lattices.low[t], lattices.high[t]
        low1, high1 = lattices.low[t - 1], lattices.high[t - 1]
        chordal = low != high or low1 != high1
        last, last1 = lattices.keys[t] - 1, lattices.keys[t - 1] - 1
        pair = local[t - a]
        for j in range(now):
            node = _score(lattices, rows, weights[0], t, j)
            for i in range(before):
                score = node - weights[1] * lattices.step[t, i, j]
                score += rows.step[t, 0, earlier[i, low1] * FINGERS + fingers[j, low]]
                if chordal:
                    score += rows.step[t, 1, earlier[i, high1] * FINGERS + fingers[j, high]]
                if last1 > 0:  # a held key is not alone
                    score += rows.line[t, 0, earlier[i, 0] * FINGERS + fingers[j, 0]]
                    score += rows.line[t, 1, earlier[i, last1] * FINGERS + fingers[j, last]]
                pair[i, j] = score
        if t == a + 1:
            for i in range(before):
                pair[i, :now] += _score(lattices, rows, weights[0], a, i)
        pair[:before, :now] = np.exp(pair[:before, :now] - pair[:before, :now].max())
        if t == a + 1:
            continue
        first, at_first = lattices.states[t - 2], lattices.fingers[t - 2]
        low2, high2 = lattices.low[t - 2], lattices.high[t - 2]
        chordal = chordal or low2 != high2
        turn = ways[t - a]
        top = -np.inf
        for h in range(first):
            for i in range(before):
                lows = at_first[h, low2] * FINGERS**2 + earlier[i, low1] * FINGERS
                highs = at_first[h, high2] * FINGERS**2 + earlier[i, high1] * FINGERS
                for j in range(now):
                    score = rows.turn[t, 0, lows + fingers[j, low]] - weights[2] * lattices.turn[t, h, i, j]
                    if chordal:
                        score += rows.turn[t, 1, highs + fingers[j, high]]
                    turn[h, i, j] = score
                    top = max(top, score)
        for h in range(first):
            for i in range(before):
                for j in range(now):
                    turn[h, i, j] = math.exp(turn[h, i, j] - top)


@njit(cache=True)
def _score(lattices: Lattices, rows: RowArrays, weight: float, t: int, state: int) -> float:
    """Score of one state of slice t by itself."""
    fingers, keys = lattices.fingers[t, state], lattices.keys[t]
    score = -weight * lattices.node[t, state]
    for k in range(keys):
        score += rows.unary[t, k, fingers[k]]
    for p in range(len(_FIRST)):
        if _SECOND[p] < keys:
            score += rows.grip[t, p, fingers[_FIRST[p]] * FINGERS + fingers[_SECOND[p]]]
    return score


@njit(cache=True)
def _sum(
    states: NDArray[np.int64],
    local: NDArray[np.float64],
    ways: NDArray[np.float64],
    allowed: NDArray[np.float32],
    alpha: NDArray[np.float64],
) -> float:
    """Logarithm of the sum over all paths; fills alpha, [T, S, S], with the scaled sums up to each pair of states."""
    total = 0.0
    for t in range(1, len(states)):
        now, before = states[t], states[t - 1]
        sums = alpha[t]
        scale = 0.0
        for i in range(before):
            for j in range(now):
                if t == 1:
                    value = float(allowed[0, i])
                else:
                    value = 0.0
                    for h in range(states[t - 2]):
                        value += alpha[t - 1, h, i] * ways[t, h, i, j]
                sums[i, j] = value * local[t, i, j] * allowed[t, j]
                scale += sums[i, j]
        total += math.log(scale)
        for i in range(before):
            for j in range(now):
                sums[i, j] /= scale
    return total


@njit(cache=True)
def _masses(
    states: NDArray[np.int64],
    local: NDArray[np.float64],
    ways: NDArray[np.float64],
    allowed: NDArray[np.float32],
    alpha: NDArray[np.float64],
    sign: float,
    pairs: NDArray[np.float64],
    triples: NDArray[np.float64],
) -> None:
    """Adds `sign` times the probabilities of pairs of states, [T, S, S], and of three in a row, [T, S, S, S]."""
    beta = np.ones((MAX_STATES, MAX_STATES))
    after = np.zeros((MAX_STATES, MAX_STATES))
    for t in range(len(states) - 1, 0, -1):
        now, before = states[t], states[t - 1]
        total = 0.0
        for i in range(before):
            for j in range(now):
                total += alpha[t, i, j] * beta[i, j]
        for i in range(before):
            for j in range(now):
                pairs[t, i, j] += sign * alpha[t, i, j] * beta[i, j] / total
                after[i, j] = local[t, i, j] * allowed[t, j] * beta[i, j]
        if t == 1:
            return
        first = states[t - 2]
        total, greatest = 0.0, 0.0
        for h in range(first):
            for i in range(before):
                value = 0.0
                for j in range(now):
                    value += ways[t, h, i, j] * after[i, j]
                beta[h, i] = value
                total += alpha[t - 1, h, i] * value
                greatest = max(greatest, value)
        for h in range(first):
            for i in range(before):
                share = sign * alpha[t - 1, h, i] / total
                for j in range(now):
                    triples[t, h, i, j] += share * ways[t, h, i, j] * after[i, j]
                beta[h, i] /= greatest


@njit(cache=True)
def _spread(
    lattices: Lattices,
    a: int,
    b: int,
    pairs: NDArray[np.float64],
    triples: NDArray[np.float64],
    slopes: RowArrays,
    of_costs: NDArray[np.float64],
) -> None:
    """Adds the gradients that masses of pairs and turns in slices a to b give to rows and to ergonomic weights."""
    for t in range(a + 1, b):
        now, before = lattices.states[t], lattices.states[t - 1]
        fingers, earlier = lattices.fingers[t], lattices.fingers[t - 1]
        low, high = lattices.low[t], lattices.high[t]
        low1, high1 = lattices.low[t - 1], lattices.high[t - 1]
        chordal = low != high or low1 != high1
        last, last1 = lattices.keys[t] - 1, lattices.keys[t - 1] - 1
        mass = pairs[t - a]
        for i in range(before):
            for j in range(now):
                of_costs[1] -= mass[i, j] * lattices.step[t, i, j]
                slopes.step[t, 0, earlier[i, low1] * FINGERS + fingers[j, low]] += mass[i, j]
                if chordal:
                    slopes.step[t, 1, earlier[i, high1] * FINGERS + fingers[j, high]] += mass[i, j]
                if last1 > 0:
                    slopes.line[t, 0, earlier[i, 0] * FINGERS + fingers[j, 0]] += mass[i, j]
                    slopes.line[t, 1, earlier[i, last1] * FINGERS + fingers[j, last]] += mass[i, j]
        for j in range(now):
            of_costs[0] += _spread_state(lattices, slopes, t, j, mass[:before, j].sum())
        if t == a + 1:
            for i in range(before):
                of_costs[0] += _spread_state(lattices, slopes, a, i, mass[i, :now].sum())
            continue
        first, at_first = lattices.states[t - 2], lattices.fingers[t - 2]
        low2, high2 = lattices.low[t - 2], lattices.high[t - 2]
        chordal = chordal or low2 != high2
        for h in range(first):
            for i in range(before):
                lows = at_first[h, low2] * FINGERS**2 + earlier[i, low1] * FINGERS
                highs = at_first[h, high2] * FINGERS**2 + earlier[i, high1] * FINGERS
                for j in range(now):
                    value = triples[t - a, h, i, j]
                    of_costs[2] -= value * lattices.turn[t, h, i, j]
                    slopes.turn[t, 0, lows + fingers[j, low]] += value
                    if chordal:
                        slopes.turn[t, 1, highs + fingers[j, high]] += value


@njit(cache=True)
def _spread_state(lattices: Lattices, slopes: RowArrays, t: int, state: int, mass: float) -> float:
    """Adds the gradient of one state's own score; returns that of the weight of its ergonomic cost."""
    fingers, keys = lattices.fingers[t, state], lattices.keys[t]
    for k in range(keys):
        slopes.unary[t, k, fingers[k]] += mass
    for p in range(len(_FIRST)):
        if _SECOND[p] < keys:
            slopes.grip[t, p, fingers[_FIRST[p]] * FINGERS + fingers[_SECOND[p]]] += mass
    return -mass * lattices.node[t, state]

"""The search over a whole line: best fingering, k best, and the posterior of every finger.

Dynamic programming of second order: the state is the pair of grips of two neighbouring slices, so that every cost on
three slices in a row counts. It is exact; the work grows with the number of slices only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingering_service.lattice import MAX_STATES, Lattice
from fingering_service.lines import MAX_KEYS
from fingering_service.potentials import Potentials


@dataclass(frozen=True, slots=True)
class Path:
    """A way through a lattice.

    Attributes:
        states: [T] state of each slice.
        cost: Sum of its costs.
    """

    states: NDArray[np.int64]
    cost: float


def best_path(costs: Potentials) -> Path:
    """The cheapest path; of equally cheap ones always the same."""
    count = len(costs.node)
    if count == 0:
        return Path(np.zeros(0, dtype=np.int64), 0.0)
    if count == 1:
        state = int(costs.node[0].argmin())
        return Path(np.array([state]), float(costs.node[0, state]))
    local = costs.step + costs.node[:, None, :]
    total = costs.node[0][:, None].astype(np.float64) + local[1]
    back = np.zeros((count, MAX_STATES, MAX_STATES), dtype=np.int8)
    for t in range(2, count):
        ways = total[:, :, None] + costs.turn[t]
        choice = ways.argmin(axis=0)
        back[t] = choice
        total = ways.min(axis=0) + local[t]
    states = np.zeros(count, dtype=np.int64)
    states[-2], states[-1] = divmod(int(total.argmin()), MAX_STATES)
    for t in range(count - 1, 1, -1):
        states[t - 2] = back[t, states[t - 1], states[t]]
    return Path(states, float(total.min()))


def best_paths(costs: Potentials, number: int) -> list[Path]:
    """The `number` cheapest paths, cheapest first; fewer where there are not so many."""
    count = len(costs.node)
    if count < 2 or number <= 1:
        if count == 1 and number > 1:
            order = np.argsort(costs.node[0], kind="stable")[:number]
            return [Path(np.array([s]), float(costs.node[0, s])) for s in order if costs.node[0, s] < _REAL]
        return [best_path(costs)]
    local = costs.step + costs.node[:, None, :]
    total = np.full((MAX_STATES, MAX_STATES, number), np.inf)
    total[:, :, 0] = costs.node[0][:, None].astype(np.float64) + local[1]
    back = np.zeros((count, MAX_STATES, MAX_STATES, number), dtype=np.int16)
    for t in range(2, count):
        # [earlier state, rank, state, next state]
        ways = total.transpose(0, 2, 1)[:, :, :, None] + costs.turn[t][:, None, :, :]
        flat = ways.reshape(MAX_STATES * number, MAX_STATES, MAX_STATES)
        order = np.argsort(flat, axis=0, kind="stable")[:number]
        back[t] = order.transpose(1, 2, 0)
        total = np.take_along_axis(flat, order, axis=0).transpose(1, 2, 0) + local[t][:, :, None]
    ends = np.argsort(total, axis=None, kind="stable")[:number]
    paths = []
    for end in ends:
        before, last, rank = np.unravel_index(end, total.shape)
        cost = float(total[before, last, rank])
        if cost >= _REAL:
            break
        states = np.zeros(count, dtype=np.int64)
        states[-2:] = before, last
        for t in range(count - 1, 1, -1):
            states[t - 2], rank = divmod(int(back[t, states[t - 1], states[t], rank]), number)
        paths.append(Path(states, cost))
    return paths


_REAL = 1e8
"""Costs from here on belong to paths through padding."""


def posterior(costs: Potentials, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probability of each state, [T, S], when a path's is proportional to exp(-cost / temperature)."""
    count = len(costs.node)
    if count == 0:
        return np.zeros((0, MAX_STATES))
    scale = np.float32(-1.0 / temperature)
    if count == 1:
        return _softmax(costs.node * scale)
    exponents = (costs.step + costs.node[:, None, :]) * scale
    exponents[1] += costs.node[0][:, None] * scale
    local = np.exp(_lowered(exponents, (1, 2)))
    forward = np.zeros((count, MAX_STATES, MAX_STATES))
    message = local[1].astype(np.float64)
    forward[1] = message / message.sum()
    for t in range(2, count):
        message = np.einsum("hi,hij->ij", forward[t - 1], _turn(costs, t, scale)) * local[t]
        forward[t] = message / message.sum()
    marginal = np.zeros((count, MAX_STATES))
    backward = np.ones((MAX_STATES, MAX_STATES))
    for t in range(count - 1, 0, -1):
        pair = forward[t] * backward
        marginal[t] = pair.sum(axis=0)
        if t == 1:
            marginal[0] = pair.sum(axis=1)
        else:
            backward = np.einsum("hij,ij->hi", _turn(costs, t, scale), local[t] * backward)
            backward /= backward.max()
    return np.asarray(marginal / marginal.sum(axis=1, keepdims=True))


def _turn(costs: Potentials, t: int, scale: np.float32) -> NDArray[np.float64]:
    # Made slice by slice, twice: all at once they would take eight megabytes per thousand slices.
    values = costs.turn[t] * scale
    return np.asarray(np.exp((values - values.max()).astype(np.float64)))


def finger_posterior(lattice: Lattice, states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each finger on each slot, [T, K, 5], from that of the states, [T, S]."""
    result = np.zeros((len(lattice), MAX_KEYS, 5))
    for finger in range(1, 6):
        result[:, :, finger - 1] = np.einsum("ts,tsk->tk", states, lattice.fingers == finger)
    return result


def _lowered(values: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float64]:
    # In double precision the exponential of even a heavily penalised step is not zero.
    lowered: NDArray[np.float64] = (values - values.max(axis=axes, keepdims=True)).astype(np.float64)
    return lowered


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float64]:
    weights = np.exp((values - values.max(axis=1, keepdims=True)).astype(np.float64))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))

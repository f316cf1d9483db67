"""Trains the fingering model: `python -m fingering_service.training.train CORPUS OUT`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fingering_service.features import SIZES
from fingering_service.training.corpus import Window
from fingering_service.training.model import Batch, FingeringCrf, log_partition


def to_batch(windows: list[Window]) -> Batch:
    """Windows, padded together."""
    length = max(len(w.lattice) for w in windows)
    states = max(int(w.lattice.valid.sum(axis=1).max()) for w in windows)

    def padded(arrays: list[np.ndarray], fill: float, dtype: torch.dtype) -> Tensor:
        shape = (len(arrays), length, *arrays[0].shape[1:])
        out = np.full(shape, fill, dtype=arrays[0].dtype)
        for i, a in enumerate(arrays):
            out[i, : len(a)] = a
        return torch.from_numpy(out).to(dtype)

    lattices = [w.lattice for w in windows]
    node = [np.where(w.lattice.valid, w.ergonomic.node, 0.0)[:, :states] for w in windows]
    return Batch(
        rows={n: padded([w.rows[n] for w in windows], -1, torch.int64) for n in SIZES},
        context=padded([w.context for w in windows], 0, torch.float32),
        fingers=padded([np.maximum(x.fingers[:, :states].astype(np.int64) - 1, 0) for x in lattices], 0, torch.int64),
        valid=padded([x.valid[:, :states] for x in lattices], 0, torch.bool),
        clamped=padded([w.clamped[:, :states] for w in windows], 0, torch.bool),
        low=padded([x.low for x in lattices], 0, torch.int64),
        high=padded([x.high for x in lattices], 0, torch.int64),
        ergonomic=(
            padded(node, 0, torch.float32),
            padded([w.ergonomic.step[:, :states, :states] for w in windows], 0, torch.float32),
            padded([w.ergonomic.turn[:, :states, :states, :states] for w in windows], 0, torch.float32),
        ),
        length=torch.tensor([len(x) for x in lattices]),
        weight=torch.ones(len(windows)),
    )


def loss_of(model: FingeringCrf, batch: Batch) -> Tensor:
    """[B] negative log-likelihood of the labels."""
    node, step, turn = model(batch)
    masks = torch.stack([batch.clamped, batch.valid])
    clamped, free = log_partition(node, step, turn, masks, batch.length)
    return free - clamped

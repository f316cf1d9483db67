"""Fits the model to windows of labelled music."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fingering_service.features import CONTEXT_WIDTH, SIZES
from fingering_service.training.corpus import Window
from fingering_service.training.model import Batch, FingeringCrf
from fingering_service.training.partition import log_partition

BATCH_CELLS = 1_500
"""Slices times windows of a batch where chords occur; windows of single notes come in larger batches."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is made.

    Attributes:
        width: Channels of the network; 0 for tables alone.
        layers: Its layers.
        dropout: Share of its activations dropped while training.
        tables: Names of the tables; () for the network alone.
        ergonomic: First weight of the ergonomic costs; 0 leaves them out.
        epochs: Passes over the windows.
        rate: Greatest learning rate of the network; the tables learn three times as fast.
        decay: Weight decay of the network.
        shrink: Penalty on the squares of the tables' entries.
        table_dropout: Share of the tables left out of each step, so that none leans on another.
        fairness: How far groups of works count alike: windows weigh by the number of their group's labels to the power
            of minus this.
        seed: Of everything random.
    """

    width: int = 0
    layers: int = 4
    dropout: float = 0.5
    tables: tuple[str, ...] = tuple(SIZES)
    ergonomic: float = 0.3
    epochs: int = 5
    rate: float = 3e-3
    decay: float = 1e-2
    shrink: float = 1e-3
    table_dropout: float = 0.0
    fairness: float = 0.0
    seed: int = 0

    def as_dict(self) -> dict[str, object]:
        """For a model card."""
        return asdict(self)


_FEW_LABELS = 50
"""Groups with fewer labels than this weigh no more than with so many."""


def build(recipe: Recipe) -> FingeringCrf:
    """An untrained model."""
    torch.manual_seed(recipe.seed)
    return FingeringCrf(
        CONTEXT_WIDTH,
        recipe.width,
        recipe.layers,
        recipe.dropout,
        recipe.tables,
        recipe.ergonomic,
        recipe.table_dropout,
    )


def group_weights(windows: Sequence[Window], fairness: float) -> dict[str, float]:
    """Weight of the windows of each group of works; a label weighs 1 on average."""
    labels: Counter[str] = Counter()
    for window in windows:
        labels[window.group] += int((window.labels > 0).sum())
    weights = {group: max(count, _FEW_LABELS) ** -fairness for group, count in labels.items()}
    mean = sum(weights[group] * count for group, count in labels.items()) / max(1, labels.total())
    return {group: weight / mean for group, weight in weights.items()} if mean else weights


def fit(windows: Sequence[Window], recipe: Recipe, tell: Callable[[str], None] = print) -> FingeringCrf:
    """A model trained on `windows`: maximum conditional likelihood of the labels, unlabelled notes summed out."""
    model = build(recipe)
    rng = random.Random(recipe.seed)
    named = list(model.named_parameters())
    tables = [p for n, p in named if ".tables." in n]
    others = [p for n, p in named if ".tables." not in n and p.requires_grad]
    groups = [{"params": others, "weight_decay": recipe.decay}]
    if tables:
        groups.append({"params": tables, "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate)
    factors = (1.0, 3.0)
    batches = batches_of(windows, rng)
    weights = group_weights(windows, recipe.fairness)
    total = recipe.epochs * len(batches)
    done = 0
    for epoch in range(recipe.epochs):
        model.train()
        rng.shuffle(batches)
        loss_sum, labels = 0.0, 0
        for batch_windows in batches:
            warm = min(1.0, (done + 1) / 50)
            rate = recipe.rate * warm * (0.5 * (1 + math.cos(math.pi * done / total)) + 0.01)
            for group, factor in zip(optimizer.param_groups, factors, strict=False):
                group["lr"] = rate * factor
            done += 1
            weight = torch.tensor([weights[w.group] for w in batch_windows])
            loss = (weight * negative_log_likelihood(model, to_batch(batch_windows))).sum() / _LABELS_PER_STEP
            penalty = sum(((p * p).sum() for p in tables), torch.zeros(())) * recipe.shrink
            optimizer.zero_grad()
            torch.autograd.backward([loss + penalty])
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            loss_sum += float(loss.detach()) * _LABELS_PER_STEP
            labels += sum(int((w.labels > 0).sum()) for w in batch_windows)
        tell(f"epoch {epoch + 1} of {recipe.epochs}: {loss_sum / labels:.4f} nats per label")
    with torch.no_grad():
        for table in tables:  # together they are more than ever were in training
            table.mul_(1 - recipe.table_dropout)
    model.eval()
    return model


_LABELS_PER_STEP = 500.0
"""Scale of the loss, so that learning rates and penalties do not depend on the batches' sizes."""


def negative_log_likelihood(model: FingeringCrf, batch: Batch) -> Tensor:
    """[B] of the labels of each window."""
    node, step, turn = model(batch)
    masks = torch.stack([batch.clamped, batch.valid])
    clamped, free = log_partition(node, step, turn, masks, batch.length)
    return free - clamped


def state_count(window: Window) -> int:
    """Most states of any slice of a window."""
    return int(window.lattice.valid.sum(axis=1).max())


def batches_of(windows: Sequence[Window], rng: random.Random) -> list[list[Window]]:
    """Windows of like size together."""
    order = sorted(windows, key=lambda w: (state_count(w) > 5, len(w.lattice) + 20 * rng.random()))
    batches: list[list[Window]] = []
    current: list[Window] = []
    longest, chords = 0, False
    for window in order:
        has_chords = state_count(window) > 5
        cells = (len(current) + 1) * max(len(window.lattice), longest)
        limit = BATCH_CELLS if has_chords else 5 * BATCH_CELLS
        if current and (has_chords != chords or cells > limit):
            batches.append(current)
            current, longest = [], 0
        current.append(window)
        longest, chords = max(longest, len(window.lattice)), has_chords
    if current:
        batches.append(current)
    return batches


def to_batch(windows: Sequence[Window]) -> Batch:
    """Windows, padded together."""
    length = max(len(w.lattice) for w in windows)
    states = max(state_count(w) for w in windows)

    def padded(arrays: list[NDArray[np.generic]], fill: int, dtype: torch.dtype) -> Tensor:
        out = np.full((len(arrays), length, *arrays[0].shape[1:]), fill, dtype=arrays[0].dtype)
        for i, array in enumerate(arrays):
            out[i, : len(array)] = array
        return torch.from_numpy(out).to(dtype)

    lattices = [w.lattice for w in windows]
    node = [np.where(w.lattice.valid, w.ergonomic.node, 0.0)[:, :states] for w in windows]
    return Batch(
        rows={n: padded([w.rows[n] for w in windows], -1, torch.int64) for n in SIZES},
        context=padded([w.context for w in windows], 0, torch.float32),
        places=(
            padded([w.places[0] for w in windows], 0, torch.float32),
            padded([w.places[1] for w in windows], 0, torch.float32),
            padded([w.places[2] for w in windows], 0, torch.float32),
        ),
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
    )

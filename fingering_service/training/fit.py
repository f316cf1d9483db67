"""Fits the model to windows of labelled music."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from fingering_service.features import SIZES
from fingering_service.training.corpus import Window
from fingering_service.training.likelihood import Lattices
from fingering_service.training.model import Batch, FingeringCrf

BATCH_SLICES = 2_500


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is made.

    Attributes:
        tables: Names of the tables.
        ergonomic: First weight of the ergonomic costs; 0 leaves them out.
        epochs: Passes over the windows.
        rate: Greatest learning rate of the ergonomic weights; the tables learn three times as fast.
        decay: Weight decay of the ergonomic weights.
        shrink: Penalty on the squares of the tables' entries.
        table_dropout: Share of the tables left out of each step, so that none leans on another.
        fairness: How far groups of works count alike: windows weigh by the number of their group's labels to the power
            of minus this.
        leniency: Weight of a grip for each of its fingers that is not the label's: the label may be a misprint, or one
            choice of several. 0 takes labels at their word.
        seed: Of everything random.
    """

    tables: tuple[str, ...] = tuple(SIZES)
    ergonomic: float = 0.3
    epochs: int = 5
    rate: float = 3e-3
    decay: float = 1e-2
    shrink: float = 1e-3
    table_dropout: float = 0.0
    fairness: float = 0.0
    leniency: float = 0.0
    seed: int = 0

    def as_dict(self) -> dict[str, object]:
        """For a model card."""
        return asdict(self)


_FEW_LABELS = 50
"""Groups with fewer labels than this weigh no more than with so many."""


def build(recipe: Recipe) -> FingeringCrf:
    """An untrained model."""
    torch.manual_seed(recipe.seed)
    return FingeringCrf(recipe.tables, recipe.ergonomic, recipe.table_dropout)


def group_weights(windows: Sequence[Window], fairness: float) -> dict[str, float]:
    """Weight of the windows of each group of works; a label weighs 1 on average."""
    labels: Counter[str] = Counter()
    for window in windows:
        labels[window.group] += window.label_count
    weights = {group: max(count, _FEW_LABELS) ** -fairness for group, count in labels.items()}
    mean = sum(weights[group] * count for group, count in labels.items()) / max(1, labels.total())
    return {group: weight / mean for group, weight in weights.items()} if mean else weights


def fit(windows: Sequence[Window], recipe: Recipe, tell: Callable[[str], None] = print) -> FingeringCrf:
    """A model trained on `windows`: maximum conditional likelihood of the labels, unlabelled notes summed out."""
    model = build(recipe)
    rng = random.Random(recipe.seed)
    tables = list(model.rows.tables.values())
    groups = [{"params": tables, "weight_decay": 0.0}]
    if recipe.ergonomic:
        groups.append({"params": [model.ergonomic], "weight_decay": recipe.decay})
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, fused=True)
    factors = (3.0, 1.0)
    weights = group_weights(windows, recipe.fairness)
    labels = sum(window.label_count for window in windows)
    count = max(1, round(sum(len(w.lattice) for w in windows) / BATCH_SLICES))
    total = recipe.epochs * count
    done = 0
    for epoch in range(recipe.epochs):
        model.train()
        loss_sum = 0.0
        for batch_windows in batches_of(windows, count, rng):
            warm = min(1.0, (done + 1) / 50)
            rate = recipe.rate * warm * (0.5 * (1 + math.cos(math.pi * done / total)) + 0.01)
            for group, factor in zip(optimizer.param_groups, factors, strict=False):
                group["lr"] = rate * factor
            done += 1
            weight = torch.tensor([weights[w.group] for w in batch_windows])
            # Nats per label of an average batch, so that penalties do not depend on its size.
            loss = (weight * model(to_batch(batch_windows, recipe.leniency))).sum() * (count / labels)
            optimizer.zero_grad(set_to_none=False)
            torch.autograd.backward([loss])
            with torch.no_grad():
                for table in tables:
                    if table.grad is None:  # left out since the beginning
                        table.grad = torch.zeros_like(table)
                    table.grad.add_(table, alpha=2 * recipe.shrink)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            loss_sum += float(loss.detach()) / count
        tell(f"epoch {epoch + 1} of {recipe.epochs}: {loss_sum:.4f} nats per label")
    with torch.no_grad():
        for table in tables:  # together they are more than ever were in training
            table.mul_(1 - recipe.table_dropout)
    return model.eval()


def batches_of(windows: Sequence[Window], count: int, rng: random.Random) -> list[list[Window]]:
    """All windows in a new order, in `count` batches (or fewer) of about as many slices each."""
    order = list(windows)
    rng.shuffle(order)
    slices = np.cumsum([len(w.lattice) for w in order])
    batches: list[list[Window]] = [[] for _ in range(count)]
    for window, end in zip(order, slices.tolist(), strict=True):
        batches[(end - 1) * count // int(slices[-1])].append(window)
    return [batch for batch in batches if batch]


def to_batch(windows: Sequence[Window], leniency: float = 0.0) -> Batch:
    """Windows one after another."""
    lattices = [w.lattice for w in windows]
    agreement = [np.where(x.valid, leniency**w.contradictions, 0.0) for w, x in zip(windows, lattices, strict=True)]
    node = [np.where(w.lattice.valid, w.ergonomic.node, 0.0) for w in windows]
    return Batch(
        rows={n: torch.from_numpy(np.concatenate([w.rows[n] for w in windows])) for n in SIZES},
        lattices=Lattices(
            first=np.cumsum([0, *(len(x) for x in lattices)]),
            states=np.concatenate([x.valid.sum(axis=1) for x in lattices]),
            keys=np.concatenate([x.present.sum(axis=1) for x in lattices]),
            fingers=np.concatenate([np.maximum(x.fingers - 1, 0) for x in lattices]),
            low=np.concatenate([x.low for x in lattices]),
            high=np.concatenate([x.high for x in lattices]),
            agreement=np.concatenate(agreement).astype(np.float32),
            node=np.concatenate(node).astype(np.float32),
            step=np.concatenate([w.ergonomic.step for w in windows]),
            turn=np.concatenate([w.ergonomic.turn for w in windows]),
        ),
    )

"""The model in torch: tables give rows; rows and ergonomic costs give the likelihood of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fingering_service.features import PAIRS, SIZES, WIDTHS
from fingering_service.lines import MAX_KEYS
from fingering_service.training.likelihood import Lattices, negative_log_likelihood


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of lines, one after another, N slices in all.

    Attributes:
        rows: Feature rows by table, [N, n]; -1 for none.
        lattices: Their states, how these agree with the labels, and ergonomic costs.
    """

    rows: dict[str, Tensor]
    lattices: Lattices


class RowModel(nn.Module):
    """Rows (see `fingering_service.rows`) from features. This part is exported for serving."""

    def __init__(self, tables: tuple[str, ...], table_dropout: float = 0.0) -> None:
        super().__init__()
        self.table_dropout = table_dropout
        self.tables = nn.ParameterDict({n: nn.Parameter(torch.zeros(SIZES[n], WIDTHS[n])) for n in tables})

    def forward(self, rows: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Unary [T, 5, 5], grip [T, 10, 25], step [T, 2, 25], turn [T, 2, 125] and line [T, 2, 25]."""
        t = rows["unary_role"].shape[0]
        unary = torch.zeros((t, MAX_KEYS, 5))
        grip = torch.zeros((t, len(PAIRS), 25))
        step = torch.zeros((t, 2, 25))
        turn = torch.zeros((t, 2, 125))
        outer = torch.zeros((t, 2, 25))
        line = torch.zeros((t, 2, 25))
        left_out = self._left_out()
        for name, table in self.tables.items():
            if name in left_out:
                continue
            index = rows[name]
            row = nn.functional.embedding(index.clamp(min=0), table) * (index >= 0).unsqueeze(-1)
            if name.startswith("unary"):
                unary = unary + row
            elif name.startswith("grip"):
                grip = grip + row
            elif name.startswith("step"):
                step = step + row
            elif name.startswith("line"):
                line = line + row
            elif WIDTHS[name] == 125:
                turn = turn + row
            else:
                outer = outer + row
        turn = turn.view(t, 2, 5, 5, 5) + outer.view(t, 2, 5, 1, 5)
        return unary, grip, step, turn.reshape(t, 2, 125), line

    def _left_out(self) -> set[str]:
        """Names of the tables this step does without."""
        if not self.training or not self.table_dropout:
            return set()
        chances = torch.rand(len(self.tables)).tolist()
        return {name for name, chance in zip(self.tables, chances, strict=True) if chance < self.table_dropout}


class FingeringCrf(nn.Module):
    """A conditional random field over a lattice's states: scores are rows less a share of the ergonomic costs."""

    def __init__(
        self, tables: tuple[str, ...] = tuple(SIZES), ergonomic: float = 0.3, table_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.rows = RowModel(tables, table_dropout)
        self.ergonomic = nn.Parameter(torch.full((3,), ergonomic), requires_grad=ergonomic > 0)

    def forward(self, batch: Batch) -> Tensor:
        """Negative logarithm of the likelihood of each window's labels, [W] nats."""
        return negative_log_likelihood(self.rows(batch.rows), self.ergonomic, batch.lattices)


def mean_of(models: Sequence[FingeringCrf]) -> FingeringCrf:
    """The mean of models: as rows are sums of table entries, it is one model with the mean tables.

    A table that a model does not have counts as zeros.
    """
    names = tuple(n for n in SIZES if any(n in model.rows.tables for model in models))
    mean = FingeringCrf(tables=names)
    with torch.no_grad():
        for name, table in mean.rows.tables.items():
            table.copy_(sum((m.rows.tables[name] for m in models if name in m.rows.tables), table) / len(models))
        mean.ergonomic.copy_(torch.stack([model.ergonomic for model in models]).mean(dim=0))
    return mean.eval()

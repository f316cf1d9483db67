"""The model in torch: tables and a small network give rows, rows give scores of grips, steps and turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fingering_service.features import PAIRS, SIZES, WIDTHS
from fingering_service.lines import MAX_KEYS


@dataclass(slots=True)
class Batch:
    """Windows of lines, padded to one length T and one number of states S.

    Attributes:
        rows: Feature rows by table, [B, T, n]; -1 for none.
        context: [B, T, F] inputs of the network.
        places: Where its answers go, see `features.places_of`; each [B, T, n].
        fingers: [B, T, S, K] finger less one of each slot in each state; 0 for padding.
        valid: [B, T, S].
        clamped: [B, T, S] states that agree with the labels.
        low: [B, T] lowest struck slot.
        high: [B, T] highest struck slot.
        ergonomic: Costs of the ergonomic model: [B, T, S], [B, T, S, S], [B, T, S, S, S].
        length: [B].
    """

    rows: dict[str, Tensor]
    context: Tensor
    places: tuple[Tensor, Tensor, Tensor]
    fingers: Tensor
    valid: Tensor
    clamped: Tensor
    low: Tensor
    high: Tensor
    ergonomic: tuple[Tensor, Tensor, Tensor]
    length: Tensor


class Context(nn.Module):
    """A residual stack of dilated convolutions over slices."""

    def __init__(self, inputs: int, width: int, layers: int, dropout: float, outputs: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(inputs, width, 1)
        self.blocks = nn.ModuleList(nn.Conv1d(width, width, 3, padding=2**i, dilation=2**i) for i in range(layers))
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers))
        self.drop = nn.Dropout(dropout)
        self.leave = nn.Conv1d(width, outputs, 1)
        with torch.no_grad():
            self.leave.weight.zero_()
            if self.leave.bias is not None:
                self.leave.bias.zero_()

    def forward(self, inputs: Tensor) -> Tensor:
        """[B, F, T] to [B, outputs, T]."""
        x: Tensor = self.enter(inputs)
        for block, mix in zip(self.blocks, self.mix, strict=True):
            x = x + mix(self.drop(torch.relu(block(x))))
        answer: Tensor = self.leave(self.drop(torch.relu(x)))
        return answer


_PARTS = (5, 5, 25, 25, 25, 25, 25)
"""Answers of the network: unary of the lowest and highest key, their steps, their turns' outer fingers, the grip's
outer fingers."""


class RowModel(nn.Module):
    """Rows (see `fingering_service.rows`) from features. This part is exported for serving."""

    def __init__(
        self,
        inputs: int,
        width: int,
        layers: int,
        dropout: float,
        tables: tuple[str, ...],
        table_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.table_dropout = table_dropout
        self.tables = nn.ParameterDict({n: nn.Parameter(torch.zeros(SIZES[n], WIDTHS[n])) for n in tables})
        self.context = Context(inputs, width, layers, dropout, sum(_PARTS)) if width else None

    def forward(
        self, rows: dict[str, Tensor], context: Tensor, places: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Unary [B, T, 5, 5], grip [B, T, 10, 25], step [B, T, 2, 25] and turn [B, T, 2, 125]."""
        slots = rows["unary_role"]
        b, t = slots.shape[0], slots.shape[1]
        low, high, pair = places
        unary = torch.zeros((b, t, MAX_KEYS, 5))
        grip = torch.zeros((b, t, len(PAIRS), 25))
        step = torch.zeros((b, t, 2, 25))
        turn = torch.zeros((b, t, 2, 125))
        outer = torch.zeros((b, t, 2, 25))
        left_out = self._left_out()
        for name, table in self.tables.items():
            if name in left_out:
                continue
            index = rows[name]
            row = table[index.clamp(min=0)] * (index >= 0).unsqueeze(-1)
            if name.startswith("unary"):
                unary = unary + row
            elif name.startswith("grip"):
                grip = grip + row
            elif name.startswith("step"):
                step = step + row
            elif WIDTHS[name] == 125:
                turn = turn + row
            else:
                outer = outer + row
        if self.context is not None:
            answer = self.context(context.transpose(1, 2)).transpose(1, 2)
            one_low, one_high, step_low, step_high, turn_low, turn_high, both = answer.split(_PARTS, dim=-1)
            unary = unary + low.unsqueeze(-1) * one_low.unsqueeze(2) + high.unsqueeze(-1) * one_high.unsqueeze(2)
            grip = grip + pair.unsqueeze(-1) * both.unsqueeze(2)
            stepping = (rows["step_span"] >= 0).unsqueeze(-1)
            turning = (rows["turn_span"] >= 0).unsqueeze(-1)
            step = step + torch.stack([step_low, step_high], dim=2) * stepping
            outer = outer + torch.stack([turn_low, turn_high], dim=2) * turning
        turn = turn.view(b, t, 2, 5, 5, 5) + outer.view(b, t, 2, 5, 1, 5)
        return unary, grip, step, turn.reshape(b, t, 2, 125)

    def _left_out(self) -> set[str]:
        """Names of the tables this step does without."""
        if not self.training or not self.table_dropout:
            return set()
        chances = torch.rand(len(self.tables)).tolist()
        return {name for name, chance in zip(self.tables, chances, strict=True) if chance < self.table_dropout}


class FingeringCrf(nn.Module):
    """Scores of a lattice's grips, steps and turns: rows and a share of the ergonomic costs."""

    def __init__(
        self,
        inputs: int,
        width: int = 32,
        layers: int = 4,
        dropout: float = 0.5,
        tables: tuple[str, ...] = tuple(SIZES),
        ergonomic: float = 0.3,
        table_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.rows = RowModel(inputs, width, layers, dropout, tables, table_dropout)
        self.ergonomic = nn.Parameter(torch.full((3,), ergonomic), requires_grad=ergonomic > 0)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (higher is better): node [B, T, S], step [B, T, S, S], turn [B, T, S, S, S]."""
        unary, grip, step, turn = self.rows(batch.rows, batch.context, batch.places)
        fingers = batch.fingers
        b, t, s, _ = fingers.shape
        node = unary.new_zeros((b, t, s))
        for k in range(MAX_KEYS):
            node = node + unary[:, :, k].gather(2, fingers[:, :, :, k])
        for number, (p, q) in enumerate(PAIRS):
            node = node + grip[:, :, number].gather(2, fingers[:, :, :, p] * 5 + fingers[:, :, :, q])
        lowest = fingers.gather(3, batch.low.view(b, t, 1, 1).expand(b, t, s, 1)).squeeze(3)
        highest = fingers.gather(3, batch.high.view(b, t, 1, 1).expand(b, t, s, 1)).squeeze(3)
        steps, turns = unary.new_zeros((b, t, s, s)), unary.new_zeros((b, t, s, s, s))
        for voice, own in enumerate((lowest, highest)):
            before, earlier = _shift(own, 1), _shift(own, 2)
            pair = before.unsqueeze(3) * 5 + own.unsqueeze(2)
            steps = steps + step[:, :, voice].gather(2, pair.view(b, t, -1)).view(b, t, s, s)
            triple = earlier.view(b, t, s, 1, 1) * 25 + pair.unsqueeze(2)
            turns = turns + turn[:, :, voice].gather(2, triple.view(b, t, -1)).view(b, t, s, s, s)
        e_node, e_step, e_turn = batch.ergonomic
        node = node - self.ergonomic[0] * e_node
        return node, steps - self.ergonomic[1] * e_step, turns - self.ergonomic[2] * e_turn


def mean_of(models: Sequence[FingeringCrf]) -> FingeringCrf:
    """The mean of models without a network: as rows are sums of table entries, it is one model with the mean tables.

    A table that a model does not have counts as zeros.
    """
    if any(model.rows.context is not None for model in models):
        raise ValueError("only models without a network have a mean that is a model")
    names = tuple(n for n in SIZES if any(n in model.rows.tables for model in models))
    mean = FingeringCrf(0, width=0, tables=names)
    with torch.no_grad():
        for name, table in mean.rows.tables.items():
            table.copy_(sum((m.rows.tables[name] for m in models if name in m.rows.tables), table) / len(models))
        mean.ergonomic.copy_(torch.stack([model.ergonomic for model in models]).mean(dim=0))
    return mean.eval()


def _shift(values: Tensor, lag: int) -> Tensor:
    """Values of `lag` slices before; zeros at the start."""
    shifted = torch.zeros_like(values)
    shifted[:, lag:] = values[:, :-lag]
    return shifted

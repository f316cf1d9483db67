"""The model in torch: tables and a small network give rows, rows give scores of grips, steps and turns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fingering_service.features import PAIRS, SIZES, WIDTHS

MAX_KEYS = 5


@dataclass(slots=True)
class Batch:
    """Windows of lines, padded to one length T and one number of states S.

    Attributes:
        rows: Feature rows by table, [B, T, n]; -1 for none.
        context: [B, T, F] inputs of the network.
        fingers: [B, T, S, K] finger less one of each slot in each state; 0 for padding.
        valid: [B, T, S].
        clamped: [B, T, S] states that agree with the labels.
        low, high: [B, T] lowest and highest struck slot.
        ergonomic: Costs of the ergonomic model: [B, T, S], [B, T, S, S], [B, T, S, S, S].
        held: [B, T, S, S] number of held keys that change their finger.
        length: [B].
        weight: [B].
    """

    rows: dict[str, Tensor]
    context: Tensor
    fingers: Tensor
    valid: Tensor
    clamped: Tensor
    low: Tensor
    high: Tensor
    ergonomic: tuple[Tensor, Tensor, Tensor]
    length: Tensor
    weight: Tensor


class Context(nn.Module):
    """A residual stack of dilated convolutions over slices."""

    def __init__(self, inputs: int, width: int, layers: int, dropout: float, outputs: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(inputs, width, 1)
        self.blocks = nn.ModuleList(nn.Conv1d(width, width, 3, padding=2**i, dilation=2**i) for i in range(layers))
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers))
        self.drop = nn.Dropout(dropout)
        self.leave = nn.Conv1d(width, outputs, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """[B, F, T] to [B, outputs, T]."""
        x = self.enter(self.drop(inputs))
        for block, mix in zip(self.blocks, self.mix, strict=True):
            x = x + mix(self.drop(torch.relu(block(x))))
        return self.leave(self.drop(torch.relu(x)))


OUTPUTS = 2 * 5 + 2 * 25 + 2 * 25 + 25
"""Of the network: unary of the lowest and highest key, their steps, their turns' outer pairs, the grip's outer pair."""


class FingeringCrf(nn.Module):
    """Scores of a lattice's grips, steps and turns."""

    def __init__(
        self, inputs: int, width: int = 64, layers: int = 4, dropout: float = 0.3, tables: bool = True
    ) -> None:
        super().__init__()
        self.tables = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(SIZES[name], WIDTHS[name])) for name in SIZES if tables}
        )
        self.context = Context(inputs, width, layers, dropout, OUTPUTS) if width else None
        self.ergonomic = nn.Parameter(torch.full((3,), 0.3))

    def row(self, batch: Batch, name: str) -> Tensor | None:
        """Rows of a table, [B, T, n, width]; the row of -1 is kept at zero by the lookup."""
        if name not in self.tables:
            return None
        index = batch.rows[name]
        return self.tables[name][index.clamp(min=0)] * (index >= 0).unsqueeze(-1)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Scores (higher is better): node [B, T, S], step [B, T, S, S], turn [B, T, S, S, S]."""
        b, t, s, _ = batch.fingers.shape
        zeros = batch.context.new_zeros
        unary, grip = zeros(b, t, MAX_KEYS, 5), zeros(b, t, len(PAIRS), 25)
        step, turn, outer = zeros(b, t, 2, 25), zeros(b, t, 2, 125), zeros(b, t, 2, 25)
        for name in SIZES:
            row = self.row(batch, name)
            if row is None:
                continue
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
        low, high = batch.low, batch.high
        chord = low != high
        width = None
        if self.context is not None:
            extra = self.context(batch.context.transpose(1, 2)).transpose(1, 2)
            singles, steps, outers, width = extra.split([10, 50, 50, 25], dim=-1)
            singles = singles.view(b, t, 2, 5)
            onehot = torch.nn.functional.one_hot
            unary = unary + onehot(low, MAX_KEYS).unsqueeze(-1) * singles[:, :, :1]
            unary = unary + (onehot(high, MAX_KEYS) * chord.unsqueeze(-1)).unsqueeze(-1) * singles[:, :, 1:]
            use1 = (batch.rows["step_span"] >= 0).unsqueeze(-1)
            use2 = (batch.rows["turn_span"] >= 0).unsqueeze(-1)
            step = step + steps.view(b, t, 2, 25) * use1
            outer = outer + outers.view(b, t, 2, 25) * use2
        turn = (turn.view(b, t, 2, 5, 5, 5) + outer.view(b, t, 2, 5, 1, 5)).reshape(b, t, 2, 125)
        fingers = batch.fingers
        node = zeros(b, t, s)
        for k in range(MAX_KEYS):
            node = node + unary[:, :, k].gather(2, fingers[:, :, :, k])
        for number, (p, q) in enumerate(PAIRS):
            index = fingers[:, :, :, p] * 5 + fingers[:, :, :, q]
            node = node + grip[:, :, number].gather(2, index)
        lowest = fingers.gather(3, low.view(b, t, 1, 1).expand(b, t, s, 1)).squeeze(3)
        highest = fingers.gather(3, high.view(b, t, 1, 1).expand(b, t, s, 1)).squeeze(3)
        if width is not None:
            node = node + width.gather(2, lowest * 5 + highest) * chord.unsqueeze(-1)
        step_scores, turn_scores = zeros(b, t, s, s), zeros(b, t, s, s, s)
        for voice, own in enumerate((lowest, highest)):
            before, earlier = _shift(own, 1), _shift(own, 2)
            pair = before.unsqueeze(3) * 5 + own.unsqueeze(2)
            step_scores = step_scores + step[:, :, voice].gather(2, pair.view(b, t, -1)).view(b, t, s, s)
            triple = earlier.view(b, t, s, 1, 1) * 25 + (before.unsqueeze(3) * 5 + own.unsqueeze(2)).unsqueeze(2)
            turn_scores = turn_scores + turn[:, :, voice].gather(2, triple.view(b, t, -1)).view(b, t, s, s, s)
        e_node, e_step, e_turn = batch.ergonomic
        node = node - self.ergonomic[0] * e_node
        step_scores = step_scores - self.ergonomic[1] * e_step
        turn_scores = turn_scores - self.ergonomic[2] * e_turn
        return node, step_scores, turn_scores


def _shift(values: Tensor, lag: int) -> Tensor:
    """Values of `lag` slices before; zeros at the start."""
    shifted = torch.zeros_like(values)
    shifted[:, lag:] = values[:, :-lag]
    return shifted


NEVER = -1e6


def log_partition(node: Tensor, step: Tensor, turn: Tensor, masks: Tensor, length: Tensor) -> Tensor:
    """Logarithms of the sums over all paths through each of several masks.

    Args:
        node, step, turn: As from the model.
        masks: [M, B, T, S] states that may be used.
        length: [B], at least 2.

    Returns:
        [M, B].
    """
    node = torch.where(masks, node.unsqueeze(0), NEVER)
    count = node.shape[2]
    alpha = node[:, :, 0].unsqueeze(3) + step[:, 1].unsqueeze(0) + node[:, :, 1].unsqueeze(2)
    for t in range(2, count):
        new = torch.logsumexp(alpha.unsqueeze(4) + turn[:, t].unsqueeze(0), dim=2)
        new = new + step[:, t].unsqueeze(0) + node[:, :, t].unsqueeze(2)
        alpha = torch.where((t < length).view(1, -1, 1, 1), new, alpha)
    return torch.logsumexp(alpha.flatten(2), dim=2)

"""The sum over all paths of a lattice and its gradient, which is what training spends its time on.

Forward-backward with scaled numbers in double precision: the gradient of the logarithm of the sum is the probability
of each state, step and turn. That is several times quicker than letting autograd walk back through logarithms.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def log_partition(node: Tensor, step: Tensor, turn: Tensor, masks: Tensor, length: Tensor) -> Tensor:
    """Logarithms of the sums over all paths through each of several masks.

    Args:
        node: [B, T, S] scores of states.
        step: [B, T, S, S] scores of steps.
        turn: [B, T, S, S, S] scores of turns.
        masks: [M, B, T, S] states that may be used.
        length: [B], at least 2. What is beyond does not count.

    Returns:
        [M, B].
    """
    answer: Tensor = _LogPartition.apply(node, step, turn, masks, length)
    return answer


class _LogPartition(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, node: Tensor, step: Tensor, turn: Tensor, masks: Tensor, length: Tensor) -> Tensor:
        b, count, s = node.shape
        inside = torch.arange(count)[None, :] < length[:, None]
        # Beyond its end a window stays in state 0 at no cost, so that nothing is added there.
        allowed = torch.where(inside[None, :, :, None], masks, torch.arange(s) == 0)
        node = torch.where(inside[:, :, None], node, 0.0).double()
        step = torch.where(inside[:, :, None, None], step, 0.0).double()
        top = turn.flatten(2).amax(dim=2).double()
        # [T, B, S now-1, S now-2, S now]: the middle state leads, so that a step forward is a matrix product.
        weights = (turn.double() - top[:, :, None, None, None]).exp().permute(1, 0, 3, 2, 4).contiguous()
        weights[~inside.T] = 1.0
        local = node[:, :, None, :] + step
        local[:, 1] += node[:, 0, :, None]
        peak = local.flatten(2).amax(dim=2)
        local = (local - peak[:, :, None, None]).exp()
        m = len(masks)
        # [M, B, T, S before, S now]
        factors = local[None] * allowed[:, :, :, None, :]
        factors[:, :, 1] *= allowed[:, :, 0, :, None]
        offsets = torch.where(inside, peak, 0.0)[:, 1:].sum(dim=1) + torch.where(inside, top, 0.0)[:, 2:].sum(dim=1)
        forward = torch.empty((count, m, b, s, s), dtype=torch.float64)
        total = offsets[None].expand(m, b).clone()
        alpha = factors[:, :, 1]
        for t in range(1, count):
            if t > 1:
                # [B, S middle, M, S earlier] times [B, S middle, S earlier, S now]
                ways = alpha.permute(1, 3, 0, 2) @ weights[t]
                alpha = ways.permute(2, 0, 1, 3) * factors[:, :, t]
            scale = alpha.flatten(2).sum(dim=2)
            total = total + scale.log()
            alpha = alpha / scale[:, :, None, None]
            forward[t] = alpha
        ctx.save_for_backward(forward, factors, weights, inside)
        return total.float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        forward, factors, weights, inside = ctx.saved_tensors
        count, m, b, s, _ = forward.shape
        signs = grad.double()[:, :, None, None]
        d_step = torch.zeros((b, count, s, s))
        d_turn = torch.zeros((b, count, s, s, s))
        d_first = torch.zeros((b, s))
        beta = torch.ones((m, b, s, s), dtype=torch.float64)
        for t in range(count - 1, 0, -1):
            pair = forward[t] * beta
            pair = pair / pair.flatten(2).sum(dim=2)[:, :, None, None] * signs
            d_step[:, t] = pair.sum(dim=0)
            if t == 1:
                d_first = pair.sum(dim=0).sum(dim=2).float()
                break
            # [M, B, S middle, S now]
            after = factors[:, :, t] * beta
            later = after.permute(1, 2, 0, 3)
            earlier = forward[t - 1].permute(1, 3, 2, 0)
            beta = (later @ weights[t].transpose(2, 3)).permute(2, 0, 3, 1)
            norm = (forward[t - 1] * beta).flatten(2).sum(dim=2)
            scaled = later * (signs[:, :, 0, 0] / norm).T[:, None, :, None]
            d_turn[:, t] = ((earlier @ scaled) * weights[t]).permute(0, 2, 1, 3)
            beta = beta / beta.flatten(2).amax(dim=2)[:, :, None, None]
        d_node = d_step.sum(dim=2)
        d_node[:, 0] = d_first
        keep = inside.float()
        gradients = (g * keep.view(b, count, *[1] * (g.dim() - 2)) for g in (d_node, d_step, d_turn))
        return (*gradients, None, None)

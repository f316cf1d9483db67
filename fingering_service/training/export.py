"""Writes a trained model down for serving: one ONNX file with its facts in the metadata, and a model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from fingering_service.features import CONTEXT_WIDTH, PAIRS, SIZES
from fingering_service.lines import MAX_KEYS
from fingering_service.training.model import FingeringCrf, RowModel

INPUTS = (*SIZES, "context", "low", "high", "pair")
OUTPUTS = ("unary", "grip", "step", "turn")


class Ensemble(nn.Module):
    """The mean of several models' rows."""

    def __init__(self, members: Sequence[RowModel]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Rows from features in the order of INPUTS."""
        rows = dict(zip(SIZES, inputs, strict=False))
        context, low, high, pair = inputs[len(SIZES) :]
        answers = [member(rows, context, (low, high, pair)) for member in self.members]
        return tuple(torch.stack(parts).mean(dim=0) for parts in zip(*answers, strict=True))


def example_inputs(slices: int) -> tuple[Tensor, ...]:
    """Inputs of the right shapes for `slices` slices."""
    widths = {"unary": MAX_KEYS, "grip": len(PAIRS), "step": 2, "turn": 2}
    rows = [torch.zeros((1, slices, widths[n.split("_")[0]]), dtype=torch.int64) for n in SIZES]
    others = [torch.zeros((1, slices, w)) for w in (CONTEXT_WIDTH, MAX_KEYS, MAX_KEYS, len(PAIRS))]
    return (*rows, *others)


def export(models: Sequence[FingeringCrf], facts: dict[str, str], path: Path) -> str:
    """Writes the mean of `models` to `path`; returns "sha256:" and the digest of the file.

    Args:
        models: Trained models.
        facts: What serving needs to know beside the weights (version, temperature, coherence, description).
        path: The ONNX file.
    """
    ensemble = Ensemble([m.rows for m in models]).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        ensemble,
        example_inputs(16),
        str(path),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes={n: {1: "slices"} for n in (*INPUTS, *OUTPUTS)},
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(path)
    weights = torch.stack([m.ergonomic.detach() for m in models]).mean(dim=0).tolist()
    known = {**facts, "ergonomic": json.dumps([round(w, 6) for w in weights])}
    for key in sorted(known):
        graph.metadata_props.add(key=key, value=known[key])
    data = graph.SerializeToString(deterministic=True)
    path.write_bytes(data)
    return "sha256:" + hashlib.sha256(data).hexdigest()

"""Writes a trained model down for serving: one ONNX file with its facts in the metadata, and a model card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from fingering_service.features import PAIRS, SIZES
from fingering_service.lines import MAX_KEYS
from fingering_service.training.model import FingeringCrf, RowModel

INPUTS = tuple(SIZES)
OUTPUTS = ("unary", "grip", "step", "turn", "line")


class _Rows(nn.Module):
    """A model's rows, from features in the order of INPUTS."""

    def __init__(self, rows: RowModel) -> None:
        super().__init__()
        self.rows = rows

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        answer: tuple[Tensor, ...] = self.rows(dict(zip(SIZES, inputs, strict=True)))
        return answer


def example_inputs(slices: int) -> tuple[Tensor, ...]:
    """Inputs of the right shapes for `slices` slices."""
    widths = {"unary": MAX_KEYS, "grip": len(PAIRS), "step": 2, "turn": 2, "line": 2}
    return tuple(torch.zeros((slices, widths[n.split("_")[0]]), dtype=torch.int64) for n in SIZES)


def export(model: FingeringCrf, facts: dict[str, str], path: Path) -> str:
    """Writes `model` to `path`; returns "sha256:" and the digest of the file.

    Args:
        model: A trained model.
        facts: What serving needs to know beside the weights (version, temperature, coherence, conventions,
            emphasis, calibration, description).
        path: The ONNX file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        _Rows(model.rows).eval(),
        example_inputs(16),
        str(path),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes={n: {0: "slices"} for n in (*INPUTS, *OUTPUTS)},
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(path)
    weights = model.ergonomic.detach().tolist()
    known = {**facts, "ergonomic": json.dumps([round(w, 6) for w in weights])}
    for key in sorted(known):
        graph.metadata_props.add(key=key, value=known[key])
    data = graph.SerializeToString(deterministic=True)
    path.write_bytes(data)
    return "sha256:" + hashlib.sha256(data).hexdigest()

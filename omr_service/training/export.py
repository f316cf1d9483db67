"""Writes a trained network down for serving, as ONNX with dynamic size, and reads its weights back to train on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import onnx
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from omr_service.scan.detector import INPUT, OUTPUTS
from omr_service.scan.vocabulary import LINES, POINTS
from omr_service.training.fit import new_net
from omr_service.training.net import DetectorNet

_PREFIX = "net."


class Served(nn.Module):
    """The network as it is served: masks as bytes."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, ink: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of points, places, and masks from 0 to 255."""
        points, places, masks = self.net(ink)
        return points, places, (torch.sigmoid(masks) * 255.0 + 0.5).to(torch.uint8)


def export(net: DetectorNet, facts: Mapping[str, str], path: Path) -> str:
    """Writes a network to `path`; returns "sha256:" and the digest of the file.

    Args:
        net: A trained network for the whole vocabulary.
        facts: What serving tells about it (name, version, description).
        path: The ONNX file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "batch", 2: "height", 3: "width"} for name in (INPUT, *OUTPUTS)}
    torch.onnx.export(
        Served(net).eval(),
        (torch.zeros((1, 1, 64, 96)),),
        str(path),
        input_names=[INPUT],
        output_names=list(OUTPUTS),
        dynamic_axes=axes,
        opset_version=17,
        # unfused, so that the weights can be read back; ONNX Runtime fuses them itself
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        dynamo=False,
    )
    graph = onnx.load(path)
    known = {**facts, "points": " ".join(POINTS), "lines": " ".join(LINES)}
    for key in sorted(known):
        graph.metadata_props.add(key=key, value=known[key])
    data = graph.SerializeToString(deterministic=True)
    path.write_bytes(data)
    return "sha256:" + hashlib.sha256(data).hexdigest()


def read_back(path: Path) -> DetectorNet:
    """A network with the weights of an exported file, to be trained on.

    Where the vocabulary has grown since, new classes start from nothing.

    Raises:
        ValueError: The file is of another network.
    """
    graph = onnx.load(path)
    known = {entry.key: entry.value.split() for entry in graph.metadata_props}
    stored = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in graph.graph.initializer}
    net = new_net()
    state = net.state_dict()
    for name, value in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        saved = stored.get(_PREFIX + name)
        if saved is None:
            raise ValueError(f"{path.name} has no weights named {name}: it is of another network.")
        if name.startswith("points."):
            value[0] = saved[0]
            for new, kind in enumerate(POINTS, 1):
                if kind in known["points"]:
                    value[new] = saved[1 + known["points"].index(kind)]
        elif name.startswith("masks.1."):
            for new, line in enumerate(LINES):
                if line in known["lines"]:
                    value[new] = saved[known["lines"].index(line)]
        elif saved.shape == value.shape:
            value.copy_(saved)
        else:
            raise ValueError(f"{path.name} has other widths at {name}: it is of another network.")
    net.load_state_dict(state)
    return net

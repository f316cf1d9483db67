"""The detector's network: a small feature pyramid of plain 3x3 convolutions.

Input: ink, float (n, 1, h, w), 1 for black, h and w multiples of 16. Outputs, in the order of `scan.detector.OUTPUTS`:

* points: (n, 1 + classes, h / 4, w / 4), logits of "nothing" and of each point class, a softmax per cell;
* places: (n, 4, h / 4, w / 4), where a cell's symbol is: x and y of its point from the cell's centre, in cells, and the
  logarithms of its ink's width and height in staff spaces;
* masks: (n, lines, h / 2, w / 2), logits of each line class, a sigmoid each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Widths:
    """Channels at strides 2, 4, 8 and 16, and of the map the points are read from."""

    at2: int = 16
    at4: int = 32
    at8: int = 64
    at16: int = 128
    out: int = 64


def _conv(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two convolutions and a short cut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """A map of the same size."""
        return functional.relu(x + self.second(self.first(x)))


class DetectorNet(nn.Module):
    """The network; see the module."""

    def __init__(self, points: int, lines: int, widths: Widths | None = None) -> None:
        super().__init__()
        w = widths or Widths()
        self.stem = nn.Sequential(_conv(1, w.at2, 2), _conv(w.at2, w.at2))
        self.down4 = nn.Sequential(_conv(w.at2, w.at4, 2), _Residual(w.at4))
        self.down8 = nn.Sequential(_conv(w.at4, w.at8, 2), _Residual(w.at8))
        self.down16 = nn.Sequential(_conv(w.at8, w.at16, 2), _Residual(w.at16), _Residual(w.at16))
        self.up8 = _conv(w.at16, w.at8, size=1)
        self.mix8 = _conv(w.at8, w.at8)
        self.up4 = _conv(w.at8, w.out, size=1)
        self.side4 = _conv(w.at4, w.out, size=1)
        self.mix4 = nn.Sequential(_conv(w.out, w.out), _conv(w.out, w.out))
        self.points = nn.Conv2d(w.out, 1 + points, 1)
        self.places = nn.Conv2d(w.out, 4, 1)
        self.up2 = nn.Conv2d(w.out, 4 * w.at2, 1)
        last = nn.Conv2d(w.at2 + 8, lines, 1)
        self.masks = nn.Sequential(_conv(2 * w.at2, w.at2 + 8), last)
        start = torch.zeros(1 + points)  # at first, nothing is anywhere
        start[0] = 8.0
        self.points.bias = nn.Parameter(start)
        last.bias = nn.Parameter(torch.full((lines,), -3.0))

    def forward(self, ink: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Points, places and masks; see the module."""
        f2 = self.stem(ink)
        f4 = self.down4(f2)
        f8 = self.down8(f4)
        f16 = self.down16(f8)
        p8 = self.mix8(f8 + functional.interpolate(self.up8(f16), scale_factor=2.0, mode="nearest"))
        p4 = self.side4(f4) + functional.interpolate(self.up4(p8), scale_factor=2.0, mode="nearest")
        p4 = self.mix4(p4)
        fine = torch.cat((f2, functional.pixel_shuffle(self.up2(p4), 2)), dim=1)
        return self.points(p4), self.places(p4), self.masks(fine)

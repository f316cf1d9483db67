"""Trains the reader of page numbers: digits of printed faces, lining and old-style, as worn print and scans show them.

The faces are those of the machine it runs on whose files lie under the folders given (TeX Gyre, Latin Modern, DejaVu
and Liberation for the shipped weights); those of every eighth family are held out.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from omr_service.scan.numbers import SIDE, picture_of

OTHERS = "abcdefghkmnpqrstuvwxyzABCDEFGHJKLMNPQRTUVWXYZ()[].,:;-–=*§&?!/"
"""What is no digit; letters that look like one are left out."""
_EVERY = 8
_SPECK = 6
_ALIKE = {"1": "1I"}


class DigitNet(nn.Module):
    """Probabilities of ten digits and of anything else, for pictures of `SIDE` pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(24 * (SIDE // 4) ** 2, 48),
            nn.ReLU(),
            nn.Linear(48, 11),
        )

    def forward(self, signs: Tensor) -> Tensor:
        """Logits: signs by 11."""
        result: Tensor = self.layers(signs)
        return result


class _Served(nn.Module):
    def __init__(self, net: DigitNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, signs: Tensor) -> Tensor:
        return torch.softmax(self.net(signs), dim=1)


@dataclass(frozen=True, slots=True)
class Faces:
    """Font files to train on and to measure on."""

    train: tuple[Path, ...]
    held_out: tuple[Path, ...]


def faces_in(folders: list[Path]) -> Faces:
    """The faces under some folders that have digits; families stay together when faces are held out."""
    fonts = sorted(p for folder in folders for p in folder.rglob("*") if p.suffix in (".otf", ".ttf"))
    fonts = [p for p in fonts if "math" not in p.stem.lower() and _has_digits(p)]
    families = sorted({_family(p) for p in fonts})
    away = set(families[::_EVERY])
    return Faces(tuple(p for p in fonts if _family(p) not in away), tuple(p for p in fonts if _family(p) in away))


def _family(font: Path) -> str:
    return font.stem.split("-")[0].rstrip("0123456789").lower()


def _has_digits(font: Path) -> bool:
    face = ImageFont.truetype(str(font), 40)
    drawn = [bytes(face.getmask(c)) for c in "0123456789A"]
    return len(set(drawn)) == len(drawn) and all(drawn)


def sign_of(text: str, font: Path, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """A sign as a page may show it, at the size it is read at; None where nothing is left of it."""
    face = ImageFont.truetype(str(font), 64)
    image = Image.new("L", (160, 160), 0)
    old = ["onum"] if rng.random() < 0.5 else ["lnum"]
    ImageDraw.Draw(image).text((50, 40), text, fill=255, font=face, features=old)
    ink = np.asarray(image, np.float32) / 255
    turn = cv2.getRotationMatrix2D((80, 80), float(rng.normal(0, 2)), float(rng.uniform(0.2, 0.5)))
    turn[0, 1] += rng.normal(0, 0.03)
    turn[0] *= rng.uniform(0.85, 1.15)
    small = cv2.warpAffine(ink, turn, (160, 160), flags=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 0.7)))
    noise = cv2.GaussianBlur(rng.normal(0, 0.3, (160, 160)).astype(np.float32), (0, 0), 1.0)
    seen = (np.add(small, noise) > rng.uniform(0.3, 0.55)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(seen, connectivity=8)
    large = [n for n in range(1, count) if stats[n][4] >= _SPECK]
    if not large:
        return None
    kept = np.isin(labels, large)
    rows, columns = np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))
    return picture_of(kept[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8))


def signs_of(
    fonts: tuple[Path, ...], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pictures of signs with what they are: 0 to 9, or 10 for no digit."""
    pictures: list[NDArray[np.float32]] = []
    kinds: list[int] = []
    while len(pictures) < count:
        kind = int(rng.integers(0, 13))
        font = fonts[int(rng.integers(len(fonts)))]
        among = _ALIKE.get(str(kind), str(kind)) if kind < 10 else OTHERS
        picture = sign_of(among[int(rng.integers(len(among)))], font, rng)
        if picture is not None:
            pictures.append(picture)
            kinds.append(min(kind, 10))
    return np.stack(pictures), np.array(kinds)


def train(folders: list[Path], out: Path, count: int = 18000, passes: int = 10, seed: int = 0) -> dict[str, object]:
    """Trains on signs drawn anew, writes weights and card beside them; returns the card."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    faces = faces_in(folders)
    pictures, kinds = signs_of(faces.train, count, rng)
    unseen, truth = signs_of(faces.held_out, 4000, rng)
    net = DigitNet()
    steps = passes * max(1, count // 128)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.01)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        at = rng.integers(0, count, 128)
        loss = nn.functional.cross_entropy(
            net(torch.from_numpy(pictures[at])[:, None]), torch.from_numpy(kinds[at]), label_smoothing=0.03
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rates.step()
    net.eval()
    with torch.no_grad():
        said = net(torch.from_numpy(unseen)[:, None]).argmax(1).numpy()
    digits = truth < 10
    torch.onnx.export(
        _Served(net),
        (torch.zeros((1, 1, SIDE, SIDE)),),
        str(out),
        input_names=["signs"],
        output_names=["probabilities"],
        dynamic_axes={"signs": {0: "count"}, "probabilities": {0: "count"}},
        opset_version=17,
        dynamo=False,
    )
    card: dict[str, object] = {
        "name": "digits",
        "version": "1.0.0",
        "description": "Small convolutional network that reads the digits of page numbers in scans.",
        "digest": f"sha256:{hashlib.sha256(out.read_bytes()).hexdigest()}",
        "size_bytes": out.stat().st_size,
        "parameters": sum(p.numel() for p in net.parameters()),
        "licence": "Apache-2.0",
        "data": "Digits and other signs drawn in free text faces, worn and thresholded at random",
        "faces": sorted({_family(p) for p in faces.train}),
        "faces_held_out": sorted({_family(p) for p in faces.held_out}),
        "recipe": {"signs": count, "passes": passes, "seed": seed},
        "held_out": {
            "digits_right": round(float((said == truth)[digits].mean()), 4),
            "others_right": round(float((said == truth)[~digits].mean()), 4),
        },
    }
    out.with_suffix(".card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card

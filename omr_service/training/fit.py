"""Fits the detector's network to degraded patches."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from omr_service.scan.vocabulary import LINES, POINTS
from omr_service.training.canvas import UNKNOWN
from omr_service.training.feed import Example, Feed
from omr_service.training.net import DetectorNet, Widths
from omr_service.training.targets import IGNORED, NOTHING


@dataclass(frozen=True, slots=True)
class Recipe:
    """How it is trained.

    Attributes:
        minutes: How long, by the clock; the rate falls to nothing by then.
        batch: Patches a step.
        rate: Greatest learning rate.
        warm: Steps in which the rate rises to it.
        decay: Weight decay.
        focus: Exponent of the focal loss.
        seed: Of everything random.
        processes: Processes that make patches.
        threads: Threads that compute.
    """

    minutes: float = 80.0
    batch: int = 8
    rate: float = 2e-3
    warm: int = 200
    decay: float = 1e-2
    focus: float = 1.5
    seed: int = 0
    processes: int = 1
    threads: int = 2


def new_net() -> DetectorNet:
    """An untrained network for the vocabulary."""
    return DetectorNet(len(POINTS), len(LINES), Widths())


def tensors(examples: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Ink, classes, places and mask bits of a batch."""
    pages = torch.from_numpy(np.stack([e.page for e in examples]))
    ink = (255 - pages).to(torch.float32).div_(255.0)[:, None].contiguous(memory_format=torch.channels_last)
    classes = torch.from_numpy(np.stack([e.targets.classes for e in examples])).to(torch.int64)
    places = torch.from_numpy(np.stack([e.targets.places for e in examples]))
    bits = torch.from_numpy(np.stack([e.targets.masks for e in examples]).astype(np.int32))
    return ink, classes, places, bits


def loss_of(
    answer: tuple[Tensor, Tensor, Tensor], classes: Tensor, places: Tensor, bits: Tensor, focus: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of points, places and masks."""
    logits, where, drawn = (a.float() for a in answer)
    known = classes != IGNORED
    positive = known & (classes != NOTHING)
    count = positive.sum().clamp(min=1)
    spent = functional.cross_entropy(logits, classes.masked_fill(~known, 0), reduction="none")
    focal = (1.0 - torch.exp(-spent)).pow(focus) * spent
    points = (focal * known).sum() / count
    error = functional.smooth_l1_loss(where, places, beta=0.1, reduction="none").mean(dim=1)
    place = (error * positive).sum() / count
    wanted = torch.stack([(bits >> i) & 1 for i in range(len(LINES))], dim=1).float()
    weight = 1.0 - ((bits >> UNKNOWN) & 1).float()[:, None]
    cross = functional.binary_cross_entropy_with_logits(drawn, wanted, reduction="none") * weight
    probability = torch.sigmoid(drawn) * weight
    both = (probability * wanted).sum(dim=(0, 2, 3))
    dice = 1.0 - (2 * both + 20.0) / (probability.sum(dim=(0, 2, 3)) + (wanted * weight).sum(dim=(0, 2, 3)) + 20.0)
    return points, place, 10.0 * cross.mean() + dice.mean()


def rate_at(step: int, share: float, recipe: Recipe) -> float:
    """The learning rate when a share of the time is spent: rising, level, then falling by a cosine."""
    warm = min(1.0, (step + 1) / recipe.warm)
    return recipe.rate * warm * max(0.01, 0.5 * (1.0 + float(np.cos(np.pi * min(1.0, share)))))


class Trainer:
    """A network being trained, with what it needs to go on later."""

    def __init__(self, net: DetectorNet, recipe: Recipe) -> None:
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.mean = {k: v.detach().clone() for k, v in net.state_dict().items()}
        """Moving average of the weights: what is measured and exported."""
        decayed = [p for p in net.parameters() if p.ndim > 1]
        others = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, recipe.rate, betas=(0.9, 0.98))
        self.step_number = 0
        self.minutes = 0.0

    def step(self, examples: Sequence[Example]) -> tuple[float, float, float]:
        """One step; returns the losses of points, places and masks before it."""
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.step_number, self.minutes / recipe.minutes, recipe)
        ink, classes, places, bits = tensors(examples)
        self.net.train()
        with torch.autocast("cpu", torch.bfloat16):
            answer = self.net(ink)
        points, place, masks = loss_of(answer, classes, places, bits, recipe.focus)
        self.optimizer.zero_grad(set_to_none=True)
        (points + place + masks).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimizer.step()
        self.step_number += 1
        keep = min(0.998, self.step_number / (self.step_number + 10))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                if value.dtype.is_floating_point:
                    self.mean[name].lerp_(value, 1 - keep)
                else:
                    self.mean[name].copy_(value)
        return float(points.detach()), float(place.detach()), float(masks.detach())

    def averaged(self) -> DetectorNet:
        """A network with the averaged weights, ready to answer."""
        net = new_net()
        net.load_state_dict(self.mean)
        return net.eval()

    def save(self, path: Path) -> None:
        """Writes everything needed to go on, whole or not at all."""
        state = {
            "net": self.net.state_dict(),
            "mean": self.mean,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step_number,
            "minutes": self.minutes,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def restore(self, path: Path) -> None:
        """Goes on where `save` stopped."""
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.mean = state["mean"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step_number, self.minutes = state["step"], state["minutes"]


def fit(trainer: Trainer, pages: Path, work: Path, report: Callable[[str], None], every: float = 4.0) -> None:
    """Trains until the recipe's minutes are over, leaving a checkpoint every few minutes.

    Args:
        trainer: What is trained.
        pages: Folder of labelled pages.
        work: Folder for the checkpoint `checkpoint.pt`.
        report: Takes a line of JSON now and then.
        every: Minutes between checkpoints.
    """
    recipe = trainer.recipe
    torch.set_num_threads(recipe.threads)
    before, begin, saved = trainer.minutes, time.monotonic(), time.monotonic()
    sums = np.zeros(3)
    with Feed(pages, recipe.processes, recipe.seed + trainer.step_number) as feed:
        while trainer.minutes < recipe.minutes:
            sums += trainer.step(feed.batch(recipe.batch))
            now = time.monotonic()
            trainer.minutes = before + (now - begin) / 60
            if trainer.step_number % 50 == 0:
                points, places, masks = (round(float(v), 4) for v in sums / 50)
                sums[:] = 0
                facts = {"step": trainer.step_number, "minutes": round(trainer.minutes, 1), "points": points}
                report(json.dumps({**facts, "places": places, "masks": masks, "made": feed.made}))
            if now - saved > 60 * every:
                trainer.save(work / "checkpoint.pt")
                saved = now
    trainer.save(work / "checkpoint.pt")

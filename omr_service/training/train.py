"""The whole of a training: fit, export, measure, and the model card."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from omr_service.scan.detector import Detector
from omr_service.scan.vocabulary import POINTS
from omr_service.training.evaluate import evaluate
from omr_service.training.export import export, read_back
from omr_service.training.fit import Recipe, Trainer, fit, new_net
from omr_service.training.pages import held_out, load_pages

NAME = "detector"
VERSION = "1.0.1"
DESCRIPTION = (
    "Fully convolutional network that finds the symbols and lines of piano music on a page brought to a staff space of "
    "ten pixels; trained on degraded engraved pages with exact labels."
)
DATA = (
    "Heritage of Polish Music and Chopin first editions, CC BY 4.0, © The Fryderyk Chopin Institute (polishscores.org, "
    "chopinscores.org), engraved anew"
)
PATCHES = 600
"""Held-out patches the figures of the card are measured on."""


def counts(pages: Path) -> dict[str, Any]:
    """What is there to train on and to measure with: pages by engraver, symbols by class."""
    split: dict[str, Any] = {}
    for name, kept in (("training", False), ("held_out", True)):
        engravers: Counter[str] = Counter()
        sources: set[str] = set()
        symbols: Counter[str] = Counter()
        for page in load_pages(pages):
            if held_out(page.name) == kept:
                engraver, _, source = page.name.partition("--")
                engravers[engraver.split("-")[0].rstrip("0123456789d") or engraver] += 1
                sources.add(source.rsplit("-", 1)[0])
                symbols.update(POINTS[int(k)] for k in page.points[:, 0])
        split[name] = {
            "pages": engravers.total(),
            "sources": len(sources),
            "symbols": symbols.total(),
            "pages_by_engraver": dict(sorted(engravers.items())),
        }
        if not kept:
            split[name]["symbols_by_class"] = {n: symbols[n] for n in POINTS}
    return split


def train(
    pages: Path, work: Path, out: Path, minutes: float, resume: Path | None, threads: int, processes: int
) -> dict[str, Any]:
    """Trains on labelled pages and writes `detector.onnx` and `detector.card.json`; returns the card.

    Args:
        pages: Folder of labelled pages.
        work: Folder for the checkpoint; a run goes on from one that is there.
        out: Folder for weights and card.
        minutes: How long to train in all.
        resume: Weights to start from where there is no checkpoint.
        threads: Threads that compute.
        processes: Processes that make patches.

    Raises:
        ValueError: There are no pages, or `resume` is of another network.
    """
    work.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(minutes=minutes, threads=threads, processes=processes)
    torch.manual_seed(recipe.seed)
    trainer = Trainer(read_back(resume) if resume else new_net(), recipe)
    if (work / "checkpoint.pt").exists():
        trainer.restore(work / "checkpoint.pt")
    fit(trainer, pages, work, lambda line: print(line, flush=True))
    return write_weights(trainer, pages, out)


def write_weights(trainer: Trainer, pages: Path, out: Path, patches: int = PATCHES) -> dict[str, Any]:
    """Exports what a trainer has learned, measures it on the pages held out, and writes the card; returns it."""
    net = trainer.averaged()
    facts = {"name": NAME, "version": VERSION, "description": DESCRIPTION}
    path = out / f"{NAME}.onnx"
    digest = export(net, facts, path)
    figures = evaluate(Detector(path, trainer.recipe.threads), pages, patches).summary()
    card = {
        **facts,
        "digest": digest,
        "size_bytes": path.stat().st_size,
        "parameters": sum(p.numel() for p in net.parameters()),
        "licence": "Apache-2.0",
        "data": DATA,
        "recipe": asdict(trainer.recipe),
        "steps": trainer.step_number,
        "training_minutes": round(trainer.minutes, 1),
        **counts(pages),
        "figures_on_held_out_patches": {"patches": patches, **figures},
    }
    (out / f"{NAME}.card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return card

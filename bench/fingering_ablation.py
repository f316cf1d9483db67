"""Which part of the learned fingering model earns its place: trains variants, measures them on the validation split.

    python bench/fingering_ablation.py [NAME...]

One model each, on the corpus without the exercises, no tables left out while training and every window weighing the
same, so that the parts are compared and not how they are trained. Figures go to bench/results/fingering_ablation.json,
one variant after another, so that a run that is cut short leaves what it has.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Set
from dataclasses import replace
from pathlib import Path

import torch

from fingering_service.models.base import FingeringModel
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.training.corpus import Window, read_corpus, read_manifest
from fingering_service.training.evaluate import TorchModel, evaluate
from fingering_service.training.fit import Recipe, fit
from fingering_service.training.hmm import Constant, train_hmm
from fingering_service.training.train import MEMBERS

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ETUDE_SHARED_DATA", ROOT.parent / "shared" / "data")) / "fingering_train"
RESULTS = ROOT / "bench" / "results" / "fingering_ablation.json"

OUTLOOK = {"unary_next", "unary_before", "unary_range", "unary_past", "step_next", "step_range"}


def without(*prefixes: str, also: Set[str] = frozenset()) -> tuple[str, ...]:
    """The smaller member's tables whose names do not begin so."""
    return tuple(n for n in MEMBERS[0].tables if not n.startswith(prefixes or ("-",)) and n not in also)


FULL = Recipe(tables=MEMBERS[0].tables)
RECIPES = {
    "the smaller member": FULL,
    "the larger member, with tables of runs, frames and chords' shapes": Recipe(),
    "without tables of held lines": replace(FULL, tables=without("line", also={"unary_line"})),
    "without ergonomics": replace(FULL, ergonomic=0.0),
    "without outlook tables": replace(FULL, tables=without(also=OUTLOOK)),
    "without outlook and turn tables": replace(FULL, tables=without("turn", also=OUTLOOK)),
}


def variants(windows: list[Window], names: list[str]) -> Iterator[tuple[str, FingeringModel]]:
    """Trained models by name, one at a time."""
    for name, recipe in RECIPES.items():
        if not names or name in names:
            model = fit(windows, recipe, tell=lambda _: None)
            yield name, TorchModel(model)
            if recipe == FULL:
                yield "the same, cheapest path instead of most right fingers", TorchModel(model, coherence=10.0)
    if not names or "hmm" in names:
        yield "hidden Markov model of first order", train_hmm(windows)
        yield "ergonomic alone", Ergonomic()
        yield "constant", Constant()


def main() -> int:
    """Command line; returns the exit status."""
    if not DATA.exists():
        print(f"no corpus at {DATA}; set ETUDE_SHARED_DATA", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    manifest = read_manifest(DATA)
    windows = read_corpus(DATA, [p for p in manifest if p.split == "train"])
    held_out = read_corpus(DATA, [p for p in manifest if p.split == "validation"])
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name, model in variants(windows, sys.argv[1:]):
        results[name] = evaluate(model, held_out).summary()
        print(name, json.dumps(results[name]), flush=True)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

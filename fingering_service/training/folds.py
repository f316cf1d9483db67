"""Cross-validates the fingering model: `python -m fingering_service.training.folds CORPUS [--out FILE]`.

The groups of works of the training split are put into folds; each fold is fingered by models trained on the others. So
every figure is of music that the model has not seen, and all of the split's labels count. What differs from the model
by less than twice the standard error beside it (by jackknife over the groups) is no difference.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fingering_service.handed import SCALE_SIZES, TWINS
from fingering_service.legato import LINE_SIZES
from fingering_service.models.base import FingeringModel
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.training.corpus import Window, read_corpus, read_manifest
from fingering_service.training.evaluate import Figures, TorchModel, evaluate, nothing
from fingering_service.training.fit import Recipe, fit
from fingering_service.training.model import FingeringCrf, mean_of
from fingering_service.training.textbook import textbook_windows
from fingering_service.training.train import (
    CALIBRATION,
    COHERENCE,
    CONVENTIONS,
    EMPHASIS,
    MEMBERS,
    TEMPERATURE,
    VERSION,
)

MODEL = "the mean of both members"
_WITHOUT = {
    "without tables of held lines": {"unary_line", *LINE_SIZES},
    "without tables of each hand": {*TWINS, *SCALE_SIZES},
}
_LEAST_LABELS, _DENSE = 8, 0.8
_COMPOSERS = ("Bach", "Beethoven", "Burgmuller", "Chopin", "Czerny", "Mozart")

Views = dict[str, Figures]


def fold_of(group: str, folds: int) -> int:
    """Which of `folds` parts a group of works belongs to; always the same one."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % folds


def views_of(window: Window) -> Iterator[str]:
    """What a window counts for: everything; Mutopia's pieces; densely fingered passages; some composers' works.

    A passage is dense where at least four fifths of the notes from its first label to its last one have a label, and
    there are at least eight.
    """
    yield "all"
    if window.piece.startswith("ly_"):
        yield "Mutopia"
    yield from (name for name in _COMPOSERS if name in window.composer)
    labelled = np.flatnonzero((window.labels > 0).any(axis=1))
    between = window.lattice.struck[labelled[0] : labelled[-1] + 1].sum() if len(labelled) else 0
    if window.label_count >= max(_LEAST_LABELS, _DENSE * between):
        yield "dense"


def variants(windows: Sequence[Window], *, parts: bool) -> Iterator[tuple[str, FingeringModel]]:
    """The model and its members, trained on `windows`, and with `parts` what it would be without each of some parts."""
    yield "ergonomic", Ergonomic()
    yield MODEL, priced(members := [_fitted(windows, recipe) for recipe in MEMBERS])
    yield "its smaller member", priced(members[:1])
    yield "its larger member", priced(members[1:])
    yield "ergonomic costs weighed as in training", replace(priced(members), emphasis=1.0)
    if not parts:
        return
    word = [replace(recipe, leniency=0.0) for recipe in MEMBERS]
    yield "labels taken at their word", priced([_fitted(windows, recipe) for recipe in word])
    for name, left_out in _WITHOUT.items():
        fewer = [replace(r, tables=tuple(t for t in r.tables if t not in left_out)) for r in MEMBERS]
        yield name, priced([_fitted(windows, recipe) for recipe in fewer])


def _fitted(windows: Sequence[Window], recipe: Recipe) -> FingeringCrf:
    return fit([*windows, *textbook_windows()], recipe, tell=lambda _: None)


def priced(members: Sequence[FingeringCrf]) -> TorchModel:
    """The mean of members, decoded as it is served."""
    return TorchModel(mean_of(members), TEMPERATURE, COHERENCE, CONVENTIONS, EMPHASIS, CALIBRATION)


def cross_validate(windows: Sequence[Window], folds: int, *, parts: bool) -> dict[str, Views]:
    """Figures by variant and view."""
    found: dict[str, Views] = defaultdict(lambda: defaultdict(nothing))
    for fold in range(folds):
        rest = [w for w in windows if fold_of(w.group, folds) != fold]
        held_out: dict[tuple[str, ...], list[Window]] = defaultdict(list)
        for window in windows:
            if fold_of(window.group, folds) == fold:
                held_out[tuple(views_of(window))].append(window)
        for name, model in variants(rest, parts=parts):
            for views, those in held_out.items():
                figures = evaluate(model, those)
                for view in views:
                    found[name][view].add(figures)
            print(fold, name, json.dumps(found[name]["all"].summary()), file=sys.stderr, flush=True)
    return found


def difference(one: Figures, other: Figures, group_of: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Match rates of `one` less those of `other` in percent, and their standard errors."""
    gains: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    for piece, (right, labels) in one.by_piece.items():
        if labels:
            gain = right - other.by_piece[piece][0]
            totals = (gain / labels, 1.0, gain, labels)
            gains[group_of[piece]] = [a + b for a, b in zip(gains[group_of[piece]], totals, strict=True)]
    table = 100 * np.array(list(gains.values()))
    left = table.sum(axis=0) - table
    answer = {}
    for name, (gain, count) in (("macro", (0, 1)), ("micro", (2, 3))):
        value = 100 * table[:, gain].sum() / table[:, count].sum()
        without = 100 * left[:, gain] / left[:, count] if len(table) > 1 else np.zeros(1)
        error = np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum())
        answer[name] = (round(float(value), 2), round(float(error), 2))
    return answer


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder with manifest.tsv and the tables")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--parts", action="store_true", help="train models without each of some parts as well")
    parser.add_argument("--limit", type=int, default=0, help="so many pieces only, to try things out")
    parser.add_argument("--out", type=Path, help="JSON file for the figures; standard output otherwise")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    pieces = [p for p in read_manifest(args.corpus) if p.split == "train"][: args.limit or None]
    group_of = {p.name: p.group for p in pieces}
    found = cross_validate(read_corpus(args.corpus, pieces), args.folds, parts=args.parts)
    figures = {
        name: {
            view: f.summary() | {"difference": difference(f, found[MODEL][view], group_of)} for view, f in views.items()
        }
        for name, views in found.items()
    }
    text = (
        json.dumps({"version": VERSION, "folds": args.folds, "pieces": len(pieces), "figures": figures}, indent=1)
        + "\n"
    )
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

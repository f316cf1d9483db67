"""Trains the fingering model: `python -m fingering_service.training.train CORPUS [--out DIR]`.

Reads the corpus's training split, adds the exercises of `textbook`, fits the members of the ensemble, measures the
result on the validation split, and writes the ONNX file and its model card. Everything random has a seed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from fingering_service.calibration import Calibration
from fingering_service.features import FIGURES, SIZES
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.training.corpus import Piece, Window, read_corpus, read_manifest
from fingering_service.training.evaluate import TorchModel, evaluate
from fingering_service.training.export import export
from fingering_service.training.fit import Recipe, fit
from fingering_service.training.hmm import train_hmm
from fingering_service.training.model import FingeringCrf, mean_of
from fingering_service.training.textbook import textbook_windows

VERSION = "1.5.1"
TEMPERATURE = 1.2
"""Cross-validated: labels that may be wrong make a model a little too sure of what it does believe."""
COHERENCE = 0.2
CONVENTIONS = 1.0
"""Nats; see `conventions`."""
EMPHASIS = 1.2
"""Of the ergonomic costs of moving when fingering; see `emphasis`."""
CALIBRATION = Calibration(sharpness=1.18, choice=0.15, spread=0.25)
"""Cross-validated; see `calibration`."""
_RECIPE = Recipe(epochs=8, fairness=0.3, leniency=0.03)
MEMBERS = (
    replace(_RECIPE, tables=tuple(n for n in SIZES if n not in FIGURES), table_dropout=0.3, shrink=2e-4),
    replace(_RECIPE, table_dropout=0.45, shrink=1e-4),
)
"""A model that looks at neighbouring slices, and one that sees runs, frames and chords' shapes as well.

Either one alone is about as good as the other; each leans on its own tables too much, and the mean on neither.
"""
DESCRIPTION = (
    "Conditional random field over grips, trained on fingered editions with unlabelled notes summed out and on the "
    "scales, arpeggios and chords of every method; ergonomic costs are part of it."
)
DEFAULT_OUT = Path(__file__).resolve().parents[1] / "weights"


def train(windows: Sequence[Window], recipes: Sequence[Recipe]) -> FingeringCrf:
    """The mean of models trained on windows of editions and on the exercises."""
    everything = [*windows, *textbook_windows()]
    return mean_of([fit(everything, recipe) for recipe in recipes])


def counts(pieces: Sequence[Piece], windows: Sequence[Window]) -> dict[str, object]:
    """What a model was made from."""
    return {
        "pieces": len(pieces),
        "groups": len({p.group for p in pieces}),
        "notes": sum(p.notes for p in pieces),
        "windows": len(windows),
        "slices": sum(len(w.lattice) for w in windows),
        "labels": sum(int((w.labels > 0).sum()) for w in windows),
        "labels_dropped": sum(w.dropped for w in windows),
        "labels_by_licence": _labels_by_licence(pieces),
    }


def _labels_by_licence(pieces: Sequence[Piece]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for piece in pieces:
        found[piece.licence] += piece.labels
    return dict(sorted(found.items()))


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder with manifest.tsv and the tables")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for the weights and their card")
    parser.add_argument("--epochs", type=int, default=0, help="passes over the windows, if not the recipe's")
    parser.add_argument("--limit", type=int, default=0, help="train on so many pieces only, to try things out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    begin = time.process_time()
    manifest = read_manifest(args.corpus)
    training = [p for p in manifest if p.split == "train"][: args.limit or None]
    validation = [p for p in manifest if p.split == "validation"][: args.limit or None]
    windows = read_corpus(args.corpus, training)
    recipes = [replace(recipe, epochs=args.epochs or recipe.epochs) for recipe in MEMBERS]
    print(json.dumps(counts(training, windows)), flush=True)
    textbook = textbook_windows()
    model = train(windows, recipes)
    held_out = read_corpus(args.corpus, validation)
    figures = evaluate(TorchModel(model, TEMPERATURE, COHERENCE, CONVENTIONS, EMPHASIS, CALIBRATION), held_out)
    plain = evaluate(Ergonomic(), held_out)
    facts = {
        "name": "crf",
        "version": VERSION,
        "temperature": str(TEMPERATURE),
        "coherence": str(COHERENCE),
        "conventions": str(CONVENTIONS),
        "emphasis": str(EMPHASIS),
        "calibration": CALIBRATION.to_json(),
        "description": DESCRIPTION,
    }
    path = args.out / "fingering.onnx"
    digest = export(model, facts, path)
    hmm = train_hmm(windows)
    hmm_digest = hmm.save(args.out / "hmm.npy")
    card = {
        **facts,
        "digest": digest,
        "size_bytes": path.stat().st_size,
        "parameters": sum(p.numel() for p in model.parameters()),
        "licence": "Apache-2.0",
        "members": [recipe.as_dict() for recipe in recipes],
        "training": counts(training, windows),
        "textbook": {"windows": len(textbook), "labels": sum(int((w.labels > 0).sum()) for w in textbook)},
        "validation": counts(validation, held_out),
        "figures_on_validation": figures.summary(),
        "ergonomic_on_validation": plain.summary(),
        "hmm": {
            "digest": hmm_digest,
            "description": hmm.description,
            "figures_on_validation": evaluate(hmm, held_out).summary(),
        },
        "reliability_on_validation": figures.bins.round(2).tolist(),
        "training_cpu_seconds": round(time.process_time() - begin),
    }
    (args.out / "fingering.card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(card, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Compares fingering models and baselines in one run: match rates by the referee, faults, and CPU time.

    python -m bench.fingering_baselines [--every N] [--most-notes N] [--pianoplayer PYTHON]

On the validation split, or some of its pieces (pianoplayer takes 20 seconds for 1,000 notes): the served models, a
hidden Markov model of first order among them, one constant fingering, a hidden Markov model of second order trained on
the training split, and pianoplayer where PYTHON is an interpreter that has it (`python3 -m venv DIR &&
DIR/bin/pip install pianoplayer`). Figures go to bench/results/fingering_baselines.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.fingering import DATA, RESULTS, referee
from fingering_service.models import FingeringModel, Registry
from fingering_service.training.corpus import read_corpus, read_manifest
from fingering_service.training.hmm import Constant
from fingering_service.training.hmm2 import train_second_order
from fingering_service.training.predict import predict
from fingering_service.training.tables import Table, read_table, write_table

WORKER = Path(__file__).with_name("pianoplayer_worker.py")

Fingers = tuple[list[list[int]], float]
"""Fingers of the notes of each table, and the CPU seconds they took."""


def by_model(model: FingeringModel, tables: Sequence[Table]) -> Fingers:
    """Fingers of a model of ours, in this process, after it is loaded."""
    predict(tables[0], model)
    begin = time.process_time()
    fingers = [predict(table, model) for table in tables]
    return fingers, time.process_time() - begin


def by_pianoplayer(python: str, tables: Sequence[Table]) -> Fingers:
    """Fingers of pianoplayer; notes tied to earlier ones get the finger 0, which the referee does not look at."""
    struck = [[i for i, n in enumerate(table.notes) if not n.tied] for table in tables]
    pieces = [
        [
            {
                "onset": float(table.notes[i].onset),
                "duration": float(table.notes[i].duration),
                "midi": table.notes[i].midi,
                "spelled": table.notes[i].spelled,
                "hand": table.notes[i].hand,
            }
            for i in indices
        ]
        for table, indices in zip(tables, struck, strict=True)
    ]
    done = subprocess.run([python, str(WORKER)], input=json.dumps(pieces), check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    fingers = []
    for table, indices, own in zip(tables, struck, answer["fingers"], strict=True):
        row = [0] * len(table.notes)
        for i, finger in zip(indices, own, strict=True):
            row[i] = finger
        fingers.append(row)
    return fingers, sum(answer["cpu_seconds"])


def measured(fingered: Fingers, tables: Sequence[Table], names: Sequence[str]) -> dict[str, Any]:
    """The referee's figures, in percent."""
    fingers, seconds = fingered
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        pairs = []
        for table, row, name in zip(tables, fingers, names, strict=True):
            write_table(out / f"{name}.tsv", table, row)
            pairs.append((DATA / "fingering_train" / f"{name}.tsv", out / f"{name}.tsv", name))
        figures = referee(pairs, out)
    notes = sum(not n.tied for table in tables for n in table.notes)
    micro = {k: round(100 * v, 2) for k, v in figures["micro"].items() if k in ("single", "chord", "R", "L", "cover")}
    return {
        "macro": round(100 * figures["macro"]["gen"], 2),
        "micro": round(100 * figures["micro"]["gen"], 2),
        **micro,
        "same_finger_or_crossing": sum(p["same_finger"] + p["crossing"] for p in figures["pieces"].values()),
        "cpu_seconds_per_1000_notes": round(1000 * seconds / notes, 3),
    }


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="measure every N-th piece only")
    parser.add_argument("--most-notes", type=int, default=0, help="leave out pieces of more notes than that")
    parser.add_argument("--pianoplayer", default="", metavar="PYTHON", help="interpreter that has pianoplayer")
    args = parser.parse_args()
    folder = DATA / "fingering_train"
    manifest = read_manifest(folder)
    pieces = [p for p in manifest if p.split == "validation" and p.notes <= (args.most_notes or p.notes)]
    names = [p.name for p in pieces][:: args.every]
    tables = [read_table(folder / f"{name}.tsv") for name in names]
    windows = read_corpus(folder, [p for p in manifest if p.split == "train"])
    ways: dict[str, Callable[[], Fingers]] = {
        **{model.name: partial(by_model, model, tables) for model in Registry.load().models},
        "constant": partial(by_model, Constant(), tables),
        "hidden Markov model of second order": lambda: by_model(train_second_order(windows), tables),
    }
    if args.pianoplayer:
        ways["pianoplayer"] = partial(by_pianoplayer, args.pianoplayer, tables)
    results: dict[str, Any] = {
        "pieces": len(tables),
        "notes": sum(len(t.notes) for t in tables),
        "labels": sum(bool(n.finger) for t in tables for n in t.notes),
    }
    for name, way in ways.items():
        results[name] = measured(way(), tables, names)
        print(name, json.dumps(results[name]), flush=True)
    (RESULTS / "fingering_baselines.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

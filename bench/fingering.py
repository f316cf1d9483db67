"""Measures fingering: match rates on the corpus by the referee, grips and coverage on scores, speed.

    python bench/fingering.py corpus [--model NAME] [--split validation|train|all]
    python bench/fingering.py scores [--model NAME] [--every N]
    python bench/fingering.py speed [--model NAME]
    python bench/fingering.py pig --folder FingeringFiles [--model NAME]

The last one is the protocol of the PIG data set: pieces 001 to 030, all annotators of each.

Figures are printed and kept in bench/results/fingering_<what>_<model>.json. The data are looked for in
ETUDE_SHARED_DATA (default ../shared/data beside the checkout), the referee in ../tools beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from fingering_service.hands import Reach, assign_hands
from fingering_service.models import FingeringModel, Registry
from fingering_service.profile import PROFILES
from fingering_service.training.corpus import read_manifest
from fingering_service.training.kern import KernError, read_kern
from fingering_service.training.pig import read_pig, write_pig
from fingering_service.training.predict import predict
from fingering_service.training.tables import Table, read_table, write_table

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ETUDE_SHARED_DATA", ROOT.parent / "shared" / "data"))
REFEREE = DATA.parent / "tools" / "fingering_score.py"
RESULTS = ROOT / "bench" / "results"


def referee(pairs: Sequence[tuple[str | Path, Path, str]], folder: Path) -> dict[str, Any]:
    """The referee's figures for (truth, prediction, name) triples."""
    listing = folder / "pairs.tsv"
    listing.write_text("".join(f"{t}\t{p}\t{n}\n" for t, p, n in pairs), encoding="utf-8")
    command = [sys.executable, str(REFEREE), "--pairs", str(listing), "--json"]
    figures: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def corpus(model: FingeringModel, split: str) -> dict[str, Any]:
    """Match rates on the pieces of a split."""
    folder = DATA / "fingering_train"
    pieces = [p for p in read_manifest(folder) if split in (p.split, "all")]
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        pairs = []
        for piece in pieces:
            truth = folder / f"{piece.name}.tsv"
            table = read_table(truth)
            write_table(out / truth.name, table, predict(table, model))
            pairs.append((truth, out / truth.name, piece.name))
        figures = referee(pairs, out)
    return {"split": split, "pieces": len(pieces), **{k: figures[k] for k in ("macro", "micro", "counts")}}


def played_hands(table: Table) -> Table:
    """The table with the hands the service would give its notes: chords the written hand cannot span are shared."""
    onsets: dict[Fraction, list[int]] = defaultdict(list)
    for index, note in enumerate(table.notes):
        if not note.grace and not note.tied:
            onsets[note.onset].append(index)
    together = [onsets[onset] for onset in sorted(onsets)]
    reaches = [
        [Reach(n.midi, n.hand, "", (n.staff, int(n.voice)), False) for n in (table.notes[i] for i in indices)]
        for indices in together
    ]
    notes = list(table.notes)
    for indices, hands in zip(together, assign_hands(reaches, PROFILES["M"].max_span), strict=True):
        for index, hand in zip(indices, hands, strict=True):
            notes[index] = replace(notes[index], hand=hand)
    return Table(table.header, tuple(notes))


def wide_chords(tables: Sequence[Table]) -> dict[str, int]:
    """Chords of one hand beyond a medium hand's reach, by what would help."""
    found = {"chords": 0, "wider_than_15_semitones": 0, "within_a_large_hand_s_17": 0}
    for table in tables:
        keys: dict[tuple[Fraction, str], set[int]] = defaultdict(set)
        for note in table.notes:
            if not note.grace and not note.tied:
                keys[note.onset, note.hand].add(note.midi)
        spans = [max(k) - min(k) for k in keys.values() if len(k) > 1]
        found["chords"] += len(spans)
        found["wider_than_15_semitones"] += sum(s > PROFILES["M"].max_span for s in spans)
        found["within_a_large_hand_s_17"] += sum(PROFILES["M"].max_span < s <= PROFILES["L"].max_span for s in spans)
    return found


def scores(model: FingeringModel, every: int) -> dict[str, Any]:
    """Coverage and impossible grips on all scores; a fault of stretch is the page's, the others would be ours."""
    files = sorted((DATA / "scores").glob("*/*.krn"))[::every]
    unread: list[str] = []
    pairs = []
    written: list[Table] = []
    played: list[Table] = []
    seconds = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        for number, path in enumerate(files):
            try:
                written.append(read_kern(path.read_text(encoding="utf-8")))
            except KernError as error:
                unread.append(f"{path.name}: {error}")
                continue
            table = played_hands(written[-1])
            played.append(table)
            truth, guess = out / f"{number}.truth.tsv", out / f"{number}.tsv"
            write_table(truth, table, [0] * len(table.notes))
            begin = time.perf_counter()
            fingers = predict(table, model)
            seconds += time.perf_counter() - begin
            write_table(guess, table, fingers)
            pairs.append((truth, guess, path.stem))
        figures = referee(pairs, out)
    bad = [n for n, p in figures["pieces"].items() if p["same_finger"] + p["crossing"]]
    notes = figures["counts"]["notes"]
    return {
        "scores": len(files),
        "read": len(pairs),
        "unread": unread,
        "coverage": figures["micro"]["cover"],
        "counts": figures["counts"],
        "as_written": wide_chords(written),
        "as_played": wide_chords(played),
        "scores_with_same_finger_or_crossing": bad,
        "notes_per_second": round(notes / seconds),
    }


def pig(model: FingeringModel, folder: Path) -> dict[str, Any]:
    """General, high, soft and recombination match rates on pieces 001-030 of the PIG data set."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        pairs: list[tuple[str | Path, Path, str]] = []
        for number in range(1, 31):
            annotators = sorted(folder.glob(f"{number:03d}-*_fingering.txt"))
            if annotators:
                text = annotators[0].read_text(encoding="utf-8")
                guess = out / f"{number:03d}.txt"
                write_pig(guess, text, predict(read_pig(text), model))
                pairs.append((",".join(map(str, annotators)), guess, guess.stem))
        figures = referee(pairs, out)
    return {"pieces": len(pairs), **{k: figures[k] for k in ("macro", "micro", "counts")}}


def speed(model: FingeringModel) -> dict[str, Any]:
    """Notes per second on the longest pieces of the corpus, and peak memory."""
    folder = DATA / "fingering_train"
    pieces = sorted(read_manifest(folder), key=lambda p: -p.notes)[:10]
    tables: list[Table] = [read_table(folder / f"{p.name}.tsv") for p in pieces]
    predict(tables[-1], model)
    begin = time.process_time()
    for table in tables:
        predict(table, model)
    seconds = time.process_time() - begin
    notes = sum(len(t.notes) for t in tables)
    return {
        "notes": notes,
        "cpu_seconds": round(seconds, 3),
        "notes_per_second": round(notes / seconds),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("corpus", "scores", "speed", "pig"))
    parser.add_argument("--model", default="", help="name of the model; the default one when not given")
    parser.add_argument("--split", default="validation", choices=("validation", "train", "all"))
    parser.add_argument("--every", type=int, default=1, help="take one of so many scores")
    parser.add_argument(
        "--folder", type=Path, default=Path("FingeringFiles"), help="fingering files of the PIG data set"
    )
    args = parser.parse_args()
    if not REFEREE.exists():
        print(f"no referee at {REFEREE}; set ETUDE_SHARED_DATA", file=sys.stderr)
        return 2
    model = Registry.load().find(args.model)
    figures = {
        "corpus": lambda: corpus(model, args.split),
        "scores": lambda: scores(model, args.every),
        "speed": lambda: speed(model),
        "pig": lambda: pig(model, args.folder),
    }[args.what]()
    figures = {"model": model.name, "version": model.version, "digest": model.digest, **figures}
    text = json.dumps(figures, indent=1)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    suffix = "" if args.split == "validation" else f"_{args.split}"
    (RESULTS / f"fingering_{args.what}_{model.name}{suffix}.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Passages fingered throughout as a teacher of the methods would, against a model: rates by kind of pattern.

    python -m bench.fingering_passages [MODEL...] [--show]

The passages of `fingering_passages.txt` are beginnings, or the manner, of pieces by the composers that fully fingered
collections are made of. Their fingers are one teacher's, written down by this project, and no edition's: agreement with
them says whether what is obvious comes out as obvious, and is no measure of unseen music. Figures go to
bench/results/fingering_passages.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from fingering_service.models import FingeringModel, Registry
from fingering_service.training.predict import predict
from fingering_service.training.tables import Table, TableNote

PASSAGES = Path(__file__).resolve().parent / "fingering_passages.txt"
RESULTS = PASSAGES.parent / "results" / "fingering_passages.json"
_SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ALTER = {"": 0, "#": 1, "b": -1}


@dataclass(frozen=True, slots=True)
class Passage:
    """A line of music of one hand, fingered.

    Attributes:
        kind: What it is an example of.
        title: Where it is from.
        table: Its notes; an empty finger is one that teachers disagree about.
    """

    kind: str
    title: str
    table: Table


def read_passages(text: str) -> Iterator[Passage]:
    """The passages of a file; its first lines say how they are written.

    Raises:
        ValueError: a line that is none, naming it.
    """
    kind = title = ""
    for line in text.splitlines():
        if line.startswith("="):
            kind, title = (part.strip() for part in line[1:].split(":", 1))
        elif line and not line.startswith("#"):
            hand, unit, *tokens = line.split()
            yield Passage(kind, title, Table({"title": title}, tuple(_notes(hand, Fraction(unit), tokens))))


def _notes(hand: str, unit: Fraction, tokens: list[str]) -> Iterator[TableNote]:
    onset = Fraction(0)
    for token in tokens:
        body, _, count = token.partition(",")
        length = unit * int(count or 1)
        if body != "r":
            keys, _, fingers = body.partition(":")
            for key, finger in zip(keys.split("+"), fingers.split("+"), strict=True):
                staff = 1 if hand == "R" else 2
                label = finger if finger in "12345" else ""
                yield TableNote(onset, length, _midi(key), key, hand, staff, "1", "1", label, False, False)
        onset += length


def _midi(key: str) -> int:
    match = re.fullmatch(r"([a-g])([#b]?)(\d)", key)
    if not match:
        raise ValueError(f"{key!r} is no key")
    return 12 * (int(match[3]) + 1) + _SEMITONES[match[1]] + _ALTER[match[2]]


def rates(model: FingeringModel, passages: list[Passage], *, show: bool = False) -> dict[str, tuple[int, int]]:
    """Fingers that are the teacher's and notes that have one, by kind and, under "all", together."""
    right: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for passage in passages:
        given = predict(passage.table, model)
        labelled = [(int(n.finger), f) for n, f in zip(passage.table.notes, given, strict=True) if n.finger]
        for kind in (passage.kind, "all"):
            right[kind] += sum(label == finger for label, finger in labelled)
            notes[kind] += len(labelled)
        if show and any(label != finger for label, finger in labelled):
            print(shown(passage, given))
    return {kind: (right[kind], count) for kind, count in notes.items()}


def shown(passage: Passage, given: list[int]) -> str:
    """A passage in three rows: keys, the teacher's fingers (0 for an open one), those given."""
    columns: dict[Fraction, list[str]] = defaultdict(lambda: ["", "", ""])
    for note, finger in zip(passage.table.notes, given, strict=True):
        column = columns[note.onset]
        for row, cell in enumerate((note.spelled, note.finger or "0", str(finger))):
            column[row] += cell
    widths = [max(map(len, column)) for column in columns.values()]
    rows = zip(*columns.values(), strict=True)
    lines = (" ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n  ".join([f"{passage.kind}: {passage.title}, {passage.table.notes[0].hand}", *lines])


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["crf", "ergonomic", "hmm"])
    parser.add_argument("--show", action="store_true", help="print the passages that come out otherwise")
    args = parser.parse_args()
    passages = list(read_passages(PASSAGES.read_text(encoding="utf-8")))
    registry = Registry.load()
    results: dict[str, dict[str, str]] = {}
    for name in args.models:
        model = registry.find(name)
        found = rates(model, passages, show=args.show)
        results[f"{model.name} {model.version}"] = {kind: f"{r} of {n}" for kind, (r, n) in found.items()}
        right, notes = found["all"]
        print(model.name, model.version, f"{100 * right / notes:.1f}", json.dumps(found), flush=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

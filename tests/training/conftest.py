"""A small corpus to train the fingering model on: scales with the fingers of every method."""

from __future__ import annotations

from fractions import Fraction

import pytest

from fingering_service.training.corpus import read_corpus, read_manifest
from fingering_service.training.tables import COLUMNS, Table, TableNote

MAJOR = (0, 2, 4, 5, 7, 9, 11, 12)
RISING, FALLING = (1, 2, 3, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 3, 2, 1)


def scale_table(octave: int, every: int) -> Table:
    """C major up and down in both hands; every so-many-th note is labelled."""
    notes = []
    steps = [*MAJOR, *reversed(MAJOR)]
    right, left = (*RISING, *FALLING), (*FALLING, *RISING)
    for i, step in enumerate(steps):
        for hand, staff, base, fingers in (("R", 1, 60, right), ("L", 2, 48, left)):
            midi = base + 12 * octave + step
            label = str(fingers[i]) if i % every == 0 else ""
            notes.append(
                TableNote(Fraction(i, 2), Fraction(1, 2), midi, "C4", hand, staff, "1", "1", label, False, False)
            )
    return Table({"columns": "\t".join(COLUMNS)}, tuple(notes))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rows = ["piece\tgroup\tnotes\tlabels\tlicence\tcomposer\tsplit"]
    for number in range(6):
        table = scale_table(number % 3 - 1, 1 + number % 3)
        name = f"scale{number}"
        labels = sum(bool(n.finger) for n in table.notes)
        lines = [f"# columns: {table.header['columns']}"]
        lines += [
            f"{n.onset}\t{n.duration}\t{n.midi}\t{n.spelled}\t{n.hand}\t{n.staff}\t1\t1\t{n.finger}\t0\t0"
            for n in table.notes
        ]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        split = "validation" if number >= 4 else "train"
        rows.append(f"{name}\tg{number}\t{len(table.notes)}\t{labels}\tCC0\tnobody\t{split}")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def windows(corpus):
    return read_corpus(corpus, read_manifest(corpus))

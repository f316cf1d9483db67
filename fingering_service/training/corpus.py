"""The training corpus: windows of lines around the labels of fingered editions.

Most notes of an edition carry no finger, and that is not a label. A window holds a stretch of one hand's line that has
labels, with some slices of music on either side; its labels become masks over the states of the lattice, and the notes
without one stay open. Left hands are mirrored by `build_line`, so both hands train one model. Octave transpositions
would change nothing, because all features are relative to the keyboard's pattern.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fingering_service.ergonomics import ErgonomicModel
from fingering_service.features import features_of
from fingering_service.lattice import Lattice, build_lattice
from fingering_service.lines import MAX_KEYS, Line
from fingering_service.potentials import Potentials
from fingering_service.profile import PROFILES
from fingering_service.training.tables import Table, read_table, table_lines

MARGIN = 10
"""Slices of music a window shows on either side of its first and last label."""

LONGEST = 96
"""Slices of labelled music after which a window is cut."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of the manifest."""

    name: str
    group: str
    split: str
    composer: str
    labels: int
    notes: int
    licence: str


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one hand's line with labels.

    Attributes:
        piece: Name of the piece.
        group: Group of works it belongs to.
        composer: As the manifest spells the name.
        right: True for the right hand.
        lattice: Its states.
        labels: [T, K] labelled finger of each slot; 0 for none.
        contradictions: [T, S] labels of its slice a state contradicts.
        rows: Features.
        ergonomic: Costs of the ergonomic model.
        dropped: Labels no state agrees with, left out of `labels`.
    """

    piece: str
    group: str
    composer: str
    right: bool
    lattice: Lattice
    labels: NDArray[np.int64]
    contradictions: NDArray[np.int64]
    rows: dict[str, NDArray[np.int64]]
    ergonomic: Potentials
    dropped: int

    @property
    def label_count(self) -> int:
        """How many notes have a label."""
        return int((self.labels > 0).sum())


def read_manifest(folder: Path) -> list[Piece]:
    """The pieces of the corpus."""
    with (folder / "manifest.tsv").open(encoding="utf-8") as lines:
        return [
            Piece(
                r["piece"],
                r["group"],
                r["split"],
                r["composer"],
                int(r["labels"]),
                int(r["notes"]),
                r["licence"],
            )
            for r in csv.DictReader(lines, delimiter="\t")
        ]


def windows_of(piece: Piece, table: Table) -> Iterator[Window]:
    """The windows of a piece."""
    given = [int(n.finger[0]) if n.finger else 0 for n in table.notes]
    for line in table_lines(table, PROFILES["M"].max_span):
        labels = slot_labels(line, given)
        for first, last, start, stop in _stretches(labels):
            own = labels[first:last].copy()
            own[: start - first] = 0
            own[stop - first :] = 0
            yield _window(piece, replace(line, slices=line.slices[first:last]), own)


def slot_labels(line: Line, given: list[int]) -> NDArray[np.int64]:
    """[T, K] label of each struck slot, from labels by note; 0 for none."""
    labels = np.zeros((len(line.slices), MAX_KEYS), dtype=np.int64)
    for t, moment in enumerate(line.slices):
        for k, slot in enumerate(moment.slots):
            if slot.struck:
                found = [given[n] for i in slot.strikes for n in line.strikes[i].notes if given[n]]
                labels[t, k] = found[0] if found else 0
    return labels


def _stretches(labels: NDArray[np.int64]) -> Iterator[tuple[int, int, int, int]]:
    """(first, last) slices of windows, and the (start, stop) whose labels they own; ends are exclusive."""
    count = len(labels)
    labelled = np.flatnonzero(labels.any(axis=1)).tolist()
    at = 0
    while at < len(labelled):
        end = at
        while (
            end + 1 < len(labelled)
            and labelled[end + 1] - labelled[end] <= 2 * MARGIN
            and labelled[end + 1] - labelled[at] < LONGEST
        ):
            end += 1
        start, stop = labelled[at], labelled[end] + 1
        first, last = max(0, start - MARGIN), min(count, stop + MARGIN)
        if last - first >= 2:
            yield first, last, start, stop
        at = end + 1


def _window(piece: Piece, line: Line, labels: NDArray[np.int64]) -> Window:
    lattice = build_lattice(line, PROFILES["M"])
    fingers = lattice.fingers.astype(np.int64)
    contradictions = ((labels[:, None, :] > 0) & (fingers != labels[:, None, :])).sum(axis=2)
    hopeless = (contradictions > 0).all(axis=1, where=lattice.valid)
    dropped = int((labels[hopeless] > 0).sum())
    labels[hopeless] = 0
    contradictions[hopeless] = 0
    return Window(
        piece=piece.name,
        group=piece.group,
        composer=piece.composer,
        right=line.right,
        lattice=lattice,
        labels=labels,
        contradictions=contradictions,
        rows=features_of(lattice).rows,
        ergonomic=ErgonomicModel(PROFILES["M"]).costs(lattice),
        dropped=dropped,
    )


def read_corpus(folder: Path, pieces: list[Piece]) -> list[Window]:
    """All windows of some pieces, in the manifest's order."""
    return [w for piece in pieces for w in windows_of(piece, read_table(folder / f"{piece.name}.tsv"))]

"""Pieces to evaluate fingering on, from what a user names."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from etude.evaluation.pairs import PairsError

PIG_TEST = range(1, 31)
"""Numbers of the pieces that the PIG data set is tested on; each has several annotators."""
_PIG = re.compile(r"(\d{3})-(\d+)_fingering\.txt")
_SUFFIXES = (".tsv", ".txt", ".musicxml", ".mxl", ".xml", ".json")


@dataclass(frozen=True, slots=True)
class FingeredPiece:
    """A piece with the fingers of its annotators.

    Attributes:
        name: For people.
        truths: A file for each annotator.
        prediction: A file with fingers to judge; None where a stage is to be asked for them.
    """

    name: str
    truths: tuple[Path, ...]
    prediction: Path | None = None

    @property
    def in_seconds(self) -> bool:
        """Whether times are seconds of a performance (PIG) and not quarters."""
        return self.truths[0].suffix.lower() == ".txt"


def find_pieces(named: Sequence[str], split: str) -> list[FingeredPiece]:
    """The pieces that arguments name, in their order.

    Args:
        named: Each a folder, a file with fingers, or "PREDICTION:TRUTH[,TRUTH...]". A folder of the PIG data set
            (001-1_fingering.txt and so on) gives its test pieces 001 to 030 with all annotators; a folder with a
            manifest.tsv that has columns `piece` and `split` gives the pieces of a split; any other folder all files.
        split: The split that is wanted where there are splits; "all" for every one.

    Raises:
        PairsError: Nothing is found, or a file is missing.
        OSError: A manifest cannot be read.
    """
    return [piece for argument in named for piece in _of_argument(argument, split)]


def _of_argument(argument: str, split: str) -> list[FingeredPiece]:
    path = Path(argument)
    if path.is_dir():
        return _of_folder(path, split)
    if path.is_file():
        return [FingeredPiece(path.stem, (path,))]
    for position in (i for i, letter in enumerate(argument) if letter == ":"):
        prediction = Path(argument[:position])
        truths = tuple(Path(name) for name in argument[position + 1 :].split(","))
        if prediction.is_file() and all(truth.is_file() for truth in truths):
            return [FingeredPiece(prediction.stem, truths, prediction)]
    raise PairsError(f"{argument} is no folder, no file and no PREDICTION:TRUTH[,TRUTH...] of files")


def _of_folder(folder: Path, split: str) -> list[FingeredPiece]:
    pig: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        match = _PIG.fullmatch(path.name)
        if match:
            pig[int(match[1])].append(path)
    if pig:
        pieces = [FingeredPiece(f"{number:03d}", tuple(pig[number])) for number in PIG_TEST if pig.get(number)]
        if not pieces:
            raise PairsError(f"{folder} holds none of the PIG test pieces, 001 to 030")
        return pieces
    manifest = folder / "manifest.tsv"
    if manifest.is_file():
        return _of_manifest(folder, manifest, split)
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _SUFFIXES]
    if not files:
        raise PairsError(f"{folder} holds no file with fingers ({', '.join(_SUFFIXES)})")
    return [FingeredPiece(path.stem, (path,)) for path in files]


def _of_manifest(folder: Path, manifest: Path, split: str) -> list[FingeredPiece]:
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    if rows and not {"piece", "split"} <= rows[0].keys():
        raise PairsError(f"{manifest} has no columns piece and split")
    chosen = [row["piece"] for row in rows if split in (row["split"], "all")]
    if not chosen:
        known = ", ".join(sorted({row["split"] for row in rows}))
        raise PairsError(f"{manifest} has no split {split!r}; it has: {known}")
    pieces = [FingeredPiece(name, (folder / f"{name}.tsv",)) for name in chosen]
    missing = [piece.name for piece in pieces if not piece.truths[0].is_file()]
    if missing:
        raise PairsError(f"{folder} lacks {missing[0]}.tsv, which its manifest names")
    return pieces

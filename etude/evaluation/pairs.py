"""Which file is to be compared with which truth, from what a user names: folders, pairs, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from etude.evaluation.files import DOCUMENT_SUFFIXES, TRUTH_SUFFIXES


class PairsError(ValueError):
    """What was named gives no pairs; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A file to evaluate and its truth; `name` is for people and for the names of files made of it.

    A document of several movements may have a truth of several files, the first of which is `truth` (`movement_path`).
    """

    name: str
    pred: Path
    truth: Path


def find_pairs(named: Sequence[str]) -> list[Pair]:
    """The pairs that arguments name, in their order.

    Args:
        named: Each a folder of documents with truths of the same stem; "READING:TRUTH"; or a table (.tsv) with a line
            "truth<TAB>reading" for each, relative to the current folder, where lines of # and blank ones are passed.

    Raises:
        PairsError: Nothing is found, or a file is missing.
        OSError: A table cannot be read.
    """
    pairs = [pair for argument in named for pair in _of_argument(argument)]
    names: dict[str, int] = {}
    unique = []
    for pair in pairs:
        count = names[pair.name] = names.get(pair.name, 0) + 1
        unique.append(pair if count == 1 else Pair(f"{pair.name}-{count}", pair.pred, pair.truth))
    return unique


def _of_argument(argument: str) -> list[Pair]:
    path = Path(argument)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file() and path.suffix == ".tsv":
        return _of_table(path)
    # a colon may be part of a name: the one that parts two existing files counts
    for position in (i for i, letter in enumerate(argument) if letter == ":"):
        pred, truth = Path(argument[:position]), Path(argument[position + 1 :])
        if truth.is_file() and pred.is_file():
            return [Pair(pred.stem, pred, truth)]
    if path.is_file():
        truth_of_file = _truth_of(path)
        if truth_of_file is None:
            raise PairsError(f"{path} has no truth beside it; name it: {path}:TRUTH")
        return [Pair(path.stem, path, truth_of_file)]
    raise PairsError(f"{argument} is no folder, no table and no pair READING:TRUTH of two files")


def _of_folder(folder: Path) -> list[Pair]:
    documents = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in DOCUMENT_SUFFIXES]
    pairs = [Pair(path.stem, path, truth) for path in documents if (truth := _truth_of(path)) is not None]
    if not pairs:
        raise PairsError(
            f"{folder} holds no PDF or picture with a truth of the same name ({', '.join(TRUTH_SUFFIXES)})"
        )
    return pairs


def movement_path(path: Path, movement: int) -> Path:
    """The file of a movement, from 0, of what `path` begins: sonata.musicxml, then sonata.mov2.musicxml."""
    return path.with_name(f"{path.stem}.mov{movement + 1}{path.suffix}") if movement else path


def _truth_of(document: Path) -> Path | None:
    candidates = (document.with_name(document.stem + suffix) for suffix in TRUTH_SUFFIXES)
    return next((path for path in candidates if path != document and path.is_file()), None)


def _of_table(path: Path) -> list[Pair]:
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 2:
            raise PairsError(f"{path}, line {number}: expected truth<TAB>reading")
        truth, pred = map(Path, fields)
        if not truth.is_file():
            raise PairsError(f"{path}, line {number}: there is no file {truth}")
        pairs.append(Pair(pred.stem, pred, truth))
    if not pairs:
        raise PairsError(f"{path} names no pairs")
    return pairs

"""A pair evaluated: the truth, the reading, their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from etude.evaluation.figures import compare
from etude.evaluation.files import Referee, UnreadableFileError, read_file
from etude.evaluation.pairs import Pair, movement_path
from etude.evaluation.piece import Piece
from etude.evaluation.reading import NOTHING, Reading


@dataclass(frozen=True, slots=True)
class Read:
    """What came of reading a file.

    Attributes:
        reading: The reading; empty where it failed.
        error: Why it failed; "" when it did not.
        facts: Of the reading, as numbers: pages, seconds.
    """

    reading: Reading
    error: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)


def read_pred(pair: Pair, referee: Referee | None = None) -> Read:
    """What a file of notation (no document) holds; one that is missing or damaged counts as empty."""
    try:
        reading = read_file(pair.pred, referee)
    except UnreadableFileError as error:
        return Read(NOTHING, str(error))
    except OSError as error:
        return Read(NOTHING, error.strerror or str(error))
    return Read(reading, "" if reading.note_count else "it holds no notes")


def read_truths(pairs: list[Pair], referee: Referee | None = None) -> dict[Pair, Reading]:
    """The truth of each pair; of the movements of one document, one after the other.

    Raises:
        UnreadableFileError: Some cannot be read or hold no notes; all of them are named, a line each.
    """
    truths: dict[Pair, Reading] = {}
    unusable: dict[str, None] = {}
    for pair in pairs:
        try:
            truths[pair] = _read_movements(pair.truth, referee)
            if not truths[pair].note_count:
                raise UnreadableFileError("it holds no notes")
        except (UnreadableFileError, OSError) as error:
            unusable[f"{pair.truth}: {error}"] = None
    if unusable:
        raise UnreadableFileError("\n".join(unusable))
    return truths


def _read_movements(path: Path, referee: Referee | None) -> Reading:
    """What a truth holds with the movements beside it, in a row."""
    movements = [read_file(path, referee)]
    while (following := movement_path(path, len(movements))).is_file():
        movements.append(read_file(following, referee))
    if len(movements) == 1:
        return movements[0]
    return Reading(
        bars=tuple(bar for movement in movements for bar in movement.bars),
        kinds=frozenset.intersection(*(movement.kinds for movement in movements)),
        movements=tuple(len(movement.bars) for movement in movements),
    )


def evaluate(pair: Pair, truth: Reading, read: Read) -> Piece:
    """The figures of a pair."""
    return Piece(
        name=pair.name,
        truth_path=pair.truth,
        pred_path=pair.pred,
        truth=truth,
        pred=read.reading,
        comparison=compare(truth, read.reading),
        error=read.error,
        facts=read.facts,
    )

"""What a fingered Score says is doubtful, as a person wants to hear it: measures by number."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from etude.notation.measures import measure_names


@dataclass(frozen=True, slots=True)
class Doubts:
    """Places somebody should look at.

    Attributes:
        count: Number of doubts.
        measures: What the measures that hold one are called, in the order of the piece.
    """

    count: int
    measures: tuple[str, ...]


def read_doubts(score_json: bytes) -> Doubts:
    """The doubts of a Score in its JSON form.

    The JSON is read as it is and not into a Score: parsing a long piece into messages takes seconds, and two lists are
    all that is needed.
    """
    score = json.loads(score_json)
    measures = score.get("measures", [])
    doubts = score.get("doubts", [])
    # In protobuf's JSON mapping a field of value 0 is left out, so no measureIndex stands for the first measure.
    indexes = sorted({doubt.get("measureIndex", 0) for doubt in doubts} - {-1})
    names = measure_names(measure.get("number", "") for measure in measures)
    return Doubts(count=len(doubts), measures=tuple(dict.fromkeys(names[i] for i in indexes if i < len(names))))


def spans(numbers: Sequence[str], limit: int = 12) -> str:
    """Measure numbers with runs drawn together, and the rest counted when there are many.

    >>> spans(["3", "4", "5", "9", "12a"])
    '3–5, 9, 12a'
    """
    runs: list[list[str]] = []
    for number in numbers:
        previous = runs[-1][-1] if runs else ""
        if previous.isdecimal() and number.isdecimal() and int(number) == int(previous) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs]
    left = sum(len(run) for run in runs[limit:])
    return ", ".join(texts[:limit]) + (f" and {left} more" if left else "")

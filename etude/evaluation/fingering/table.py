"""The figures of fingering as a text table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from etude.evaluation.fingering.figures import PATHS, RATES, PieceFigures
from etude.evaluation.table import aligned

_COLUMNS = (*RATES, "cover", "imposs")


def fingering_text(
    names: Sequence[str], figures: Mapping[str, Sequence[PieceFigures]], total: Mapping[str, dict[str, Any]]
) -> str:
    """A line a piece for the first model, then the totals of all models beside each other.

    Args:
        names: Of the pieces.
        figures: By model, the figures of each piece.
        total: By model, the figures over all pieces.
    """
    model, pieces = next(iter(figures.items()))
    several = any(piece.annotators > 1 for piece in pieces)
    columns = (*_COLUMNS, *(PATHS if several else ()))
    rows = [[f"{model}, percent", "labels", *columns]]
    for name, piece in zip(names, pieces, strict=True):
        values = piece.values()
        rows.append([name, f"{piece.labels['gen']:g}", *(_percent(values[column]) for column in columns)])
    blocks = [aligned(rows)] if len(pieces) > 1 else []
    for kind, told in (("macro", "mean of the pieces"), ("micro", "all notes")):
        rows = [[told, "labels", *columns]]
        for name, each in total.items():
            cells = [_percent(each[kind].get(column)) for column in columns]
            rows.append([name, f"{each['counts']['labels']:g}", *cells])
        blocks.append(aligned(rows))
    counts = total[model]["counts"]
    blocks.append(
        f"{model}: {counts['notes']:,} notes, {counts['unmatched']:,} of them not in the prediction; "
        f"{counts['chords']:,} chords fingered, impossible by one finger on two keys {counts['same_finger']}, "
        f"crossing {counts['crossing']}, stretch {counts['stretch']}."
    )
    return "\n\n".join(blocks)


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{100 * ratio:.1f}"

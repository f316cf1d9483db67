"""Pieces that were compared, and the figures over all of them, as data for tables, JSON and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from etude.evaluation.figures import FIGURES, Comparison, Counts, KindCounts
from etude.evaluation.reading import Reading


@dataclass(frozen=True, slots=True)
class NormalizedDistance:
    """The OMR normalized edit distance of musicdiff: edits by the symbols of both sides, 0 for the same notation.

    Attributes:
        distance: Edit distance in symbols.
        truth: Symbols in truth.
        pred: Symbols read.
    """

    distance: int
    truth: int
    pred: int

    @property
    def value(self) -> float:
        """From 0, the same, to 1, nothing in common."""
        return self.distance / (self.truth + self.pred) if self.truth + self.pred else 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece with its truth, its reading and how they compare.

    Attributes:
        name: For people.
        truth_path: File of the truth.
        pred_path: File the reading comes from: a document, MusicXML or a Score.
        truth: The truth.
        pred: The reading.
        comparison: Their figures.
        error: Why the reading counts as empty; "" when it does not.
        distance: By musicdiff; None where it was not asked or could not say.
        facts: Of the reading, as numbers: pages, seconds.
    """

    name: str
    truth_path: Path
    pred_path: Path
    truth: Reading
    pred: Reading
    comparison: Comparison
    error: str = ""
    distance: NormalizedDistance | None = None
    facts: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The piece's figures for programs; ratios from 0 to 1, null where undefined."""
        bars = self.comparison.bars
        measures = {
            **asdict(bars),
            "perfect_share": bars.perfect_share,
            "wholly_right_share": bars.wholly_right_share,
        }
        return {
            "name": self.name,
            "truth": str(self.truth_path),
            "pred": str(self.pred_path),
            "error": self.error or None,
            "measures": measures,
            **_figures_json(self.comparison),
            "omr_ned": self.distance.value if self.distance else None,
            "doubts": self.pred.doubts,
            **self.facts,
        }


def totals(pieces: Sequence[Piece]) -> dict[str, Any]:
    """Figures over all pieces: "macro", means of the pieces where defined, and "micro", of summed counts."""
    bars = [piece.comparison.bars for piece in pieces]
    summed = {name: sum(getattr(each, name) for each in bars) for name in ("truth", "pred", "aligned", "perfect")}
    told = [each for each in bars if each.wholly_right is not None]
    wholly_right = sum(each.wholly_right or 0 for each in told)
    told_truth = sum(each.truth for each in told)
    distances = [piece.distance for piece in pieces if piece.distance]
    symbols = sum(each.truth + each.pred for each in distances)
    micro = {
        "measures": {
            **summed,
            "wholly_right": wholly_right,
            "perfect_share": _ratio(summed["perfect"], summed["truth"]),
            "wholly_right_share": _ratio(wholly_right, told_truth),
        },
        **_figures_json(_summed(pieces)),
        "omr_ned": _ratio(sum(each.distance for each in distances), symbols),
    }
    macro: dict[str, Any] = {
        "measures": {
            "perfect_share": mean(each.perfect_share for each in bars),
            "wholly_right_share": mean(each.wholly_right_share for each in bars),
        },
        "omr_ned": mean(each.value for each in distances),
    }
    for view in ("figures", "hand_agnostic"):
        macro[view] = {name: _means([getattr(p.comparison, view)[name] for p in pieces]) for name in FIGURES}
    macro["kinds"] = {
        kind: {
            level: _means([getattr(p.comparison.kinds[kind], level) for p in pieces if kind in p.comparison.kinds])
            for level in ("placed", "in_bar")
        }
        for kind in micro["kinds"]
    }
    return {"macro": macro, "micro": micro}


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are defined; None for none."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


@dataclass(frozen=True, slots=True)
class _Summed:
    """Counts of several pieces added up."""

    figures: Mapping[str, Counts]
    hand_agnostic: Mapping[str, Counts]
    kinds: Mapping[str, KindCounts]


def _summed(pieces: Sequence[Piece]) -> _Summed:
    kinds: dict[str, KindCounts] = {}
    for piece in pieces:
        for kind, counts in piece.comparison.kinds.items():
            kinds[kind] = kinds.get(kind, KindCounts()) + counts
    return _Summed(
        figures={name: sum((p.comparison.figures[name] for p in pieces), Counts()) for name in FIGURES},
        hand_agnostic={name: sum((p.comparison.hand_agnostic[name] for p in pieces), Counts()) for name in FIGURES},
        kinds=kinds,
    )


def _figures_json(figures: Comparison | _Summed) -> dict[str, Any]:
    return {
        "figures": {name: _counts_json(counts) for name, counts in figures.figures.items()},
        "hand_agnostic": {name: _counts_json(counts) for name, counts in figures.hand_agnostic.items()},
        "kinds": {
            kind: {"placed": _counts_json(counts.placed), "in_bar": _counts_json(counts.in_bar)}
            for kind, counts in figures.kinds.items()
        },
    }


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {**asdict(counts), "precision": counts.precision, "recall": counts.recall, "f1": counts.f1}


def _means(counts: Sequence[Counts]) -> dict[str, float | None]:
    return {name: mean(getattr(each, name) for each in counts) for name in ("precision", "recall", "f1")}


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None

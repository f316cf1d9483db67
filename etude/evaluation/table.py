"""The figures as a text table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from etude.evaluation.differences import BarDifference
from etude.evaluation.figures import FIGURES
from etude.evaluation.piece import Piece
from etude.evaluation.words import difference_lines


def percent(ratio: float | None) -> str:
    """A ratio in percent with two digits, "-" where it is not defined."""
    return "-" if ratio is None else f"{100 * ratio:.2f}"


def figures_text(pieces: Sequence[Piece], total: dict[str, Any], worst: Sequence[BarDifference]) -> str:
    """All figures for people: a line a piece (worst onset first), totals, kinds of marks, the worst bars."""
    blocks = [_pieces(pieces, total), _views(total), _kinds(total)]
    if worst:
        blocks.append("\n".join(["The worst bars", *(line for each in worst for line in _bar(each))]))
    empty = [f"Counted as empty: {piece.pred_path}: {piece.error}" for piece in pieces if piece.error]
    if empty:
        blocks.append("\n".join(empty))
    return "\n\n".join(block for block in blocks if block)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )


def _pieces(pieces: Sequence[Piece], total: dict[str, Any]) -> str:
    ned = any(piece.distance for piece in pieces)
    header = ["F1 in percent", "bars", "perfect", "wholly", *FIGURES, *(["OMR-NED"] if ned else [])]
    rows: list[list[str]] = [header]
    for piece in sorted(pieces, key=lambda p: p.comparison.figures["onset"].f1 or 0.0):
        bars = piece.comparison.bars
        row = [piece.name, str(bars.truth), percent(bars.perfect_share), percent(bars.wholly_right_share)]
        row += [percent(piece.comparison.figures[name].f1) for name in FIGURES]
        rows.append(row + ([percent(piece.distance.value if piece.distance else None)] if ned else []))
    for kind in ("macro", "micro"):
        of = total[kind]
        row = [kind, "", percent(of["measures"]["perfect_share"]), percent(of["measures"]["wholly_right_share"])]
        row += [percent(of["figures"][name]["f1"]) for name in FIGURES]
        rows.append(row + ([percent(of["omr_ned"])] if ned else []))
    return aligned(rows)


def _views(total: dict[str, Any]) -> str:
    rows = [["notes, all pieces", "precision", "recall", "F1", "matched", "true", "read"]]
    for view, suffix in (("figures", ""), ("hand_agnostic", ", any hand")):
        for name in FIGURES:
            rows.append([name + suffix, *_counts(total["micro"][view][name])])
    return aligned(rows)


def _kinds(total: dict[str, Any]) -> str:
    kinds = {name: each for name, each in total["micro"]["kinds"].items() if each["placed"]["f1"] is not None}
    if not kinds:
        return ""
    rows = [["marks, all pieces", "precision", "recall", "F1", "matched", "true", "read", "F1 in bar"]]
    for name, each in kinds.items():
        rows.append([name, *_counts(each["placed"]), percent(each["in_bar"]["f1"])])
    return aligned(rows)


def _counts(counts: dict[str, Any]) -> list[str]:
    ratios = [percent(counts[name]) for name in ("precision", "recall", "f1")]
    return ratios + [str(counts[name]) for name in ("matched", "truth", "pred")]


def _bar(difference: BarDifference) -> list[str]:
    return [f"  {difference.piece.name}, {difference.name}", *(f"    {line}" for line in difference_lines(difference))]

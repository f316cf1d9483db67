"""The HTML report of fingering: figures, their distribution over the pieces, fingers taken for others, and the longest
stretches in which a fingering and the annotators part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from etude.evaluation.fingering.figures import PATHS, RATES, PieceFigures, totals
from etude.evaluation.fingering.stretches import ComparedNote, Stretch, stretches_of, worst_stretches
from etude.evaluation.html import cell, document, row, strips, table
from etude.evaluation.table import percent

_STYLE = """
.stretch h3 { margin-top: 0 }
.stretch { border: 1px solid #ddd; border-radius: 6px; padding: .8rem 1rem; margin: 1rem 0; break-inside: avoid }
.stretch td { text-align: center; min-width: 1.4rem } .stretch td:first-child { color: #666 }
.stretch td.wrong { background: #fbe3e1; font-weight: 600 }
"""
_KEYS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
_HANDS = {"R": "right", "L": "left"}
_FINGERS = "12345"


@dataclass(frozen=True, slots=True)
class JudgedPiece:
    """A piece as one model fingered it.

    Attributes:
        name: Of the piece.
        figures: Its figures.
        notes: Its notes with the fingers of all.
        in_seconds: Whether its times are seconds and not quarters.
    """

    name: str
    figures: PieceFigures
    notes: Sequence[ComparedNote]
    in_seconds: bool


def fingering_html(judged: Mapping[str, Sequence[JudgedPiece]], worst: int) -> str:
    """The report as an HTML document that needs nothing else.

    Args:
        judged: By model, the pieces in one order. The first model is looked at closely.
        worst: How many stretches to show.
    """
    model, pieces = next(iter(judged.items()))
    total = {name: totals([piece.figures for piece in each]) for name, each in judged.items()}
    counts = total[model]["counts"]
    paths = PATHS if any(piece.figures.annotators > 1 for piece in pieces) else ()
    found = [stretch for piece in pieces for stretch in stretches_of(piece.name, piece.notes)]
    units = {piece.name: "second" if piece.in_seconds else "quarter" for piece in pieces}
    stretches = "".join(_stretch(stretch, units[stretch.piece]) for stretch in worst_stretches(found, worst))
    charts = {name: [piece.figures.rates["gen"] or 0.0 for piece in each] for name, each in judged.items()}
    return document(
        "How well the music was fingered",
        _STYLE,
        f"<p>{len(pieces)} piece{'s' * (len(pieces) != 1)}, {counts['notes']:,} notes, {counts['labels']:g} of them "
        "with an annotator's finger. Rates in percent; <code>etude eval fingering --help</code> says what they are.</p>"
        f"<h2>Mean of the pieces</h2>{_models(total, 'macro', paths)}<h2>All notes</h2>{_models(total, 'micro', ())}"
        f"<h2>Distribution over the pieces: gen</h2>{strips(charts, [piece.name for piece in pieces])}"
        f"<h2>Fingers of {escape(model)}, by those of the annotators</h2>"
        + "".join(f"<h3>{hand.capitalize()} hand</h3>{_confusion(pieces, letter)}" for letter, hand in _HANDS.items())
        + f"<h2>Where {escape(model)} and all annotators part, the longest first</h2>{stretches or '<p>Nowhere.</p>'}"
        f"<h2>Pieces by {escape(model)}, the worst first</h2>{_pieces(pieces, paths)}",
    )


def _models(total: Mapping[str, dict[str, Any]], kind: str, paths: Sequence[str]) -> str:
    columns = (*RATES, "cover", "imposs", *paths)
    rows = [row([cell(name), *(cell(percent(each[kind].get(c))) for c in columns)]) for name, each in total.items()]
    return table(["model", *columns], rows)


def _pieces(pieces: Sequence[JudgedPiece], paths: Sequence[str]) -> str:
    columns = (*RATES, "cover", "imposs", *paths)
    rows = []
    for piece in sorted(pieces, key=lambda piece: piece.figures.rates["gen"] or 0.0):
        values = piece.figures.values()
        labels = f"{piece.figures.labels['gen']:g}"
        rows.append(row([cell(piece.name), cell(labels), *(cell(percent(values[column])) for column in columns)]))
    return table(["piece", "labels", *columns], rows)


def _confusion(pieces: Sequence[JudgedPiece], hand: str) -> str:
    """How often each finger was given where the annotators wrote each; every annotator's finger counts."""
    counts = Counter(
        (truth[:1], note.finger[:1])
        for piece in pieces
        for note in piece.notes
        if note.note.hand == hand
        for truth in note.truths
        if truth
    )
    rows = []
    for truth in _FINGERS:
        every = sum(counts[truth, finger] for finger in ("", *_FINGERS))
        cells = [cell(percent(counts[truth, finger] / every if every else None)) for finger in _FINGERS]
        rows.append(row([cell(truth), cell(str(every)), *cells]))
    return table(["written", "notes", *(f"given {finger}" for finger in _FINGERS)], rows)


def _stretch(stretch: Stretch, unit: str) -> str:
    """A stretch as a table: a column a note; a row for the keys, for each annotator, and for what was given."""
    annotators = len(stretch.notes[0].truths)
    rows = [row([cell("key"), *(cell(_key(note.note.midi)) for note in stretch.notes)])]
    for number in range(annotators):
        name = f"annotator {number + 1}" if annotators > 1 else "annotator"
        rows.append(row([cell(name), *(cell(note.truths[number].replace("_", "-")) for note in stretch.notes)]))
    given = [
        f'<td class="wrong">{escape(note.finger or "none")}</td>' if note.differs else cell(note.finger)
        for note in stretch.notes
    ]
    rows.append(row([cell("given"), *given]))
    where = f"{stretch.piece}, {_HANDS[stretch.hand]} hand, from {unit} {float(stretch.onset):.5g} on"
    return (
        f'<div class="stretch"><h3>{escape(where)}: {stretch.differing} differ</h3>'
        f'<div class="scroll"><table><tbody>{"".join(rows)}</tbody></table></div></div>'
    )


def _key(midi: int) -> str:
    return f"{_KEYS[midi % 12]}{midi // 12 - 1}"

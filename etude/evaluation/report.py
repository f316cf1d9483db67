"""The HTML report: figures, their distribution over the pieces, and the worst bars to look at. One file, no script."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from etude.evaluation.differences import BarDifference
from etude.evaluation.figures import FIGURES
from etude.evaluation.html import cell, document, ratio_cell, row, strips, table
from etude.evaluation.pairs import movement_path
from etude.evaluation.pictures import Engraver, Pages, PictureError
from etude.evaluation.piece import Piece
from etude.evaluation.reading import Bar
from etude.evaluation.table import percent
from etude.evaluation.words import difference_lines
from etude.score.v1 import page_pb2

_STYLE = """
.bar h3 { margin-top: 0 }
.bar { border: 1px solid #ddd; border-radius: 6px; padding: 1rem; margin: 1rem 0; break-inside: avoid }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start }
figure { margin: 0; flex: 1 1 300px; min-width: 0 } figcaption { font-size: .8rem; color: #666 }
figure img { max-width: 100%; max-height: 320px; background: #fff }
.none { color: #777; font-size: .85rem; padding: 1rem; background: #f6f6f6 }
ul { margin: .7rem 0 0; padding-left: 1.2rem; font-size: .88rem }
.missed { color: #a1341f } .spurious { color: #1d5a94 }
"""
_FRAME = "#c81e1e"


def report_html(
    pieces: Sequence[Piece],
    total: dict[str, Any],
    worst: Sequence[BarDifference],
    musicxml: Callable[[Piece, int], Path],
    title: str,
) -> str:
    """The report as an HTML document that needs nothing else.

    Args:
        pieces: The pieces.
        total: Their totals.
        worst: The bars to show, the worst first.
        musicxml: The MusicXML of a movement, from 0, of a piece's reading.
        title: Heading.
    """
    pages, engraver = Pages(), Engraver()
    bars = "".join(_bar(each, musicxml, pages, engraver) for each in worst)
    empty = [piece for piece in pieces if piece.error]
    failures = "".join(f"<li>{escape(str(piece.pred_path))}: {escape(piece.error)}</li>" for piece in empty)
    return document(
        title,
        _STYLE,
        _summary(pieces, total)
        + f"<h2>Distribution over the pieces</h2>{_distributions(pieces)}"
        + (f"<h2>Counted as empty</h2><ul>{failures}</ul>" if failures else "")
        + (f"<h2>The worst bars</h2>{bars}" if bars else "<h2>The worst bars</h2><p>Every bar was read as it is.</p>")
        + f"<h2>Pieces, the worst onset first</h2>{_pieces(pieces, total)}"
        + f"<h2>Notes of all pieces</h2>{_notes(total)}{_kinds(total)}",
    )


def _summary(pieces: Sequence[Piece], total: dict[str, Any]) -> str:
    macro, micro = total["macro"], total["micro"]
    told = [
        f"{len(pieces)} piece{'s' * (len(pieces) != 1)}, {micro['measures']['truth']:,} bars, "
        f"{micro['figures']['onset']['truth']:,} notes.",
        f"Onset F1 <b>{percent(macro['figures']['onset']['f1'])} %</b> (mean of the pieces), "
        f"full {percent(macro['figures']['full']['f1'])} %, "
        f"bars perfect {percent(micro['measures']['perfect_share'])} %.",
    ]
    if macro["omr_ned"] is not None:
        told.append(f"OMR-NED {percent(macro['omr_ned'])} (0 is the same).")
    return f"<p>{' '.join(told)}</p>"


# ---- distribution


def _distributions(pieces: Sequence[Piece]) -> str:
    onset = [piece.comparison.figures["onset"].f1 or 0.0 for piece in pieces]
    perfect = [piece.comparison.bars.perfect_share for piece in pieces]
    names = [piece.name for piece in pieces]
    return strips({"Onset F1": onset, "Bars perfect": perfect}, names)


# ---- tables


def _pieces(pieces: Sequence[Piece], total: dict[str, Any]) -> str:
    ned = any(piece.distance for piece in pieces)
    header = ["piece", "bars", "perfect", "wholly right", *FIGURES, *(["OMR-NED"] if ned else []), "doubts"]
    rows = []
    for piece in sorted(pieces, key=lambda p: p.comparison.figures["onset"].f1 or 0.0):
        bars = piece.comparison.bars
        cells = [cell(piece.name), cell(str(bars.truth)), ratio_cell(bars.perfect_share)]
        cells += [cell(percent(bars.wholly_right_share))]
        cells += [ratio_cell(piece.comparison.figures[name].f1) for name in FIGURES]
        cells += [cell(percent(piece.distance.value if piece.distance else None))] if ned else []
        rows.append(row([*cells, cell(str(piece.pred.doubts))]))
    for kind in ("macro", "micro"):
        of = total[kind]
        cells = [cell(kind), cell(""), cell(percent(of["measures"]["perfect_share"]))]
        cells += [cell(percent(of["measures"]["wholly_right_share"]))]
        cells += [cell(percent(of["figures"][name]["f1"])) for name in FIGURES]
        cells += [cell(percent(of["omr_ned"]))] if ned else []
        rows.append(row([*cells, cell("")], "total"))
    return table(header, rows)


def _notes(total: dict[str, Any]) -> str:
    rows = []
    for view, suffix in (("figures", ""), ("hand_agnostic", ", any hand")):
        for name in FIGURES:
            rows.append(row([cell(name + suffix), *_counts(total["micro"][view][name])]))
    return table(["figure", "precision", "recall", "F1", "matched", "true", "read"], rows)


def _kinds(total: dict[str, Any]) -> str:
    kinds = {name: each for name, each in total["micro"]["kinds"].items() if each["placed"]["f1"] is not None}
    if not kinds:
        return ""
    rows = [
        row([cell(name), *_counts(each["placed"]), ratio_cell(each["in_bar"]["f1"])]) for name, each in kinds.items()
    ]
    header = ["kind", "precision", "recall", "F1", "matched", "true", "read", "F1 in bar"]
    return f"<h2>Marks of all pieces</h2>{table(header, rows)}"


def _counts(counts: dict[str, Any]) -> list[str]:
    ratios = [ratio_cell(counts[name]) for name in ("precision", "recall", "f1")]
    return ratios + [cell(str(counts[name])) for name in ("matched", "truth", "pred")]


# ---- bars


def _bar(difference: BarDifference, musicxml: Callable[[Piece, int], Path], pages: Pages, engraver: Engraver) -> str:
    piece = difference.piece
    pictures = [
        _figure("On the page", lambda: _page_picture(difference, pages)),
        _figure("As it was read", lambda: _reading_picture(difference, musicxml, engraver)),
        _figure("The truth", lambda: _truth_picture(difference, engraver)),
    ]
    styles = {"missed": "missed", "marks missed": "missed"}
    lines = "".join(
        f'<li class="{styles.get(line.split(":")[0], "spurious")}">{escape(line)}</li>'
        for line in difference_lines(difference)
    )
    heading = f"{escape(piece.name)}, {escape(difference.name)}"
    return f'<div class="bar"><h3>{heading}</h3><div class="pictures">{"".join(pictures)}</div><ul>{lines}</ul></div>'


def _figure(caption: str, draw: Callable[[], tuple[str, bytes]]) -> str:
    try:
        media_type, content = draw()
        address = f"data:{media_type};base64,{base64.b64encode(content).decode()}"
        inner = f'<img alt="{escape(caption)}" src="{address}">'
    except (PictureError, OSError) as error:
        inner = f'<div class="none">No picture: {escape(str(error))}.</div>'
    return f"<figure>{inner}<figcaption>{escape(caption)}</figcaption></figure>"


def _page_picture(difference: BarDifference, pages: Pages) -> tuple[str, bytes]:
    piece = difference.piece
    if not piece.pred.page_sizes:
        raise PictureError("the reading does not tell where its bars stand on pages")
    region = _region(difference)
    width = piece.pred.page_sizes.get(region.page_number, (0.0, 0.0))[0]
    return pages.crop(piece.pred_path, region, width, [(region, _FRAME)])


def _region(difference: BarDifference) -> page_pb2.PageRegion:
    """Where a bar stands; for one that was not read, the bar before it in the reading."""
    bars = difference.piece.pred.bars
    position = difference.pred
    if position is None:
        truth = difference.truth or 0
        position = max((j for i, j in difference.piece.comparison.pairs if i < truth), default=0)
    bar: Bar | None = bars[position] if position < len(bars) else None
    if bar is None or bar.region is None:
        raise PictureError("the reading does not tell where this bar stands on the page")
    return bar.region


def _reading_picture(
    difference: BarDifference, musicxml: Callable[[Piece, int], Path], engraver: Engraver
) -> tuple[str, bytes]:
    if difference.pred is None:
        raise PictureError("this bar was not read")
    movement, position = difference.piece.pred.place(difference.pred)
    return "image/svg+xml", engraver.bars(musicxml(difference.piece, movement), position).encode()


def _truth_picture(difference: BarDifference, engraver: Engraver) -> tuple[str, bytes]:
    if difference.truth is None:
        raise PictureError("there is no such bar in truth")
    movement, position = difference.piece.truth.place(difference.truth)
    path = movement_path(difference.piece.truth_path, movement)
    return "image/svg+xml", engraver.bars(path, position).encode()

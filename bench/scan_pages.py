"""The pages of documents that were read worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from etude.evaluation.differences import differences
from etude.evaluation.piece import Piece
from etude.evaluation.table import aligned


@dataclass(frozen=True, slots=True)
class PageFigures:
    """How a page was read.

    Attributes:
        piece: Name of the piece.
        page: Page of its document, from 1.
        bars: Bars of the truth on it.
        wrong_bars: Bars on it, printed or read, in which a note is wrong.
        notes: Notes printed on it and notes read from it, added up.
        wrong_notes: Notes missed and notes read that are not there, by staff, key, onset and length; a note that is
            read otherwise than printed is both.
    """

    piece: str
    page: int
    bars: int
    wrong_bars: int
    notes: int
    wrong_notes: int

    @property
    def share(self) -> float:
        """Share of the notes that are wrong: 0 for a page read without fault."""
        return self.wrong_notes / self.notes if self.notes else 0.0


def page_figures(piece: Piece) -> list[PageFigures]:
    """The pages of a piece, in their order.

    A bar of the truth is on the page of its partner in the reading; one without a partner is where the bar before it
    is. A reading that does not tell of pages has none.
    """
    read = [bar.region.page_number if bar.region else 0 for bar in piece.pred.bars]
    partner = dict(piece.comparison.pairs)
    printed: list[int] = []
    for i in range(len(piece.truth.bars)):
        first = read[piece.comparison.pairs[0][1]] if piece.comparison.pairs else 0
        printed.append(read[partner[i]] if i in partner else printed[-1] if printed else first)
    wrong = [(printed[d.truth] if d.truth is not None else read[d.pred or 0], d.cost[0]) for d in differences(piece)]
    sides = [*zip(printed, piece.truth.bars, strict=True), *zip(read, piece.pred.bars, strict=True)]
    return [
        PageFigures(
            piece=piece.name,
            page=page,
            bars=printed.count(page),
            wrong_bars=sum(at == page and cost > 0 for at, cost in wrong),
            notes=sum(len(bar.notes) for at, bar in sides if at == page),
            wrong_notes=sum(cost for at, cost in wrong if at == page),
        )
        for page in sorted({*read, *printed} - {0})
    ]


def worst_pages_text(pieces: Sequence[Piece], count: int) -> str:
    """For people: the pages with the greatest share of wrong notes, the worst first, and how all pages are spread."""
    pages = sorted((page for piece in pieces for page in page_figures(piece)), key=lambda p: p.share, reverse=True)
    if not pages:
        return ""
    rows = [["worst pages", "page", "bars", "wrong bars", "notes", "wrong", "percent"]]
    rows += [
        [p.piece, *map(str, (p.page, p.bars, p.wrong_bars, p.notes, p.wrong_notes)), f"{100 * p.share:.1f}"]
        for p in pages[:count]
    ]
    bounds = (0, 1, 2, 5, 10, 20)
    within = ", ".join(f"{sum(100 * p.share <= bound for p in pages)} within {bound} %" for bound in bounds)
    return f"{aligned(rows)}\n\n{len(pages)} pages by their wrong notes: {within}."

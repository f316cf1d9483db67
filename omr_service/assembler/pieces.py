"""Where one piece of a document ends and the next begins: a final barline, then a heading and a printed meter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from omr_service.assembler.geometry import System, center
from omr_service.assembler.music import PageMusic, PageTitles, SystemSigns
from omr_service.assembler.page.systems import agree, with_added_staves
from omr_service.symbols import Text

PART_OF_A_PIECE = re.compile(
    r"\b(trio|minore|maggiore|alternativo|coda|fine|var(\.|iatio|iazio|iant)|d\.?\s?[cs]\.|da capo|dal segno|tempo)",
    re.IGNORECASE,
)
"""Headings within a piece."""
LARGE = 2.4
"""Size in staff spaces from which on centred text over a system is a heading; tempo marks and words are smaller or
stand at the left."""


def heading_over(texts: Sequence[Text], before: System, system: System) -> list[Text]:
    """The lines of a heading between two systems, top to bottom; empty where there is none."""
    middle, width, space = (system.x0 + system.x1) / 2, system.x1 - system.x0, system.space
    top, bottom = before.staves[-1].tops[-1] + 3 * space, system.staves[0].tops[0] - 3 * space
    lines = [
        t
        for t in texts
        if top < center(t.box)[1] < bottom
        and abs((t.box.x0 + t.box.x1) / 2 - middle) < 0.06 * width
        and t.size > LARGE * space
        and re.search(r"[^\W_]{2}|\b[IVX]\b", t.text)
    ]
    if not lines or any(PART_OF_A_PIECE.search(t.text) for t in lines):
        return []
    return sorted(lines, key=lambda t: t.y)


def begins_piece(before: SystemSigns, system: SystemSigns) -> bool:
    """True where a final barline ends one system and the next prints its meter: a heading over it is a new piece's."""
    if not before.measures or not system.measures:
        return False
    last, first = before.measures[-1].right, system.measures[0]
    return last is not None and "H" in last.strokes and not last.dots_right and first.meter is not None


def titles_of(heading: Sequence[Text]) -> PageTitles:
    """Title and subtitle of a heading: its largest line, and the one after it."""
    title = max(heading, key=lambda t: (t.size, -t.y))
    under = [t.text.strip() for t in heading if t.y > title.y]
    return PageTitles(title.text.strip(), under[0] if under else "")


def split_pieces(pages: Sequence[PageMusic]) -> list[list[PageMusic]]:
    """The pages of each piece of a document; a page on which one begins is in two of them, each with its own systems.

    Args:
        pages: The document's pages, in order.
    """
    pieces: list[list[PageMusic]] = [[]]
    before: SystemSigns | None = None
    for page in pages:
        starts = dict(page.starts)
        first = next((s for s in page.systems if s.measures), None)
        titled = page.titles.title and not PART_OF_A_PIECE.search(page.titles.title)
        if before is not None and first is not None and titled and begins_piece(before, first):
            starts[first.system.index] = page.titles
        cuts = sorted(starts)
        end = max((s.system.index for s in page.systems), default=-1) + 1
        for low, high in zip([-1, *cuts], [*cuts, end], strict=True):
            own = tuple(s for s in page.systems if max(low, 0) <= s.system.index < high)
            if low in starts:
                pieces.append([])
            if own:
                pieces[-1].append(_part(page, own, starts.get(low, page.titles)))
        before = next((s for s in reversed(page.systems) if s.measures), before)
    return [_one_layout(piece) for piece in pieces if any(s.measures for page in piece for s in page.systems)]


def _one_layout(piece: Sequence[PageMusic]) -> list[PageMusic]:
    """The pages of a piece with its keyboard part on the same staves throughout."""
    systems = iter(with_added_staves(agree([s.system for page in piece for s in page.systems])))
    return [replace(page, systems=tuple(replace(s, system=next(systems)) for s in page.systems)) for page in piece]


def _part(page: PageMusic, systems: tuple[SystemSigns, ...], titles: PageTitles) -> PageMusic:
    """A page with some of its systems and what stands in them."""
    if len(systems) == len(page.systems):
        return page if titles == page.titles else replace(page, titles=titles)
    kept = {s.system.index for s in systems}
    return replace(
        page,
        systems=systems,
        curves=tuple(c for c in page.curves if c.system in kept),
        octaves=tuple(o for o in page.octaves if o.system in kept),
        marks=tuple(m for m in page.marks if m.system in kept),
        titles=titles,
    )

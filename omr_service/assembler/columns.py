"""Sheets with two pages side by side: they are set under each other to be read, and told where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from google.protobuf.message import Message

from etude.score.v1 import page_pb2, score_pb2
from omr_service.assembler.music import PageMusic
from omr_service.symbols import Box, Curve, Glyph, Line, PageSymbols, Text

_LONG = 0.2
"""Share of a sheet's width from which on a level line may be one of a staff."""
_MIDDLE = (0.35, 0.65)
_LEAST_LINES = 10
"""Lines on either side: those of two staves."""


def gutter_of(symbols: PageSymbols) -> float | None:
    """Where a sheet's two pages part: an upright strip about its middle that no long line crosses, with staves on both
    sides at the same heights; None for a sheet of one page."""
    width = symbols.width
    long = [v for v in symbols.lines if v.x1 - v.x0 > _LONG * width and abs(v.y1 - v.y0) < 0.01 * width]
    left = [v for v in long if (v.x0 + v.x1) / 2 < width / 2]
    right = [v for v in long if (v.x0 + v.x1) / 2 >= width / 2]
    if min(len(left), len(right)) < _LEAST_LINES:
        return None
    low, high = max(v.x1 for v in left), min(v.x0 for v in right)
    if not low < high or not _MIDDLE[0] * width < (low + high) / 2 < _MIDDLE[1] * width:
        return None
    beside = min(max(v.y0 for v in left), max(v.y0 for v in right)) - max(
        min(v.y0 for v in left), min(v.y0 for v in right)
    )
    return (low + high) / 2 if beside > 0 else None


def in_one_column(symbols: PageSymbols) -> PageSymbols:
    """The symbols of a sheet, those of a second page beside the first one moved under it by the sheet's height."""
    gutter = gutter_of(symbols)
    if gutter is None:
        return symbols
    down = symbols.height

    def box(b: Box) -> Box:
        return Box(b.x0, b.y0 + down, b.x1, b.y1 + down)

    def glyph(g: Glyph) -> Glyph:
        return replace(g, y=g.y + down, box=box(g.box)) if g.box.x0 > gutter else g

    def text(t: Text) -> Text:
        return replace(t, y=t.y + down, box=box(t.box)) if t.x > gutter else t

    def line(v: Line) -> Line:
        return replace(v, y0=v.y0 + down, y1=v.y1 + down) if v.x0 > gutter else v

    def curve(c: Curve) -> Curve:
        if c.box.x0 <= gutter:
            return c
        return replace(c, y0=c.y0 + down, y1=c.y1 + down, mid_y=c.mid_y + down, box=box(c.box))

    return replace(
        symbols,
        height=2 * down,
        glyphs=[glyph(g) for g in symbols.glyphs],
        texts=[text(t) for t in symbols.texts],
        lines=[line(v) for v in symbols.lines],
        curves=[curve(c) for c in symbols.curves],
        wiggles=[box(b) if b.x0 > gutter else b for b in symbols.wiggles],
    )


def place_columns(score: score_pb2.Score, pages: Sequence[PageMusic]) -> None:
    """Moves the regions of a Score that lie under their sheet back to where they are on it.

    Args:
        score: The Score.
        pages: Its pages.
    """
    heights = {page.page_number: page.height for page in pages if _reaches_under(page)}
    for region in _regions(score) if heights else ():
        height = heights.get(region.page_number)
        if height is not None and region.y >= height:
            region.y -= height


def _reaches_under(page: PageMusic) -> bool:
    return any(signs.system.staves[-1].tops[-1] > page.height for signs in page.systems)


def _regions(message: Message) -> Iterator[page_pb2.PageRegion]:
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for each in [value] if isinstance(value, Message) else value:
            if isinstance(each, page_pb2.PageRegion):
                yield each
            else:
                yield from _regions(each)

"""Reads a page of an engraved PDF: from its bytes to `PageSymbols`."""

from __future__ import annotations

import io
from typing import Any

import pikepdf

from omr_service.pdf import paths, refine
from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import Matrix
from omr_service.pdf.interpreter import Interpreter, Marks
from omr_service.pdf.recognize import FontKnowledge, match_outlines, sort_characters
from omr_service.pdf.staves import find_staff_lines
from omr_service.pdf.streams import decode
from omr_service.pdf.texts import join_characters
from omr_service.symbols import PageSymbols

_US_LETTER = (0.0, 0.0, 612.0, 792.0)


def _inherited(page: pikepdf.Dictionary, key: str) -> Any:
    """Returns a page attribute, looked up through the page tree."""
    node: Any = page
    for _ in range(32):
        if not isinstance(node, pikepdf.Dictionary):
            return None
        if key in node:
            return node[key]
        node = node.get("/Parent")
    return None


def _rectangle(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, pikepdf.Array) or len(value) != 4:
        return None
    try:
        a, b, c, d = (float(item) for item in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return None
    box = min(a, c), min(b, d), max(a, c), max(b, d)
    return box if box[2] > box[0] and box[3] > box[1] else None


def page_geometry(page: pikepdf.Dictionary) -> tuple[Matrix, float, float, int]:
    """Returns (default user space to page points, width, height, rotation) of a page as displayed."""
    media = _rectangle(_inherited(page, "/MediaBox")) or _US_LETTER
    crop = _rectangle(_inherited(page, "/CropBox"))
    x0, y0, x1, y1 = media
    if crop is not None:
        cut = max(x0, crop[0]), max(y0, crop[1]), min(x1, crop[2]), min(y1, crop[3])
        if cut[2] > cut[0] and cut[3] > cut[1]:
            x0, y0, x1, y1 = cut
    try:
        unit = float(page.get("/UserUnit", 1.0))
        rotation = int(_inherited(page, "/Rotate") or 0) % 360
    except (TypeError, ValueError):
        unit, rotation = 1.0, 0
    if not 0.01 <= unit <= 75_000:
        unit = 1.0
    w, h = (x1 - x0) * unit, (y1 - y0) * unit
    u = unit
    if rotation == 90:
        return (0.0, u, u, 0.0, -y0 * u, -x0 * u), h, w, 90
    if rotation == 180:
        return (-u, 0.0, 0.0, u, x1 * u, -y0 * u), w, h, 180
    if rotation == 270:
        return (0.0, -u, -u, 0.0, y1 * u, x1 * u), h, w, 270
    return (u, 0.0, 0.0, -u, -x0 * u, y1 * u), w, h, 0


def _contents(page: pikepdf.Dictionary) -> bytes:
    contents = page.get("/Contents")
    parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]  # type: ignore[call-overload]
    return b"\n".join(decode(part) for part in parts if isinstance(part, pikepdf.Stream))


def marks_of(page: pikepdf.Dictionary, fonts: dict[tuple[int, int], Font]) -> tuple[Marks, float, float, int]:
    """Returns (what a page paints, its width, its height, its rotation)."""
    base, width, height, rotation = page_geometry(page)
    interpreter = Interpreter(base, (0.0, 0.0, width, height), fonts)
    interpreter.run(_contents(page), _inherited(page, "/Resources"))
    return interpreter.marks, width, height, rotation


def read_page(page: pikepdf.Dictionary, page_number: int, knowledge: FontKnowledge) -> PageSymbols:
    """Returns the symbols of a page.

    Args:
        page: The page's dictionary.
        page_number: From 1.
        knowledge: What is known of the document's fonts and outlines; the page's are added.
    """
    marks, width, height, rotation = marks_of(page, knowledge.loaded)
    chars = sort_characters(marks.chars, knowledge)
    classified = paths.classify(marks.paths + chars.outlines)
    glyphs = chars.glyphs
    staff_lines = find_staff_lines(classified.lines)
    if staff_lines is not None:
        drawn = match_outlines(classified.outlines, staff_lines, knowledge.matcher)
        lines, rests = refine.rests_among_bars(classified.lines, staff_lines) if drawn else (classified.lines, [])
        glyphs = refine.settle_rests(glyphs + drawn, staff_lines) + rests
    else:
        lines = classified.lines
    glyphs = refine.join_dynamics(glyphs + refine.tell_digits_apart(glyphs, chars.digits))
    return PageSymbols(
        page_number=page_number,
        width=width,
        height=height,
        rotation=rotation,
        glyphs=glyphs,
        texts=join_characters(chars.chars),
        lines=lines,
        curves=classified.curves,
    )


def read_page_symbols(pdf_bytes: bytes, page_number: int) -> PageSymbols:
    """Returns the symbols of one page of a PDF.

    Args:
        pdf_bytes: The file.
        page_number: From 1.
    """
    with pikepdf.open(io.BytesIO(pdf_bytes)) as pdf:
        return read_page(pdf.pages[page_number - 1].obj, page_number, FontKnowledge())

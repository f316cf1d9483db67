"""Reads a page of an engraved PDF: from what it paints to `PageSymbols`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pikepdf

from omr_service.pdf import pages, paths, refine
from omr_service.pdf.compose import DrawnOutline, join_wiggles, take_braces, without_words
from omr_service.pdf.geometry import Matrix
from omr_service.pdf.interpreter import painted
from omr_service.pdf.marks import CharMark, ImageMark, Marks
from omr_service.pdf.parts import symbols_in_parts
from omr_service.pdf.recognize import FontKnowledge, match_outlines, sort_characters
from omr_service.pdf.staves import find_staff_lines
from omr_service.pdf.texts import join_characters
from omr_service.symbols import Box, Curve, Glyph, Line, PageSymbols

UPRIGHT = 0.75
"""Share of a page's characters that must agree for the page to be turned."""


def marks_of(page: pikepdf.Dictionary, knowledge: FontKnowledge, turn: int = 0) -> tuple[Marks, float, float, int]:
    """Returns (what a page paints, its width, its height, its rotation).

    Args:
        page: The page's dictionary.
        knowledge: What is known of the document's fonts.
        turn: Degrees clockwise by which the page is turned beyond what the file asks.

    Raises:
        PageTooComplexError: it asks for more work than any page of music does.
        StreamDecodeError, StreamTooLargeError: its content cannot be decoded.
    """
    base, width, height, rotation = pages.page_geometry(page, turn)
    content, resources = pages.content_of(page), pages.inherited(page, "/Resources")
    marks = painted(content, resources, base, (0.0, 0.0, width, height), knowledge.loaded)
    return marks, width, height, rotation


def read_page(page: pikepdf.Dictionary, page_number: int, knowledge: FontKnowledge) -> PageSymbols:
    """Returns the symbols of a page, set upright where its music lies on its side or upside down.

    Args:
        page: The page's dictionary.
        page_number: From 1.
        knowledge: What is known of the document's fonts and outlines; the page's are added.

    Raises:
        PageTooComplexError, StreamDecodeError, StreamTooLargeError: as `marks_of`.
    """
    as_set = marks_of(page, knowledge)
    turn = turn_of_writing(as_set[0].chars)
    if turn:
        return _symbols(marks_of(page, knowledge, turn), page_number, knowledge)
    symbols = _symbols(as_set, page_number, knowledge)
    if symbols.glyphs or not stands_on_end(symbols.lines):
        return symbols
    turned = [_symbols(marks_of(page, knowledge, t), page_number, knowledge) for t in (90, 270)]
    return max(turned, key=lambda s: sum(g.confidence for g in s.glyphs))


def turn_of_writing(chars: Sequence[CharMark]) -> int:
    """Returns the degrees clockwise that set most characters of a page upright: 0, 90, 180 or 270."""
    directions = Counter(_direction(char.matrix) for char in chars)
    if not directions:
        return 0
    direction, count = directions.most_common(1)[0]
    return direction if count > UPRIGHT * len(chars) else 0


def _direction(matrix: Matrix) -> int:
    a, b = matrix[0], matrix[1]
    if abs(a) >= abs(b):
        return 0 if a >= 0 else 180
    return 270 if b > 0 else 90


def stands_on_end(lines: Sequence[Line]) -> bool:
    """Returns whether staff lines run from top to bottom."""
    turned = [Line(v.y0, -v.x0, v.y1, -v.x1, v.thickness, v.dashed) for v in lines]
    return find_staff_lines(turned) is not None


def _symbols(as_set: tuple[Marks, float, float, int], page_number: int, knowledge: FontKnowledge) -> PageSymbols:
    """Returns the symbols among what a page paints."""
    marks, width, height, rotation = as_set
    chars = sort_characters(marks.chars, knowledge)
    classified = paths.classify(marks.paths + chars.outlines)
    glyphs, lines = chars.glyphs, classified.lines
    curves: list[Curve] = classified.curves
    wiggles: list[Box] = []
    staff_lines = find_staff_lines(lines)
    if staff_lines is not None:
        braces, outlines, curves = take_braces(classified.outlines, curves, staff_lines)
        matched = match_outlines(outlines, staff_lines, knowledge.matcher)
        if not _has_clef(glyphs, matched):
            in_parts, others = symbols_in_parts(marks.paths, staff_lines, knowledge.matcher)
            if _has_clef([], in_parts):
                classified = paths.classify(others + chars.outlines)
                lines = classified.lines
                braces, outlines, curves = take_braces(classified.outlines, classified.curves, staff_lines)
                matched = match_outlines(outlines, staff_lines, knowledge.matcher) + in_parts
        wiggles, drawn = join_wiggles(without_words(matched, staff_lines), staff_lines)
        rests: list[Glyph] = []
        if drawn:
            lines, rests = refine.rests_among_bars(lines, staff_lines)
        glyphs = refine.settle_rests(glyphs + drawn, staff_lines) + rests + braces
    glyphs = refine.set_wiggles_upright(refine.without_repeats(glyphs))
    glyphs = refine.name_octave_signs(glyphs, lines)
    glyphs = refine.join_dynamics(glyphs + refine.tell_digits_apart(glyphs, chars.digits))
    texts = join_characters(chars.chars)
    glyphs = refine.name_metronome_notes(glyphs, texts)
    glyphs, texts = refine.circle_numbers(glyphs, texts, classified.rings)
    return PageSymbols(
        page_number=page_number,
        width=width,
        height=height,
        rotation=rotation,
        glyphs=glyphs,
        texts=texts,
        lines=lines,
        curves=curves,
        wiggles=wiggles,
        image_share=_image_share(marks.images, width, height),
    )


def _has_clef(glyphs: Sequence[Glyph], drawn: Sequence[DrawnOutline]) -> bool:
    """Returns whether any symbol is a clef: without one, music is not read that is there."""
    every = [*glyphs, *(outline.glyph for outline in drawn if outline.glyph is not None)]
    return any("Clef" in glyph.name for glyph in every)


def _image_share(images: list[ImageMark], width: float, height: float) -> float:
    covered = 0.0
    for image in images:
        x0, y0, x1, y1 = image.box
        covered += max(0.0, min(x1, width) - max(x0, 0.0)) * max(0.0, min(y1, height) - max(y0, 0.0))
    return min(1.0, covered / (width * height))

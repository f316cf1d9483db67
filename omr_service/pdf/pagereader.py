"""Reads a page of an engraved PDF: from what it paints to `PageSymbols`."""

from __future__ import annotations

import pikepdf

from omr_service.pdf import pages, paths, refine
from omr_service.pdf.compose import join_wiggles, take_braces, without_words
from omr_service.pdf.interpreter import Interpreter
from omr_service.pdf.marks import ImageMark, Marks
from omr_service.pdf.recognize import FontKnowledge, match_outlines, sort_characters
from omr_service.pdf.staves import find_staff_lines
from omr_service.pdf.texts import join_characters
from omr_service.symbols import Box, Curve, Glyph, PageSymbols


def marks_of(page: pikepdf.Dictionary, knowledge: FontKnowledge) -> tuple[Marks, float, float, int]:
    """Returns (what a page paints, its width, its height, its rotation).

    Raises:
        PageTooComplexError: it asks for more work than any page of music does.
        StreamDecodeError, StreamTooLargeError: its content cannot be decoded.
    """
    base, width, height, rotation = pages.page_geometry(page)
    interpreter = Interpreter(base, (0.0, 0.0, width, height), knowledge.loaded)
    interpreter.run(pages.content_of(page), pages.inherited(page, "/Resources"))
    return interpreter.marks, width, height, rotation


def read_page(page: pikepdf.Dictionary, page_number: int, knowledge: FontKnowledge) -> PageSymbols:
    """Returns the symbols of a page.

    Args:
        page: The page's dictionary.
        page_number: From 1.
        knowledge: What is known of the document's fonts and outlines; the page's are added.

    Raises:
        PageTooComplexError, StreamDecodeError, StreamTooLargeError: as `marks_of`.
    """
    marks, width, height, rotation = marks_of(page, knowledge)
    chars = sort_characters(marks.chars, knowledge)
    classified = paths.classify(marks.paths + chars.outlines)
    glyphs, lines = chars.glyphs, classified.lines
    curves: list[Curve] = classified.curves
    wiggles: list[Box] = []
    staff_lines = find_staff_lines(lines)
    if staff_lines is not None:
        braces, outlines, curves = take_braces(classified.outlines, curves, staff_lines)
        matched = match_outlines(outlines, staff_lines, knowledge.matcher)
        wiggles, drawn = join_wiggles(without_words(matched, staff_lines), staff_lines)
        rests: list[Glyph] = []
        if drawn:
            lines, rests = refine.rests_among_bars(lines, staff_lines)
        glyphs = refine.settle_rests(glyphs + drawn, staff_lines) + rests + braces
    glyphs = refine.join_dynamics(glyphs + refine.tell_digits_apart(glyphs, chars.digits))
    texts = join_characters(chars.chars)
    glyphs = refine.name_metronome_notes(glyphs, texts)
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


def _image_share(images: list[ImageMark], width: float, height: float) -> float:
    covered = 0.0
    for image in images:
        x0, y0, x1, y1 = image.box
        covered += max(0.0, min(x1, width) - max(x0, 0.0)) * max(0.0, min(y1, height) - max(y0, 0.0))
    return min(1.0, covered / (width * height))

"""The engraved reader's face: the symbols of a page of a PDF, and whether they are music at all."""

from __future__ import annotations

from omr_service.pdf.document import open_document
from omr_service.pdf.staves import find_staff_lines
from omr_service.symbols import PageSymbols


def read_page_symbols(pdf_bytes: bytes, page_number: int) -> PageSymbols:
    """Returns the symbols of one page of a PDF.

    Args:
        pdf_bytes: The file.
        page_number: From 1.

    Raises:
        EtudeError: as `open_document` and `Document.read_page`.
    """
    with open_document(pdf_bytes) as document:
        return document.read_page(page_number)


def has_vector_music(page: PageSymbols) -> bool:
    """Returns whether a page shows engraved music: staff lines, and noteheads, rests or clefs, as vectors."""
    musical = sum(1 for g in page.glyphs if g.name.startswith(("notehead", "rest")) or g.name.endswith("Clef"))
    return musical > 0 and find_staff_lines(page.lines) is not None


def why_no_vector_music(page: PageSymbols) -> str:
    """Returns, for a person, what a page without vector music is instead."""
    if page.image_share > 0.5:
        return f"Page {page.page_number} is a picture (a scan or photo), not engraved music drawn as vectors."
    if page.texts and not page.lines:
        return f"Page {page.page_number} holds text and no music."
    return f"No engraved music was found on page {page.page_number}."

"""Which reader reads a page: the engraved reader where music is drawn as vectors, else the scan reader."""

from __future__ import annotations

from enum import Enum

from etude.mesh.errors import EtudeError
from etude.score.v1 import page_pb2
from omr_service.files import MusicFile
from omr_service.partial import assembled
from omr_service.pdf.staves import find_staff_lines
from omr_service.pipeline import PageOutcome, assemble_page, failed_page, page_outcome
from omr_service.symbols import PageSymbols

_SMALL_PICTURES = 0.2
"""Share of a page that pictures cover up to which they are ornaments and not the page."""


class Reader(Enum):
    """Who reads a document."""

    AUTO = "auto"
    """Each page by the reader that fits it."""
    ENGRAVED = "engraved"
    """The engraved reader alone."""
    SCAN = "scan"
    """The scan reader alone."""


def read_page_of(file: MusicFile, page_number: int, reader: Reader = Reader.AUTO) -> PageOutcome:
    """Reads one page of an open file; what is wrong with the page is in the outcome.

    Args:
        file: The file.
        page_number: From 1.
        reader: Who reads it.

    Raises:
        EtudeError: OUT_OF_RANGE when there is no such page.
    """
    if not 1 <= page_number <= len(file.page_sizes):
        raise EtudeError("OUT_OF_RANGE", f"There is no page {page_number}; the file has {len(file.page_sizes)} pages.")
    if reader is Reader.SCAN:
        return scan_outcome(file, page_number)
    if file.document is None:
        if reader is Reader.AUTO:
            return scan_outcome(file, page_number)
        error = EtudeError("NO_VECTOR_MUSIC", f"Page {page_number} is a picture, not engraved music drawn as vectors.")
        return failed_page(page_number, *file.page_sizes[page_number - 1], error)
    try:
        symbols = file.document.read_page(page_number)
    except EtudeError as error:
        if reader is Reader.AUTO:
            seen = scan_outcome(file, page_number)
            if seen.music is not None:
                return seen
        return failed_page(page_number, *file.page_sizes[page_number - 1], error)
    outcome = page_outcome(symbols)
    if reader is Reader.ENGRAVED or outcome.music is not None or not _worth_a_look(symbols):
        return outcome
    return scan_outcome(file, page_number)


def _worth_a_look(symbols: PageSymbols) -> bool:
    """True where a page without vector music may hold music all the same: a picture, or staves with symbols that the
    engraved reader does not know."""
    return symbols.image_share > _SMALL_PICTURES or find_staff_lines(symbols.lines) is not None


def scan_outcome(file: MusicFile, page_number: int) -> PageOutcome:
    """What the scan reader makes of a page."""
    # loaded with the first picture, as in `files`
    from omr_service.scan.reader import read_scan
    from omr_service.scan.reasons import why_no_notes, why_no_staves

    width, height = file.page_sizes[page_number - 1]
    try:
        image = file.picture(page_number)
    except EtudeError as error:
        return failed_page(page_number, width, height, error)
    seen = read_scan(image, page_number)
    entry = page_pb2.Page(page_number=page_number, width=width, height=height, reader=page_pb2.PAGE_READER_SCAN)
    if seen is not None:
        try:
            music = assembled(seen.symbols, assemble_page)
        except EtudeError as error:
            return failed_page(page_number, width, height, error)
        elements = (e for system in music.systems for measure in system.measures for e in measure.elements)
        if any(element.notes for element in elements):
            entry.status = page_pb2.PAGE_STATUS_READ
            entry.width, entry.height = seen.placement.width, seen.placement.height
            entry.rotation = seen.placement.rotation
            return PageOutcome(entry.SerializeToString(), music, seen.placement)
    entry.status, entry.reason = page_pb2.PAGE_STATUS_NO_MUSIC, "NO_MUSIC"
    entry.message = why_no_staves(image, page_number) if seen is None else why_no_notes(page_number)
    return PageOutcome(entry.SerializeToString(), None)

"""Opens a PDF from bytes, checks it against limits, and reads its pages.

Everything here may be a stranger's file: what is wrong with it is said as an `EtudeError`, and no page asks for more
work or memory than the limits allow.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from etude.mesh.errors import EtudeError
from omr_service.pdf import pages
from omr_service.pdf.canvas import PageTooComplexError
from omr_service.pdf.pagereader import read_page
from omr_service.pdf.recognize import FontKnowledge
from omr_service.pdf.streams import StreamDecodeError, StreamTooLargeError, is_whole
from omr_service.symbols import PageSymbols

_HEADER_REACH = 1024
# What other files begin with, and what they are, for a message that helps.
_OTHER_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 image"),
    (b"MThd", "a MIDI file"),
    (b"PK\x03\x04", "a ZIP archive (compressed MusicXML is one)"),
    (b"%!PS", "a PostScript file"),
    (b"<?xml", "an XML file, but not MusicXML"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<html", "a web page"),
)


_HEIC_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"avif")
_WANTED = "a PDF, picture (PNG, JPEG, TIFF), MusicXML or MIDI file"


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a PDF may be at most.

    Attributes:
        bytes: Size of the file.
        pages: Number of pages.
        page_points: Width and height of a page in points; 14,400 is the most the format itself foresees.
        least_page_points: Width and height of the smallest page worth reading.
    """

    bytes: int = 64 * 1024 * 1024
    pages: int = 300
    page_points: float = 14_400.0
    least_page_points: float = 36.0


@dataclass(slots=True)
class Document:
    """An open PDF.

    Attributes:
        page_sizes: Width and height of each page as displayed, in points.
        damaged: True when the file had to be repaired to be opened.
    """

    page_sizes: list[tuple[float, float]]
    damaged: bool
    _pages: list[pikepdf.Dictionary]
    _knowledge: FontKnowledge = field(default_factory=FontKnowledge)

    @property
    def page_count(self) -> int:
        """Number of pages."""
        return len(self._pages)

    def read_page(self, page_number: int) -> PageSymbols:
        """Returns the symbols of a page.

        Args:
            page_number: From 1.

        Raises:
            EtudeError: OUT_OF_RANGE when there is no such page; UNREADABLE when it is broken or asks for too much.
        """
        if not 1 <= page_number <= self.page_count:
            raise EtudeError("OUT_OF_RANGE", f"There is no page {page_number}; the file has {self.page_count} pages.")
        page = self._pages[page_number - 1]
        if self.damaged and not _is_whole(page):
            raise EtudeError("UNREADABLE", f"Page {page_number} is damaged: part of it is missing from the file.")
        try:
            return read_page(page, page_number, self._knowledge)
        except (PageTooComplexError, StreamTooLargeError) as error:
            raise EtudeError(
                "UNREADABLE", f"Page {page_number} is too complex: it holds far more drawing than a page of music."
            ) from error
        except (StreamDecodeError, pikepdf.PdfError) as error:
            raise EtudeError("UNREADABLE", f"Page {page_number} is damaged: its content cannot be decoded.") from error


def check_media_type(data: bytes) -> None:
    """Checks that bytes are a PDF by their beginning.

    Raises:
        EtudeError: EMPTY_FILE or UNSUPPORTED_MEDIA_TYPE.
    """
    if not data:
        raise EtudeError("EMPTY_FILE", "The file is empty.")
    if b"%PDF-" in data[:_HEADER_REACH]:
        return
    head = data[:64].lstrip()
    for beginning, kind in _OTHER_KINDS:
        if head.startswith(beginning):
            raise EtudeError("UNSUPPORTED_MEDIA_TYPE", f"This is {kind}; {_WANTED} is wanted.")
    # containers that name what they hold a few bytes in: pictures of iPhones and of the web
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        raise EtudeError("UNSUPPORTED_MEDIA_TYPE", "This is a HEIC picture, as iPhones take them: export it as JPEG.")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise EtudeError("UNSUPPORTED_MEDIA_TYPE", f"This is a WebP image; {_WANTED} is wanted: save it as PNG.")
    raise EtudeError("UNSUPPORTED_MEDIA_TYPE", f"This is not {_WANTED}, whatever its name says.")


@contextmanager
def open_document(data: bytes, limits: DocumentLimits | None = None) -> Iterator[Document]:
    """Opens a PDF and checks it against limits; a context manager that yields a `Document`.

    Raises:
        EtudeError: EMPTY_FILE, UNSUPPORTED_MEDIA_TYPE, FILE_TOO_LARGE, ENCRYPTED_FILE, CORRUPT_FILE, NO_PAGES,
            TOO_MANY_PAGES or PAGE_SIZE.
    """
    limits = limits or DocumentLimits()
    if len(data) > limits.bytes:
        raise EtudeError(
            "FILE_TOO_LARGE",
            f"The file has {len(data) / 1e6:.0f} MB; the limit is {limits.bytes / 1e6:.0f} MB. "
            "A PDF of engraved music is rarely larger than 5 MB.",
        )
    check_media_type(data)
    try:
        pdf = pikepdf.open(io.BytesIO(data), suppress_warnings=True)
    except pikepdf.PasswordError as error:
        raise EtudeError(
            "ENCRYPTED_FILE", "The PDF is protected by a password. Save it without one and try again."
        ) from error
    except (pikepdf.PdfError, RuntimeError, ValueError, OverflowError) as error:
        raise EtudeError(
            "CORRUPT_FILE", "The PDF is damaged or cut short and cannot be opened. Export or download it again."
        ) from error
    with pdf:
        yield _checked(pdf, limits)


def _checked(pdf: pikepdf.Pdf, limits: DocumentLimits) -> Document:
    try:
        found = [page.obj for page in pdf.pages]
        damaged = bool(pdf.get_warnings())
    except (pikepdf.PdfError, RuntimeError, ValueError) as error:
        raise EtudeError("CORRUPT_FILE", "The PDF is damaged: its pages cannot be found.") from error
    if not found:
        if damaged:
            raise EtudeError("CORRUPT_FILE", "The PDF is damaged or cut short: no page is left in it.")
        raise EtudeError("NO_PAGES", "The PDF has no pages.")
    if len(found) > limits.pages:
        raise EtudeError(
            "TOO_MANY_PAGES",
            f"The PDF has {len(found)} pages; the limit is {limits.pages}. Split it, or choose a range of pages.",
        )
    sizes: list[tuple[float, float]] = []
    for number, page in enumerate(found, start=1):
        _, width, height, _ = pages.page_geometry(page)
        sizes.append((width, height))
        if max(width, height) > limits.page_points or min(width, height) < limits.least_page_points:
            raise EtudeError(
                "PAGE_SIZE",
                f"Page {number} measures {width:.0f} x {height:.0f} points; pages between "
                f"{limits.least_page_points:.0f} and {limits.page_points:.0f} points are read.",
            )
    if damaged and not any(_is_whole(page) for page in found):
        raise EtudeError(
            "CORRUPT_FILE", "The PDF is damaged or cut short: no page is whole. Export or download it again."
        )
    return Document(page_sizes=sizes, damaged=damaged, _pages=found)


def _is_whole(page: pikepdf.Dictionary) -> bool:
    """Returns whether a page of a repaired file has all of its content, and the fonts and forms it names."""
    try:
        contents: Any = page.get("/Contents")
        parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
        if not parts or not all(isinstance(part, pikepdf.Stream) and is_whole(part) for part in parts):
            return False
        resources = pages.inherited(page, "/Resources")
        for kind in ("/Font", "/XObject"):
            group = resources.get(kind) if isinstance(resources, pikepdf.Dictionary) else None
            if isinstance(group, pikepdf.Dictionary) and any(
                not isinstance(item, pikepdf.Dictionary | pikepdf.Stream) for item in group.values()
            ):
                return False
    except pikepdf.PdfError:
        return False
    return True

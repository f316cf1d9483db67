"""A file that holds music to be read: a PDF, or a picture of one or more pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etude import media_types
from etude.media_types import NAMES, PDF
from etude.mesh.errors import EtudeError
from omr_service.pdf.document import Document, DocumentLimits, open_document
from omr_service.pdf.document import check_media_type as check_pdf

if TYPE_CHECKING:
    import pypdfium2 as pdfium

    from omr_service.scan.images import PageImage

MEDIA_TYPES = tuple(NAMES)
"""Media types that can be read or imported."""


def media_type_of(data: bytes) -> str:
    """The media type of a file, told by its beginning.

    Raises:
        EtudeError: EMPTY_FILE or UNSUPPORTED_MEDIA_TYPE.
    """
    media_type = media_types.media_type_of(data[: media_types.HEAD_BYTES])
    if media_type is None:
        check_pdf(data)
    return media_type or PDF


@dataclass(slots=True)
class MusicFile:
    """An open file.

    Attributes:
        page_sizes: Width and height of each page as displayed, in points.
        document: The PDF; None for pictures.
    """

    page_sizes: list[tuple[float, float]]
    document: Document | None
    _data: bytes
    _painter: list[pdfium.PdfDocument] = field(default_factory=list)

    def picture(self, page_number: int) -> PageImage:
        """A page, from 1, as a picture.

        Raises:
            EtudeError: UNREADABLE, CORRUPT_FILE or PAGE_SIZE.
        """
        # the libraries of pictures are loaded when the first picture is looked at: they start threads, which the
        # process that workers are forked from must not have
        from omr_service.scan import images

        if self.document is None:
            return images.image_of_file(self._data, page_number)
        if not self._painter:
            self._painter.append(images.open_for_painting(self._data))
        return images.image_of_pdf_page(self._painter[0], page_number)

    def close(self) -> None:
        """Closes what was opened to paint pages."""
        while self._painter:
            self._painter.pop().close()


@contextmanager
def open_file(data: bytes, limits: DocumentLimits | None = None) -> Iterator[MusicFile]:
    """Opens a file and checks it against limits; a context manager that yields a `MusicFile`.

    Raises:
        EtudeError: As `open_document`; for pictures UNSUPPORTED_MEDIA_TYPE, FILE_TOO_LARGE, CORRUPT_FILE, PAGE_SIZE or
            TOO_MANY_PAGES.
    """
    limits = limits or DocumentLimits()
    if media_type_of(data) == PDF:
        with open_document(data, limits) as document:
            file = MusicFile(list(document.page_sizes), document, data)
            try:
                yield file
            finally:
                file.close()
        return
    yield MusicFile(_picture_sizes(data, limits), None, data)


def _picture_sizes(data: bytes, limits: DocumentLimits) -> list[tuple[float, float]]:
    from omr_service.scan import images

    if len(data) > limits.bytes:
        raise EtudeError(
            "FILE_TOO_LARGE", f"The file has {len(data) / 1e6:.0f} MB; the limit is {limits.bytes / 1e6:.0f} MB."
        )
    count = images.count_images(data)
    if count > limits.pages:
        raise EtudeError("TOO_MANY_PAGES", f"The file has {count} pages; the limit is {limits.pages}. Split it.")
    return [images.image_size(data, n + 1) for n in range(count)]

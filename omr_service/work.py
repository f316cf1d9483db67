"""What the OMR service does in its worker processes: open a document, read a page, join pages."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from omr_service.assembler.music import PageMusic
from omr_service.pdf.document import Document, DocumentLimits, open_document
from omr_service.pipeline import PageOutcome, Source, read_page, write_scores


@dataclass(slots=True)
class _OpenDocument:
    """The document this process has open; the pages of a call come to a worker one after the other."""

    path: str = ""
    document: Document | None = None
    stack: ExitStack | None = None

    def get(self, path: str, limits: DocumentLimits) -> Document:
        if self.path != path or self.document is None:
            self.close()
            self.stack = ExitStack()
            self.document = self.stack.enter_context(open_document(Path(path).read_bytes(), limits))
            self.path = path
        return self.document

    def close(self) -> None:
        if self.stack is not None:
            self.stack.close()
        self.path, self.document, self.stack = "", None, None


_open = _OpenDocument()


def page_sizes(path: str, limits: DocumentLimits) -> list[tuple[float, float]]:
    """Width and height of each page of a document, in points.

    Raises:
        EtudeError: The file cannot be opened or is beyond the limits, as `open_document`.
    """
    return list(_open.get(path, limits).page_sizes)


def page_sizes_once(path: str, limits: DocumentLimits) -> list[tuple[float, float]]:
    """As `page_sizes`, and leaves nothing open: nobody will ask for the pages.

    Raises:
        EtudeError: As `page_sizes`.
    """
    with open_document(Path(path).read_bytes(), limits) as document:
        return list(document.page_sizes)


def page_task(path: str, limits: DocumentLimits, page_number: int) -> PageOutcome:
    """Reads one page, from 1, of a document."""
    return read_page(_open.get(path, limits), page_number)


def join_task(pages: Sequence[PageMusic], source: Source) -> list[bytes]:
    """The serialized Scores of a document."""
    return [score.SerializeToString(deterministic=True) for score in write_scores(pages, source)]

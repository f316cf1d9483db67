"""What the OMR service does in its worker processes: open a document, read a page, join pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from etude.score.v1 import page_pb2
from etude.stage.v1.omr_service_pb2 import PageReading, WorkedOut
from omr_service.assembler.music import PageMusic
from omr_service.files import MusicFile, open_file
from omr_service.imports import import_score
from omr_service.pdf.document import DocumentLimits
from omr_service.pipeline import PageOutcome, Source, nothing_read, write_scores
from omr_service.readings import known_rhythms, outcome_of, work_out_pages
from omr_service.routing import Reader, read_page_of

if TYPE_CHECKING:
    from omr_service.scan.placing import Placement


@dataclass(slots=True)
class _OpenDocument:
    """The document this process has open; the pages of a document come to a worker one after the other."""

    name: str = ""
    document: MusicFile | None = None
    stack: ExitStack | None = None

    def get(self, path: str, limits: DocumentLimits) -> MusicFile:
        # By the file's name, which is the digest of its content: calls for parts of one document share it.
        name = Path(path).name
        if self.name != name or self.document is None:
            self.close()
            self.stack = ExitStack()
            self.document = self.stack.enter_context(open_file(Path(path).read_bytes(), limits))
            self.name = name
        return self.document

    def close(self) -> None:
        if self.stack is not None:
            self.stack.close()
        self.name, self.document, self.stack = "", None, None


_open = _OpenDocument()


def page_sizes(path: str, limits: DocumentLimits) -> list[tuple[float, float]]:
    """Width and height of each page of a document, in points.

    Raises:
        EtudeError: The file cannot be opened or is beyond the limits, as `open_file`.
    """
    return list(_open.get(path, limits).page_sizes)


def page_sizes_once(path: str, limits: DocumentLimits) -> list[tuple[float, float]]:
    """As `page_sizes`, and leaves nothing open: nobody will ask for the pages.

    Raises:
        EtudeError: As `page_sizes`.
    """
    with open_file(Path(path).read_bytes(), limits) as document:
        return list(document.page_sizes)


def import_task(path: str, media_type: str, source: Source) -> bytes:
    """The serialized Score of a file of notation.

    Raises:
        EtudeError: As `import_score`.
    """
    return import_score(Path(path).read_bytes(), media_type, source).SerializeToString(deterministic=True)


def page_task(path: str, limits: DocumentLimits, page_number: int, reader: Reader = Reader.AUTO) -> PageOutcome:
    """Reads one page, from 1, of a document."""
    return read_page_of(_open.get(path, limits), page_number, reader)


def join_task(
    pages: Sequence[PageMusic], source: Source, placements: Mapping[int, Placement], failed: Sequence[bytes]
) -> list[bytes]:
    """The serialized Scores of a document; arguments as `write_scores`, the entries of failed pages serialized."""
    entries = [page_pb2.Page.FromString(data) for data in failed]
    scores = write_scores(pages, source, placements, entries)
    return [score.SerializeToString(deterministic=True) for score in scores]


def work_out_task(readings: Sequence[bytes], first: int, last: int) -> bytes:
    """What is worked out of some pages, as serialized messages; arguments as `work_out_pages`.

    Raises:
        EtudeError: As `work_out_pages`.
    """
    return work_out_pages([PageReading.FromString(each) for each in readings], first, last).SerializeToString()


def join_readings_task(
    readings: Sequence[bytes], worked_out: Sequence[bytes], source: Source
) -> tuple[list[bytes], list[PageOutcome]]:
    """The serialized Scores of a document from its pages' messages, and what became of its pages, without their music.

    Raises:
        EtudeError: As `outcome_of` and `write_scores`; what `nothing_read` says where no page holds music.
    """
    outcomes = [outcome_of(PageReading.FromString(each)) for each in readings]
    known = known_rhythms(WorkedOut.FromString(each) for each in worked_out)
    music = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not music:
        raise nothing_read(outcomes)
    placements = {o.entry().page_number: o.placement for o in outcomes if o.placement is not None}
    failed = [o.entry() for o in outcomes if o.entry().status == page_pb2.PAGE_STATUS_FAILED]
    scores = write_scores(music, source, placements, failed, known)
    return [s.SerializeToString(deterministic=True) for s in scores], [PageOutcome(o.page, None) for o in outcomes]

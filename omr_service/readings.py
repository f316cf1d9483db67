"""Pages that were read, and rhythms that were worked out, as messages another replica takes up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from etude import __version__ as etude_version
from etude.mesh.errors import EtudeError
from etude.stage.v1.omr_service_pb2 import PageReading, WorkedOut
from omr_service.assembler.music import PageMusic
from omr_service.assembler.page_order import in_order
from omr_service.assembler.piece.draft import Question
from omr_service.assembler.piece.rhythm import work_out
from omr_service.assembler.pieces import split_pieces
from omr_service.assembler.rhythm.timing import MeasureTiming
from omr_service.form import FormError, fingerprint, pack, unpack
from omr_service.pipeline import PageOutcome

if TYPE_CHECKING:
    from omr_service.scan.placing import Placement

_Answers = dict[Question, MeasureTiming]


@cache
def reading_form() -> str:
    """Name of the form of readings: of this version and of these classes."""
    return f"page-music/{etude_version}/{fingerprint(PageMusic)}"


@cache
def worked_out_form() -> str:
    """Name of the form of rhythms."""
    return f"rhythms/{etude_version}/{fingerprint(_Answers)}"


def reading_of(outcome: PageOutcome) -> PageReading:
    """The message for what became of a page."""
    reading = PageReading(page=outcome.entry(), form=reading_form())
    if outcome.music is not None:
        reading.content = pack(outcome.music, PageMusic)
        reading.tells_later_pages = any(m.meter is not None for s in outcome.music.systems for m in s.measures)
    if outcome.placement is not None:
        reading.placement = pack(outcome.placement, type(outcome.placement))
    return reading


def outcome_of(reading: PageReading) -> PageOutcome:
    """What became of a page, from its message.

    Raises:
        EtudeError: INVALID_STATE for a reading of another form, INVALID_REQUEST for one that is damaged.
    """
    if reading.form != reading_form():
        raise EtudeError(
            "INVALID_STATE",
            f"page {reading.page.page_number} was read by a server of another version; read it again",
        )
    music: PageMusic | None = None
    placement: Placement | None = None
    try:
        if reading.content:
            music = unpack(reading.content, PageMusic)
        if reading.placement:
            # with the libraries of pictures, which few documents need
            from omr_service.scan.placing import Placement

            placement = unpack(reading.placement, Placement)
    except FormError as error:
        raise EtudeError("INVALID_REQUEST", f"page {reading.page.page_number}: {error}") from None
    return PageOutcome(reading.page.SerializeToString(), music, placement)


def work_out_pages(readings: Sequence[PageReading], first: int, last: int) -> WorkedOut:
    """The rhythms of the pages from `first` to `last`, given with such before them as tell what holds there.

    Raises:
        EtudeError: As `outcome_of`.
    """
    music = [outcome.music for outcome in map(outcome_of, readings) if outcome.music is not None]
    answers: _Answers = {}
    for piece in split_pieces(in_order(music)):
        answers |= work_out(piece, range(first, last + 1))
    return WorkedOut(form=worked_out_form(), content=pack(answers, _Answers))


def known_rhythms(worked_out: Iterable[WorkedOut]) -> Mapping[Question, MeasureTiming]:
    """All rhythms that were worked out; what is of another form is passed over.

    Raises:
        EtudeError: INVALID_REQUEST for a message that is damaged.
    """
    known: _Answers = {}
    for each in worked_out:
        if each.form == worked_out_form():
            try:
                known |= unpack(each.content, _Answers)
            except FormError as error:
                raise EtudeError("INVALID_REQUEST", f"what was worked out: {error}") from None
    return known

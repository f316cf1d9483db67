"""From a PDF to Scores: the whole way, step by step, in the order of the data.

    document -> pages -> symbols (the reader) -> PAGE_STEPS -> PageMusic -> SCORE_STEPS -> Scores

Pages are independent of each other up to `PageMusic`, which is frozen and picklable: a page is a task. Nothing from
`PAGE_STEPS` on knows which reader made the symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from traceback import format_exc
from typing import TYPE_CHECKING

from etude import __version__ as etude_version
from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from etude.score.v1 import page_pb2, provenance_pb2, score_pb2
from omr_service.assembler.columns import in_one_column, place_columns
from omr_service.assembler.music import PageMusic
from omr_service.assembler.page import repeats
from omr_service.assembler.page import steps as page
from omr_service.assembler.page.steps import PageDraft
from omr_service.assembler.page_order import in_order
from omr_service.assembler.piece import measure_order, pitches, rhythm, sextuplets
from omr_service.assembler.piece.draft import Rhythms, ScoreDraft
from omr_service.assembler.pieces import split_pieces
from omr_service.assembler.score.build import write_score
from omr_service.assembler.score.repair import make_valid
from omr_service.partial import assembled, mark_empty_bars, name_failed_pages
from omr_service.pdf.document import Document
from omr_service.pdf.reader import has_vector_music, why_no_vector_music
from omr_service.symbols import PICTURE, PageSymbols

if TYPE_CHECKING:
    from omr_service.scan.placing import Placement

_log = get_logger(__name__)

PAGE_STEPS: tuple[tuple[str, Callable[[PageDraft], None]], ...] = (
    ("staves", page.step_staves),
    ("systems", page.step_systems),
    ("barlines", page.step_barlines),
    ("heads", page.step_heads),
    ("stems and chords", page.step_chords),
    ("beams and flags", page.step_beams),
    ("rests and dots", page.step_rests),
    ("clefs, keys, meters, accidentals", page.step_signatures),
    ("measures and tuplets", page.step_measures),
    ("curves", page.step_curves),
    ("octave lines", page.step_octave_lines),
    ("marks, words, titles", page.step_marks),
)
"""What is done to the symbols of one page."""

SCORE_STEPS: tuple[tuple[str, Callable[[ScoreDraft], None]], ...] = (
    ("measures in order", measure_order.step_measures),
    ("onsets, voices, durations", rhythm.step_rhythm),
    ("sextuplets without a number", sextuplets.step_sextuplets),
    ("bars written as repeats", repeats.step_repeats),
    ("ties and pitches", pitches.step_pitches),
)
"""What is done to the pages of one piece."""


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What became of a page.

    Attributes:
        page: The page's entry in the result, without systems.
        music: What was read; None where nothing was.
        placement: Where the straightened page lies on the page set upright; None for a page read as it is.
    """

    page: bytes
    music: PageMusic | None
    placement: Placement | None = None

    def entry(self) -> page_pb2.Page:
        """The page's entry in the result."""
        return page_pb2.Page.FromString(self.page)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document comes from, for the provenance of its Scores.

    Attributes:
        filename: As the user gave it, without directories.
        digest: "sha256:" and the hex digest of the file.
        parameters: Options it is read under, by name.
        policy: What is done with readings that are not certain.
    """

    filename: str
    digest: str
    parameters: dict[str, str] = field(default_factory=dict)
    policy: provenance_pb2.UncertaintyPolicy.ValueType = provenance_pb2.UNCERTAINTY_POLICY_KEEP_ALTERNATIVES


def assemble_page(symbols: PageSymbols) -> PageMusic:
    """The music of one page, as far as it can be known without the other pages."""
    draft = PageDraft(in_one_column(symbols))
    for _, step in PAGE_STEPS:
        step(draft)
    return replace(draft.music(), height=symbols.height)


def join_pages(pages: Sequence[PageMusic], known: Rhythms | None = None) -> ScoreDraft:
    """The pages of one piece joined; `known` spares it the work of rhythms it holds."""
    draft = ScoreDraft(list(pages), known or {})
    for _, step in SCORE_STEPS:
        step(draft)
    return draft


def read_page(document: Document, page_number: int) -> PageOutcome:
    """Reads one page of an open document; what is wrong with the page is in the outcome.

    Args:
        document: The document.
        page_number: From 1.

    Raises:
        EtudeError: OUT_OF_RANGE when there is no such page.
    """
    try:
        symbols = document.read_page(page_number)
    except EtudeError as error:
        if error.reason == "OUT_OF_RANGE":
            raise
        width, height = document.page_sizes[page_number - 1]
        return failed_page(page_number, width, height, error)
    return page_outcome(symbols)


def page_outcome(symbols: PageSymbols) -> PageOutcome:
    """What becomes of a page with these symbols."""
    entry = page_pb2.Page(
        page_number=symbols.page_number, width=symbols.width, height=symbols.height, rotation=symbols.rotation
    )
    if not has_vector_music(symbols):
        entry.message = why_no_vector_music(symbols)
        if symbols.image_share > PICTURE:
            entry.status, entry.reason = page_pb2.PAGE_STATUS_FAILED, "NO_VECTOR_MUSIC"
        else:
            entry.status, entry.reason = page_pb2.PAGE_STATUS_NO_MUSIC, "NO_MUSIC"
        return PageOutcome(entry.SerializeToString(), None)
    try:
        music = assembled(symbols, assemble_page)
    except EtudeError as error:
        return failed_page(symbols.page_number, symbols.width, symbols.height, error)
    if not any(system.measures for system in music.systems):
        entry.status, entry.reason = page_pb2.PAGE_STATUS_NO_MUSIC, "NO_MUSIC"
        entry.message = f"No staff with notes was found on page {symbols.page_number}."
        return PageOutcome(entry.SerializeToString(), None)
    entry.status, entry.reader = page_pb2.PAGE_STATUS_READ, page_pb2.PAGE_READER_ENGRAVED
    return PageOutcome(entry.SerializeToString(), music)


def failed_page(page_number: int, width: float, height: float, error: EtudeError) -> PageOutcome:
    """The outcome of a page that defeated the reader."""
    entry = page_pb2.Page(
        page_number=page_number,
        width=width,
        height=height,
        status=page_pb2.PAGE_STATUS_FAILED,
        reason=error.reason,
        message=error.message,
    )
    return PageOutcome(entry.SerializeToString(), None)


def write_scores(
    pages: Sequence[PageMusic],
    source: Source,
    placements: Mapping[int, Placement] | None = None,
    failed: Sequence[page_pb2.Page] = (),
    known: Rhythms | None = None,
) -> list[score_pb2.Score]:
    """The Scores of a document, one per piece, in its order.

    Pages that are not in the order in which they are played are put into it; the Scores' provenance says so under
    `page_order`. A page at which the writing fails is left out and named, as those of `failed` are.

    Args:
        pages: The pages that were read, in the document's order; at least one.
        source: Where they come from.
        placements: By page number, where pages that were straightened lie on the pages set upright.
        failed: Entries of the pages that could not be read.
        known: Rhythms that were worked out before; they change nothing but the time this takes.

    Raises:
        EtudeError: UNREADABLE where what was read contradicts itself beyond repair.
    """
    scores: list[score_pb2.Score] = []
    lost = list(failed)
    ordered = in_order(pages)
    if [page.page_number for page in ordered] != [page.page_number for page in pages]:
        numbers = ",".join(str(page.page_number) for page in ordered)
        source = replace(source, parameters={**source.parameters, "page_order": numbers})
    for piece in split_pieces(ordered):
        score, more = _written(piece, partial(_score_of, placements=placements or {}, known=known))
        lost += more
        score.score_id = f"score-{source.digest.removeprefix('sha256:')[:16]}-{len(scores) + 1}"
        _add_provenance(score, source)
        scores.append(score)
    name_failed_pages(scores, lost)
    return scores


def _written(
    piece: Sequence[PageMusic], score_of: Callable[[Sequence[PageMusic]], score_pb2.Score]
) -> tuple[score_pb2.Score, list[page_pb2.Page]]:
    """The Score of a piece, and the entries of the pages it had to do without."""
    try:
        return score_of(piece), []
    except Exception as error:
        # what is wrong with one page shows by itself; what is wrong with how pages go together does not
        whole = [page for page in piece if _can_be_written(page, score_of)]
        if not whole or len(whole) == len(piece):
            raise
        left_out = [page.page_number for page in piece if page not in whole]
        _log.error("pages are left out of a Score", pages=left_out, exception=format_exc())
        why = error if isinstance(error, EtudeError) else EtudeError("UNREADABLE", "What was read contradicts itself.")
        lost = [failed_page(p.page_number, p.width, p.height, why).entry() for p in piece if p.page_number in left_out]
        return score_of(whole), lost


def _can_be_written(page: PageMusic, score_of: Callable[[Sequence[PageMusic]], score_pb2.Score]) -> bool:
    try:
        score_of([page])
    except Exception:
        _log.error("a page cannot be written down", page=page.page_number, exception=format_exc())
        return False
    return True


def _score_of(
    piece: Sequence[PageMusic], placements: Mapping[int, Placement], known: Rhythms | None
) -> score_pb2.Score:
    score = write_score(join_pages(piece, known))
    place_columns(score, piece)
    if placements:
        # with the libraries of pictures, which few documents need
        from omr_service.scan.placing import place_regions

        place_regions(score, placements)
    mark_empty_bars(score)
    make_valid(score)
    return score


def _add_provenance(score: score_pb2.Score, source: Source) -> None:
    score.provenance.uncertainty_policy = source.policy
    score.provenance.source_filename = source.filename
    score.provenance.source_digest = source.digest
    score.provenance.steps.add(
        stage="omr",
        service="omr_service",
        service_version=etude_version,
        parameters=source.parameters,
        source_digest=source.digest,
    )
    if source.policy == provenance_pb2.UNCERTAINTY_POLICY_BEST_ONLY:
        for event in score.events:
            del event.alternatives[:]
            for note in event.notes:
                del note.alternatives[:]


def nothing_read(outcomes: Sequence[PageOutcome]) -> EtudeError:
    """Why no page of a document could be read."""
    entries = [outcome.entry() for outcome in outcomes]
    reasons = [entry.reason for entry in entries]
    named = "; ".join(entry.message for entry in entries[:5])
    more = f" and so on for {len(entries) - 5} more pages" if len(entries) > 5 else ""
    if "NO_VECTOR_MUSIC" in reasons:
        return EtudeError(
            "NO_VECTOR_MUSIC",
            f"No page holds music drawn as vectors: {named}{more}",
            metadata={"pages": ",".join(str(e.page_number) for e in entries if e.reason == "NO_VECTOR_MUSIC")},
        )
    if all(reason == "NO_MUSIC" for reason in reasons):
        return EtudeError("NO_MUSIC", f"No music was found in the document: {named}{more}")
    bounds = {reason for reason in reasons if reason != "NO_MUSIC"}
    reason = bounds.pop() if len(bounds) == 1 else "UNREADABLE"
    return EtudeError(reason, f"No page of the document could be read: {named}{more}")

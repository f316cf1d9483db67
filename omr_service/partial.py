"""What is left of music where a page, a system or a bar defeats the reader: named, and never silently missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from traceback import format_exc

from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from etude.notation.measures import measure_name
from etude.score.v1 import page_pb2, provenance_pb2, score_pb2
from omr_service.assembler.music import PageMusic
from omr_service.symbols import PageSymbols

_log = get_logger(__name__)
_FRAME = ("gClef", "fClef", "cClef", "brace", "bracket", "keySig", "timeSig", "accidental")


def assembled(symbols: PageSymbols, assemble: Callable[[PageSymbols], PageMusic]) -> PageMusic:
    """The music of a page; where the assembler fails at it, its bars alone, empty.

    Args:
        symbols: What is on the page.
        assemble: The assembler.

    Raises:
        EtudeError: UNREADABLE where not even the bars can be told.
    """
    try:
        return assemble(symbols)
    except EtudeError:
        raise
    except Exception:
        _log.error("the assembler failed at a page", page=symbols.page_number, exception=format_exc())
    try:
        return assemble(frame_of(symbols))
    except Exception as error:
        _log.error("the assembler failed at the bars of a page", page=symbols.page_number, exception=format_exc())
        message = f"Page {symbols.page_number} defeated the reader: a fault of its own, which its log tells."
        raise EtudeError("UNREADABLE", message) from error


def frame_of(symbols: PageSymbols) -> PageSymbols:
    """What tells the bars of a page apart and nothing that sounds: lines, clefs, keys, meters."""
    glyphs = [glyph for glyph in symbols.glyphs if glyph.name.startswith(_FRAME)]
    return replace(symbols, glyphs=glyphs, curves=[], wiggles=[], texts=[])


def mark_empty_bars(score: score_pb2.Score) -> None:
    """Adds a Doubt for each run of bars in which nothing at all was read: printed music has at least rests."""
    filled = {event.measure_index for event in score.events}
    empty = [index for index in range(len(score.measures)) if index not in filled]
    for index in empty:
        measure = score.measures[index]
        score.doubts.add(
            kind=provenance_pb2.DOUBT_KIND_UNREADABLE,
            message=f"Measure {measure_name(score.measures, index)}: nothing could be read in it; it is left empty.",
            measure_index=index,
            region=measure.region if measure.HasField("region") else None,
        )


def name_failed_pages(scores: Sequence[score_pb2.Score], failed: Sequence[page_pb2.Page]) -> None:
    """Gives pages that could not be read their place in the Score they lie in, with a Doubt where bars are missing.

    Args:
        scores: The Scores of a document, in its order.
        failed: Entries of the pages.
    """
    for entry in sorted(failed, key=lambda page: page.page_number):
        score = next((s for s in reversed(scores) if s.pages[0].page_number < entry.page_number), scores[0])
        earlier = [at for at, page in enumerate(score.pages) if page.page_number < entry.page_number]
        place = max(earlier, key=lambda at: score.pages[at].page_number) + 1 if earlier else 0
        after = [page.systems[0].first_measure_index for page in score.pages[place:] if page.systems]
        score.pages.insert(place, entry)
        where = "before this measure" if after else "at the end"
        score.doubts.add(
            kind=provenance_pb2.DOUBT_KIND_UNREADABLE,
            message=f"The measures of page {entry.page_number} are missing {where}: {entry.message or entry.reason}",
            measure_index=after[0] if after else len(score.measures) - 1,
        )

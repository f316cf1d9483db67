"""What was read and what was doubtful, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from etude.job.v1.job_pb2 import JobSummary
from etude.score.v1 import event_pb2, page_pb2, score_pb2


def notes_of(score: score_pb2.Score) -> Iterator[event_pb2.Note]:
    """All notes of a Score, in the order of its events."""
    for event in score.events:
        yield from event.notes


def summary_of_reading(scores: Sequence[score_pb2.Score], pages: Sequence[page_pb2.Page]) -> JobSummary:
    """The summary after the OMR stage."""
    summary = JobSummary(
        page_count=len(pages),
        pages_read=sum(page.status == page_pb2.PAGE_STATUS_READ for page in pages),
        pages_failed=sum(page.status == page_pb2.PAGE_STATUS_FAILED for page in pages),
        score_count=len(scores),
        measure_count=sum(len(score.measures) for score in scores),
        note_count=sum(len(event.notes) for score in scores for event in score.events),
    )
    _count_doubts(summary, scores)
    return summary


def add_fingering(summary: JobSummary, scores: Sequence[score_pb2.Score]) -> None:
    """Bring the summary up to date after the fingering stage, which may have doubts of its own."""
    summary.fingered_note_count = sum(note.fingering.finger > 0 for score in scores for note in notes_of(score))
    _count_doubts(summary, scores)


def remarks_on_pages(pages: Sequence[page_pb2.Page]) -> list[str]:
    """A sentence for each page that defeated the reader."""
    return [
        f"Page {page.page_number} could not be read: {page.message or page.reason}"
        for page in pages
        if page.status == page_pb2.PAGE_STATUS_FAILED
    ]


def remarks_on_parts(scores: Sequence[score_pb2.Score]) -> list[str]:
    """Which staves were taken for the keyboard's where there are others, once for all Scores that are alike."""
    return list(dict.fromkeys(remark for score in scores if (remark := _remark_on_parts(score))))


def _remark_on_parts(score: score_pb2.Score) -> str:
    keyboards = {part.part_id for part in score.parts if part.role == score_pb2.PART_ROLE_KEYBOARD}
    systems = [system for page in score.pages for system in page.systems]
    fullest = max(systems, key=lambda system: len(system.staves), default=page_pb2.System())
    own = [place for place, staff in enumerate(fullest.staves, 1) if staff.part_id in keyboards]
    count = len(fullest.staves)
    if not own or len(own) == count:
        return ""
    taken = f"staff {own[0]} was" if len(own) == 1 else f"staves {own[0]} to {own[-1]} were"
    others = "the other is" if count - len(own) == 1 else f"the other {count - len(own)} are"
    return (
        f"Of the {count} staves of a system, from the top, {taken} taken for the piano's and fingered; {others} read "
        "and not fingered."
    )


def _count_doubts(summary: JobSummary, scores: Sequence[score_pb2.Score]) -> None:
    measures = {
        (index, doubt.measure_index)
        for index, score in enumerate(scores)
        for doubt in score.doubts
        if doubt.measure_index >= 0
    }
    summary.doubt_count = sum(len(score.doubts) for score in scores)
    summary.doubtful_measure_count = len(measures)

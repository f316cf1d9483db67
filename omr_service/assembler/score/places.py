"""Where things of a joined piece are in its Score: in time, on the page, and by their heads."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from etude.score.v1 import event_pb2, page_pb2, score_pb2
from omr_service.assembler.piece.draft import Key
from omr_service.symbols import Box

NoteIndex = Mapping[Key, list[tuple[event_pb2.Event, event_pb2.Note]]]
"""Notes with their events, by page number and head."""


def ticks(score: score_pb2.Score, quarters: Fraction) -> int:
    """Quarters as ticks of a Score."""
    return int(quarters * score.divisions)


def region(page: int, box: Box) -> page_pb2.PageRegion:
    """A box as a region of a page."""
    return page_pb2.PageRegion(
        page_number=page, x=box.x0, y=box.y0, width=max(box.x1 - box.x0, 0.0), height=max(box.y1 - box.y0, 0.0)
    )


def note_index(score: score_pb2.Score) -> NoteIndex:
    """Notes with their events by page number and head, as long as their ids are those of `EventWriter`."""
    result: dict[Key, list[tuple[event_pb2.Event, event_pb2.Note]]] = {}
    for event in score.events:
        for note in event.notes:
            page, head, _ = note.note_id.split("/")
            result.setdefault((int(page), int(head)), []).append((event, note))
    return result

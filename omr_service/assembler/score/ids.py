"""Ids and measure numbers of a Score that is otherwise complete."""

from __future__ import annotations

from collections.abc import Mapping

from etude.score.v1 import score_pb2
from omr_service.assembler.page.bar_numbers import as_printed


def give_ids(score: score_pb2.Score, bar_numbers: Mapping[int, int]) -> None:
    """Gives ids in the order of the Score and rewrites references; numbers the measures.

    Args:
        score: The Score.
        bar_numbers: Printed numbers by index of the measure they stand at.
    """
    events: dict[str, str] = {}
    notes: dict[str, str] = {}
    for n, event in enumerate(score.events):
        events[event.event_id] = f"e{n + 1}"
        event.event_id = f"e{n + 1}"
        for note in event.notes:
            notes[note.note_id] = f"n{len(notes) + 1}"
            note.note_id = notes[note.note_id]
    for n, measure in enumerate(score.measures):
        measure.measure_id = f"m{n + 1}"
    for n, clef in enumerate(score.clefs):
        clef.clef_id = f"c{n + 1}"
    for n, spanner in enumerate(score.spanners):
        spanner.spanner_id = f"s{n + 1}"
        members = [events[i] for i in spanner.event_ids]
        del spanner.event_ids[:]
        spanner.event_ids.extend(members)
        if spanner.start_note_id:
            spanner.start_note_id = notes[spanner.start_note_id]
        if spanner.end_note_id:
            spanner.end_note_id = notes[spanner.end_note_id]
    for n, direction in enumerate(score.directions):
        direction.direction_id = f"d{n + 1}"
        if direction.event_id:
            direction.event_id = events[direction.event_id]
        if direction.note_id:
            direction.note_id = notes[direction.note_id]
    _number_measures(score, bar_numbers)


def _number_measures(score: score_pb2.Score, bar_numbers: Mapping[int, int]) -> None:
    """Numbers as printed, else from 1 on, or 0 for a pickup; the second part of a split measure has none of its own."""
    number = 0 if score.measures and score.measures[0].implicit else 1
    counted: list[int | None] = []
    for index, measure in enumerate(score.measures):
        split = measure.implicit and index > 0
        counted.append(None if split else number)
        number += not split
    following = 0
    for measure, own in zip(score.measures, as_printed(bar_numbers, counted), strict=True):
        measure.number = f"X{following}" if own is None else str(own)
        following = following if own is None else own + 1

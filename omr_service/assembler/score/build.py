"""Writes a joined piece as a Score, step by step."""

from __future__ import annotations

from etude.notation.hidden_rests import fill_with_hidden_rests
from etude.score.v1 import measure_pb2, score_pb2
from omr_service.assembler.piece.draft import KEYBOARD, ScoreDraft
from omr_service.assembler.score.divisions import settle_divisions
from omr_service.assembler.score.doubts import write_doubts
from omr_service.assembler.score.events import EventWriter
from omr_service.assembler.score.ids import give_ids
from omr_service.assembler.score.marks import MarkWriter
from omr_service.assembler.score.measures import MeasureWriter
from omr_service.assembler.score.pages import write_metadata, write_pages
from omr_service.assembler.score.places import note_index, region, ticks
from omr_service.assembler.score.repair import add_missing_clefs
from omr_service.assembler.score.spanners import SpannerWriter

SCHEMA_VERSION = "1.0.0"
CLEFS = {"g": measure_pb2.CLEF_SIGN_G, "f": measure_pb2.CLEF_SIGN_F, "c": measure_pb2.CLEF_SIGN_C}


def write_score(draft: ScoreDraft) -> score_pb2.Score:
    """The Score of a joined piece; ids are given at the end, in the order of the Score."""
    score = score_pb2.Score(schema_version=SCHEMA_VERSION, divisions=settle_divisions(draft))
    _parts(draft, score)
    measures, events = MeasureWriter(draft, score), EventWriter(draft, score)
    for index, measure in enumerate(draft.measures):
        measures.write(index, measure)
        events.write(index, measure)
    notes = note_index(score)
    spanners = SpannerWriter(draft, score, events.events, notes)
    spanners.write_octave_lines()
    _clefs(draft, score)
    add_missing_clefs(score)
    spanners.write()
    marks = MarkWriter(draft, score, events.events, notes)
    marks.write()
    write_metadata(draft, score)
    write_pages(draft, score)
    fill_with_hidden_rests(score)
    give_ids(score, marks.bar_numbers)
    write_doubts(draft, score, spanners.lost_ties)
    return score


def _parts(draft: ScoreDraft, score: score_pb2.Score) -> None:
    """The keyboard part, and one for each staff beside it, as they are printed from top to bottom."""
    for n in range(draft.other_parts + 1):
        if n == draft.other_parts - draft.parts_below:
            score.parts.add(part_id=KEYBOARD, role=score_pb2.PART_ROLE_KEYBOARD, staff_count=draft.keyboard_staves)
        if n < draft.other_parts:
            score.parts.add(part_id=f"P{n + 2}", role=score_pb2.PART_ROLE_OTHER, staff_count=1)


def _clefs(draft: ScoreDraft, score: score_pb2.Score) -> None:
    """The clefs that take effect."""
    for change in draft.clefs:
        measure = draft.measures[change.measure]
        clef = score.clefs.add()
        clef.part_id, clef.staff = change.place
        clef.measure_index = change.measure
        clef.onset_ticks = ticks(score, measure.onset + change.onset)
        clef.sign = CLEFS[change.sign.sign]
        clef.line = change.sign.line
        clef.octave_change = change.sign.octave
        clef.region.CopyFrom(region(change.page, change.sign.box))
        clef.confidence = change.sign.confidence

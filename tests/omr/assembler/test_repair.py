"""A written Score that breaks an invariant is repaired and says so, or is refused with a reason; never silently."""

from __future__ import annotations

import pytest

from etude.mesh.errors import EtudeError
from etude.notation.validate import validate
from etude.score.v1 import pitch_pb2, score_pb2
from omr_service.assembler.score.build import write_score
from omr_service.assembler.score.repair import make_valid
from omr_service.pipeline import join_pages
from tests.omr.assembler.test_octave_ranges import octave_sheet
from tests.omr.assembler.test_page_steps import Sheet


@pytest.fixture
def score() -> score_pb2.Score:
    return write_score(join_pages([octave_sheet().draft().music()]))


def key_off_the_line(score):
    score.events[1].notes[0].midi_pitch -= 12


def line_one_note_further(score):
    next(s for s in score.spanners if s.HasField("octave_line")).end_ticks += score.divisions


def line_of_nine_octaves(score):
    next(s for s in score.spanners if s.HasField("octave_line")).octave_line.octaves = 9


def tie_to_another_key(score):
    first, second = score.events[0], score.events[1]
    spanner = score.spanners.add(spanner_id="t1", part_id="P1", staff=1, confidence=1)
    spanner.start_ticks, spanner.end_ticks = first.onset_ticks, second.onset_ticks
    spanner.start_note_id, spanner.end_note_id = first.notes[0].note_id, second.notes[0].note_id
    spanner.tie.SetInParent()


def slur_to_nothing(score):
    spanner = score.spanners.add(spanner_id="t1", part_id="P1", staff=1, confidence=1, event_ids=["e1", "e99"])
    spanner.slur.SetInParent()


def sign_outside_its_measure(score):
    direction = score.directions.add(direction_id="x1", part_id="P1", staff=1, onset_ticks=10**6, confidence=1)
    direction.dynamic.SetInParent()


def clef_outside_its_measure(score):
    score.clefs.add(clef_id="x1", part_id="P1", staff=2, onset_ticks=10**6, sign=score.clefs[0].sign, line=2)


def overfull_bar(score):
    score.measures[0].length_ticks -= score.divisions


def gap_in_a_voice(score):
    del score.events[2]


def no_clef(score):
    del score.clefs[:]


def note_above_all_keys(score):
    score.events[3].notes[0].pitch.octave = 10
    score.events[3].notes[0].pitch.step = pitch_pb2.STEP_B


REPAIRED = [
    (key_off_the_line, "the line decides"),
    (line_one_note_further, "the line decides"),
    (line_of_nine_octaves, "an octave line was left out"),
    (tie_to_another_key, "a tie was left out"),
    (slur_to_nothing, "a slur was left out"),
    (sign_outside_its_measure, "the dynamic was left out"),
    (clef_outside_its_measure, "a clef was left out"),
    (overfull_bar, "its times do not add up"),
    (gap_in_a_voice, "its times do not add up"),
    (no_clef, "No clef was found at the start of staff 2; it is read in the bass clef"),
    (note_above_all_keys, "a note was left out"),
]


def test_a_valid_score_is_left_alone(score):
    before = score.SerializeToString(deterministic=True)
    make_valid(score)
    assert score.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(("damage", "told"), REPAIRED, ids=lambda p: getattr(p, "__name__", ""))
def test_damage_is_repaired_and_told(score, damage, told):
    damage(score)
    assert validate(score)
    make_valid(score)
    assert [str(v) for v in validate(score)] == []
    assert any(told in doubt.message for doubt in score.doubts), [d.message for d in score.doubts]
    assert all(doubt.measure_index == 0 for doubt in score.doubts)


def test_what_was_read_beside_the_damage_is_kept(score):
    sign_outside_its_measure(score)
    before = [e.SerializeToString(deterministic=True) for e in score.events]
    make_valid(score)
    assert [e.SerializeToString(deterministic=True) for e in score.events] == before
    assert len(score.directions) == 0


def test_what_cannot_be_repaired_is_refused_with_its_measure(score):
    score.events[1].voice = 0
    with pytest.raises(EtudeError, match="around measure 1 ") as caught:
        make_valid(score)
    assert caught.value.reason == "UNREADABLE"


def test_a_staff_without_a_clef_is_read_in_the_usual_one():
    sheet = Sheet()
    sheet.glyph("gClef", 0, 55, 2, height=30)
    sheet.note(0, 100, 5, name="noteheadHalf")
    sheet.note(1, 100, 4, name="noteheadHalf")
    sheet.bar(450)
    score = write_score(join_pages([sheet.draft().music()]))
    assert validate(score) == []
    (lower,) = (e.notes[0].midi_pitch for e in score.events if e.staff == 2 and e.notes)
    assert lower == 50
    (clef,) = (c for c in score.clefs if c.staff == 2)
    assert clef.line == 4 and clef.confidence < 0.5
    assert any("staff 2" in doubt.message for doubt in score.doubts)

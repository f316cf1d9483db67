"""The time an octave line holds, and the keys that follow from it."""

from __future__ import annotations

import pytest

from etude.notation.validate import validate
from omr_service.assembler.music import OctaveSign
from omr_service.assembler.piece.octave_ranges import StaffNote, range_of
from omr_service.assembler.score.build import write_score
from omr_service.pipeline import join_pages
from omr_service.symbols import Box, Glyph
from tests.omr.assembler.test_page_steps import Sheet


def sign(x0, x1, octaves=1):
    return OctaveSign(0, 0, octaves, x0, x1, Box(x0, 80, x1, 85))


NOTES = [StaffNote(100, 0, 4), StaffNote(120, 4, 4), StaffNote(140, 8, 4), StaffNote(160, 12, 4)]


@pytest.mark.parametrize(
    ("x0", "x1", "expected"),
    [
        (118, 142, (4, 12)),
        (118, 170, (4, 16)),
        (121, 139, (4, 12)),  # the slack reaches both heads
        (126, 134, None),
        (200, 240, None),
    ],
)
def test_a_line_holds_from_its_first_note_to_the_end_of_its_last(x0, x1, expected):
    assert range_of(sign(x0, x1), NOTES, [], 5.0) == expected


def test_a_long_note_under_a_line_does_not_carry_it_over_the_next_note_outside():
    notes = [StaffNote(120, 4, 12), *NOTES]
    assert range_of(sign(118, 142), notes, [], 5.0) == (4, 12)


def test_a_grace_note_under_a_line_does_not_move_the_note_it_leans_on():
    notes = [*NOTES, StaffNote(152, 12, 0)]
    assert range_of(sign(118, 153), notes, [], 5.0) == (4, 12)


def test_a_line_over_small_notes_alone_holds_to_the_next_note():
    notes = [StaffNote(x, 0, 0) for x in range(100, 150, 5)] + [StaffNote(160, 12, 4)]
    assert range_of(sign(98, 150), notes, [], 5.0) == (0, 12)


@pytest.mark.parametrize(("x0", "x1", "expected"), [(108, 146, (4, 12)), (118, 158, (4, 16)), (96, 146, (0, 12))])
def test_rests_under_a_line_are_part_of_it(x0, x1, expected):
    notes = [StaffNote(120, 4, 4), StaffNote(140, 8, 4), StaffNote(180, 16, 4)]
    rests = [StaffNote(100, 0, 4), StaffNote(155, 12, 4)]
    assert range_of(sign(x0, x1), notes, rests, 5.0) == expected


def test_a_sign_stands_over_the_note_under_it_and_not_over_the_one_at_its_left_end():
    assert range_of(sign(100, 142), [StaffNote(100, 0, 4), StaffNote(108, 4, 4), *NOTES[2:]], [], 5.0) == (4, 12)
    assert range_of(sign(100, 142), NOTES, [], 5.0) == (0, 12)


def octave_sheet():
    """Four quarters over a whole note; "8" with its dashes over the second and third."""
    sheet = Sheet()
    sheet.clefs()
    for x in (100, 180, 260, 340):
        sheet.note(0, x, 5)
    sheet.glyph("noteheadWhole", 1, 100, 4)
    sheet.bar(450)
    sheet.page.glyphs.append(Glyph("ottavaAlta", 181, 85, Box(181, 80, 262, 86), 20))
    return sheet


def test_keys_agree_with_the_line_that_moves_them():
    score = write_score(join_pages([octave_sheet().draft().music()]))
    upper = [n.midi_pitch for e in score.events if e.staff == 1 for n in e.notes]
    assert upper == [72, 84, 84, 72]
    (line,) = (s for s in score.spanners if s.HasField("octave_line"))
    assert (line.staff, line.start_ticks, line.end_ticks) == (1, score.divisions, 3 * score.divisions)
    assert validate(score) == []


def test_an_accidental_under_a_line_holds_for_its_place_on_the_staff():
    sheet = octave_sheet()
    sheet.glyph("accidentalSharp", 0, 173, 5, height=14)
    score = write_score(join_pages([sheet.draft().music()]))
    upper = [n.midi_pitch for e in score.events if e.staff == 1 for n in e.notes]
    assert upper == [72, 85, 85, 73]

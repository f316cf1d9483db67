"""What the reader was not sure of, decided by the bar."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from omr_service.assembler.doubts import cost_of, doubtful, other_levels
from omr_service.assembler.page.tuplets import find_numbers
from omr_service.symbols import Box, Glyph
from tests.omr.assembler.test_page_steps import SPACE, Sheet


def in_two_four(*upper_xs):
    """A bar of two quarters in the lower staff under quarters in the upper one."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff in (0, 1):
        for step in (6, 2):
            sheet.glyph(f"timeSig{2 if step == 6 else 4}", staff, 75, step, height=2 * SPACE)
    for x in upper_xs:
        sheet.note(0, x, 4)
    for x in (120, 250):
        sheet.note(1, x, 4)
    sheet.bar(450)
    return sheet


def unsure(sheet, confidence, *alternatives):
    """Makes the last glyph of a sheet one that the reader doubted."""
    sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], confidence=confidence, alternatives=alternatives)


def durations(sheet, staff=0):
    (measure,) = sheet.joined().measures
    timings = measure.rhythm.timings
    return [timings[e.index].duration for e in measure.signs.elements if e.staff == staff and e.index in timings]


def test_what_is_certain_has_no_other_reading():
    assert other_levels(1.0, (), 1) == ()
    assert cost_of(0.6, 0.4) < cost_of(0.9, 0.1) < cost_of(0.99, 0.01)
    assert cost_of(0.3, 0.3) == pytest.approx(0.3)
    assert other_levels(0.7, [(2, 0.2), (2, 0.05), (1, 0.7), (3, 0.001)], 1) == ((2, cost_of(0.7, 0.2)),)
    assert math.isfinite(cost_of(1.0, 0.0))


@pytest.mark.parametrize(("confidence", "first"), [(0.5, Fraction(1)), (1.0, Fraction(3, 2))])
def test_a_speck_is_no_dot_where_the_bar_has_no_room_for_one(confidence, first):
    sheet = in_two_four(120, 250)
    sheet.glyph("augmentationDot", 0, 129, 5, height=2)
    unsure(sheet, confidence)
    assert durations(sheet)[0] == first


def test_a_dot_that_the_bar_needs_stays_however_faint():
    sheet = in_two_four(120)
    sheet.glyph("augmentationDot", 0, 129, 5, height=2)
    unsure(sheet, 0.4)
    stem = sheet.note(0, 320, 4)
    sheet.page.glyphs.append(Glyph("flag8thUp", stem[0], stem[1], Box(stem[0], stem[1], stem[0] + 5, stem[1] + 15), 20))
    assert durations(sheet) == [Fraction(3, 2), Fraction(1, 2)]


def test_a_speck_does_not_keep_a_note_out_of_a_triplet():
    sheet = in_two_four()
    for first in (120, 250):
        stems = [sheet.note(0, first + 22 * k, 4) for k in range(3)]
        sheet.beam(stems[0], stems[2])
    sheet.glyph("augmentationDot", 0, 129, 5, height=2)
    unsure(sheet, 0.5)
    assert durations(sheet) == [Fraction(1, 3)] * 6


@pytest.mark.parametrize(
    ("confidence", "picture", "count"), [(0.5, 1.0, 2), (1.0, 1.0, 3), (0.5, 0.0, 3)], ids=["unsure", "sure", "drawn"]
)
def test_a_digit_taken_for_a_rest_is_left_out_of_a_picture_where_the_bar_is_full(confidence, picture, count):
    sheet = in_two_four(120, 250)
    sheet.page = replace(sheet.page, image_share=picture)
    sheet.glyph("restQuarter", 0, 256, 10, height=3 * SPACE)
    unsure(sheet, confidence)
    assert len(durations(sheet)) == count


def test_flags_are_counted_as_the_bar_asks():
    sheet = in_two_four()
    for x in (120, 185, 250, 320):
        stem = sheet.note(0, x, 4)
        box = Box(stem[0], stem[1], stem[0] + 5, stem[1] + 15)
        sheet.page.glyphs.append(Glyph("flag16thUp", *stem, box, 20))
        unsure(sheet, 0.6, ("flag8thUp", 0.35))
    assert durations(sheet) == [Fraction(1, 2)] * 4


def test_a_chord_is_there_when_one_of_its_notes_is():
    sheet = in_two_four()
    sheet.note(0, 120, 4)
    sheet.glyph("noteheadBlack", 0, 120, 6)
    unsure(sheet, 0.4)
    sheet.note(0, 250, 4)
    page = sheet.draft()
    assert doubtful(e for own in page.elements.values() for e in own) == []


def test_a_finger_may_be_the_number_of_a_tuplet_and_is_not_certain():
    box = Box(100, 50, 104, 57)
    finger = Glyph("fingering3", 100, 57, box, 20, 0.6, (("tuplet3", 0.3),))
    (number,) = find_numbers([finger], [], SPACE)
    assert (number.number, number.certain) == (3, False) and number.cost > 0.3
    assert find_numbers([replace(finger, alternatives=())], [], SPACE) == []
    (number,) = find_numbers([replace(finger, name="tuplet3", confidence=0.9)], [], SPACE)
    assert number.certain and number.cost == 0.0


def test_fingers_make_no_tuplet_of_a_bar_that_adds_up_otherwise():
    sheet = in_two_four()
    for first in (120, 250):
        stems = [sheet.note(0, first + 22 * k, 4) for k in range(3)]
        sheet.beam(stems[0], stems[2])
    for x in (142, 164, 250):
        sheet.page.glyphs.append(Glyph("fingering5", x, 95, Box(x, 88, x + 4, 95), 20))
        unsure(sheet, 0.9, ("tuplet5", 0.05))
    assert durations(sheet) == [Fraction(1, 3)] * 6


def test_the_dots_of_a_bass_clef_lengthen_nothing():
    sheet = in_two_four(120, 250)
    sheet.glyph("fClef", 1, 134, 6, height=16)
    clef = sheet.page.glyphs[-1]
    for step in (5, 7):
        sheet.glyph("augmentationDot", 1, clef.box.x1 + 1, step, height=2)
    assert sheet.joined().measures[0].rhythm.length == 2
    assert all(e.dots == 0 for e in sheet.joined().measures[0].signs.elements)

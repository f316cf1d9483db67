"""Printed fingers of pages drawn by hand: which digit is whose."""

from __future__ import annotations

import pytest

from omr_service.assembler.page.fingers import finger_styles, style_of
from omr_service.assembler.page.tuplets import find_numbers
from omr_service.symbols import Box, Glyph, Line, Text
from tests.omr.assembler.test_page_steps import SPACE, Sheet

SIZE = 7.0
LINE = 7.0


def digits(words, x, y, *, italic=False, size=SIZE):
    """A text whose middle is at x and whose digits have their middle at y."""
    width, baseline = 0.5 * size * len(words), y + 0.34 * size
    box = Box(x - width / 2, baseline - 0.9 * size, x + width / 2, baseline + 0.25 * size)
    return Text(words, box.x0, baseline, box, size, "Serif", False, italic)


def a_sheet(tops=(100.0, 160.0)):
    sheet = Sheet(tops=tops)
    sheet.clefs()
    sheet.bar(50)
    sheet.bar(450)
    return sheet


def fingers(sheet):
    """Printed fingers as (staff, step of the head, finger) in the order of the page."""
    draft = sheet.draft()
    heads = {n.head: n for own in draft.elements.values() for e in own for n in e.notes}
    found = [m for m in draft.marks if m.kind == "finger"]
    return sorted((heads[m.head].staff, heads[m.head].step, m.name) for m in found)


def chord(sheet, staff, x, steps, up=True):
    sheet.note(staff, x, steps[0], up=up, tip=steps[-1] - steps[0] + 7 if up else 7)
    for step in steps[1:]:
        sheet.glyph("noteheadBlack", staff, x, step)


def stack(sheet, names, x, y):
    """Digits from top to bottom, the first at y."""
    sheet.page.texts.extend(digits(name, x, y + k * LINE) for k, name in enumerate(names))


def test_a_tall_stack_is_its_chords_though_its_end_is_nearer_to_another():
    sheet = a_sheet()
    chord(sheet, 0, 200, (0, 2), up=False)
    chord(sheet, 1, 200, (2, 4, 6, 8), up=True)
    stack(sheet, ["1", "2", "3", "5"], 203, 130)  # four digits, and four notes under them
    assert fingers(sheet) == [(1, 2, "5"), (1, 4, "3"), (1, 6, "2"), (1, 8, "1")]


def test_a_stack_between_the_staves_may_be_of_two_chords():
    sheet = a_sheet(tops=(100.0, 175.0))
    chord(sheet, 0, 200, (2, 4, 6), up=True)
    chord(sheet, 1, 200, (4, 6), up=False)
    stack(sheet, ["5", "2", "1", "1", "4"], 203, 128)
    assert fingers(sheet) == [(0, 2, "1"), (0, 4, "2"), (0, 6, "5"), (1, 4, "4"), (1, 6, "1")]


def test_digits_that_reach_into_the_system_above_are_read():
    sheet = a_sheet()
    tops = (260.0, 320.0)
    other = Sheet(tops=tops)
    other.clefs()
    other.bar(50)
    other.bar(450)
    chord(other, 0, 200, (2, 4, 6, 8), up=True)
    stack(other, ["5", "4", "2", "1"], 203, 212)
    for name in ("glyphs", "lines", "texts"):
        getattr(sheet.page, name).extend(getattr(other.page, name))
    sheet.note(0, 300, 4)
    assert fingers(sheet) == [(0, 2, "1"), (0, 4, "2"), (0, 6, "4"), (0, 8, "5")]


def test_digits_set_side_by_side_in_one_text_are_of_several_notes():
    sheet = a_sheet()
    for x, finger in ((100, "1"), (150, "2")):
        sheet.note(0, x, 6, up=False)
        sheet.page.texts.append(digits(finger, x + 3, 92, size=6.0))
    for x in (200, 210):
        sheet.note(0, x, 6, up=False)
    sheet.page.texts.append(digits("3 1-4", 209, 92, size=6.0))
    assert fingers(sheet) == [(0, 6, "1"), (0, 6, "1-4"), (0, 6, "2"), (0, 6, "3")]


def test_two_glyphs_with_a_dash_between_are_a_substitution():
    sheet = a_sheet()
    sheet.note(0, 200, 6, up=False)
    for name, x in (("fingering3", 197), ("fingering2", 205)):
        sheet.page.glyphs.append(Glyph(name, x, 93, Box(x, 88, x + 4, 93), 10))
    sheet.page.texts.append(digits("-", 203, 91))
    assert fingers(sheet) == [(0, 6, "3-2")]


@pytest.mark.parametrize(("finger", "step"), [("5", 8), ("1", 2)])
def test_a_lone_finger_is_of_the_note_it_can_play(finger, step):
    sheet = a_sheet()
    chord(sheet, 0, 200, (2, 8), up=True)
    sheet.page.texts.append(digits(finger, 203, 72))
    assert fingers(sheet) == [(0, step, finger)]


def test_a_digit_beside_a_note_of_a_chord_is_that_notes():
    sheet = a_sheet()
    chord(sheet, 0, 200, (0, 4, 8), up=True)
    sheet.page.texts.append(digits("3", 194, sheet.y(0, 4)))
    assert fingers(sheet) == [(0, 4, "3")]


def test_digits_over_two_voices_go_from_top_to_bottom():
    sheet = a_sheet()
    sheet.note(0, 200, 8, up=True)
    chord(sheet, 0, 200, (1, 3), up=False)
    stack(sheet, ["5", "2", "1"], 203, 52)
    assert fingers(sheet) == [(0, 1, "1"), (0, 3, "2"), (0, 8, "5")]


def test_slanted_digits_among_which_no_one_is_are_those_of_tuplets():
    sheet = a_sheet()
    for x in (100, 200, 300):
        sheet.note(0, x, 6, up=False)
        sheet.page.texts.append(digits("3", x + 3, 92, italic=True))
    assert fingers(sheet) == []


def test_one_is_a_finger_and_makes_its_style_that_of_fingers():
    upright = [digits(name, 100, 50) for name in ("1", "3", "2")]
    slanted = [digits("3", 100, 50, italic=True) for _ in range(4)]
    styles = finger_styles([*upright, *slanted])
    assert styles == {style_of(upright[0])}
    assert [n.finger for n in find_numbers([], [upright[1], slanted[0]], SPACE, styles)] == [True, False]


@pytest.mark.parametrize(("bracket", "tuplets"), [(False, 0), (True, 1)])
def test_a_number_set_as_the_fingers_are_is_a_tuplets_in_a_bracket_only(bracket, tuplets):
    sheet = a_sheet()
    for x in (100, 120, 140):
        sheet.note(0, x, 6, up=True)
    sheet.page.texts.extend([digits("3", 123, 80), digits("1", 300, 80)])
    if bracket:
        sheet.page.lines.extend([Line(100, 80, 118, 80, 0.6), Line(128, 80, 148, 80, 0.6)])
    (signs,) = sheet.draft().signs
    assert len(signs.tuplets) == tuplets


@pytest.mark.parametrize(("hook", "x", "tuplets"), [(True, 123, 1), (False, 123, 0), (True, 141, 0)])
def test_a_bracket_may_run_unbroken_beside_the_number_in_its_middle_and_has_hooks(hook, x, tuplets):
    sheet = a_sheet()
    for note in (100, 120, 140):
        sheet.note(0, note, 6, up=True)
    sheet.page.texts.extend([digits("3", x, 74), digits("1", 300, 74)])
    sheet.page.lines.append(Line(100, 80, 148, 80, 0.6))
    if hook:
        sheet.page.lines.append(Line(148, 80, 148, 84, 0.6))
    (signs,) = sheet.draft().signs
    assert len(signs.tuplets) == tuplets


def test_a_digit_under_two_voices_stands_at_no_stem_that_goes_up():
    sheet = a_sheet()
    sheet.note(0, 200, 5, up=True)
    sheet.note(0, 200, 3, up=False)
    sheet.page.texts.append(digits("3", 207.3, sheet.y(0, 0)))  # moved right, under the upper voice's stem
    assert fingers(sheet) == [(0, 3, "3")]


def test_a_digit_next_to_a_staff_is_of_a_note_within_it():
    sheet = a_sheet()
    sheet.note(0, 200, -4, up=True)
    sheet.note(1, 200, 1, up=False)
    sheet.page.texts.append(digits("1", 203, 153))
    assert fingers(sheet) == [(1, 1, "1")]


@pytest.mark.parametrize(("size", "found"), [(SIZE, [(0, 8, "2"), (1, 8, "1")]), (14.0, [(1, 8, "1")])])
def test_the_number_of_a_movement_over_the_first_system_is_no_finger(size, found):
    sheet = a_sheet()
    chord(sheet, 0, 245, (6, 8), up=True)
    sheet.note(0, 300, 8, up=False)
    sheet.note(1, 300, 8, up=False)
    sheet.page.texts.append(digits("2", 252, 68, size=size))
    sheet.page.texts.append(digits("1", 303, 152))
    assert fingers(sheet) == found

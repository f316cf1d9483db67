"""Time signatures whose digits may be others: the staves together, then the measures, tell which they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import PageSymbols
from tests.omr.assembler.test_page_steps import SPACE, Sheet


def sheet_of(beats: int, top: tuple[tuple[str, float], ...], bottom: tuple[tuple[str, float], ...] = ()) -> Sheet:
    """Five measures of so many quarters; `top` and `bottom` are what the upper digit may be on the upper and lower
    staff, likeliest first."""
    sheet = Sheet(x1=1250.0)
    sheet.page = PageSymbols(1, 1400, 800, lines=sheet.page.lines)
    sheet.clefs()
    sheet.bar(50)
    for staff, digits in ((0, top), (1, bottom or top)):
        sheet.glyph("timeSig4", staff, 75, 2, height=2 * SPACE)
        (name, confidence), *others = digits
        sheet.glyph(f"timeSig{name}", staff, 75, 6, height=2 * SPACE)
        alternatives = tuple((f"timeSig{other}", probability) for other, probability in others)
        sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], confidence=confidence, alternatives=alternatives)
    left = 100.0
    for _ in range(5):
        for k in range(beats):
            sheet.note(0, left + 12 + 40 * k, 4)
            sheet.note(1, left + 12 + 40 * k, 2)
        left += 12 + 40 * beats + 20
        sheet.bar(left)
    return sheet


@pytest.mark.parametrize(
    ("beats", "top", "expected"),
    [
        (3, (("2", 0.6), ("3", 0.35)), 3),
        (2, (("2", 0.6), ("3", 0.35)), 2),
        (3, (("2", 0.95), ("3", 0.03), ("9", 0.02)), 3),
        (3, (("2", 1.0),), 2),
    ],
    ids=["the other reading", "the first one", "an unlikely one", "a certain digit stays"],
)
def test_measures_tell_which_digit_it_is(beats, top, expected):
    draft = sheet_of(beats, top).joined()
    assert [m.meter.beats for m in draft.measures] == [(expected,)] * 5
    assert {m.rhythm.length for m in draft.measures} == {beats}


def test_staves_agree_on_the_digit_that_is_likeliest_on_both():
    sheet = sheet_of(3, (("2", 0.6), ("3", 0.4)), (("3", 0.9), ("2", 0.1)))
    (meter,) = sheet.draft().meters[0]
    assert (meter.beats, meter.beat_type) == ((3,), 4)
    assert [(beats, beat_type) for beats, beat_type, _ in meter.others] == [((2,), 4)]
    assert meter.others[0][2] == pytest.approx(0.06 / 0.36)


@pytest.mark.parametrize(
    ("step", "alternatives", "meters"),
    [(6, (("timeSig6", 0.3),), [((6,), 8)]), (6, (), []), (4, (("timeSig6", 0.3),), [((4,), 4)])],
    ids=["over a digit", "nothing else it may be", "in the middle"],
)
def test_a_letter_off_the_middle_of_its_staff_is_a_digit_that_resembles_it(step, alternatives, meters):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff in (0, 1):
        sheet.glyph("timeSigCommon", staff, 75, step, height=2 * SPACE)
        sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], confidence=0.5, alternatives=alternatives)
        if step == 6:
            sheet.glyph("timeSig8", staff, 75, 2, height=2 * SPACE)
        sheet.note(staff, 150, 4)
    sheet.bar(450)
    assert [(m.beats, m.beat_type) for m in sheet.draft().meters[0]] == meters


@pytest.mark.parametrize(("x", "measures"), [(431.0, 1), (441.0, 2)], ids=["at the sign", "beside it"])
def test_what_is_read_as_a_rest_at_a_time_signature_is_none(x, measures):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.note(0, 150, 4)
    sheet.note(1, 150, 4)
    sheet.bar(420)
    sheet.glyph("timeSigCommon", 0, 430, 4, height=2 * SPACE)
    sheet.glyph("rest8th", 1, x, 4, height=2 * SPACE)
    (score,) = write_scores([assemble_page(sheet.page)], Source("one.pdf", "sha256:" + "0" * 64))
    assert len(score.measures) == measures


@pytest.mark.parametrize("parentheses", [True, False])
def test_a_second_meter_beside_the_first_says_how_else_the_same_measures_may_be_counted(parentheses):
    sheet = sheet_of(3, (("3", 1.0),))
    for staff in (0, 1):
        sheet.glyph("timeSig8", staff, 90, 2, height=2 * SPACE)
        sheet.glyph("timeSig6", staff, 90, 6, height=2 * SPACE)
    if parentheses:
        # as tall as the staves: in a picture they look like barlines
        sheet.bar(85)
        sheet.bar(98)
    draft = sheet.joined()
    assert [m.meter.beats for m in draft.measures] == [(3,)] * 5
    assert [len(m.signs.elements) for m in draft.measures] == [6] * 5


@pytest.mark.parametrize("early", [True, False])
def test_signatures_that_come_after_grace_notes_count_for_their_measure(early):
    """As LilyPond sets them where one staff begins with grace notes: another clef, key and meter after those."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff, flats in ((0, (4, 7, 3)), (1, (2, 5, 1))):
        sheet.glyph("timeSigCommon", staff, 75, 4, height=2 * SPACE)
        for k, step in enumerate(flats):
            sheet.glyph("accidentalFlat", staff, 150 + 6 * k, step, height=14)
        sheet.glyph("timeSig4", staff, 175, 2, height=2 * SPACE)
        sheet.glyph("timeSig3", staff, 175, 6, height=2 * SPACE)
        for x in (200, 260, 320):
            sheet.note(staff, x, 4)
    sheet.glyph("accidentalFlat", 0, 101, 5, height=14)
    sheet.note(0, 110, 5)
    sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], size=2.4 * SPACE if early else 4 * SPACE)
    sheet.bar(450)
    draft = sheet.draft()
    (measure,) = draft.signs[0].measures
    assert measure.meter is not None and measure.meter.beats == ((3,) if early else (4,))
    assert [k.fifths for k in draft.keys[0]] == [-3] * early
    small = [e for e in measure.elements if e.small]
    assert [e.notes[0].accidental is not None for e in small] == [True] * early


def test_the_small_note_of_a_metronome_mark_leaves_the_signature_before_it():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff, flats in ((0, (4, 7, 3)), (1, (2, 5, 1))):
        for k, step in enumerate(flats):
            sheet.glyph("accidentalFlat", staff, 75 + 6 * k, step, height=14)
        sheet.glyph("timeSigCommon", staff, 120, 4, height=2 * SPACE)
        sheet.note(staff, 200, 4)
    sheet.note(0, 105, 12)
    sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], size=2.4 * SPACE)
    sheet.bar(450)
    assert [k.fifths for k in sheet.draft().keys[0]] == [-3]

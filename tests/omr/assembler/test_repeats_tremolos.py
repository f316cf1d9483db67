"""Signs that stand for notes: bar and beat repeats, tremolos between two chords; and heads that two voices share."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from etude.notation.validate import validate
from omr_service.assembler.score.build import write_score
from omr_service.pipeline import assemble_page, join_pages
from omr_service.symbols import Box, Glyph, Line
from tests.omr.assembler.test_page_steps import SPACE, Sheet


def sheet_of_two_quarters(bars=1):
    """Bars of 2/4 with two quarters in the upper staff."""
    sheet = Sheet()
    sheet.clefs()
    for staff in (0, 1):
        for step in (6, 2):
            name = f"timeSig{2 if step == 6 else 4}"
            sheet.glyph(name, staff, 75, step, height=2 * SPACE)
    sheet.bar(50)
    width = 360 / bars
    for n in range(bars):
        x0 = 90 + n * width
        for k in (0, 1):
            sheet.note(0, x0 + 10 + k * width / 2, 4)
        sheet.bar(x0 + width)
    return sheet


def repeat_sign(sheet, name, x, staff=1):
    y = sheet.y(staff, 4)
    sheet.page.glyphs.append(Glyph(name, x - 5, y, Box(x - 5, y - SPACE, x + 5, y + SPACE), 4 * SPACE))


def lower_staff(score):
    """Measure, onset in it in quarters and keys of what the lower staff plays."""
    return [
        (
            e.measure_index,
            Fraction(e.onset_ticks - score.measures[e.measure_index].onset_ticks, score.divisions),
            [n.midi_pitch for n in e.notes],
        )
        for e in score.events
        if e.staff == 2 and e.notes
    ]


def score_of(sheet):
    return write_score(join_pages([assemble_page(sheet.page)]))


def test_a_bar_repeat_plays_the_bar_before_again():
    sheet = sheet_of_two_quarters(bars=2)
    sheet.note(1, 100, 4)
    sheet.note(1, 190, 6)
    repeat_sign(sheet, "repeat1Bar", 360)
    score = score_of(sheet)
    assert lower_staff(score) == [(0, 0, [50]), (0, 1, [53]), (1, 0, [50]), (1, 1, [53])]
    assert validate(score) == []
    played = [e for e in score.events if e.staff == 2 and e.notes]
    assert [e.HasField("region") for e in played] == [True, True, False, False]
    assert len({n.note_id for e in score.events for n in e.notes}) == 8


def test_a_sign_on_the_barline_repeats_two_bars():
    sheet = sheet_of_two_quarters(bars=4)
    sheet.note(1, 100, 4)
    sheet.note(1, 145, 6)
    sheet.note(1, 190, 7)
    sheet.note(1, 235, 5)
    repeat_sign(sheet, "repeat2Bars", 360)
    assert [keys for _, _, keys in lower_staff(score_of(sheet))] == [[50], [53], [55], [52]] * 2


@pytest.mark.parametrize("sign", ["repeat1Bar", "repeat2Bars", "slash"])
def test_a_sign_after_notes_repeats_the_beats_before_it(sign):
    sheet = sheet_of_two_quarters()
    stems = [sheet.note(1, x, step, up=False) for x, step in ((100, 4), (190, 6))]
    sheet.beam(*stems)
    if sign == "slash":
        y = sheet.y(1, 4)
        sheet.page.lines.append(Line(283, y - SPACE, 277, y + SPACE, 2.5))
    else:
        repeat_sign(sheet, sign, 280)
    half = Fraction(1, 2)
    assert lower_staff(score_of(sheet)) == [(0, 0, [50]), (0, half, [53]), (0, 1, [50]), (0, 1 + half, [53])]


def test_slashes_alone_in_a_bar_each_repeat_the_last_beat_before_it():
    sheet = sheet_of_two_quarters(bars=2)
    sheet.note(1, 100, 4)
    sheet.note(1, 190, 6)
    for x in (285, 292, 370):  # two close together are one
        repeat_sign(sheet, "repeatBarSlash", x)
    assert lower_staff(score_of(sheet)) == [(0, 0, [50]), (0, 1, [53]), (1, 0, [53]), (1, 1, [53])]


def test_half_notes_under_one_beam_are_a_tremolo_between_them():
    sheet = sheet_of_two_quarters()
    stems = [sheet.note(1, x, step, name="noteheadHalf") for x, step in ((100, 4), (280, 6))]
    for k in range(3):
        sheet.beam(*stems, offset=3.75 * k)
    score = score_of(sheet)
    assert lower_staff(score) == [(0, 0, [50]), (0, 1, [53])]
    (tremolo,) = (s for s in score.spanners if s.HasField("tremolo_between"))
    assert tremolo.tremolo_between.strokes == 3
    assert not any(s.HasField("beam_group") for s in score.spanners)
    assert validate(score) == []


@pytest.mark.parametrize("from_tip", [0.8, 2.0])
def test_a_stroke_through_a_stem_is_a_tremolo_however_far_from_its_tip(from_tip):
    sheet = sheet_of_two_quarters()
    for x in (100, 280):
        stem, tip = sheet.note(1, x, 4, up=False)
        y = tip - from_tip * SPACE
        sheet.page.lines.append(Line(stem - 3, y, stem + 3, y, 2.5))
    assert [event.tremolo_strokes for event in score_of(sheet).events if event.staff == 2] == [1, 1]


def test_strokes_between_stemless_chords_are_a_tremolo_between_them():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for x in (100, 250):
        sheet.note(0, x, 4, name="noteheadHalf")
    sheet.glyph("noteheadWhole", 1, 100, 4)
    sheet.glyph("noteheadWhole", 1, 250, 6)
    for k in range(3):
        y = sheet.y(1, 6) - 3.75 * k
        sheet.page.lines.append(Line(115, y, 245, y, 2.5))
    sheet.bar(450)
    score = score_of(sheet)
    assert lower_staff(score) == [(0, 0, [50]), (0, 2, [53])]
    (tremolo,) = (s for s in score.spanners if s.HasField("tremolo_between"))
    assert tremolo.tremolo_between.strokes == 3
    assert validate(score) == []


def test_a_dotted_half_note_head_that_begins_a_beam_between_its_notes_is_short_for_their_voice():
    sheet = sheet_of_two_quarters()
    sheet.note(1, 100, -4, up=False, name="noteheadHalf")
    sheet.glyph("augmentationDot", 1, 109, -3, height=2)
    stems = [sheet.note(1, 100, -4, name="noteheadHalf")]
    stems += [sheet.note(1, x, step, up=False, tip=step - 3) for x, step in ((113, 10), (125, 9))]
    for a, b in itertools.pairwise(stems):
        sheet.beam(a, b)
    assert sorted((e.level, e.dots, e.beam >= 0) for e in sheet.draft().elements[0] if e.staff == 1) == [
        (-1, 1, False),
        (1, 0, True),
        (1, 0, True),
        (1, 0, True),
    ]


def test_a_half_note_head_under_a_beam_of_short_notes_is_short_for_their_voice():
    sheet = sheet_of_two_quarters()
    sheet.note(1, 100, 4, name="noteheadHalf")
    stems = [sheet.note(1, 100, 4, up=False, name="noteheadHalf", tip=10)]
    stems += [sheet.note(1, x, step, up=False, tip=step + 6) for x, step in ((190, 5), (280, 6), (370, 7))]
    for a, b in ((0, 1), (1, 2), (2, 3)):
        sheet.beam(stems[a], stems[b])
    score = score_of(sheet)
    lengths = [
        Fraction(e.duration_ticks, score.divisions)
        for e in sorted(score.events, key=lambda e: (e.onset_ticks, e.duration_ticks))
        if e.staff == 2 and e.notes
    ]
    half = Fraction(1, 2)
    assert lengths == [half, 2, half, half, half]


def test_a_repeat_that_starts_after_an_upbeat_ends_the_bar_of_the_upbeat():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.note(0, 90, 4)
    sheet.glyph("restQuarter", 1, 90, 4, height=15)
    sheet.bar(110, 3.0)
    sheet.bar(114)
    for staff in (0, 1):
        for step in (3, 5):
            sheet.glyph("repeatDot", staff, 117, step, height=2)
    for x in (140, 240):
        sheet.note(0, x, 4)
        sheet.note(1, x, 4)
    sheet.bar(450)
    assert [len(s.measures) for s in sheet.draft().signs] == [2]


def test_rising_strokes_over_each_other_between_two_chords_are_a_tremolo_and_repeat_nothing():
    """The lower one lies on the middle line, where a slash for a repeated beat would."""
    sheet = sheet_of_two_quarters()
    for x, step in ((100, 1), (128, 8)):
        sheet.note(1, x, step, name="noteheadHalf")
    for k in range(2):
        y = sheet.y(1, 4) - 4.0 * k
        sheet.page.lines.append(Line(115, y + SPACE, 125, y - SPACE, 2.5))
    lower = [e for e in sheet.draft().elements[0] if e.staff == 1]
    assert [(e.is_rest, e.between) for e in lower] == [(False, 2)] * 2


@pytest.mark.parametrize(("x", "strokes"), [(256, 1), (216, 0)], ids=["in the middle", "beside it"])
def test_a_stroke_in_the_middle_between_two_chords_far_apart_is_a_tremolo_between_them(x, strokes):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for at in (100, 400):
        sheet.note(1, at, 4, name="noteheadHalf")
    y = sheet.y(1, 8)
    sheet.page.lines.append(Line(x - 60, y, x + 60, y, 2.5))
    sheet.bar(450)
    assert [e.between for e in sheet.draft().elements[0]] == [strokes] * 2

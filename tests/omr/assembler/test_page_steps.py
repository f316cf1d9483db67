"""Steps of the assembler on pages drawn by hand: staves, systems, barlines, heads, beams, dots, keys, ties."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etude.score.v1 import measure_pb2
from omr_service.assembler.page.accidentals import AccidentalState, key_alter, midi_of
from omr_service.assembler.page.steps import PageDraft
from omr_service.assembler.score.build import write_score
from omr_service.pipeline import PAGE_STEPS, assemble_page, join_pages
from omr_service.symbols import Box, Curve, Glyph, Line, PageSymbols, Text

SPACE = 5.0
WIDTHS = {"noteheadBlack": 6.0, "noteheadHalf": 6.0, "noteheadWhole": 8.5, "gClef": 13.0, "fClef": 13.0}


class Sheet:
    """Draws symbols; positions are half spaces above the bottom line of a staff."""

    def __init__(self, tops=(100.0, 160.0), x0=50.0, x1=450.0, pieces=1):
        self.tops, self.x0, self.x1 = tops, x0, x1
        self.page = PageSymbols(1, 600, 800)
        step = (x1 - x0) / pieces
        for top in tops:
            for k in range(5):
                for n in range(pieces):
                    y = top + k * SPACE
                    self.page.lines.append(Line(x0 + n * step, y, x0 + (n + 1) * step, y, 0.5))

    def y(self, staff, step):
        return self.tops[staff] + 4 * SPACE - step * SPACE / 2

    def glyph(self, name, staff, x, step, size=4 * SPACE, height=SPACE):
        y = self.y(staff, step)
        width = WIDTHS.get(name, 5.0)
        self.page.glyphs.append(Glyph(name, x, y, Box(x, y - height / 2, x + width, y + height / 2), size))

    def bar(self, x, thickness=0.8):
        self.page.lines.append(Line(x, self.tops[0], x, self.tops[-1] + 4 * SPACE, thickness))

    def note(self, staff, x, step, up=True, name="noteheadBlack", tip=7):
        self.glyph(name, staff, x, step)
        stem = x + 6.0 if up else x
        ends = sorted((self.y(staff, step), self.y(staff, step + tip if up else step - tip)))
        self.page.lines.append(Line(stem, ends[0], stem, ends[1], 0.6))
        return stem, ends[0] if up else ends[1]

    def beam(self, a, b, offset=0.0):
        (x0, y0), (x1, y1) = a, b
        self.page.lines.append(Line(x0, y0 + offset, x1, y1 + offset, 2.5))

    def clefs(self):
        self.glyph("gClef", 0, 55, 2, height=30)
        self.glyph("fClef", 1, 55, 6, height=16)

    def draft(self):
        draft = PageDraft(self.page)
        for _, step in PAGE_STEPS:
            step(draft)
        return draft

    def joined(self):
        return join_pages([assemble_page(self.page)])


@pytest.mark.parametrize("pieces", [1, 7])
def test_staves_are_found_drawn_in_one_stroke_or_bar_by_bar(pieces):
    sheet = Sheet(pieces=pieces)
    sheet.page.lines.append(Line(60, 90, 300, 90, 0.5))  # a volta bracket at a line's distance
    staves = sheet.draft().staves
    assert [s.tops[0] for s in staves] == [100.0, 160.0]
    assert staves[0].space == pytest.approx(SPACE)


def test_a_line_over_both_staves_makes_a_system_and_a_stem_is_no_barline():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(250)
    sheet.bar(450)
    sheet.note(0, 120, 0, up=True, tip=8)  # a stem exactly as long as the staff is high
    sheet.note(1, 120, 0, up=True, tip=8)
    draft = sheet.draft()
    assert len(draft.systems) == 1
    assert [round(b.x) for b in draft.systems[0].barlines] == [250, 450]
    assert len(draft.chords) == 2


@pytest.mark.parametrize(
    ("beyond", "head", "bars"), [(12.0, True, 1), (12.0, False, 2), (1.0, True, 2)], ids=["stem", "no head", "barline"]
)
def test_a_stroke_through_both_staves_that_goes_on_beyond_them_is_the_stem_of_its_heads(beyond, head, bars):
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.page.lines.append(Line(250, 100 - beyond, 250, 180, 0.6))
    if head:
        sheet.glyph("noteheadBlack", 0, 244, 3)
        sheet.glyph("noteheadBlack", 1, 244, 1)
    assert len(sheet.draft().systems[0].barlines) == bars


def test_a_barline_under_the_hook_of_an_ending_is_one_whatever_speck_beside_it_looks_like_a_small_head():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.page.lines.append(Line(250, 85, 250, 180, 0.6))
    for x in (120, 180, 320, 380):
        sheet.glyph("noteheadBlack", 0, x, 3)
    sheet.glyph("noteheadBlack", 1, 244, 1, size=2.7 * SPACE)
    assert len(sheet.draft().systems[0].barlines) == 2


@pytest.mark.parametrize(("third", "fifths"), [(9.45, 4), (9.9, 4), (10.0, 2)])
def test_signs_of_a_key_a_little_off_their_places_are_told_by_their_order(third, fifths):
    sheet = Sheet()
    sheet.glyph("gClef", 0, 55, 2, height=30)
    sheet.glyph("gClef", 1, 55, 2, height=30)
    sheet.bar(50)
    for staff in (0, 1):
        for k, step in enumerate((8, 5.2, third, 6)):
            sheet.glyph("accidentalSharp", staff, 72 + 6 * k, step, height=3 * SPACE)
        sheet.note(staff, 150, 4)
    sheet.bar(450)
    assert [key.fifths for key in sheet.draft().keys[0]] == [fifths]


@pytest.mark.parametrize(("below", "fifths"), [(False, [-4]), (True, [])])
def test_a_staff_without_notes_may_have_no_signature(below, fifths):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for k, step in enumerate((4, 7, 3, 6)):
        sheet.glyph("accidentalFlat", 0, 72 + 6 * k, step, height=3 * SPACE)
    sheet.note(0, 150, 4)
    if below:
        sheet.note(1, 150, 4)
    sheet.bar(450)
    assert [key.fifths for key in sheet.draft().keys[0]] == fifths


def test_repeats_are_told_by_their_dots():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(247)
    sheet.bar(251, 3.0)
    for staff in (0, 1):
        for step in (3, 5):
            sheet.glyph("repeatDot", staff, 240, step, height=2)
    sheet.bar(450)
    (first, _) = sheet.draft().systems[0].barlines
    assert first.strokes == "LH" and first.dots_left and not first.dots_right


def test_a_head_between_the_staves_belongs_to_where_its_ledger_lines_lead():
    sheet = Sheet(tops=(100.0, 150.0))
    sheet.bar(50)
    sheet.bar(450)
    sheet.glyph("noteheadWhole", 0, 100, -6)
    for step in (-2, -4, -6):
        sheet.page.lines.append(Line(98, sheet.y(0, step), 112, sheet.y(0, step), 0.6))
    sheet.glyph("noteheadWhole", 1, 200, 12)
    for step in (10, 12):
        sheet.page.lines.append(Line(198, sheet.y(1, step), 212, sheet.y(1, step), 0.6))
    assert [(h.staff, h.step) for h in sheet.draft().heads] == [(0, -6), (1, 12)]


def test_a_head_between_the_staves_without_a_ledger_line_belongs_to_the_nearer_one():
    sheet = Sheet(tops=(100.0, 146.0))
    sheet.bar(50)
    sheet.bar(450)
    # on the fourth ledger line of the upper staff, and a little high on the first of the lower one
    sheet.glyph("noteheadWhole", 0, 100, -7.96)
    assert [(h.staff, h.step) for h in sheet.draft().heads] == [(1, 10)]


@pytest.mark.parametrize(
    ("bottom", "head", "count"),
    [(164.0, False, 3), (150.0, False, 2), (164.0, True, 2)],
    ids=["into the next staff", "between the staves", "a stem"],
)
def test_a_barline_that_breaks_off_on_its_way_is_one(bottom, head, count):
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.note(0, 100, 4)
    sheet.note(0, 235, 4)
    sheet.note(0, 350, 4)
    sheet.page.lines.append(Line(250, 100, 250, bottom, 0.6))
    if head:
        sheet.glyph("noteheadBlack", 1, 250, 7)
    (system,) = sheet.draft().systems
    assert len(system.barlines) == count - 1


def test_strokes_that_lean_are_one_barline():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.note(0, 100, 4)
    sheet.page.lines.extend([Line(249.5, 100, 249.7, 128, 0.8), Line(250.5, 140, 250.7, 180, 0.8)])
    (system,) = sheet.draft().systems
    assert [round(b.x) for b in system.barlines] == [250, 450]


def test_beams_halve_and_a_short_one_counts_for_its_stem_alone():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    stems = [sheet.note(0, x, 4, tip=7) for x in (100, 130, 160)]
    sheet.beam(stems[0], stems[2])
    sheet.beam(stems[1], stems[2], offset=3.75)
    sheet.beam((stems[0][0], stems[0][1]), (stems[0][0] + 5, stems[0][1]), offset=3.75)
    sheet.beam((stems[2][0] - 5, stems[2][1]), stems[2], offset=7.5)
    draft = sheet.draft()
    assert [draft.beaming.levels[c.index] for c in draft.chords] == [2, 2, 3]
    assert len(draft.beaming.groups) == 1 and len(draft.beaming.groups[0]) == 3


@pytest.mark.parametrize(("up", "members"), [(True, 3), (False, 2)])
def test_notes_set_close_under_a_beam_are_all_its_members(up, members):
    """But a stem that points the other way, as close to another, is that of a note that sounds with it."""
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    first, last = sheet.note(0, 100, 4), sheet.note(0, 130, 4)
    sheet.note(0, 106.2, 4 if up else 15, up=up)
    sheet.beam(first, last)
    draft = sheet.draft()
    assert [len(group) for group in draft.beaming.groups] == [members]


def test_a_dot_stands_beside_its_note_and_a_staccato_dot_over_it():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.note(0, 100, 4)
    sheet.glyph("augmentationDot", 0, 109, 5, height=2)
    sheet.note(0, 150, 3, up=True)
    sheet.page.glyphs.append(
        Glyph("augmentationDot", 152, sheet.y(0, 0), Box(152, sheet.y(0, 0) - 1, 154, sheet.y(0, 0) + 1), 20)
    )
    draft = sheet.draft()
    assert draft.dots.chords == {draft.chords[0].index: 1}


def test_a_key_signature_is_no_accidental_and_an_accidental_no_key():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff, steps in ((0, (8, 5)), (1, (6, 3))):
        for k, step in enumerate(steps):
            sheet.glyph("accidentalSharp", staff, 75 + 6 * k, step, height=14)
        sheet.glyph("accidentalSharp", staff, 113, steps[0], height=14)
        sheet.note(staff, 120, steps[0], up=False, tip=7)
    sheet.bar(450)
    draft = sheet.draft()
    assert [k.fifths for k in draft.keys[0]] == [2]
    assert {a.name for a in draft.accidentals.values()} == {"accidentalSharp"} and len(draft.accidentals) == 2


@pytest.mark.parametrize(("x", "found"), [(120, 0), (134, 1)])
def test_an_accidental_over_a_note_is_none_of_a_later_one(x, found):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.note(0, 120, 1)
    sheet.glyph("accidentalSharp", 0, x, 8, height=14)
    sheet.note(0, 150, 8, up=False, tip=7)
    sheet.bar(450)
    assert len(sheet.draft().accidentals) == found


def measure_of_wholes(sheet, steps, start=120.0, gap=100.0):
    for k, step in enumerate(steps):
        x = start + gap * k
        sheet.glyph("noteheadWhole", 0, x, step)
        sheet.bar(x + gap - 20)


def test_a_tie_carries_an_accidental_over_the_barline_and_nothing_else_does():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.glyph("accidentalSharp", 0, 112, 3, height=14)
    measure_of_wholes(sheet, (3, 3, 3))
    y = sheet.y(0, 3) + 3
    sheet.page.curves.append(Curve(129, y, 219, y, y + 4, 1, Box(129, y, 219, y + 4)))
    draft = sheet.joined()
    assert [draft.pitches[1, head].alter for head in range(3)] == [1, 1, 0]
    assert [(t.start, t.end) for t in draft.ties] == [((1, 0), (1, 1))]


def test_a_clef_change_counts_from_where_it_stands():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    measure_of_wholes(sheet, (4, 4))
    sheet.glyph("fClef", 0, 190, 6, size=15, height=12)
    draft = sheet.joined()
    spelled = [(draft.pitches[1, h].letter, draft.pitches[1, h].octave) for h in range(2)]
    assert spelled == [("B", 4), ("D", 3)]
    assert [(c.measure, c.place) for c in draft.clefs if c.sign.x0 > 100] == [(1, ("P1", 1))]


def test_the_reading_does_not_depend_on_the_size_of_the_page():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    measure_of_wholes(sheet, (3, 5, 1))
    factor = 3.0

    def grow(box):
        return Box(box.x0 * factor, box.y0 * factor, box.x1 * factor, box.y1 * factor)

    big = replace(
        sheet.page,
        width=600 * factor,
        height=800 * factor,
        glyphs=[
            replace(g, x=g.x * factor, y=g.y * factor, size=g.size * factor, box=grow(g.box)) for g in sheet.page.glyphs
        ],
        lines=[
            replace(
                v,
                x0=v.x0 * factor,
                y0=v.y0 * factor,
                x1=v.x1 * factor,
                y1=v.y1 * factor,
                thickness=v.thickness * factor,
            )
            for v in sheet.page.lines
        ],
    )
    small, large = sheet.joined(), join_pages([assemble_page(big)])
    assert small.pitches == large.pitches
    assert [m.rhythm.length for m in small.measures] == [m.rhythm.length for m in large.measures]


def test_accidentals_hold_for_their_octave_to_the_end_of_the_measure():
    state = AccidentalState(fifths=-1)
    assert state.alter("B", 4, None) == -1
    assert state.alter("B", 4, "accidentalNatural") == 0
    assert state.alter("B", 4, None) == 0
    assert state.alter("B", 5, None) == -1
    assert key_alter("F", 1) == 1 and key_alter("E", -2) == -1 and key_alter("C", -2) == 0
    assert midi_of("C", 0, 4) == 60 and midi_of("B", 1, 3) == 60


def test_a_bracket_of_an_ending_and_a_stack_of_beams_are_no_staff_lines():
    sheet = Sheet(tops=(100.0, 160.0, 240.0, 300.0))
    gap = 18.0
    sheet.page.lines.append(Line(52.0, 100.0 - gap, 449.0, 100.0 - gap, 0.5))
    for k in range(5):
        sheet.page.lines.append(Line(60.0, 128.0 + 2 * k, 300.0, 128.0 + 2 * k, 1.3))
    draft = sheet.draft()
    assert [(s.tops[0], s.space) for s in draft.staves] == [(top, SPACE) for top in sheet.tops]


def test_the_bracket_left_of_a_system_is_no_barline():
    sheet = Sheet()
    sheet.clefs()
    sheet.page.lines.append(Line(50, 100, 50, 180, 0.6))
    sheet.page.lines.append(Line(46.5, 98, 46.5, 182, 2.2))
    sheet.note(0, 120, 5)
    sheet.bar(450)
    (system,) = sheet.draft().signs
    assert [len(m.elements) for m in system.measures] == [1]


@pytest.mark.parametrize(
    ("beside", "slash", "small"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_small_notes_alone_on_a_staff_are_no_grace_notes_without_a_slash(beside, slash, small):
    sheet = Sheet()
    sheet.clefs()
    for x in range(120, 300, 20):
        sheet.note(1, x, 4)
    for x in (120, 150, 180):
        y = sheet.y(0, 5)
        sheet.page.glyphs.append(Glyph("noteheadBlack", x, y, Box(x, y - 1.6, x + 3.9, y + 1.6), 12))
        sheet.page.lines.append(Line(x + 3.9, y - 12, x + 3.9, y, 0.6))
    if beside:
        sheet.note(0, 220, 5)
    if slash:
        sheet.page.lines.append(Line(120.0, y - 4, 128.0, y - 12, 0.6))
    sheet.bar(450)
    (system,) = sheet.draft().signs
    upper = [e.small for e in system.measures[0].elements if e.staff == 0 and e.x < 200]
    assert upper == [small] * 3


def test_a_dot_told_by_its_outline_is_staccato_over_a_note_and_lengthens_beside_one():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.note(0, 100, 5)
    sheet.glyph("augmentationDot", 0, 109, 5, height=2)
    sheet.note(0, 200, 4, up=False)
    sheet.glyph("augmentationDot", 0, 201, 6, height=2)
    draft = sheet.draft()
    assert [e.dots for e in draft.elements[0]] == [1, 0]
    (mark,) = draft.marks
    assert (mark.name, mark.element) == ("articStaccatoAbove", draft.elements[0][1].index)


@pytest.mark.parametrize(("over", "dots", "marks"), [(False, 1, 0), (True, 0, 1)])
def test_a_dot_of_either_kind_is_staccato_only_where_it_stands_over_a_note(over, dots, marks):
    """A dot a space and a half right of its note lengthens it, unless the next note is under it."""
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.note(0, 100, 5)
    sheet.glyph("articStaccatoAbove", 0, 111, 5, height=2)
    sheet.page.glyphs[-1] = replace(sheet.page.glyphs[-1], alternatives=(("augmentationDot", 0.49),))
    sheet.note(0, 110.5 if over else 200, 2)
    draft = sheet.draft()
    assert draft.elements[0][0].dots == dots
    assert len(draft.marks) == marks


@pytest.mark.parametrize(("confidence", "dots"), [(1.0, 0), (0.9, 1)])
def test_a_dot_that_its_font_calls_staccato_never_lengthens(confidence, dots):
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.note(0, 100, 5)
    y = sheet.y(0, 5)
    sheet.page.glyphs.append(Glyph("articStaccatoAbove", 108, y, Box(108, y - 1, 110, y + 1), 20, confidence))
    assert [e.dots for e in sheet.draft().elements[0]] == [dots]


@pytest.mark.parametrize(("dots", "count"), [(False, 0), (True, 1)])
def test_a_thick_line_at_the_left_end_of_a_system_is_a_barline_only_with_dots(dots, count):
    sheet = Sheet()
    sheet.bar(51, 2.0)
    if dots:
        for staff in (0, 1):
            for step in (3, 5):
                sheet.glyph("repeatDot", staff, 54, step, height=1)
    (system,) = sheet.draft().systems
    assert len(system.barlines) == count


@pytest.mark.parametrize(("image_share", "line"), [(0.0, 3), (1.0, 2)], ids=["drawn", "seen"])
def test_a_g_clef_that_was_seen_and_not_drawn_stands_on_its_line(image_share, line):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    sheet.glyph("gClef", 0, 55, 3.6, height=30)
    sheet.page.glyphs[:] = [replace(sheet.page.glyphs[-1], confidence=0.9), sheet.page.glyphs[1]]
    sheet.page = replace(sheet.page, image_share=image_share)
    assert [(c.sign, c.line) for c in sheet.draft().clefs[0]] == [("g", line), ("f", 4)]


@pytest.mark.parametrize(("right", "staves"), [(200.0, 2), (400.0, 3)], ids=["ledger lines", "a staff"])
def test_ledger_lines_that_run_into_each_other_are_no_staff(right, staves):
    sheet = Sheet()
    for k in range(1, 6):
        y = sheet.tops[0] - k * SPACE
        sheet.page.lines.append(Line(150.0, y, right, y, 0.5))
    assert len(sheet.draft().staves) == staves


@pytest.mark.parametrize(("rungs", "staves"), [(True, 2), (False, 3)], ids=["ledger lines", "an example"])
def test_ledger_lines_far_from_their_staff_lead_to_it(rungs, staves):
    sheet = Sheet()
    for k in range(1, 11):
        y = sheet.tops[0] - k * SPACE
        if k > 5:
            sheet.page.lines.append(Line(150.0, y, 200.0, y, 0.5))
        elif rungs:
            sheet.page.lines.extend(Line(x, y, x + 9.0, y, 0.5) for x in (150.0, 170.0, 190.0))
    assert len(sheet.draft().staves) == staves


@pytest.mark.parametrize(("notes", "numbers"), [(17, [17]), (16, [])], ids=["so many", "other"])
def test_a_number_over_fifteen_is_a_tuplets_where_just_so_many_notes_are_under_it(notes, numbers):
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    stems = [sheet.note(0, 100 + 15 * k, 4) for k in range(notes)]
    sheet.beam(stems[0], stems[-1])
    middle = (stems[0][0] + stems[-1][0]) / 2 - 3
    y = stems[0][1] - 4
    sheet.page.texts.append(Text("17", middle - 3, y, Box(middle - 3, y - 5, middle + 3, y), 9))
    (system,) = assemble_page(sheet.page).systems
    assert [t.number for t in system.tuplets] == numbers


@pytest.mark.parametrize(("count", "keys"), [(1, [2]), (2, [2, 0])], ids=["a chord's", "a key's"])
def test_naturals_alone_are_a_key_signature_where_they_take_back_the_one_in_force(count, keys):
    sheet = Sheet()
    sheet.clefs()
    for x in (50, 250, 450):
        sheet.bar(x)
    for staff, steps in ((0, (8, 5)), (1, (6, 3))):
        for k, step in enumerate(steps):
            sheet.glyph("accidentalSharp", staff, 75 + 6 * k, step, height=14)
        for k, step in enumerate(steps[:count]):
            sheet.glyph("accidentalNatural", staff, 256 + 6 * k, step, height=14)
        sheet.note(staff, 120, 4)
        sheet.note(staff, 280, steps[0])
    draft = sheet.draft()
    assert [k.fifths for k in draft.keys[0]] == keys
    assert len(draft.accidentals) == (2 if count == 1 else 0)


def test_a_bracket_that_goes_on_from_an_outer_line_makes_no_staff_longer():
    sheet = Sheet()
    sheet.bar(450)
    lines = sheet.page.lines
    first = min((v for v in lines if v.x1 - v.x0 > 100), key=lambda v: v.y0)
    lines[lines.index(first)] = replace(first, x0=first.x0 - 5)
    assert {staff.x0 for staff in sheet.draft().staves} == {first.x0}


def test_a_clef_that_another_replaces_before_any_note_takes_no_effect():
    sheet = Sheet()
    sheet.glyph("gClef", 0, 55, 2, height=30)
    sheet.glyph("gClef", 1, 55, 2, height=30)
    sheet.glyph("fClef", 1, 75, 6, height=16)
    for staff in (0, 1):
        for x in (100, 160, 220):
            sheet.note(staff, x, 4, up=staff == 0)
    sheet.bar(265)
    score = write_score(sheet.joined())
    assert [(c.staff, c.sign) for c in score.clefs] == [(1, measure_pb2.CLEF_SIGN_G), (2, measure_pb2.CLEF_SIGN_F)]


def test_a_barline_of_two_repeats_is_half_and_half():
    """MusicXML has the end of one measure and the start of the next where two heavy strokes are printed."""
    sheet = Sheet()
    sheet.clefs()
    for staff in (0, 1):
        for x in (100, 160, 220, 330, 370, 410):
            sheet.note(staff, x, 4, up=staff == 0)
        for x in (260, 278):
            for step in (3, 5):
                sheet.glyph("repeatDot", staff, x, step)
    sheet.bar(269, 3.0)
    sheet.bar(274, 3.0)
    sheet.bar(450)
    first, second = write_score(sheet.joined()).measures
    assert first.right_barline.style == measure_pb2.BARLINE_STYLE_LIGHT_HEAVY
    assert second.left_barline.style == measure_pb2.BARLINE_STYLE_HEAVY_LIGHT
    assert (first.right_barline.repeat, second.left_barline.repeat) == (2, 1)

"""Several pieces in one document: where one ends and the next begins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etude.notation.validate import validate
from omr_service.assembler.geometry import Staff, System
from omr_service.assembler.page.systems import agree, with_added_staves
from omr_service.assembler.pieces import split_pieces
from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Box, Glyph, Line, Text
from tests.omr.assembler.test_page_steps import SPACE, Sheet

SOURCE = Source("two.pdf", "sha256:" + "0" * 64)


def system_at(top, final, meter, keys):
    """A system of one bar, its symbols as those of a page."""
    sheet = Sheet(tops=(top, top + 60))
    sheet.clefs()
    sheet.bar(50)
    if meter:
        for staff in (0, 1):
            for step in (6, 2):
                sheet.glyph(f"timeSig{2 if step == 6 else 4}", staff, 75, step, height=2 * SPACE)
    for x, step in zip((120, 250), keys, strict=True):
        sheet.note(0, x, step)
        sheet.note(1, x, step)
    if final:
        sheet.bar(445)
    sheet.bar(450, 3.0 if final else 0.8)
    return sheet.page


def text(words, x, y, size):
    half = 0.25 * size * len(words)
    return Text(words, x - half, y, Box(x - half, y - 0.7 * size, x + half, y), size)


def page_of(*systems, texts=()):
    page = systems[0]
    for other in systems[1:]:
        page.lines.extend(other.lines)
        page.glyphs.extend(other.glyphs)
    page.texts.extend(texts)
    return page


TITLE = text("Erstes Stück", 250, 60, 20)
SECOND = text("Zweites Stück", 250, 270, 18)


def two_pieces(final=True, meter=True, heading=SECOND):
    return page_of(system_at(100, final, True, (4, 5)), system_at(320, True, meter, (6, 7)), texts=[TITLE, heading])


def test_a_final_barline_a_heading_and_a_meter_begin_a_new_piece():
    scores = write_scores([assemble_page(two_pieces())], SOURCE)
    assert [s.metadata.title for s in scores] == ["Erstes Stück", "Zweites Stück"]
    assert [len(s.measures) for s in scores] == [1, 1]
    assert [[n.midi_pitch for e in s.events if e.staff == 1 for n in e.notes] for s in scores] == [[71, 72], [74, 76]]
    assert len({s.score_id for s in scores}) == 2
    assert [validate(s) for s in scores] == [[], []]
    assert [s.pages[0].systems[0].first_measure_index for s in scores] == [0, 0]
    assert not [d for s in scores for d in s.directions if d.HasField("words") or d.HasField("tempo")]


@pytest.mark.parametrize(
    "page",
    [
        two_pieces(final=False),
        two_pieces(meter=False),
        two_pieces(heading=text("Trio", 250, 270, 18)),
        two_pieces(heading=text("Più mosso", 100, 290, 9)),
    ],
    ids=["no final barline", "no meter", "a heading within a piece", "a tempo mark"],
)
def test_a_piece_goes_on_without_one_of_them(page):
    (score,) = write_scores([assemble_page(page)], SOURCE)
    assert len(score.measures) == 2


def test_a_page_that_begins_with_a_title_after_a_final_barline_is_a_new_piece():
    first = assemble_page(page_of(system_at(100, True, True, (4, 5)), texts=[TITLE]))
    second = replace(
        assemble_page(page_of(system_at(100, True, True, (6, 7)), texts=[text("II. Rondo", 250, 60, 20)])),
        page_number=2,
    )
    running = replace(assemble_page(page_of(system_at(100, True, False, (6, 7)), texts=[TITLE])), page_number=3)
    pieces = split_pieces([first, second, running])
    assert [[p.page_number for p in piece] for piece in pieces] == [[1], [2, 3]]


def test_an_ending_belongs_to_the_system_under_it_even_where_the_one_before_is_nearer():
    page = page_of(system_at(100, False, True, (4, 5)), system_at(320, True, False, (6, 7)))
    page.texts.append(text("1.", 110, 210, 9))
    page.lines.append(Line(100, 200, 300, 200, 0.5))
    page.lines.append(Line(300, 200, 300, 210, 0.5))
    (score,) = write_scores([assemble_page(page)], SOURCE)
    assert [list(m.ending.numbers) for m in score.measures] == [[], [1]]
    assert score.measures[1].ending.closed


@pytest.mark.parametrize("height", [200, 297], ids=["between the systems", "close over its staff"])
def test_the_number_of_an_ending_is_no_finger(height):
    page = page_of(system_at(100, False, True, (4, 5)), system_at(320, True, False, (6, 7)))
    page.texts.append(text("1", 121, height + 10, 9))
    page.lines.append(Line(115, height, 300, height, 0.5))
    (score,) = write_scores([assemble_page(page)], SOURCE)
    assert [list(m.ending.numbers) for m in score.measures] == [[], [1]]
    assert not [n for e in score.events for n in e.notes if n.HasField("fingering")]


def test_the_keyboard_part_is_on_the_same_staves_in_all_systems():
    staves = tuple(Staff(i, 50, 450, tuple(100 + 60 * i + 5.0 * k for k in range(5)), 0.0, 5.0) for i in range(3))
    systems = [System(n, staves, keyboard) for n, keyboard in enumerate([(1, 2), (0, 1, 2), (1, 2)])]
    assert [s.keyboard for s in agree(systems)] == [(1, 2)] * 3


@pytest.mark.parametrize(
    ("pairs", "space", "keyboard"),
    [(3, 5.0, (0, 1, 2)), (2, 5.0, (1, 2)), (3, 3.5, (1, 2))],
    ids=["few have three", "many have three", "a small one"],
)
def test_a_staff_that_few_systems_add_is_the_keyboards_own(pairs, space, keyboard):
    def staff(i, size):
        return Staff(i, 50, 450, tuple(100 + 60 * i + size * k for k in range(5)), 0.0, size)

    three = System(0, (staff(0, space), staff(1, 5.0), staff(2, 5.0)), (1, 2))
    two = [System(n, (staff(0, 5.0), staff(1, 5.0)), (0, 1)) for n in range(pairs)]
    assert [s.keyboard for s in with_added_staves([three, *two])] == [keyboard, *[(0, 1)] * pairs]


def hairpin_sheet(x1):
    """Four quarters, a hairpin from the first to `x1`, and the words "m.d." over the second."""
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for x in (100, 180, 260, 340):
        sheet.note(0, x, 4)
        sheet.note(1, x, 4)
    sheet.bar(450)
    sheet.page.lines.extend([Line(100, 140, x1, 137, 0.5), Line(100, 140, x1, 143, 0.5)])
    sheet.page.texts.append(text("m.d.", 185, 85, 9))
    return sheet.page


@pytest.mark.parametrize(("x1", "end"), [(255, 2), (263.5, 3), (270, 3)])
def test_a_hairpin_holds_for_the_last_note_whose_middle_it_reaches(x1, end):
    (score,) = write_scores([assemble_page(hairpin_sheet(x1))], SOURCE)
    (hairpin,) = (s for s in score.spanners if s.HasField("hairpin"))
    assert (hairpin.start_ticks, hairpin.end_ticks) == (0, end * score.divisions)


def test_an_abbreviation_is_words():
    (score,) = write_scores([assemble_page(hairpin_sheet(255))], SOURCE)
    assert [d.words.text for d in score.directions if d.HasField("words")] == ["m.d."]


def test_a_pedal_under_one_long_note_lasts_as_long_as_it():
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for staff in (0, 1):
        sheet.glyph("noteheadWhole", staff, 120, 4)
    sheet.bar(250)
    for x in (270, 310, 350, 390):
        sheet.note(0, x, 4)
        sheet.note(1, x, 4)
    sheet.bar(450)
    # the stop of a Ped. is a sign of its own in some fonts, and no second pedal
    for name, x in (("keyboardPedalPed", 118), ("keyboardPedalDot", 127), ("keyboardPedalUp", 150)):
        sheet.page.glyphs.append(Glyph(name, x, 205, Box(x, 198, x + 8, 206), 20))
    (score,) = write_scores([assemble_page(sheet.page)], SOURCE)
    (pedal,) = (s for s in score.spanners if s.HasField("pedal"))
    assert (pedal.start_ticks, pedal.end_ticks) == (0, 4 * score.divisions)

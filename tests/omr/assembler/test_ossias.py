"""Other readings on smaller staves beside those that are played."""

from __future__ import annotations

import pytest

from etude.notation.validate import validate
from omr_service.assembler.page.steps import PageDraft
from omr_service.pipeline import PAGE_STEPS, assemble_page, write_scores
from omr_service.symbols import Box, Glyph, Line, PageSymbols, Text
from tests.omr.assembler.test_page_steps import SPACE
from tests.omr.assembler.test_pieces import SOURCE

SMALL = 0.7 * SPACE
LEFT, RIGHT, MIDDLE = 50.0, 450.0, 250.0


class Staves:
    """Draws staves of any size with a note in each half; a system's barlines stand at its ends and in its middle."""

    def __init__(self):
        self.page = PageSymbols(1, 600, 800)

    def staff(self, top, space, step, x0=LEFT, x1=RIGHT):
        for k in range(5):
            self.page.lines.append(Line(x0, top + k * space, x1, top + k * space, 0.1 * space))
        size = 4 * space
        clef = Box(x0 + space, top - space, x0 + 3.5 * space, top + 5 * space)
        self.page.glyphs.append(Glyph("gClef", clef.x0, top + 3 * space, clef, size))
        for x in (x0 + 70, x1 - 150):
            y = top + 4 * space - step * space / 2
            head = Box(x, y - space / 2, x + 1.2 * space, y + space / 2)
            self.page.glyphs.append(Glyph("noteheadHalf", x, y, head, size))
            self.page.lines.append(Line(head.x1, y - 3.5 * space, head.x1, y, 0.1 * space))

    def bars(self, top, bottom, at=(LEFT, MIDDLE, RIGHT)):
        for x in at:
            self.page.lines.append(Line(x, top, x, bottom, 0.8))

    def pair(self, top, space=SPACE, steps=(4, 2), at=(LEFT, MIDDLE, RIGHT)):
        self.staff(top, space, steps[0])
        self.staff(top + 12 * space, space, steps[1])
        self.bars(top, top + 16 * space, at)

    def notes(self):
        """Places of the noteheads that a listener hears: part, staff, pitch."""
        (score,) = write_scores([assemble_page(self.page)], SOURCE)
        assert validate(score) == []
        assert len(score.measures) == 2 * sum(1 for s in score.pages[0].systems)
        return sorted({(e.part_id, e.staff, n.midi_pitch) for e in score.events for n in e.notes})


PLAYED = [("P1", 1, 71), ("P1", 2, 67)]


def over_some_bars(page):
    page.staff(150, SMALL, 7, x0=MIDDLE)
    page.bars(150, 260, at=(RIGHT,))


def over_the_system(page):
    page.staff(150, SMALL, 7)
    page.bars(150, 260, at=(LEFT,))


def a_pair_joined(page):
    page.pair(120, SMALL, (7, 7))
    page.bars(120, 260, at=(LEFT,))


def a_pair_apart(page):
    page.pair(120, SMALL, (7, 7))


def one_staff_apart(page):
    page.staff(150, SMALL, 7)


def an_example_in_a_footnote(page):
    page.staff(700, SMALL, 7, x0=100, x1=320)


@pytest.mark.parametrize(
    "draw",
    [over_some_bars, over_the_system, a_pair_joined, a_pair_apart, one_staff_apart, an_example_in_a_footnote],
)
def test_what_stands_on_an_ossia_is_not_played(draw):
    page = Staves()
    page.pair(200)
    page.pair(450)
    draw(page)
    assert page.notes() == PLAYED


def test_a_smaller_staff_in_every_system_is_an_instrument():
    page = Staves()
    for top in (200, 450):
        page.pair(top)
        page.staff(top - 50, SMALL, 7)
        page.bars(top - 50, top + 60, at=(LEFT,))
    assert page.notes() == [*PLAYED, ("P2", 1, 76)]


@pytest.mark.parametrize(("top", "order"), [(-60, ["P2", "P1"]), (176, ["P1", "P2"])], ids=["over it", "under it"])
def test_parts_come_as_they_stand_about_the_keyboard(top, order):
    """A singer's staff over it, an organ's pedal under it."""
    page = Staves()
    for pair in (150, 500):
        page.pair(pair, at=(LEFT, MIDDLE, RIGHT))
        page.staff(pair + top, SPACE, 7)
        page.bars(min(pair, pair + top), max(pair, pair + top) + 4 * SPACE, at=(LEFT,))
        page.bars(pair + top, pair + top + 4 * SPACE)
    (score,) = write_scores([assemble_page(page.page)], SOURCE)
    assert [part.part_id for part in score.parts] == order
    assert {(e.part_id, e.staff) for e in score.events if e.notes} == {("P1", 1), ("P1", 2), ("P2", 1)}


def test_an_instruments_staves_are_small_all_or_none_of_them():
    """Their spaces are four fifths of the others', and come out a little more or less."""
    page = Staves()
    for top, space in ((100, 0.7985 * SPACE), (300, 0.8015 * SPACE)):
        page.staff(top, space, 7)
        page.pair(top + 60)
        page.bars(top, top + 60)
    assert {part for part, _, _ in page.notes()} == {"P1", "P2"}


def test_a_name_beside_an_ossia_names_no_part():
    page = Staves()
    page.pair(200)
    over_some_bars(page)
    page.page.texts.append(Text("ossia", 20, 160, Box(20, 152, 45, 160), 10.0))
    assert {part for part, _, _ in page.notes()} == {"P1"}


def test_a_system_in_smaller_print_is_played():
    page = Staves()
    page.pair(200)
    page.pair(450, SMALL, (7, 7), at=(LEFT, MIDDLE + 40, RIGHT))
    assert page.notes() == [("P1", 1, 71), ("P1", 1, 76), ("P1", 2, 67), ("P1", 2, 76)]


def test_the_large_staves_are_the_keyboards_wherever_the_small_ones_are():
    page = Staves()
    page.pair(200)
    a_pair_joined(page)
    page.page.glyphs.append(Glyph("brace", 40, 176, Box(40, 120, 48, 176), 4 * SPACE))
    draft = PageDraft(page.page)
    for _, step in PAGE_STEPS:
        step(draft)
    (system,) = draft.systems
    assert (system.keyboard, system.ossia, system.others) == ((2, 3), (0, 1), ())

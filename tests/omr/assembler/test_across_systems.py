"""Marks printed in parts, because a system ends under them, and marks nearer to another system than to their own."""

from __future__ import annotations

import pytest

from etude.notation.validate import validate
from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Box, Glyph, Line, Text
from tests.omr.assembler.test_page_steps import Sheet

SOURCE = Source("drawn.pdf", "sha256:00")


def two_systems(gap=160.0):
    """Two systems of a bar of four quarters on both staves."""
    upper, lower = Sheet(), Sheet(tops=(100.0 + gap, 160.0 + gap))
    for sheet in (upper, lower):
        sheet.clefs()
        sheet.bar(50)
        for x in (100, 180, 260, 340):
            sheet.note(0, x, 4)
            sheet.note(1, x, 4)
        sheet.bar(450)
    upper.page.glyphs.extend(lower.page.glyphs)
    upper.page.lines.extend(lower.page.lines)
    return upper


def score_of(sheet):
    (score,) = write_scores([assemble_page(sheet.page)], SOURCE)
    assert validate(score) == []
    return score


def hairpin(x0, x1, y, left, right):
    """The arms of a hairpin that are so far apart at its ends."""
    return [Line(x0, y + side * left / 2, x1, y + side * right / 2, 0.5) for side in (-1, 1)]


@pytest.mark.parametrize(
    ("first", "second", "spans"),
    [
        ((0.0, 6.0), (3.0, 8.0), [(0, 8)]),
        ((0.0, 6.0), (0.0, 6.0), [(0, 4), (4, 8)]),
        ((8.0, 3.0), (5.0, 0.0), [(0, 8)]),
        ((6.0, 0.0), (6.0, 0.0), [(0, 4), (4, 8)]),
    ],
    ids=["a crescendo", "two crescendos", "a diminuendo", "two diminuendos"],
)
def test_a_hairpin_goes_on_in_the_next_system_where_it_has_no_point(first, second, spans):
    sheet = two_systems()
    sheet.page.lines.extend([*hairpin(100, 445, 140, *first), *hairpin(95, 445, 300, *second)])
    score = score_of(sheet)
    found = [s for s in score.spanners if s.HasField("hairpin")]
    assert [(s.start_ticks / score.divisions, s.end_ticks / score.divisions) for s in found] == spans
    assert sum(len(s.regions) for s in found) == 2


@pytest.mark.parametrize(("since", "lines"), [(95, [(2, 8)]), (175, [(2, 4), (5, 8)])])
def test_an_octave_line_goes_on_in_the_next_system(since, lines):
    sheet = two_systems()
    for x0, y in ((261, 85), (since, 245)):
        sheet.page.glyphs.append(Glyph("ottavaAlta", x0, y, Box(x0, y - 5, x0 + 12, y + 1), 20))
        sheet.page.lines.extend(Line(x, y - 2, x + 4, y - 2, 0.5) for x in range(x0 + 14, 442, 8))
    score = score_of(sheet)
    found = [s for s in score.spanners if s.HasField("octave_line")]
    assert [(s.start_ticks / score.divisions, s.end_ticks / score.divisions) for s in found] == lines


def test_the_number_of_a_tuplet_may_be_nearer_to_the_next_system():
    sheet = two_systems(gap=140.0)
    lowest = 160 + 4 * 5.0
    for x in (380, 400, 420):
        sheet.note(1, x, -6, up=False, tip=8)  # a low triplet, whose beam is under the middle between the systems
    sheet.beam((380, lowest + 35), (420, lowest + 35))
    y = 222.0
    sheet.page.texts.append(Text("3", 400, y, Box(399, y - 6, 404, y), 8.0, "Serif", False, True))
    upper, lower = sheet.draft().signs
    assert [t.number for t in upper.tuplets] == [3] and not lower.tuplets

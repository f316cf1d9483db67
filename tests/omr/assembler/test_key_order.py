"""Key signatures of which accidentals were lost are as those around them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omr_service.assembler.piece.key_order import KeyReading, settled_keys
from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Line
from tests.omr.assembler.test_page_steps import SPACE, Sheet


def keys(text):
    """Keys that were read, "*" after those that are announced."""
    return [KeyReading(int(word.rstrip("*")), word.endswith("*")) for word in text.split()]


@pytest.mark.parametrize(
    ("read", "settled"),
    [
        ("4* 4 1 2 4 4", [4, 4, 4, 4, 4, 4]),
        ("-5* -3 -5", [-5, -5, -5]),
        ("-1* -2 -2", [-2, -2, -2]),
        ("3* 3 3 1", [3, 3, 3, 3]),
        ("2* 2 0 2", [2, 2, 2, 2]),
    ],
)
def test_a_signature_with_fewer_signs_than_those_around_it_lost_them(read, settled):
    assert settled_keys(keys(read)) == settled


@pytest.mark.parametrize(
    "read",
    ["2* 2 0* 0 2* 2", "-2* -2 -3* -3", "0* 0 0 3", "0* 0 3 3", "3* 4", "1* -1 1", "-4* -4 -4 -1 -1 -1"],
    ids=["announced", "more", "once more", "none before", "one against one", "of the other kind", "three in a row"],
)
def test_a_signature_that_may_be_another_stays(read):
    assert settled_keys(keys(read)) == [key.fifths for key in keys(read)]


def sheet_of_keys(counts, double_after=None):
    """A system for each count of sharps, a note in each of its two bars; a double bar after one of them."""
    tops = tuple(100.0 + 160 * n + 60 * k for n in range(len(counts)) for k in (0, 1))
    sheet = Sheet(tops=tops)
    for n, count in enumerate(counts):
        top, bottom = tops[2 * n], tops[2 * n + 1] + 20
        double = (450, 446) if n == double_after else (450,)
        sheet.page.lines.extend(Line(x, top, x, bottom, 0.8) for x in (50, 250, *double))
        for k, (clef, step, shift) in enumerate((("gClef", 2, 0), ("fClef", 6, -2))):
            staff = 2 * n + k
            sheet.glyph(clef, staff, 55, step, height=30 - 14 * k)
            for i, place in enumerate((8, 5, 9)[:count]):
                sheet.glyph("accidentalSharp", staff, 72 + 6 * i, place + shift, height=3 * SPACE)
            for x in (120, 300):
                sheet.glyph("noteheadWhole", staff, x, 4)
    return sheet.page


@pytest.mark.parametrize(
    ("pictured", "double", "in_force"),
    [(1.0, None, [3] * 6), (1.0, 0, [3, 3, 1, 1, 3, 3]), (0.0, None, [3, 3, 1, 1, 3, 3])],
    ids=["nothing says so", "a double bar says so", "no sign can be lost"],
)
def test_a_key_changes_where_that_is_announced_or_sure(pictured, double, in_force):
    page = replace(sheet_of_keys((3, 1, 3), double), image_share=pictured)
    (score,) = write_scores([assemble_page(page)], Source("k", "sha256:" + "0" * 64))
    assert [key.fifths for measure in score.measures for key in measure.key_signatures] == in_force

"""Pages of a document that are not in the order in which they are played."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etude.notation.validate import validate
from omr_service.assembler.page_order import by_numbers, in_order
from omr_service.pipeline import assemble_page, write_scores
from omr_service.symbols import Box, Text
from tests.omr.assembler.test_pieces import SOURCE, page_of, system_at

FIRST = assemble_page(page_of(system_at(100, False, True, (4, 5))))
MIDDLE = assemble_page(page_of(system_at(100, False, False, (6, 7))))
LAST = assemble_page(page_of(system_at(100, True, False, (8, 9))))
NEXT = assemble_page(page_of(system_at(100, False, True, (2, 3))))


def numbered(*pages):
    return [replace(page, page_number=k) for k, page in enumerate(pages, 1)]


def test_the_page_with_the_final_barline_is_the_last():
    (score,) = write_scores(numbered(FIRST, LAST, MIDDLE), SOURCE)
    assert [n.midi_pitch for e in score.events if e.staff == 1 for n in e.notes] == [71, 72, 74, 76, 77, 79]
    assert score.provenance.steps[0].parameters["page_order"] == "1,3,2"
    assert [(p.page_number, p.systems[0].first_measure_index) for p in score.pages] == [(1, 0), (2, 2), (3, 1)]
    assert validate(score) == []


@pytest.mark.parametrize(
    "pages",
    [
        (FIRST, MIDDLE, LAST),
        (FIRST, MIDDLE, MIDDLE),
        (FIRST, LAST, NEXT),
        (FIRST, LAST, MIDDLE, LAST),
        (LAST, MIDDLE, MIDDLE),
    ],
    ids=["in order", "without an end", "another piece", "two ends", "an end first"],
)
def test_pages_stay_where_they_are_where_nothing_tells_otherwise(pages):
    given = numbered(*pages)
    assert in_order(given) == given


def test_a_half_may_end_with_its_page():
    system = LAST.systems[0]
    bar = system.measures[-1]
    dotted = replace(bar, right=replace(bar.right, dots_left=True))
    half = replace(LAST, systems=(replace(system, measures=(*system.measures[:-1], dotted)),))
    given = numbered(FIRST, half, MIDDLE)
    assert in_order(given) == given
    inner = page_of(system_at(100, True, False, (6, 7)), system_at(320, False, False, (6, 7)))
    given = numbered(FIRST, half, assemble_page(inner))
    assert [page.page_number for page in in_order(given)] == [1, 3, 2]


@pytest.mark.parametrize(
    ("numbers", "order"),
    [
        ([{197}, {201}, {199}, {200}, {198}], [0, 4, 2, 3, 1]),
        ([{6, 541}, {7, 541}, {9, 541}, {8, 541}], [0, 1, 3, 2]),
        ([set(), {204}, {203}, {205}], [0, 2, 1, 3]),
        ([{202}, set(), {204}, {203}], [0, 3, 2, 1]),
        ([{203}, set(), {202}, {204}], None),
        ([{203}, {205}, {202}, {204}], [2, 0, 3, 1]),
        ([{5, 177}, {6, 178}, {7, 179}], [0, 1, 2]),
        ([{16}, {54}, {17}, {19}, {20}], [0, 2, 1, 3, 4]),
        ([{12}, {11}], [1, 0]),
        ([{5}, {4}], None),
        ([set(), {3}, {2}], None),
        ([{4}, {6}, {8}], None),
        ([set(), {35}, set(), {33}, {32}, {1}, {4}], [6, 5, 4, 3, 2, 1, 0]),
        ([set(), {35}, set(), {33}, set(), {1}, {4}], None),
        ([set(), {5}, {4}, {3}, set(), {1}], None),
        ([set(), {35}, {7}, {8, 33}, {9, 32}, set(), set()], None),
        ([{1, 2}, {2, 3}], [0, 1]),
        ([set(), set()], None),
        ([{7}], None),
    ],
)
def test_printed_numbers_tell_the_order(numbers, order):
    assert by_numbers(numbers) == order


def test_numbers_outweigh_barlines_and_are_found_among_the_texts():
    number = Text("12", 300, 40, Box(300, 33, 310, 40), 8)
    pages = [replace(page, numbers=(n,)) for page, n in zip(numbered(FIRST, LAST, MIDDLE), (3, 4, 5), strict=True)]
    assert in_order(pages) == pages
    assert assemble_page(page_of(system_at(100, False, True, (4, 5)), texts=[number])).numbers == (12,)


@pytest.mark.parametrize(
    ("numbers", "order"),
    [((0, 9, 8, 7, 0), [1, 4, 3, 2, 5]), ((10, 9, 8, 7, 0), [4, 3, 2, 1, 5]), ((0, 9, 8, 7, 6), [1, 5, 4, 3, 2])],
    ids=["neither end has a number", "the first has one", "the last has one"],
)
def test_of_pages_that_run_backwards_those_at_the_ends_of_the_piece_stay_there(numbers, order):
    pages = [
        replace(page, numbers=(n,) if n else ())
        for page, n in zip(numbered(FIRST, MIDDLE, MIDDLE, MIDDLE, LAST), numbers, strict=True)
    ]
    assert [page.page_number for page in in_order(pages)] == order

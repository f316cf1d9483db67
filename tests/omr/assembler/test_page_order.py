"""Pages of a document that are not in the order in which they are played."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etude.notation.validate import validate
from omr_service.assembler.page_order import in_order
from omr_service.pipeline import assemble_page, write_scores
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

"""Systems and pages of scans are counted as they are."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from bench.scan_pages import page_figures, worst_pages_text
from bench.scan_systems import FoundSystem, found_systems, printed_systems, systems_read, systems_text
from etude.evaluation.figures import compare
from etude.evaluation.piece import Piece
from etude.evaluation.reading import Bar, Reading, WrittenNote
from etude.score.v1 import page_pb2, score_pb2

KERN = """**kern\t**kern
*staff2\t*staff1
=1-\t=1-
4C\t4c
=2\t=2
4D\t4d
!!LO:LB:g=original
=3\t=3
4E\t4e
4E\t4e
=4\t=4
4F\t4f
!!LO:LB:g=original
4F\t4f
=5-yy\t=5-yy
!!LO:PB:g=original
!!LO:LB:g=original
4G\t4g
=-\t=-
4A\t4a
==\t==
!!LO:LB:g=original
*-\t*-
"""
SYSTEMS = (range(2), range(2, 4), range(3, 4), range(4, 5))


def bars(*pitches, page=0):
    region = page_pb2.PageRegion(page_number=page) if page else None
    return [
        Bar(
            str(n),
            tuple(
                WrittenNote(staff, Fraction(0), p + 12 * staff, ("C", 0, 4), Fraction(1), False, False)
                for staff in (1, 2)
            ),
            region=region,
        )
        for n, p in enumerate(pitches, 1)
    ]


def piece_of(truth, pred):
    left, right = Reading(tuple(truth)), Reading(tuple(pred))
    return Piece("piece", Path("piece.krn"), Path("piece.pdf"), left, right, compare(left, right))


def found(*bounds, staves=2):
    return [FoundSystem(1, range(a, b), staves) for a, b in bounds]


def test_lines_end_where_the_layout_says_so():
    assert printed_systems(KERN) == SYSTEMS
    assert printed_systems(KERN.replace("!!LO", "!!no")) == ()


def test_every_system_is_read():
    piece = piece_of(bars(1, 2, 3, 4, 5), bars(1, 2, 3, 4, 5))
    told = systems_read(piece, SYSTEMS[:2] + SYSTEMS[3:], found((0, 2), (2, 4), (4, 5)))
    assert (told.printed, told.staves, told.missed, told.thin, told.false) == (3, 6, (), (), ())
    assert "3 of 3 (100.00 %), staves 6 of 6" in systems_text([told])


def test_a_system_that_was_not_read_is_named():
    piece = piece_of(bars(1, 2, 3, 4, 5, 6), bars(1, 2, 5, 6))
    told = systems_read(piece, (range(2), range(2, 4), range(4, 6)), found((0, 2), (2, 4)))
    assert told.missed == (range(2, 4),)
    assert told.staves_missed == 2
    assert "bars 3 to 4 missed" in systems_text([told])


def test_two_systems_read_as_one_are_one():
    piece = piece_of(bars(1, 2, 3, 4), bars(1, 2, 3, 4))
    told = systems_read(piece, (range(2), range(2, 4)), found((0, 4), staves=4))
    assert len(told.missed) == 1


def test_a_system_read_so_badly_that_no_bar_agrees_was_found_all_the_same():
    piece = piece_of(bars(1, 2, 3, 4, 5, 6), bars(1, 2, 30, 40, 5, 6))
    told = systems_read(piece, (range(2), range(2, 4), range(4, 6)), found((0, 2), (2, 4), (4, 6)))
    assert (told.missed, told.false) == ((), ())


def test_a_staff_less_and_a_system_too_many_are_told():
    piece = piece_of(bars(1, 2, 3), bars(1, 2, 9, 3))
    systems = [*found((0, 2)), *found((2, 3), (3, 4), staves=1)]
    told = systems_read(piece, (range(2), range(2, 3)), systems)
    assert told.thin == ((range(2, 3), 1),)
    assert told.staves_missed == 1
    assert told.false == (systems[1],)


def test_systems_that_do_not_fit_the_truth_are_refused():
    with pytest.raises(ValueError, match="do not end with its 1 measures"):
        systems_read(piece_of(bars(1), bars(1)), SYSTEMS, [])


def test_systems_of_several_scores_follow_each_other():
    score = score_pb2.Score()
    score.measures.add()
    score.measures.add()
    page = score.pages.add(page_number=7)
    for at in (1, 0):
        page.systems.add(first_measure_index=at, measure_count=1).staves.add()
    assert found_systems([score, score]) == tuple(FoundSystem(7, range(n, n + 1), 1) for n in range(4))


def test_pages_are_told_by_their_wrong_notes():
    truth = bars(1, 2, 3, 4)
    second = bars(30, 99, page=2)
    wrong = [replace(bar, notes=(bar.notes[0], truth[2].notes[1])) for bar in second[:1]]
    pages = page_figures(piece_of(truth, [*bars(1, 2, page=1), *wrong]))
    assert [(p.page, p.bars, p.wrong_bars, p.notes, p.wrong_notes) for p in pages] == [(1, 2, 0, 8, 0), (2, 2, 2, 6, 4)]
    text = worst_pages_text([piece_of(truth, [*bars(1, 2, page=1), *wrong])], 1)
    assert "66.7" in text and "2 pages by their wrong notes: 1 within 0 %" in text

"""The ticks of a piece: exact where they can be, and never more than a Score can say."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest

from etude.notation.validate import validate
from omr_service.assembler.rhythm.timing import MeasureTiming, Timing
from omr_service.assembler.score.build import write_score
from omr_service.assembler.score.divisions import MOST, common_divisions
from omr_service.assembler.score.repair import make_valid
from omr_service.pipeline import join_pages
from tests.omr.assembler.test_page_steps import Sheet


def score_of_runs(*numbers):
    """A page of one bar for each number: four notes of a run of so many, which fills two quarters."""
    sheet = Sheet()
    sheet.clefs()
    for x in (100, 180, 260, 340):
        sheet.note(0, x, 5)
    sheet.bar(450)
    page = sheet.draft().music()
    draft = join_pages([replace(page, page_number=k + 1) for k in range(len(numbers))])
    for measure, number in zip(draft.measures, numbers, strict=True):
        step = Fraction(2, number)
        ratios = ((number, 2),)
        timings = {
            e.index: Timing(k * step, step, 1, 0, ratios, False, 0, 0) for k, e in enumerate(measure.signs.elements)
        }
        measure.timing = MeasureTiming(Fraction(2), timings, True, True, 0.0, ())
    score = write_score(draft)
    make_valid(score)
    return score


def notes_of(score, measure):
    return [e for e in score.events if e.measure_index == measure and e.notes]


@pytest.mark.parametrize("numbers", [(4, 4), (5, 7, 11), (5, 7, 11, 13, 17, 19, 23, 29, 31, 37)])
def test_runs_of_many_different_numbers_are_written_as_near_as_ticks_allow(numbers):
    score = score_of_runs(*numbers)
    assert validate(score) == []
    assert score.divisions <= MOST
    exact = [n for n in numbers if 2 * score.divisions % n == 0]
    assert len(exact) >= min(len(numbers), 7)
    for k, number in enumerate(numbers):
        notes, start = notes_of(score, k), score.measures[k].onset_ticks
        assert score.measures[k].length_ticks == 2 * score.divisions
        assert {(r.actual, r.normal) for e in notes for r in e.tuplet_ratios} == {(number, 2)}
        for i, event in enumerate(notes):
            off = event.onset_ticks - start - Fraction(2 * i, number) * score.divisions
            assert off == 0 if number in exact else abs(off) <= Fraction(1, 2)
        assert all(a.onset_ticks + a.duration_ticks == b.onset_ticks for a, b in itertools.pairwise(notes))
    # what is not exact says so
    assert {d.measure_index for d in score.doubts} >= {k for k, n in enumerate(numbers) if n not in exact}


@pytest.mark.parametrize(
    ("needs", "divisions"),
    [((), 1), ((4, 6), 12), ((2**26, 3, 3), 3), ((2**26, 2**26, 3), 2**26), ((2**28,), 1)],
)
def test_what_most_measures_need_comes_first(needs, divisions):
    assert common_divisions(needs) == divisions

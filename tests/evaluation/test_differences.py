"""Which bars are shown as the worst."""

from pathlib import Path

import pytest

from etude.evaluation.differences import worst_bars
from etude.evaluation.figures import compare
from etude.evaluation.piece import Piece
from etude.evaluation.reading import NOTHING
from tests.evaluation.test_figures import SCALE, reading


def missed(name):
    truth = reading(*SCALE)
    return Piece(name, Path(name), Path(name), truth, NOTHING, compare(truth, NOTHING))


@pytest.mark.parametrize(("pieces", "count", "shown"), [(1, 5, 5), (1, 10, 7), (3, 5, 5), (2, 4, 4), (5, 10, 10)])
def test_as_many_bars_are_shown_as_were_asked_for(pieces, count, shown):
    assert len(worst_bars([missed(str(n)) for n in range(pieces)], count)) == shown


def test_one_piece_does_not_fill_the_list():
    names = [each.piece.name for each in worst_bars([missed(str(n)) for n in range(5)], 10)]
    assert max(names.count(name) for name in names) <= 3

"""Two pages on one sheet are read one after the other."""

from pathlib import Path

import pikepdf
import pytest

from bench.disguise.manners import MANNERS
from etude.evaluation.figures import compare
from etude.evaluation.from_score import reading_of
from etude.notation.validate import validate
from omr_service.assembler.columns import gutter_of, in_one_column
from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, read_page, write_scores
from omr_service.symbols import Line, PageSymbols
from tests.omr.pdf.build import as_bytes

PIECE = Path(__file__).parents[1] / "data" / "paderewski-exercise-musescore4.pdf"


def scores_of(data: bytes):
    with open_document(data) as document:
        outcomes = [read_page(document, number + 1) for number in range(document.page_count)]
        sizes = document.page_sizes
    return write_scores([o.music for o in outcomes if o.music is not None], Source("a.pdf", "sha256:0")), sizes


def twice() -> bytes:
    """The piece printed on two pages."""
    with pikepdf.open(PIECE) as pdf:
        pdf.pages.append(pdf.pages[0])
        return as_bytes(pdf)


def test_two_pages_on_a_sheet_are_read_like_two_pages():
    data = twice()
    apart, _ = scores_of(data)
    together, sizes = scores_of(MANNERS["two-up"](data))
    assert len(sizes) == 1
    truth, reading = reading_of(apart), reading_of(together)
    assert truth.note_count > 100
    assert compare(truth, reading).figures["full"].f1 == 1.0
    width, height = sizes[0]
    beyond = 0
    for score in together:
        assert validate(score) == []
        for event in score.events:
            for note in event.notes:
                assert 0 <= note.region.x <= width and 0 <= note.region.y <= height
                beyond += note.region.x > width / 2
    assert beyond > 40, "the second page's notes are told where they are printed"


def lines(*spans: tuple[float, float]) -> PageSymbols:
    page = PageSymbols(1, 600.0, 400.0)
    page.lines.extend(Line(x0, 50.0 + 5 * k, x1, 50.0 + 5 * k, 0.5) for x0, x1 in spans for k in range(12))
    return page


@pytest.mark.parametrize(
    ("spans", "gutter"),
    [
        (((40, 280), (320, 560)), 300.0),
        (((40, 560),), None),
        (((40, 280), (320, 560), (40, 560)), None),
        (((40, 120), (160, 560)), None),
    ],
)
def test_a_gutter_parts_all_long_lines_about_the_middle(spans, gutter):
    page = lines(*spans)
    assert gutter_of(page) == gutter
    assert (in_one_column(page) is page) == (gutter is None)

"""A page, a system or a bar that defeats the reader is named, and costs nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from etude.mesh.errors import EtudeError
from etude.notation.validate import validate
from etude.score.v1 import page_pb2, provenance_pb2
from omr_service import pipeline
from omr_service.assembler.page import steps as page_steps
from omr_service.files import open_file
from omr_service.partial import assembled
from omr_service.pipeline import Source, assemble_page, failed_page, write_scores

SOURCE = Source("piece.pdf", "sha256:00")
PIECE = Path(__file__).parent / "data" / "preambulum-lilypond.pdf"


@pytest.fixture(scope="module")
def symbols():
    with open_file(PIECE.read_bytes()) as file:
        assert file.document is not None
        return file.document.read_page(1)


@pytest.fixture(scope="module")
def whole(symbols):
    return write_scores([assemble_page(symbols)], SOURCE)[0]


def unread(score):
    return [d for d in score.doubts if d.kind == provenance_pb2.DOUBT_KIND_UNREADABLE]


def test_a_system_in_which_nothing_was_read_keeps_its_bars_and_each_is_named(symbols, whole):
    system = whole.pages[0].systems[1]
    top, bottom = system.region.y - 15, system.region.y + system.region.height + 15
    lost = [g for g in symbols.glyphs if not top < g.y < bottom or g.name.endswith("Clef")]
    (score,) = write_scores([assemble_page(replace(symbols, glyphs=lost, texts=[]))], SOURCE)
    assert len(score.measures) == len(whole.measures)
    first, count = system.first_measure_index, system.measure_count
    assert [d.measure_index for d in unread(score)] == list(range(first, first + count))
    assert not [e for e in score.events if first <= e.measure_index < first + count]
    assert len(score.events) > len(whole.events) / 2
    assert validate(score) == []


def test_nothing_is_named_in_what_was_read(whole):
    assert unread(whole) == []


def test_a_page_at_which_the_assembler_fails_is_left_with_its_bars(symbols, whole, monkeypatch):
    def broken(draft):
        if any(glyph.name.startswith("notehead") for glyph in draft.symbols.glyphs):
            raise IndexError("a fault")
        page_steps.step_chords(draft)

    steps = tuple((name, broken if name == "stems and chords" else step) for name, step in pipeline.PAGE_STEPS)
    monkeypatch.setattr(pipeline, "PAGE_STEPS", steps)
    (score,) = write_scores([assembled(symbols, assemble_page)], SOURCE)
    assert abs(len(score.measures) - len(whole.measures)) <= 1
    assert len(unread(score)) == len(score.measures) and not score.events
    assert validate(score) == []


def test_a_page_of_which_nothing_can_be_told_is_named(symbols):
    def broken(given):
        raise ZeroDivisionError

    with pytest.raises(EtudeError, match="Page 1 defeated the reader") as caught:
        assembled(symbols, broken)
    assert caught.value.reason == "UNREADABLE"


@pytest.mark.parametrize(("failed", "place", "measure"), [(1, 0, 0), (2, 1, 1), (3, 2, 2)])
def test_a_page_that_failed_stands_in_its_place_in_the_score(symbols, failed, place, measure):
    numbers = [number for number in (1, 2, 3) if number != failed]
    music = assemble_page(symbols)
    pages = [replace(music, page_number=number) for number in numbers]
    entry = failed_page(failed, 595, 842, EtudeError("TIME_LIMIT", "It took too long.")).entry()
    (score,) = write_scores(pages, SOURCE, failed=[entry])
    assert [page.page_number for page in score.pages] == [1, 2, 3]
    assert [page.page_number for page in score.pages if page.status == page_pb2.PAGE_STATUS_FAILED] == [failed]
    (doubt,) = unread(score)
    bars = len(score.measures) // 2
    assert doubt.measure_index == (0, bars, 2 * bars - 1)[measure]
    assert f"page {failed} are missing" in doubt.message and "took too long" in doubt.message
    assert validate(score) == []


def test_a_page_that_cannot_be_written_costs_that_page(symbols, monkeypatch):
    music = assemble_page(symbols)
    write = pipeline.write_score

    def fragile(draft):
        if any(page.page_number == 2 for page in draft.pages):
            raise KeyError("a fault")
        return write(draft)

    monkeypatch.setattr(pipeline, "write_score", fragile)
    (score,) = write_scores([replace(music, page_number=number) for number in (1, 2, 3)], SOURCE)
    assert [(page.page_number, page.status) for page in score.pages] == [
        (1, page_pb2.PAGE_STATUS_READ),
        (2, page_pb2.PAGE_STATUS_FAILED),
        (3, page_pb2.PAGE_STATUS_READ),
    ]
    with pytest.raises(KeyError):
        write_scores([replace(music, page_number=2)], SOURCE)

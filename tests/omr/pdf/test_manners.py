"""The same page told in other manners is read the same."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from bench.disguise.manners import MANNERS, MissingProgramError
from etude.evaluation.figures import compare
from etude.evaluation.from_score import reading_of
from etude.evaluation.reading import Reading
from omr_service.pdf import smufl, sonata
from omr_service.pdf.document import open_document
from omr_service.pdf.reader import read_page_symbols
from omr_service.pipeline import Source, read_page, write_scores
from tests.omr.pdf.build import one_page

PIECES = Path(__file__).parents[1] / "data"
FEATURES = Path(__file__).parent / "data"
# What depends on programs that need not be there is tried by bench/omr_disguised.py.
HERE = [name for name in MANNERS if name not in ("pdftocairo", "mutool", "gs", "gs-outlines", "postscript", "chromium")]


def reading(data: bytes) -> Reading:
    with open_document(data) as document:
        outcomes = [read_page(document, number + 1) for number in range(document.page_count)]
    return reading_of(write_scores([o.music for o in outcomes if o.music is not None], Source("a.pdf", "sha256:0")))


@cache
def plain(name: str) -> tuple[bytes, Reading]:
    data = (PIECES / f"{name}.pdf").read_bytes()
    return data, reading(data)


@pytest.mark.parametrize("manner", HERE)
@pytest.mark.parametrize("piece", ["paderewski-exercise-musescore3", "preambulum-lilypond"])
def test_notes_are_the_same_in_every_manner(piece: str, manner: str):
    data, expected = plain(piece)
    assert expected.note_count > 50
    figures = compare(expected, reading(MANNERS[manner](data))).figures
    assert figures["full"].f1 == 1.0
    assert figures["tie"].f1 in (1.0, None)
    assert figures["grace"].f1 in (1.0, None)


# Where a symbol stands tells these apart, and the assembler does.
KIN = {"articStaccatoBelow": "dot", "articStaccatoAbove": "dot", "augmentationDot": "dot", "repeatDot": "dot"}


def counts(data: bytes) -> Counter[str]:
    return Counter(
        KIN.get(glyph.name, glyph.name.replace("Below", "Above").replace("metA", "a"))
        for glyph in read_page_symbols(data, 1).glyphs
    )


@pytest.mark.parametrize(
    "manner",
    ["sonata-truetype", "sonata-quartz", "sonata-special", "unheard-letters", "unheard-cid", "type3", "type3-bitmap"],
)
def test_symbols_are_the_same_whatever_their_font_is(manner: str):
    data = (FEATURES / "musescore4-features.pdf").read_bytes()
    plain, drawn = counts(data), counts(MANNERS[manner](data))
    differing = (plain - drawn) + (drawn - plain)
    assert sum(differing.values()) <= 0.05 * sum(plain.values()), differing


def test_a_font_that_is_named_and_not_embedded_is_read_by_the_table_of_sonata():
    data = (FEATURES / "musescore4-features.pdf").read_bytes()
    drawn = counts(MANNERS["sonata-missing"](data))
    plain = counts(data)
    for name in ("noteheadBlack", "gClef", "fClef", "accidentalSharp", "restQuarter", "timeSig4"):
        assert drawn[name] == plain[name], name


def test_the_table_of_sonata_holds_symbols_of_smufl_by_code_and_by_the_letter_of_a_system():
    assert set(sonata.codes()) <= smufl.known_names()
    assert sonata.name_of(0xCF) == "noteheadBlack"
    assert sonata.name_of(0xFF) is None
    assert sonata.code_on_mac("\u0153") == sonata.code_on_windows("\u00cf") == 0xCF
    assert sonata.code_on_mac("\uf0cf") == sonata.code_on_windows("\uf0cf") == 0xCF
    assert sonata.code_on_mac("\u4e00") is sonata.code_on_windows("oe") is None


def test_lines_cut_in_pieces_are_one_again_and_others_are_not():
    content = (
        "0.5 w 50 300 m 150 300 l S 150 300 m 250 300 l S 250 300 m 350 300 l S "  # a staff line cut at barlines
        "50 200 m 150 200 l S 151 200 m 250 200 l S "  # two with a gap
        "1 w 100 100 m 100 150 l S 0.5 w 100 150 m 100 180 l S "  # two of different thickness
        "50 50 m 100 50 l S 100 50 m 100 80 l S"  # a corner
    )
    page = read_page_symbols(one_page(content), 1)
    lengths = sorted(round(max(line.x1 - line.x0, line.y1 - line.y0)) for line in page.lines)
    assert lengths == [30, 30, 50, 50, 99, 100, 300]


def test_a_slur_cut_into_chords_is_a_curve():
    points = [(50 + 10 * i, 200 + 1.2 * i * (10 - i) / 2.5) for i in range(11)]
    back = [(x, y - 2.0 * min(i, 10 - i) / 5) for i, (x, y) in enumerate(points)][-2:0:-1]
    content = " l ".join(f"{x} {y:.2f}" for x, y in points + back).replace(" l ", " m ", 1) + " h f"
    page = read_page_symbols(one_page(content), 1)
    assert len(page.curves) == 1
    assert (page.curves[0].x0, page.curves[0].x1) == pytest.approx((50, 150), abs=0.5)


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingProgramError, match="mutool"):
        MANNERS["mutool"](b"")


def test_a_font_whose_few_symbols_unlike_letters_are_shown_often_is_one_of_music():
    """Where trills and pedals are many, half of the symbols of a page may look like letters or like nothing."""
    data, expected = plain("bed/lilypond-emmentaler-pl-wtm-r-1226-008-marks")
    assert compare(expected, reading(MANNERS["unheard-letters"](data))).figures["full"].f1 == 1.0

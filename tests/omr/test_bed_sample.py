"""Pages of the test bed, one or two of each engraver and music face, are read as well as the whole bed is to be."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from etude.evaluation.evaluate import Read, evaluate, read_truths
from etude.evaluation.from_score import reading_of
from etude.evaluation.pairs import Pair, find_pairs
from etude.evaluation.piece import Piece, totals
from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, read_page, write_scores

BED = Path(__file__).parent / "data" / "bed"
PAIRS = find_pairs([str(BED)])


@cache
def piece(pair: Pair) -> Piece:
    """A piece of the bed, read and compared with its truth."""
    with open_document(pair.pred.read_bytes()) as document:
        outcomes = [read_page(document, number + 1) for number in range(document.page_count)]
    scores = write_scores([o.music for o in outcomes if o.music is not None], Source(pair.pred.name, "sha256:0"))
    return evaluate(pair, read_truths([pair])[pair], Read(reading_of(scores)))


@cache
def bed() -> dict[str, Any]:
    return totals([piece(pair) for pair in PAIRS])


def test_every_engraver_is_in_the_sample():
    engravers = [pair.name.split("-")[0] for pair in PAIRS]
    assert len(PAIRS) >= 18
    assert set(engravers) == {"lilypond", "musescore3", "musescore4", "verovio"}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_no_piece_is_lost(pair: Pair):
    onset = piece(pair).comparison.figures["onset"].f1
    assert onset is not None and onset >= 0.9


def test_notes_and_bars():
    macro = bed()["macro"]
    assert macro["figures"]["onset"]["f1"] >= 0.99
    assert macro["figures"]["full"]["f1"] >= 0.99
    assert macro["measures"]["perfect_share"] >= 0.97


# Floors a little under what is reached: of tuplets, threes under beams are still read where there are none; dynamics
# that the truth has as words ("sempre più f") are read as dynamics.
@pytest.mark.parametrize(
    ("kind", "precision", "recall"),
    [
        ("fingerings", 0.98, 0.98),
        ("dynamics", 0.96, 0.98),
        ("hairpins", 0.85, 0.85),
        ("trill lines", 0.96, 0.96),
        ("ornaments", 0.96, 0.96),
        ("fermatas", 0.95, 0.95),
        ("ties", 0.97, 0.97),
        ("slurs", 0.98, 0.97),
        ("articulations", 0.96, 0.96),
        ("tuplets", 0.8, 0.98),
    ],
)
def test_marks(kind: str, precision: float, recall: float):
    found = bed()["micro"]["kinds"][kind]["placed"]
    assert found["truth"] >= 20
    assert found["precision"] >= precision
    assert found["recall"] >= recall

"""A document of several movements, whose truth is a file for each."""

from pathlib import Path

import pytest

from etude.evaluation.differences import worst_bars
from etude.evaluation.evaluate import Read, evaluate, read_truths
from etude.evaluation.files import UnreadableFileError, read_file
from etude.evaluation.pairs import find_pairs
from etude.evaluation.reading import Reading

_NOTE = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>4</duration><type>whole</type></note>"


def written(path: Path, steps: str) -> Path:
    """A piece of whole notes, one a measure."""
    measures = "".join(
        f'<measure number="{n}"><attributes><divisions>1</divisions></attributes>{_NOTE.format(step)}</measure>'
        for n, step in enumerate(steps, 1)
    )
    path.write_text(
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name/></score-part></part-list>'
        f'<part id="P1">{measures}</part></score-partwise>'
    )
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "suite.pdf").touch()
    written(tmp_path / "suite.musicxml", "CDE")
    written(tmp_path / "suite.mov2.musicxml", "FG")
    written(tmp_path / "suite.mov3.musicxml", "A")
    written(tmp_path / "suite.mov5.musicxml", "B")
    return tmp_path


def steps(reading: Reading) -> str:
    return "".join(note.spelling[0] for bar in reading.bars for note in bar.notes)


def test_the_movements_are_read_in_a_row(folder):
    (pair,) = find_pairs([str(folder)])
    truth = read_truths([pair])[pair]
    assert steps(truth) == "CDEFGA", "what follows a gap in the numbers belongs to something else"
    assert [truth.place(n) for n in (0, 2, 3, 5)] == [(0, 0), (0, 2), (1, 0), (2, 0)]
    assert truth.kinds == read_file(pair.truth).kinds, "marks are compared as those of one movement are"


def test_figures_are_of_all_movements(folder):
    (pair,) = find_pairs([str(folder)])
    truth = read_truths([pair])[pair]
    written(folder / "read.musicxml", "CDEFA")
    piece = evaluate(pair, truth, Read(read_file(folder / "read.musicxml")))
    assert piece.comparison.figures["pitch"].matched == 5
    missed = worst_bars([piece], 1)[0]
    assert truth.place(missed.truth) == (1, 1), "the G of the second movement"


def test_a_later_movement_that_is_damaged_is_named(folder):
    (folder / "suite.mov2.musicxml").write_text("<score-partwise")
    with pytest.raises(UnreadableFileError, match=r"suite\.musicxml"):
        read_truths(find_pairs([str(folder)]))

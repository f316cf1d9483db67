"""The figures equal those of the shared referee, number for number, on real scores and damaged copies of them."""

import importlib.util
import os
import random
import re
import sys
from pathlib import Path

import pytest

from etude.evaluation.figures import FIGURES, compare
from etude.evaluation.files import Referee, UnreadableFileError, read_file, reading_of_bytes

DATA = Path(os.environ.get("ETUDE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
REFEREE = DATA.parent / "tools" / "omr_score.py"
TRUTHS = sorted((DATA / "omr_engraved_dev").glob("*.musicxml"))
needs_data = pytest.mark.skipif(
    not (TRUTHS and REFEREE.exists()), reason=f"no engraved truth and referee at {DATA} (set ETUDE_SHARED_DATA)"
)


@pytest.fixture(scope="module")
def referee():
    spec = importlib.util.spec_from_file_location("shared_referee", REFEREE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def damaged(text: str, seed: int) -> str:
    """The score as a poor reader might give it: bars lost and doubled, notes lost, moved, on other staves, untied."""
    chance = random.Random(seed)

    def bar(match: re.Match) -> str:
        draw = chance.random()
        if draw < 0.05:
            return match[0] * 2 if draw < 0.02 else ""
        return re.sub(r"<note\b.*?</note>", note, match[0], flags=re.DOTALL)

    def note(match: re.Match) -> str:
        draw, text = chance.random(), match[0]
        if draw < 0.2 and "<chord" in text:
            return ""
        if draw < 0.26:
            return text.replace("<octave>4", "<octave>5").replace("<step>C", "<step>D")
        if draw < 0.3:
            return text.replace("<staff>1<", "<staff>2<")
        if draw < 0.4:
            return re.sub(r"<tied? [^>]*/>", "", text)
        return text

    return re.sub(r"<measure\b.*?</measure>", bar, text, flags=re.DOTALL)


def assert_equal(theirs, comparison):
    ours = comparison.bars
    assert [theirs["measures"][k] for k in ("truth", "pred", "aligned", "perfect")] == [
        ours.truth,
        ours.pred,
        ours.aligned,
        ours.perfect,
    ]
    for view in ("figures", "hand_agnostic"):
        for name in FIGURES:
            counts = getattr(comparison, view)[name]
            expected = theirs[view][name]
            assert (expected["matched"], expected["truth"], expected["pred"]) == (
                counts.matched,
                counts.truth,
                counts.pred,
            ), (view, name)
            assert expected["f1"] == counts.f1


@needs_data
@pytest.mark.parametrize("truth", TRUTHS[::4], ids=lambda path: path.stem)
def test_a_damaged_copy(truth, referee):
    text = truth.read_text(encoding="utf-8")
    broken = damaged(text, seed=len(text))
    assert broken != text
    theirs = referee.score(referee.read_score(truth), referee.parse_musicxml(broken.encode()))
    comparison = compare(read_file(truth), reading_of_bytes(broken.encode()))
    assert comparison.bars.perfect < comparison.bars.truth
    assert_equal(theirs, comparison)


@needs_data
def test_another_piece(referee):
    one, other = TRUTHS[0], TRUTHS[1]
    theirs = referee.score(referee.read_score(one), referee.read_score(other))
    assert_equal(theirs, compare(read_file(one), read_file(other)))


@needs_data
def test_kern_is_read_by_the_referee(referee):
    kern = min((DATA / "omr_engraved_dev").glob("*.krn"))
    reading = read_file(kern, Referee(REFEREE))
    assert reading.note_count == sum(map(len, referee.read_score(kern)))
    assert compare(reading, reading).bars.perfect_share == 1.0
    with pytest.raises(UnreadableFileError, match="--referee"):
        read_file(kern)


def test_a_program_that_is_no_referee_is_refused(tmp_path):
    program = tmp_path / "referee.py"
    program.write_text("def other(): ...\n")
    with pytest.raises(UnreadableFileError, match="read_score"):
        Referee(program)
    program.write_text("1 / 0\n")
    with pytest.raises(UnreadableFileError, match="division"):
        Referee(program)

"""Figures of fingering: counted by hand, and equal to the shared referee's."""

import importlib.util
import json
import os
import random
import re
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from etude.cli.main import main
from etude.evaluation.files import UnreadableFileError
from etude.evaluation.fingering.as_score import as_score, with_fingers
from etude.evaluation.fingering.figures import figures_of, totals
from etude.evaluation.fingering.notes import StruckNote, keys_struck, notes_of, read_file, read_pig, read_table
from etude.evaluation.fingering.pieces import find_pieces
from etude.evaluation.fingering.stretches import ComparedNote, stretches_of, worst_stretches
from etude.evaluation.pairs import PairsError
from etude.notation.validate import validate

DATA = Path(os.environ.get("ETUDE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
REFEREE = DATA.parent / "tools" / "fingering_score.py"
TABLES = sorted((DATA / "fingering_train").glob("*.tsv"))[:-1]
needs_data = pytest.mark.skipif(not (TABLES and REFEREE.exists()), reason=f"no fingering tables and referee at {DATA}")

PIG = """//Version: PianoFingering_v170101
0\t0.000\t0.450\tC4\t64\t80\t0\t{0}
1\t0.010\t0.450\tE4\t64\t80\t0\t{1}
2\t0.000\t0.900\tBb2\t64\t80\t1\t-{2}
3\t0.500\t0.900\tF#4\t64\t80\t0\t{3}
4\t1.000\t1.400\tG4\t64\t80\t0\t{4}
5\t1.000\t1.400\tC3\t64\t80\t1\t-{5}
"""


def note(onset, midi, finger, hand="R", grace=False):
    return StruckNote(Fraction(onset), Fraction(1), midi, hand, finger, grace, 1 if hand == "R" else 2)


def test_each_part_is_counted_by_itself():
    truth = [
        note(0, 60, "1"), note(0, 64, "3"), note(0, 48, "5", "L"), note(1, 62, "2"), note(1, 65, "", "R"),
        note(2, 67, "4", grace=True), note(2, 69, "5"),
    ]  # fmt: skip
    guess = [replace(n, finger=f) for n, f in zip(truth, ["1", "2", "5", "2", "4", "4", ""], strict=True)]
    figures = figures_of([truth], guess)
    assert figures.rates == {"gen": 4 / 6, "single": 0.5, "chord": 2 / 3, "grace": 1.0, "R": 3 / 5, "L": 1.0}
    assert figures.cover == 6 / 7
    assert figures.paths["high"] == figures.paths["rec"] == pytest.approx(4 / 6), "one annotator leaves no choice"


def test_a_prediction_is_matched_by_onset_and_key_alone():
    truth = [note(0, 60, "1"), note(1, 62, "2")]
    figures = figures_of([truth], [note(Fraction(1, 100), 60, "1", "L"), note(Fraction(11, 10), 62, "2")])
    assert figures.rates["gen"] == 0.5
    assert figures.unmatched == 1


@pytest.mark.parametrize(
    ("fingers", "fault"),
    [
        ([(60, "1"), (64, "1")], "same_finger"),
        ([(60, "1"), (62, "1")], ""),
        ([(60, "3"), (64, "2")], "crossing"),
        ([(60, "1"), (76, "5")], "stretch"),
        ([(60, "1"), (75, "5")], ""),
    ],
)
def test_grips_no_hand_can_play(fingers, fault):
    chord = [note(0, midi, finger) for midi, finger in fingers]
    figures = figures_of([chord], chord)
    assert figures.chords == 1
    assert {name for name, count in figures.faults.items() if count} == ({fault} - {""})
    left = [replace(n, hand="L", finger=str(6 - int(n.finger))) for n in chord]
    assert figures_of([left], left).faults == figures.faults, "the left hand is the right one mirrored"


def test_following_annotators():
    """Nakamura's three measures, on a line both annotators finger alike in the middle."""
    keys = (60, 62, 64, 65, 67)
    one = [note(i, key, f) for i, (key, f) in enumerate(zip(keys, "12345", strict=True))]
    other = [note(i, key, f) for i, (key, f) in enumerate(zip(keys, "23312", strict=True))]
    guess = [replace(n, finger=f) for n, f in zip(one, "12312", strict=True)]
    figures = figures_of([one, other], guess)
    assert figures.rates["gen"] == pytest.approx((3 / 5 + 3 / 5) / 2)
    assert figures.paths == {"high": 3 / 5, "soft": 1.0, "rec": 4 / 5}


def damaged_fingers(notes, chance):
    """A prediction: other fingers, missing ones, notes that are not there or a little late."""
    made = []
    for each in notes:
        draw = chance.random()
        if draw < 0.05:
            continue
        finger = "" if draw < 0.1 else str(chance.randint(1, 5)) if draw < 0.6 or not each.finger else each.finger
        made.append(replace(each, finger=finger))
    return made


def as_table(notes):
    rows = ((n.onset, n.duration, n.midi, "C4", n.hand, n.staff, 1, 1, n.finger, int(n.grace), 0) for n in notes)
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


@needs_data
def test_figures_equal_the_referees_on_real_tables(tmp_path):
    spec = importlib.util.spec_from_file_location("shared_fingering_referee", REFEREE)
    referee = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = referee
    spec.loader.exec_module(referee)
    chance = random.Random(7)
    ours, theirs = [], []
    for number, path in enumerate(chance.sample(TABLES, 8)):
        truth = read_file(path)
        second = tmp_path / f"{number}.second.tsv"
        second.write_text(as_table(damaged_fingers(truth, chance)))
        guess = tmp_path / f"{number}.tsv"
        guess.write_text(as_table(damaged_fingers(truth, chance)))
        truths = [path, second] if number % 2 else [path]
        ours.append(figures_of([read_file(each) for each in truths], read_file(guess)))
        theirs.append(
            referee.score_piece([referee.read_tsv(each) for each in truths], referee.read_tsv(guess), max_span=15)
        )
    for mine, expected in zip(ours, theirs, strict=True):
        for name, value in mine.values().items():
            assert value == pytest.approx(expected[name]), name
        assert (mine.notes, mine.unmatched, mine.chords) == (
            expected["notes"],
            expected["unmatched"],
            expected["chords"],
        )
        assert mine.faults == {name: expected[name] for name in mine.faults}
    mine, expected = totals(ours), referee.summary(theirs)
    for kind in ("macro", "micro"):
        for name, value in mine[kind].items():
            assert value == pytest.approx(expected[kind][name]), (kind, name)


def test_ties_in_tables_lengthen_what_they_prolong():
    lines = ["0\t1\t60\tC4\tR\t1\t1\t1\t3\t0\t0", "1\t2\t60\tC4\tR\t1\t1\t2\t\t0\t1"]
    (one,) = read_table("\n".join(["# columns: ...", *lines]))
    assert (one.onset, one.duration, one.finger) == (0, 3, "3")


def test_noteheads_on_one_key_are_one():
    both = keys_struck([note(0, 60, ""), note(0, 60, "2"), note(0, 60, "", grace=True)])
    assert [(n.finger, n.grace) for n in both] == [("2", False), ("", True)]


@pytest.mark.parametrize("line", ["0 0.0 0.5 C4 64 80", "0 0.0 0.5 H4 64 80 0 1", "0 zero 0.5 C4 64 80 0 1"])
def test_a_line_that_is_none_is_named(line):
    with pytest.raises(UnreadableFileError, match="line 1"):
        read_pig(line)


def test_notes_make_a_valid_score_and_keep_their_places():
    notes = read_pig(PIG.format(1, 3, 2, 2, 3, 1))
    score = as_score(notes, together=Fraction(3, 100), quarters_per_minute=60)
    assert validate(score) == []
    onsets = {event.event_id: event.onset_ticks for event in score.events}
    assert onsets["e0"] == onsets["e1"] == onsets["e2"] == 0, "10 ms apart is a chord"
    assert sorted((n.midi, n.hand) for n in notes_of(score)) == sorted((n.midi, n.hand) for n in notes)
    for event in score.events:
        event.notes[0].fingering.finger = 4
    assert [n.onset for n in with_fingers(notes, score)] == [n.onset for n in notes], "matched by id, not by time"


def test_tuplets_without_a_common_measure_keep_their_order():
    notes = [
        StruckNote(Fraction(1, n), Fraction(1, n), 60 + i, "R", "") for i, n in enumerate((47, 43, 41, 37, 31, 29))
    ]
    notes += [StruckNote(Fraction(1, 47), Fraction(1, 2), 72, "R", "")]
    score = as_score(notes)
    assert validate(score) == []
    onsets = {event.event_id: event.onset_ticks for event in score.events}
    assert onsets["e0"] == onsets["e6"] < onsets["e1"] < onsets["e2"] < onsets["e5"]


@pytest.fixture
def pig_folder(tmp_path):
    for number, annotators in ((1, 2), (30, 1), (31, 1)):
        for annotator in range(1, annotators + 1):
            text = PIG.format(1, 3, 2, 2, 3 - annotator % 2, 1)
            (tmp_path / f"{number:03d}-{annotator}_fingering.txt").write_text(text)
    return tmp_path


def test_the_pig_protocol_takes_pieces_1_to_30_with_all_annotators(pig_folder):
    assert [(p.name, len(p.truths)) for p in find_pieces([str(pig_folder)], "validation")] == [("001", 2), ("030", 1)]


def test_a_manifest_tells_the_split(tmp_path):
    (tmp_path / "manifest.tsv").write_text("piece\tsplit\na\ttrain\nb\tvalidation\n")
    (tmp_path / "b.tsv").write_text(as_table([note(0, 60, "1")]))
    assert [p.name for p in find_pieces([str(tmp_path)], "validation")] == ["b"]
    with pytest.raises(PairsError, match="it has: train, validation"):
        find_pieces([str(tmp_path)], "test")
    with pytest.raises(PairsError, match=r"lacks a\.tsv"):
        find_pieces([str(tmp_path)], "train")


def test_the_command_asks_every_model_of_the_stage(pig_folder, capsys):
    assert main(["eval", "fingering", str(pig_folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {"ergonomic", "constant"} < set(result)
    for figures in result.values():
        assert figures["counts"]["notes"] == 12
        assert figures["micro"]["cover"] == 1.0
        assert figures["pieces"]["001"]["annotators"] == 2
        assert 0.0 <= figures["macro"]["soft"] <= 1.0
    assert result["ergonomic"]["counts"]["crossing"] == 0


def test_stretches_are_of_one_hand_and_show_what_lies_around_them():
    def compared(onset, midi, truths, finger, hand="R"):
        return ComparedNote(note(onset, midi, truths[0], hand=hand), truths, finger)

    notes = [compared(i, 60 + i, ("1", "1"), "1") for i in range(30)]
    notes[5] = compared(5, 65, ("2", "3"), "4")
    notes[6] = compared(6, 66, ("2", "3"), "3")  # one of the two wrote it
    notes[7] = compared(7, 67, ("4-5", ""), "5")
    notes[8] = compared(8, 68, ("4_5", ""), "4_3")  # of substitutions the first finger counts
    notes[20] = compared(20, 80, ("2", ""), "")
    notes.append(compared(5, 48, ("5", "5"), "1", hand="L"))
    found = stretches_of("piece", notes)
    assert [(s.hand, s.differing, s.onset, len(s.notes)) for s in found] == [
        ("R", 2, 5, 9), ("R", 1, 20, 7), ("L", 1, 5, 1),
    ]  # fmt: skip
    assert worst_stretches(found, 1) == found[:1]


def test_the_report_says_where_fingers_differ(tmp_path, capsys):
    truth, guess, page = tmp_path / "truth.tsv", tmp_path / "<guess>.tsv", tmp_path / "report.html"
    truth.write_text(as_table([note(0, 60, "1"), note(1, 61, "2"), note(2, 64, "4_5")]))
    guess.write_text(as_table([note(0, 60, "1"), note(1, 61, "3"), note(2, 64, "4")]))
    assert main(["eval", "fingering", f"{guess}:{truth}", "--html", str(page)]) == 0
    html = page.read_text(encoding="utf-8")
    assert "right hand, from quarter 1 on: 1 differ" in html
    assert re.findall(r'<td class="wrong">(.)</td>', html) == ["3"]
    assert "<td>C♯4</td>" in html and "<td>4-5</td>" in html
    assert "<td>2</td><td>1</td>" + 2 * "<td>0.00</td>" + "<td>100.00</td>" in html, "written 2, given 3"
    assert "<guess>" not in html and "<script" not in html


def test_a_report_that_could_not_be_written_is_told_first(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["eval", "fingering", str(tmp_path / "missing"), "--html", str(tmp_path / "file" / "page.html")]) == 2
    assert f"{tmp_path / 'file'} is not a directory" in capsys.readouterr().err


def test_fingers_that_are_there_already_need_no_stage(tmp_path, capsys):
    truth, guess = tmp_path / "truth.tsv", tmp_path / "guess.tsv"
    truth.write_text(as_table([note(0, 60, "1"), note(1, 62, "2")]))
    guess.write_text(as_table([note(0, 60, "1"), note(1, 62, "3")]))
    assert main(["eval", "fingering", f"{guess}:{truth}"]) == 0
    assert " 50.0" in capsys.readouterr().out
    truth.write_text(as_table([note(0, 60, "")]))
    assert main(["eval", "fingering", f"{guess}:{truth}"]) == 2
    assert "holds no fingers" in capsys.readouterr().err

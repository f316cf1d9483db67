"""Readers of fingered music: kern with its fingers, the PIG text format, MusicXML."""

from __future__ import annotations

from fractions import Fraction

import pytest

from etude.score.v1 import fingering_pb2
from fingering_service.training.from_score import read_musicxml_table, table_of
from fingering_service.training.kern import KernError, read_kern
from fingering_service.training.pig import PigError, midi_of, read_pig, write_pig
from renderer_service.musicxml import musicxml_bytes
from tests.fingering.support import build, finger

KERN = """**kern\t**kern\t**dynam
*M2/4\t*M2/4\t*
=1\t=1\t=1
!! a comment
.\t8ccq\t.
4C 4E\t8cc#L\tp
.\t[8dd\t.
*\t*^\t*
4GG-\t8dd]\t4g\t.
.\t8.r\t.\t.
*\t*v\t*v\t*
=2\t=2\t=2
2r\t3%2ff\t.
*-\t*-\t*-
"""


def test_kern_has_onsets_pitches_ties_and_graces():
    notes = read_kern(KERN).notes
    found = [(n.onset, n.midi, n.hand, n.grace, n.tied) for n in notes]
    half = Fraction(1, 2)
    assert (0, 48, "L", False, False) in found and (0, 52, "L", False, False) in found
    assert (0, 72, "R", True, False) in found
    assert (half, 74, "R", False, False) in found
    assert (1, 74, "R", False, True) in found
    assert (1, 42, "L", False, False) in found and (1, 67, "R", False, False) in found
    assert next(n for n in notes if n.midi == 77).duration == Fraction(8, 3)


@pytest.mark.parametrize("text", ["**kern\n4c\n*-\n", "**kern\t**kern\n4c\n"])
def test_what_is_no_piano_score_is_refused(text):
    with pytest.raises(KernError):
        read_kern(text)


PIG = """//Version: 1
0\t0.000\t0.500\tC4\t64\t80\t0\t1
1\t0.010\t0.500\tE4\t64\t80\t0\t3
2\t0.000\t1.000\tBb2\t64\t80\t1\t-5_4
3\t0.600\t1.000\tFx5\t64\t80\t0
"""


def test_pig_chords_come_together_and_fingers_lose_their_sign(tmp_path):
    notes = read_pig(PIG).notes
    assert [(n.onset, n.midi, n.hand, n.finger) for n in notes] == [
        (0, 60, "R", "1"),
        (0, 64, "R", "3"),
        (0, 46, "L", "5_4"),
        (Fraction(3, 5), 79, "R", ""),
    ]
    write_pig(tmp_path / "p.txt", PIG, [2, 4, 1, 5])
    again = read_pig((tmp_path / "p.txt").read_text(encoding="utf-8")).notes
    assert [n.finger for n in again] == ["2", "4", "1", "5"]


def test_pig_lines_that_are_none_are_refused():
    with pytest.raises(PigError):
        read_pig("0 0.0 0.5 C4\n")
    with pytest.raises(PigError):
        midi_of("H4")


FING = """**kern\t**fing\t**kern\t**fing
*M4/4\t*\t*M4/4\t*
4C 4E 4G\t1 3 5\t4c 4e 4g\t5 2 1
4C 4G\t5\t4c 4e\t5
4C 4G\t3\t[4c 4g\t+
4D\t4-5\t4c] 4a\t4
*-\t*-\t*-\t*-
"""


def test_fingers_of_fing_spines_go_to_the_notes_they_can_only_mean():
    notes = read_kern(FING).notes
    found = {(int(n.onset), n.midi): n.finger for n in notes if not n.tied}
    assert [found[0, m] for m in (48, 52, 55)] == ["5", "3", "1"]
    assert [found[0, m] for m in (60, 64, 67)] == ["1", "2", "5"]
    assert (found[1, 48], found[1, 55]) == ("5", "")
    assert (found[1, 60], found[1, 64]) == ("", "5")
    assert not any(found[2, m] for m in (48, 55, 60, 67))
    assert found[3, 50] == "4_5"
    assert found[3, 69] == "4"


def test_musicxml_comes_with_its_printed_fingers_and_hands():
    score = build("c4/4 e4+g4/4 c5/2", "c3/1").score()
    single, chord = score.events[0].notes[0], score.events[1].notes
    single.fingering.CopyFrom(fingering_pb2.Fingering(finger=2, substitution=1, source=1, probability=1))
    chord[1].fingering.CopyFrom(fingering_pb2.Fingering(finger=5, source=1, probability=1))
    table = read_musicxml_table(musicxml_bytes(score))
    found = [(n.onset, n.midi, n.hand, n.finger) for n in table.notes]
    assert found == [
        (0, 48, "L", ""),
        (0, 60, "R", "2_1"),
        (1, 64, "R", ""),
        (1, 67, "R", "5"),
        (2, 72, "R", ""),
    ]


def test_what_a_model_predicted_is_no_label():
    fingered = finger(build("c4/4 d4/4 e4/4 f4/4", "R").score()).score
    assert not any(n.finger for n in table_of(fingered).notes)

"""Chord symbols: what they mean, in MusicXML and as text."""

from __future__ import annotations

import pytest

from etude.notation.chord_symbols import KINDS, read_symbol, usual_suffix
from etude.notation.musicxml import read_musicxml
from etude.score.v1 import pitch_pb2
from renderer_service.musicxml import musicxml_bytes
from tests.support.score_builder import ScoreBuilder


def pitch(step: str, alter: int = 0) -> tuple[int, int]:
    return pitch_pb2.Step.Value(f"STEP_{step}"), alter


@pytest.mark.parametrize(
    ("text", "root", "kind", "bass"),
    [
        ("C", pitch("C"), "major", None),
        ("Dm7", pitch("D"), "minor-seventh", None),
        ("B\u266dmaj7/D", pitch("B", -1), "major-seventh", pitch("D")),
        ("F#m7b5", pitch("F", 1), "half-diminished", None),
        ("G7 sus4", pitch("G"), "", None),
        ("Gsus4", pitch("G"), "suspended-fourth", None),
        ("A/C#", pitch("A"), "major", pitch("C", 1)),
        ("Em(maj7)", pitch("E"), "major-minor", None),
    ],
)
def test_a_symbol_names_root_kind_and_bass(text, root, kind, bass):
    harmony = read_symbol(text)
    assert harmony is not None
    assert ((harmony.root_step, harmony.root_alter), harmony.kind) == (root, kind)
    assert (harmony.bass_step, harmony.bass_alter) == (bass or (0, 0))


def test_where_there_is_an_h_a_b_is_flat():
    for text, german, expected in (("B7", False, 0), ("B7", True, -1), ("H7", True, 0), ("Bb", True, -1)):
        harmony = read_symbol(text, german)
        assert harmony is not None and (harmony.root_step, harmony.root_alter) == pitch("B", expected)
    assert read_symbol("dolce") is None


def test_every_kind_is_printed_in_one_way_that_is_read_as_it():
    for kind, suffixes in KINDS.items():
        if suffixes:
            harmony = read_symbol("C" + usual_suffix(kind))
            assert harmony is not None and harmony.kind == kind


@pytest.mark.parametrize("german", [False, True])
def test_symbols_come_back_as_they_are_printed(german):
    b = ScoreBuilder()
    for text in ("C", "Bb7", "B", "F#m7b5/A", "Eb13(#11)", "Cb5", "Gaug", "A/Bb"):
        m = b.measure()
        b.voice(1, 1, "c5/1")
        b.voice(2, 2, "R")
        symbol = read_symbol(text, german)
        assert symbol is not None
        b.direction(m.onset_ticks + m.length_ticks // 2, 1, harmony=symbol)  # where no note begins
    score = b.score()
    again = read_musicxml(musicxml_bytes(score))
    told = [
        [(d.measure_index, d.onset_ticks * 1000 // s.divisions, d.harmony) for d in s.directions]
        for s in (score, again)
    ]
    assert told[0] == told[1]


def test_the_text_is_made_where_a_file_does_not_say_it():
    b = ScoreBuilder()
    b.measure()
    b.voice(1, 1, "c5/1")
    b.voice(2, 2, "R")
    harmony = (
        "<harmony{}><root><root-step>D</root-step><root-alter>-1</root-alter></root><kind>dominant</kind>"
        "<bass><bass-step>F</bass-step></bass><degree><degree-value>9</degree-value><degree-alter>-1</degree-alter>"
        "<degree-type>add</degree-type></degree></harmony>"
    )
    plain = musicxml_bytes(b.score()).decode()
    for attributes, texts in (("", ["Db7(b9)/F"]), (' print-object="no"', [])):
        written = plain.replace("<note ", harmony.format(attributes) + "<note ", 1)
        assert [d.harmony.text for d in read_musicxml(written.encode()).directions] == texts

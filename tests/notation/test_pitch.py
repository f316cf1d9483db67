"""Pitches, clefs and keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude.notation.keys import alterations, altered_steps, key_for_staff, key_name
from etude.notation.pitch import (
    clef_bottom_line,
    diatonic,
    from_diatonic,
    key_pitch,
    midi_of,
    name_of,
    parse_pitch,
    pitch_at,
    spell,
    staff_position,
)
from etude.score.v1 import measure_pb2, pitch_pb2

TREBLE = measure_pb2.Clef(sign=measure_pb2.CLEF_SIGN_G, line=2)
BASS = measure_pb2.Clef(sign=measure_pb2.CLEF_SIGN_F, line=4)
ALTO = measure_pb2.Clef(sign=measure_pb2.CLEF_SIGN_C, line=3)


@pytest.mark.parametrize(
    ("name", "midi", "canonical"),
    [
        ("C4", 60, "C4"),
        ("Eb4", 63, "Eb4"),
        ("e♭4", 63, "Eb4"),
        ("Cx3", 50, "C##3"),
        ("B#3", 60, "B#3"),
        ("Cb5", 71, "Cb5"),
        ("A0", 21, "A0"),
        ("C-1", 0, "C-1"),
        ("Fbb4", 63, "Fbb4"),
    ],
)
def test_names_and_keys(name, midi, canonical):
    pitch = parse_pitch(name)
    assert midi_of(pitch) == midi
    assert name_of(pitch) == canonical


@pytest.mark.parametrize("name", ["", "H4", "C", "4", "C###4", "C4 "])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="no pitch name"):
        parse_pitch(name)


@given(st.integers(0, 127), st.integers(-7, 7))
def test_a_spelling_sounds_as_its_key(midi, fifths):
    pitch = spell(midi, fifths)
    assert midi_of(pitch) == midi
    assert parse_pitch(name_of(pitch)) == pitch


@given(st.integers(0, 70), st.integers(-7, 7))
def test_notes_of_the_key_keep_its_spelling(number, fifths):
    pitch = key_pitch(number, fifths)
    if 0 <= midi_of(pitch) <= 127:
        assert spell(midi_of(pitch), fifths) == pitch


@pytest.mark.parametrize(
    ("midi", "fifths", "name"),
    [(66, 0, "F#4"), (70, 0, "Bb4"), (68, 0, "G#4"), (66, -2, "F#4"), (61, -1, "C#4"), (65, 6, "E#4"), (59, -6, "Cb4")],
)
def test_chromatic_notes_are_spelled_as_usual(midi, fifths, name):
    assert name_of(spell(midi, fifths)) == name


@pytest.mark.parametrize(
    ("clef", "bottom"),
    [(TREBLE, "E4"), (BASS, "G2"), (ALTO, "F3"), (measure_pb2.Clef(sign=1, line=2, octave_change=-1), "E3")],
)
def test_clefs_name_the_bottom_line(clef, bottom):
    assert clef_bottom_line(clef.sign, clef.line, clef.octave_change) == diatonic(parse_pitch(bottom))
    assert name_of(pitch_at(0, clef)) == bottom


@given(st.integers(-20, 30), st.sampled_from([TREBLE, BASS, ALTO]))
def test_staff_positions_come_back(position, clef):
    assert staff_position(pitch_at(position, clef), clef) == position


@given(st.integers(0, 80))
def test_diatonic_numbers_come_back(number):
    assert diatonic(from_diatonic(number)) == number


def test_a_clef_needs_a_sign():
    with pytest.raises(ValueError, match="sign"):
        clef_bottom_line(measure_pb2.CLEF_SIGN_UNSPECIFIED, 2)


def test_key_signatures():
    assert altered_steps(0) == ()
    assert [pitch_pb2.Step.Name(step)[-1] for step in altered_steps(3)] == ["F", "C", "G"]
    assert [pitch_pb2.Step.Name(step)[-1] for step in altered_steps(-4)] == ["B", "E", "A", "D"]
    assert len(altered_steps(7)) == len(altered_steps(-7)) == 7
    assert set(alterations(-2).values()) == {-1}
    assert set(alterations(2).values()) == {1}


def test_the_most_special_key_holds():
    keys = [
        measure_pb2.KeySignature(fifths=1),
        measure_pb2.KeySignature(fifths=2, part_id="P2"),
        measure_pb2.KeySignature(fifths=3, part_id="P2", staff=2),
    ]
    assert key_for_staff(keys, "P1", 1).fifths == 1
    assert key_for_staff(keys, "P2", 1).fifths == 2
    assert key_for_staff(keys, "P2", 2).fifths == 3
    assert key_for_staff([], "P1", 1).fifths == 0


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (measure_pb2.KeySignature(), "no sharps or flats"),
        (measure_pb2.KeySignature(fifths=-1), "1 flat"),
        (measure_pb2.KeySignature(fifths=-3, mode=measure_pb2.KEY_MODE_MAJOR), "E flat major"),
        (measure_pb2.KeySignature(fifths=4, mode=measure_pb2.KEY_MODE_MINOR), "C sharp minor"),
    ],
)
def test_key_names(key, name):
    assert key_name(key) == name

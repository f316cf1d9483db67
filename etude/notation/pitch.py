"""Written pitches: MIDI keys, staff positions, clefs, spelling, names."""

from __future__ import annotations

import re

from etude.notation.keys import alteration_in_key
from etude.score.v1 import measure_pb2, pitch_pb2

STEP_LETTERS = "CDEFGAB"
"""Letter names; index 0 is C. A `pitch_pb2.Step` is one more than the index."""

SEMITONES = (0, 2, 4, 5, 7, 9, 11)
"""Semitones above C of each letter name, by index."""

# Diatonic position of the note on the line the clef sits on: G4, F3, C4. Percussion is read like a treble clef.
_CLEF_NOTE = {
    measure_pb2.CLEF_SIGN_G: 4 * 7 + 4,
    measure_pb2.CLEF_SIGN_F: 3 * 7 + 3,
    measure_pb2.CLEF_SIGN_C: 4 * 7,
    measure_pb2.CLEF_SIGN_PERCUSSION: 4 * 7 + 4,
}

_ALTER_TEXT = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
_TEXT_ALTER = {text: alter for alter, text in _ALTER_TEXT.items()} | {"x": 2, "n": 0, "♭": -1, "♯": 1, "♮": 0}
_NAME = re.compile(r"([A-Ga-g])(bb|b|##|#|x|n|♭|♯|♮|)(-?\d+)")

# The spelling of the twelve pitch classes on the line of fifths around C: Eb Bb F C G D A E B F# C# G#.
_LINE_OF_FIFTHS_STEPS = "FCGDAEB"


def midi_of(pitch: pitch_pb2.WrittenPitch) -> int:
    """MIDI key number of a written pitch, without octave lines; 60 is middle C. May lie outside 0 to 127."""
    return 12 * (pitch.octave + 1) + SEMITONES[pitch.step - 1] + pitch.alter


def diatonic(pitch: pitch_pb2.WrittenPitch) -> int:
    """Diatonic number, counted in letter names from C0 = 0: C4 is 28, D4 is 29."""
    return 7 * pitch.octave + pitch.step - 1


def from_diatonic(number: int, alter: int = 0) -> pitch_pb2.WrittenPitch:
    """The written pitch of a diatonic number."""
    octave, index = divmod(number, 7)
    return pitch_pb2.WrittenPitch(step=step_of_index(index), alter=alter, octave=octave)


def step_of_index(index: int) -> pitch_pb2.Step.ValueType:
    """The step with 0 = C, 6 = B."""
    return pitch_pb2.Step.ValueType(index + 1)


def make_pitch(letter: str, alter: int, octave: int) -> pitch_pb2.WrittenPitch:
    """A written pitch from a letter name "A" to "G"."""
    return pitch_pb2.WrittenPitch(step=step_of_index(STEP_LETTERS.index(letter)), alter=alter, octave=octave)


def name_of(pitch: pitch_pb2.WrittenPitch) -> str:
    """Name such as "Eb4", "F##3" or "C-1"."""
    letter = STEP_LETTERS[pitch.step - 1] if pitch.step else "?"
    return f"{letter}{_ALTER_TEXT.get(pitch.alter, f'({pitch.alter:+d})')}{pitch.octave}"


def parse_pitch(name: str) -> pitch_pb2.WrittenPitch:
    """The written pitch of a name such as "Eb4", "f#5", "Cx3" or "B♭2".

    Raises:
        ValueError: not such a name.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise ValueError(f"{name!r} is no pitch name such as Eb4")
    letter, accidental, octave = match.groups()
    return make_pitch(letter.upper(), _TEXT_ALTER[accidental], int(octave))


def clef_bottom_line(sign: measure_pb2.ClefSign.ValueType, line: int, octave_change: int = 0) -> int:
    """Diatonic number of the note on the bottom line of a staff under a clef (treble: E4 = 30).

    Raises:
        ValueError: the sign is unspecified.
    """
    if sign not in _CLEF_NOTE:
        raise ValueError("a clef needs a sign")
    return _CLEF_NOTE[sign] - 2 * (line - 1) + 7 * octave_change


def staff_position(pitch: pitch_pb2.WrittenPitch, clef: measure_pb2.Clef) -> int:
    """Steps above the bottom line of the staff: 0 is the bottom line, 1 the space above it, 8 the top line."""
    return diatonic(pitch) - clef_bottom_line(clef.sign, clef.line, clef.octave_change)


def pitch_at(position: int, clef: measure_pb2.Clef, alter: int = 0) -> pitch_pb2.WrittenPitch:
    """The written pitch at a staff position (0 is the bottom line); inverse of `staff_position`."""
    return from_diatonic(position + clef_bottom_line(clef.sign, clef.line, clef.octave_change), alter)


def spell(midi: int, fifths: int = 0) -> pitch_pb2.WrittenPitch:
    """A spelling of a MIDI key in a key signature.

    Of the spellings with at most a double accidental it takes the one nearest to the middle of the key on the line of
    fifths (two fifths above the major tonic): diatonic notes keep the key's spelling, raised fourths and sevenths
    and lowered sevenths and thirds come out as they are usually written.
    """
    centre = fifths + 2
    best: tuple[int, int, pitch_pb2.WrittenPitch] | None = None
    for index, letter in enumerate(STEP_LETTERS):
        alter = (midi - SEMITONES[index] + 6) % 12 - 6
        if abs(alter) > 2:
            continue
        place = _LINE_OF_FIFTHS_STEPS.index(letter) - 1 + 7 * alter
        octave = (midi - alter - SEMITONES[index]) // 12 - 1
        candidate = (abs(place - centre), abs(alter), make_pitch(letter, alter, octave))
        if best is None or candidate[:2] < best[:2]:
            best = candidate
    if best is None:
        raise ValueError(f"no spelling for MIDI key {midi}")
    return best[2]


def key_pitch(number: int, fifths: int) -> pitch_pb2.WrittenPitch:
    """The pitch of a diatonic number under a key signature alone."""
    return from_diatonic(number, alteration_in_key(step_of_index(number % 7), fifths))

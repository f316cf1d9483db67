"""Chord symbols ("Dm7", "Bb/D"): what they mean, and how a meaning is printed."""

from __future__ import annotations

import re

from etude.score.v1 import direction_pb2, pitch_pb2

KINDS: dict[str, tuple[str, ...]] = {
    "major": ("", "maj", "M"),
    "minor": ("m", "min", "mi", "-"),
    "augmented": ("aug", "+"),
    "diminished": ("dim", "°", "o"),
    "dominant": ("7",),
    "major-seventh": ("maj7", "M7", "Δ", "△", "Δ7", "△7", "j7"),
    "minor-seventh": ("m7", "min7", "mi7", "-7"),
    "diminished-seventh": ("dim7", "°7", "o7"),
    "augmented-seventh": ("aug7", "+7", "7+"),
    "half-diminished": ("m7b5", "ø", "ø7", "min7b5", "-7b5"),
    "major-minor": ("mmaj7", "mM7", "minmaj7"),
    "major-sixth": ("6", "maj6"),
    "minor-sixth": ("m6", "min6", "-6"),
    "dominant-ninth": ("9",),
    "major-ninth": ("maj9", "M9", "Δ9"),
    "minor-ninth": ("m9", "min9", "-9"),
    "dominant-11th": ("11",),
    "major-11th": ("maj11", "M11"),
    "minor-11th": ("m11", "min11", "-11"),
    "dominant-13th": ("13",),
    "major-13th": ("maj13", "M13"),
    "minor-13th": ("m13", "min13", "-13"),
    "suspended-second": ("sus2",),
    "suspended-fourth": ("sus4", "sus"),
    "power": ("5",),
    "Neapolitan": (),
    "Italian": (),
    "French": (),
    "German": (),
    "pedal": (),
    "Tristan": (),
}
"""MusicXML's kinds of harmony with how they are printed after the root, the usual way first."""
_OF_SUFFIX = {suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes}
_ROOT = r"([A-H])(##|#|bb|b)?"
_SYMBOL = re.compile(rf"{_ROOT}(.*?)(?:/{_ROOT})?$")
_ALTERS = {"": 0, "#": 1, "##": 2, "b": -1, "bb": -2}
_SIGNS = {alter: sign for sign, alter in _ALTERS.items()}
_PLAIN = str.maketrans({"\u266d": "b", "\u266f": "#", " ": None})


def read_symbol(text: str, german: bool = False) -> direction_pb2.Harmony | None:
    """The harmony that a printed symbol names; None for a text that begins with no root.

    Args:
        text: As printed.
        german: True where B is B flat, as in pages that have an H.
    """
    plain = text.translate(_PLAIN)
    match = _SYMBOL.match(plain)
    if match is None:
        return None
    harmony = direction_pb2.Harmony(text=plain, kind=_OF_SUFFIX.get(re.sub(r"[(),]", "", match[3]), ""))
    harmony.root_step, harmony.root_alter = _pitch(match[1], match[2], german)
    if match[4]:
        harmony.bass_step, harmony.bass_alter = _pitch(match[4], match[5], german)
    return harmony


def suffix_of(text: str) -> str:
    """What a symbol has between its root and its bass: "m7" of "Dm7/G"."""
    match = _SYMBOL.match(text)
    return match[3] if match else ""


def usual_suffix(kind: str) -> str:
    """How a kind is printed where nothing else is said."""
    return next(iter(KINDS.get(kind, ())), "")


def root_text(step: pitch_pb2.Step.ValueType, alter: int) -> str:
    """A root or bass as it is printed in English."""
    return pitch_pb2.Step.Name(step).removeprefix("STEP_") + _SIGNS.get(alter, "")


def printed_roots(text: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Letter and sign of a symbol's root and bass as printed; empty for what it has not."""
    match = _SYMBOL.match(text)
    if match is None:
        return ("", ""), ("", "")
    return (match[1], match[2] or ""), (match[4] or "", match[5] or "")


def _pitch(letter: str, sign: str | None, german: bool) -> tuple[pitch_pb2.Step.ValueType, int]:
    alter = _ALTERS[sign or ""]
    if letter == "H":
        return pitch_pb2.STEP_B, alter
    if letter == "B" and german and not sign:
        return pitch_pb2.STEP_B, -1
    return pitch_pb2.Step.Value(f"STEP_{letter}"), alter

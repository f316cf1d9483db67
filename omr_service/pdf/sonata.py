"""The code table of the music fonts from before SMuFL: that of Adobe's Sonata of 1987.

Petrucci, Maestro, Engraver, Opus, Helsinki, Inkpen2, Reprise and most others keep it for the symbols below, so that
their symbols stand on the codes of letters ("&" is a treble clef, "œ" a black notehead); beyond them each goes its own
way. Programs show these fonts by code, or by the name that Mac OS Roman gives the code's letter ("oe").
"""

from __future__ import annotations

from functools import cache

from fontTools.encodings.MacRoman import MacRoman

_BY_LETTER = {
    "w": "noteheadWhole", "˙": "noteheadHalf", "œ": "noteheadBlack", "W": "noteheadDoubleWhole",
    "&": "gClef", "?": "fClef", "B": "cClef", "V": "gClef8vb", "t": "fClef8vb",
    "#": "accidentalSharp", "b": "accidentalFlat", "n": "accidentalNatural",
    "‹": "accidentalDoubleSharp", "∫": "accidentalDoubleFlat",
    "„": "restDoubleWhole", "∑": "restWhole", "Ó": "restHalf", "Œ": "restQuarter",
    "‰": "rest8th", "≈": "rest16th", "®": "rest32nd", "Ù": "rest64th", "Â": "rest128th",
    "j": "flag8thUp", "J": "flag8thDown", "r": "flag16thUp", "R": "flag16thDown",
    "c": "timeSigCommon", "C": "timeSigCutCommon",
    "0": "timeSig0", "1": "timeSig1", "2": "timeSig2", "3": "timeSig3", "4": "timeSig4",
    "5": "timeSig5", "6": "timeSig6", "7": "timeSig7", "8": "timeSig8", "9": "timeSig9",
    "p": "dynamicPiano", "f": "dynamicForte", "z": "dynamicZ", "s": "dynamicSforzando",
    "P": "dynamicMP", "F": "dynamicMF", "π": "dynamicPP", "∏": "dynamicPPP", "ƒ": "dynamicFF", "Ï": "dynamicFFF",
    "S": "dynamicSforzando1", "ß": "dynamicSforzato", "Z": "dynamicForzando", "Í": "dynamicFortePiano",
    ">": "articAccentAbove", "^": "articMarcatoAbove", "v": "articMarcatoBelow", ".": "articStaccatoAbove",
    "-": "articTenutoAbove", ",": "breathMarkComma", "\"": "caesura",
    "U": "fermataAbove", "u": "fermataBelow", "Ÿ": "ornamentTrill", "T": "ornamentTurn", "m": "ornamentShortTrill",
    "M": "ornamentMordent", "µ": "ornamentTremblement", "~": "wiggleTrill",
    "°": "keyboardPedalPed", "*": "keyboardPedalUp", "%": "segno", "ﬁ": "coda",
    "q": "metNoteQuarterUp", "h": "metNoteHalfUp", "e": "metNote8thUp", "x": "metNote16thUp",
    "k": "augmentationDot", "‘": "repeat1Bar", "«": "repeat2Bars",
    "!": "tremolo1", "@": "tremolo2", "æ": "tremolo3",
    "º": "tuplet0", "¡": "tuplet1", "™": "tuplet2", "£": "tuplet3", "¢": "tuplet4",
    "∞": "tuplet5", "§": "tuplet6", "¶": "tuplet7", "•": "tuplet8", "ª": "tuplet9",
}  # fmt: skip


@cache
def _by_code() -> dict[int, str]:
    return {letter.encode("mac_roman")[0]: name for letter, name in _BY_LETTER.items()}


@cache
def _by_glyph_name() -> dict[str, str]:
    return {MacRoman[code]: name for code, name in _by_code().items()}


@cache
def codes() -> dict[str, int]:
    """Returns the code of each SMuFL name that the table knows."""
    return {name: code for code, name in _by_code().items()}


def name_of(code: int, glyph_name: str | None) -> str | None:
    """Returns the SMuFL name of a character, or None when the table has none.

    Args:
        code: Of one byte.
        glyph_name: What the font or the file calls it; where that is the name of a letter it counts more than the code,
            which writers of subsets are free to change.
    """
    if glyph_name is not None and glyph_name in _letters():
        return _by_glyph_name().get(glyph_name)
    return _by_code().get(code)


@cache
def _letters() -> frozenset[str]:
    return frozenset(MacRoman) - {".notdef"}


def letter_name(code: int) -> str:
    """Returns what Mac OS Roman calls the letter of a code."""
    return str(MacRoman[code])

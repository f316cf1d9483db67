"""The code table of the music fonts from before SMuFL: that of Adobe's Sonata of 1987.

Petrucci, Maestro, Engraver, Opus, Helsinki, Inkpen2, Reprise and most others keep it for the symbols below, so that
their symbols stand on the codes of letters ("&" is a treble clef, "œ" a black notehead); beyond them each goes its own
way. Programs show these fonts by code, or by the letter that Mac OS Roman or Windows has on the code, or by its name
("oe").
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
    "√": "ottavaAlta", "◊": "ottavaBassaVb", "€": "quindicesimaAlta", "g": "wiggleArpeggiatoUp", "¿": "noteheadXBlack",
    "Ø": "dynamicPPPP", "Î": "dynamicFFFF", "Ω": "dynamicMezzo", "Ç": "dynamicSforzandoPiano",
    "∂": "dynamicSforzandoPianissimo", "¨": "articMarcatoStaccatoAbove", "Ë": "articMarcatoStaccatoBelow",
    "˘": "articAccentStaccatoAbove", "ﬂ": "articAccentStaccatoBelow", "¯": "articTenutoStaccatoAbove",
    "<": "articTenutoStaccatoBelow",
    "!": "tremolo1", "@": "tremolo2", "æ": "tremolo3",
    "º": "tuplet0", "¡": "tuplet1", "™": "tuplet2", "£": "tuplet3", "¢": "tuplet4",
    "∞": "tuplet5", "§": "tuplet6", "¶": "tuplet7", "•": "tuplet8", "ª": "tuplet9",
}  # fmt: skip


@cache
def _by_code() -> dict[int, str]:
    return {letter.encode("mac_roman")[0]: name for letter, name in _BY_LETTER.items()}


@cache
def codes() -> dict[str, int]:
    """Returns the code of each SMuFL name that the table knows."""
    return {name: code for code, name in _by_code().items()}


def name_of(code: int) -> str | None:
    """Returns the SMuFL name of a code of the table, or None when it has none."""
    return _by_code().get(code)


def code_on_mac(letter: str) -> int | None:
    """Returns the code that Mac OS Roman gives a letter; a private one of a symbol font is its own low byte."""
    return _code_in("mac_roman", letter)


def code_on_windows(letter: str) -> int | None:
    """Returns the code that Windows gives a letter; a private one of a symbol font is its own low byte."""
    return _code_in("cp1252", letter)


def _code_in(encoding: str, letter: str) -> int | None:
    if len(letter) != 1:
        return None
    if 0xF000 <= ord(letter) <= 0xF0FF:
        return ord(letter) - 0xF000
    try:
        return letter.encode(encoding)[0]
    except UnicodeEncodeError:
        return None


def letter_name(code: int) -> str:
    """Returns what Mac OS Roman calls the letter of a code."""
    return str(MacRoman[code])

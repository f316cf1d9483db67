"""Glyph names of LilyPond's music fonts (Feta, Emmentaler and fonts made in their manner) as SMuFL names.

The names, and where the origin of each glyph lies, are read off the font that LilyPond 2.24 installs.
"""

from __future__ import annotations

import re

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGIT = re.compile(rf"^(?P<style>fattened\.)?(?:fixedwidth\.)?(?P<word>{'|'.join(_DIGITS)})(?:\.alt)?$")
_FLAG = re.compile(r"^flags\.([ud])(\d+)$")
_BRACE = re.compile(r"^brace\d+$")
_FLAG_VALUES = {3: "8th", 4: "16th", 5: "32nd", 6: "64th", 7: "128th", 8: "256th", 9: "512th", 10: "1024th"}

# Names no other kind of font has: one of them shows that a font is of this make.
_TELLING = re.compile(r"^(noteheads|rests|accidentals|clefs|flags|scripts|dots|timesig|fattened|pedal)\.")
_FAMILY = re.compile(r"^(emmentaler|feta|parmesan)", re.IGNORECASE)

_NAMES = {
    "noteheads.sM1": "noteheadDoubleWhole",
    "noteheads.sM1double": "noteheadDoubleWhole",
    "noteheads.s0": "noteheadWhole",
    "noteheads.s1": "noteheadHalf",
    "noteheads.s2": "noteheadBlack",
    "noteheads.s0diamond": "noteheadDiamondWhole",
    "noteheads.s1diamond": "noteheadDiamondHalf",
    "noteheads.s2diamond": "noteheadDiamondBlack",
    "noteheads.s0harmonic": "noteheadDiamondWhite",
    "noteheads.s2harmonic": "noteheadDiamondBlack",
    "noteheads.s0triangle": "noteheadTriangleUpWhole",
    "noteheads.s1triangle": "noteheadTriangleUpHalf",
    "noteheads.s2triangle": "noteheadTriangleUpBlack",
    "noteheads.s0slash": "noteheadSlashWhiteWhole",
    "noteheads.s1slash": "noteheadSlashWhiteHalf",
    "noteheads.s2slash": "noteheadSlashHorizontalEnds",
    "noteheads.s0cross": "noteheadXWhole",
    "noteheads.s1cross": "noteheadXHalf",
    "noteheads.s2cross": "noteheadXBlack",
    "noteheads.s2xcircle": "noteheadCircleX",
    "rests.M3": "restMaxima",
    "rests.M2": "restLonga",
    "rests.M1": "restDoubleWhole",
    "rests.M1o": "restDoubleWholeLegerLine",
    "rests.0": "restWhole",
    "rests.1": "restHalf",
    "rests.0o": "restWholeLegerLine",
    "rests.1o": "restHalfLegerLine",
    "rests.2": "restQuarter",
    "rests.2classical": "restQuarterOld",
    "rests.2z": "restQuarterZ",
    "rests.3": "rest8th",
    "rests.4": "rest16th",
    "rests.5": "rest32nd",
    "rests.6": "rest64th",
    "rests.7": "rest128th",
    "rests.8": "rest256th",
    "rests.9": "rest512th",
    "rests.10": "rest1024th",
    "accidentals.sharp": "accidentalSharp",
    "accidentals.flat": "accidentalFlat",
    "accidentals.natural": "accidentalNatural",
    "accidentals.doublesharp": "accidentalDoubleSharp",
    "accidentals.flatflat": "accidentalDoubleFlat",
    "accidentals.leftparen": "accidentalParensLeft",
    "accidentals.rightparen": "accidentalParensRight",
    "dots.dot": "augmentationDot",
    "clefs.G": "gClef",
    "clefs.GG": "gClef8vbOld",
    "clefs.tenorG": "gClef8vbCClef",
    "clefs.F": "fClef",
    "clefs.C": "cClef",
    "clefs.varC": "cClef",
    "clefs.percussion": "unpitchedPercussionClef1",
    "clefs.varpercussion": "unpitchedPercussionClef2",
    "clefs.tab": "6stringTabClef",
    "timesig.C44": "timeSigCommon",
    "timesig.C22": "timeSigCutCommon",
    "flags.ugrace": "graceNoteSlashStemUp",
    "flags.dgrace": "graceNoteSlashStemDown",
    "scripts.ufermata": "fermataAbove",
    "scripts.dfermata": "fermataBelow",
    "scripts.ushortfermata": "fermataShortAbove",
    "scripts.dshortfermata": "fermataShortBelow",
    "scripts.ulongfermata": "fermataLongAbove",
    "scripts.dlongfermata": "fermataLongBelow",
    "scripts.uverylongfermata": "fermataVeryLongAbove",
    "scripts.dverylongfermata": "fermataVeryLongBelow",
    "scripts.uveryshortfermata": "fermataVeryShortAbove",
    "scripts.dveryshortfermata": "fermataVeryShortBelow",
    "scripts.thumb": "stringsThumbPosition",
    "scripts.sforzato": "articAccentAbove",
    "scripts.espr": "articSoftAccentAbove",
    "scripts.staccato": "articStaccatoAbove",
    "scripts.ustaccatissimo": "articStaccatissimoAbove",
    "scripts.dstaccatissimo": "articStaccatissimoBelow",
    "scripts.tenuto": "articTenutoAbove",
    "scripts.uportato": "articTenutoStaccatoAbove",
    "scripts.dportato": "articTenutoStaccatoBelow",
    "scripts.umarcato": "articMarcatoAbove",
    "scripts.dmarcato": "articMarcatoBelow",
    "scripts.open": "stringsHarmonic",
    "scripts.stopped": "pluckedLeftHandPizzicato",
    "scripts.upbow": "stringsUpBow",
    "scripts.downbow": "stringsDownBow",
    "scripts.turn": "ornamentTurn",
    "scripts.reverseturn": "ornamentTurnInverted",
    "scripts.slashturn": "ornamentTurnSlash",
    "scripts.haydnturn": "ornamentHaydn",
    "scripts.trill": "ornamentTrill",
    "scripts.prall": "ornamentShortTrill",
    "scripts.mordent": "ornamentMordent",
    "scripts.prallprall": "ornamentTremblement",
    "scripts.prallmordent": "ornamentPrecompTrillWithMordent",
    "scripts.upprall": "ornamentPrecompSlideTrillDAnglebert",
    "scripts.upmordent": "ornamentPrecompMordentUpperPrefix",
    "scripts.downprall": "ornamentPrecompMordentUpperPrefix",
    "scripts.lineprall": "ornamentPrecompAppoggTrill",
    "scripts.segno": "segno",
    "scripts.varsegno": "segnoSerpent1",
    "scripts.coda": "coda",
    "scripts.varcoda": "codaSquare",
    "scripts.rcomma": "breathMarkComma",
    "scripts.lcomma": "breathMarkComma",
    "scripts.caesura.curved": "caesuraCurved",
    "scripts.caesura.straight": "caesura",
    "scripts.tickmark": "breathMarkTick",
    "scripts.snappizzicato": "pluckedSnapPizzicatoAbove",
    "scripts.arpeggio": "wiggleArpeggiatoUp",
    "scripts.arpeggio.arrow.1": "wiggleArpeggiatoUpArrow",
    "scripts.arpeggio.arrow.M1": "wiggleArpeggiatoDownArrow",
    "scripts.trill_element": "wiggleTrill",
    "brackettips.up": "bracketTop",
    "brackettips.down": "bracketBottom",
    "pedal.Ped": "keyboardPedalPed",
    "pedal.P": "keyboardPedalP",
    "pedal.e": "keyboardPedalE",
    "pedal.d": "keyboardPedalD",
    "pedal.*": "keyboardPedalUp",
    "pedal..": "keyboardPedalDot",
    "pedal.M": "keyboardPedalHyphen",
}
# What stands for itself only inside these fonts.
_LETTERS = {
    "f": "dynamicForte",
    "p": "dynamicPiano",
    "m": "dynamicMezzo",
    "n": "dynamicNiente",
    "r": "dynamicRinforzando",
    "s": "dynamicSforzando",
    "z": "dynamicZ",
}
# Clef changes are drawn at this fraction of a clef's size, in glyphs of their own.
CHANGE_CLEF_SCALE = 0.8


def is_family(font_name: str, glyph_names: frozenset[str]) -> bool:
    """Returns whether a font is of LilyPond's make, by its name or by the glyph names its encoding uses."""
    return bool(_FAMILY.match(font_name)) or any(_TELLING.match(name) or _BRACE.match(name) for name in glyph_names)


def smufl_name(glyph_name: str) -> str | None:
    """Returns the SMuFL name of a glyph, "timeSig0".."timeSig9" for digits whatever they are used for, or None."""
    base = glyph_name.removesuffix("_change") if glyph_name.startswith("clefs.") else glyph_name
    if base in _NAMES:
        return _NAMES[base]
    if base in _LETTERS:
        return _LETTERS[base]
    if flag := _FLAG.match(base):
        value = _FLAG_VALUES.get(int(flag.group(2)))
        return f"flag{value}{'Up' if flag.group(1) == 'u' else 'Down'}" if value else None
    if digit := _DIGIT.match(base):
        return f"timeSig{_DIGITS.index(digit.group('word'))}"
    return "brace" if _BRACE.match(base) else None


def is_digit(glyph_name: str) -> bool:
    """Returns whether a glyph is one of the digits, which serve time signatures and fingerings alike."""
    return _DIGIT.match(glyph_name) is not None


def origin_is_smufl(glyph_name: str) -> bool:
    """Returns whether the origin of a glyph lies where SMuFL has it; scripts, digits and marks have another."""
    return not glyph_name.startswith(("scripts.", "brace")) and not is_digit(glyph_name)

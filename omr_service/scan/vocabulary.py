"""What the symbol detector tells apart: symbols found as points, and lines found as masks.

A point class is a SMuFL glyph name; a class ending in "Small" is that glyph in grace, cue or clef-change size. Where
one shape stands for several things (a dot, a digit), the classes are by role, which the surroundings tell.
"""

from __future__ import annotations

import re

STAFF_SPACE = 10
"""Distance between neighbouring staff lines of a normalised page, in pixels."""
POINT_STRIDE = 4
"""Pixels per cell of the map of points."""
MASK_STRIDE = 2
"""Pixels per cell of the masks of lines."""

_DIGITS = "0123456789"
POINTS: tuple[str, ...] = (
    "noteheadBlack",
    "noteheadHalf",
    "noteheadWhole",
    "noteheadDoubleWhole",
    "noteheadBlackSmall",
    "noteheadHalfSmall",
    "restDoubleWhole",
    "restWhole",
    "restHalf",
    "restQuarter",
    "rest8th",
    "rest16th",
    "rest32nd",
    "rest64th",
    "gClef",
    "fClef",
    "cClef",
    "gClefSmall",
    "fClefSmall",
    "cClefSmall",
    "accidentalSharp",
    "accidentalFlat",
    "accidentalNatural",
    "accidentalDoubleSharp",
    "accidentalDoubleFlat",
    "accidentalSharpSmall",
    "accidentalFlatSmall",
    "accidentalNaturalSmall",
    "augmentationDot",
    "repeatDot",
    *(f"flag{value}{way}" for value in ("8th", "16th", "32nd", "64th") for way in ("Up", "Down")),
    *(f"flag{value}{way}Small" for value in ("8th", "16th") for way in ("Up", "Down")),
    *(f"timeSig{digit}" for digit in _DIGITS),
    "timeSigCommon",
    "timeSigCutCommon",
    "articStaccato",
    "articTenuto",
    "articAccent",
    "articMarcatoAbove",
    "articMarcatoBelow",
    "articStaccatissimoAbove",
    "articStaccatissimoBelow",
    "fermataAbove",
    "fermataBelow",
    "ornamentTrill",
    "ornamentTurn",
    "ornamentTurnInverted",
    "ornamentShortTrill",
    "ornamentMordent",
    "ornamentTremblement",
    "dynamicPiano",
    "dynamicMezzo",
    "dynamicForte",
    "dynamicSforzando",
    "dynamicZ",
    "dynamicRinforzando",
    *(f"tuplet{digit}" for digit in _DIGITS),
    *(f"fingering{digit}" for digit in _DIGITS[:6]),
    "keyboardPedalPed",
    "keyboardPedalUp",
    "segno",
    "coda",
    "ottava",
    "quindicesima",
    "tremolo1",
    "tremolo2",
    "tremolo3",
    "graceNoteSlash",
    "breathMarkComma",
    "caesura",
    "accidentalParensLeft",
    "accidentalParensRight",
)
"""The point classes; a symbol's class is its place here. Trained weights carry their own list: add at the end."""
LINES: tuple[str, ...] = (
    "staffLine",
    "ledgerLine",
    "stem",
    "beam",
    "barline",
    "curve",
    "hairpin",
    "wiggle",
    "bracket",
    "brace",
    "text",
)
"""The line classes. "curve": slurs and ties; "wiggle": arpeggios and trill lines; "bracket": brackets of endings and
tuplets, octave and pedal lines; "brace": the braces and brackets that join staves; "text": words and numbers."""

INDEX = {name: number for number, name in enumerate(POINTS)}
LINE_INDEX = {name: number for number, name in enumerate(LINES)}

_SAME = {
    "noteheadDoubleWholeSquare": "noteheadDoubleWhole",
    "restWholeLegerLine": "restWhole",
    "restHalfLegerLine": "restHalf",
    "restDoubleWholeLegerLine": "restDoubleWhole",
    "restLonga": "restDoubleWhole",
    "rest128th": "rest64th",
    "repeatDots": "repeatDot",
    "segnoSerpent1": "segno",
    "codaSquare": "coda",
    "ornamentPrecompSlide": "ornamentTremblement",
    "gClefChange": "gClefSmall",
    "fClefChange": "fClefSmall",
    "cClefChange": "cClefSmall",
}
_PREFIXES = (
    (re.compile(r"(gClef|fClef|cClef)(8|15)"), r"\1"),
    (re.compile(r"ottava|octave"), "ottava"),
    (re.compile(r"quindicesima"), "quindicesima"),
    (re.compile(r"articStaccatissimo(?:Wedge|Stroke)?(Above|Below)"), r"articStaccatissimo\1"),
    (re.compile(r"artic(Staccato|Tenuto|Accent)(Above|Below)$"), r"artic\1"),
    (re.compile(r"fermata\w*(Above|Below)$"), r"fermata\1"),
    (re.compile(r"ornamentPrecomp\w+|ornamentTremblement\w*"), "ornamentTremblement"),
    (re.compile(r"keyboardPedalUp\w*"), "keyboardPedalUp"),
    (re.compile(r"graceNoteSlash\w*"), "graceNoteSlash"),
    (re.compile(r"breathMark\w*"), "breathMarkComma"),
    (re.compile(r"caesura\w*"), "caesura"),
    (re.compile(r"timeSigCut\w*"), "timeSigCutCommon"),
)


def point_class(name: str, small: bool = False) -> str | None:
    """Returns the point class of a glyph, None for a glyph that the detector does not tell apart.

    Args:
        name: SMuFL glyph name.
        small: True for grace, cue and clef-change size; glyphs without a small class keep their plain one.
    """
    found = _SAME.get(name, name)
    for pattern, replacement in _PREFIXES:
        match = pattern.match(found)
        if match:
            found = match.expand(replacement)
            break
    if small and f"{found}Small" in INDEX:
        return f"{found}Small"
    return found if found in INDEX else None


def glyph_of(point: str) -> tuple[str, bool]:
    """Returns (the SMuFL name, whether it is small) of a point class."""
    small = point.endswith("Small")
    return (point.removesuffix("Small"), small)

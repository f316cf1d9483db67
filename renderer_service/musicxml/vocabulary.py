"""The words MusicXML 4.0 has for what the Score holds, as tables."""

from __future__ import annotations

from etude.score.v1 import direction_pb2, event_pb2, measure_pb2, pitch_pb2

STEPS = dict(
    zip(
        (
            pitch_pb2.STEP_C,
            pitch_pb2.STEP_D,
            pitch_pb2.STEP_E,
            pitch_pb2.STEP_F,
            pitch_pb2.STEP_G,
            pitch_pb2.STEP_A,
            pitch_pb2.STEP_B,
        ),
        "CDEFGAB",
        strict=True,
    )
)

ACCIDENTALS = {
    pitch_pb2.ACCIDENTAL_KIND_SHARP: "sharp",
    pitch_pb2.ACCIDENTAL_KIND_FLAT: "flat",
    pitch_pb2.ACCIDENTAL_KIND_NATURAL: "natural",
    pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP: "double-sharp",
    pitch_pb2.ACCIDENTAL_KIND_DOUBLE_FLAT: "flat-flat",
    pitch_pb2.ACCIDENTAL_KIND_NATURAL_SHARP: "natural-sharp",
    pitch_pb2.ACCIDENTAL_KIND_NATURAL_FLAT: "natural-flat",
}
ACCIDENTAL_OF_ALTER = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}

NOTE_TYPES = {
    event_pb2.NOTE_TYPE_LONG: "long",
    event_pb2.NOTE_TYPE_BREVE: "breve",
    event_pb2.NOTE_TYPE_WHOLE: "whole",
    event_pb2.NOTE_TYPE_HALF: "half",
    event_pb2.NOTE_TYPE_QUARTER: "quarter",
    event_pb2.NOTE_TYPE_EIGHTH: "eighth",
    event_pb2.NOTE_TYPE_16TH: "16th",
    event_pb2.NOTE_TYPE_32ND: "32nd",
    event_pb2.NOTE_TYPE_64TH: "64th",
    event_pb2.NOTE_TYPE_128TH: "128th",
    event_pb2.NOTE_TYPE_256TH: "256th",
}
BEAMS = {note_type: max(0, index - 4) for index, note_type in enumerate(NOTE_TYPES)}
"""Beams (or flags) a note type has."""

NOTEHEADS = {
    event_pb2.NOTEHEAD_DIAMOND: "diamond",
    event_pb2.NOTEHEAD_X: "x",
    event_pb2.NOTEHEAD_SLASH: "slash",
    event_pb2.NOTEHEAD_TRIANGLE: "triangle",
}
STEMS = {
    event_pb2.STEM_DIRECTION_UP: "up",
    event_pb2.STEM_DIRECTION_DOWN: "down",
    event_pb2.STEM_DIRECTION_NONE: "none",
}

CLEF_SIGNS = {
    measure_pb2.CLEF_SIGN_G: "G",
    measure_pb2.CLEF_SIGN_F: "F",
    measure_pb2.CLEF_SIGN_C: "C",
    measure_pb2.CLEF_SIGN_PERCUSSION: "percussion",
}
KEY_MODES = {measure_pb2.KEY_MODE_MAJOR: "major", measure_pb2.KEY_MODE_MINOR: "minor"}
TIME_SYMBOLS = {measure_pb2.TIME_SYMBOL_COMMON: "common", measure_pb2.TIME_SYMBOL_CUT: "cut"}
BARLINE_STYLES = {
    measure_pb2.BARLINE_STYLE_REGULAR: "regular",
    measure_pb2.BARLINE_STYLE_LIGHT_LIGHT: "light-light",
    measure_pb2.BARLINE_STYLE_LIGHT_HEAVY: "light-heavy",
    measure_pb2.BARLINE_STYLE_HEAVY_LIGHT: "heavy-light",
    measure_pb2.BARLINE_STYLE_DASHED: "dashed",
    measure_pb2.BARLINE_STYLE_DOTTED: "dotted",
    measure_pb2.BARLINE_STYLE_HEAVY: "heavy",
    measure_pb2.BARLINE_STYLE_NONE: "none",
    measure_pb2.BARLINE_STYLE_HEAVY_HEAVY: "heavy-heavy",
}

DYNAMICS = frozenset(
    {
        *("p", "pp", "ppp", "pppp", "ppppp", "pppppp", "f", "ff", "fff", "ffff", "fffff", "ffffff", "mp", "mf", "pf"),
        *("sf", "sfp", "sfpp", "sfz", "sffz", "sfzp", "fp", "fz", "rf", "rfz", "n"),
    }
)
FERMATA_SHAPES = {
    direction_pb2.FERMATA_SHAPE_UNSPECIFIED: "normal",
    direction_pb2.FERMATA_SHAPE_NORMAL: "normal",
    direction_pb2.FERMATA_SHAPE_ANGLED: "angled",
    direction_pb2.FERMATA_SHAPE_SQUARE: "square",
}
LONG_INVERTED_MORDENT = "ornamentTremblement"
"""SMuFL glyph of what MusicXML calls an inverted mordent that is long."""
ORNAMENTS = {
    direction_pb2.ORNAMENT_KIND_TRILL: "trill-mark",
    direction_pb2.ORNAMENT_KIND_TURN: "turn",
    direction_pb2.ORNAMENT_KIND_DELAYED_TURN: "delayed-turn",
    direction_pb2.ORNAMENT_KIND_INVERTED_TURN: "inverted-turn",
    direction_pb2.ORNAMENT_KIND_MORDENT: "mordent",
    direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT: "inverted-mordent",
    direction_pb2.ORNAMENT_KIND_SCHLEIFER: "schleifer",
}
ARTICULATIONS = {
    direction_pb2.ARTICULATION_KIND_STACCATO: "staccato",
    direction_pb2.ARTICULATION_KIND_STACCATISSIMO: "staccatissimo",
    direction_pb2.ARTICULATION_KIND_TENUTO: "tenuto",
    direction_pb2.ARTICULATION_KIND_ACCENT: "accent",
    direction_pb2.ARTICULATION_KIND_STRONG_ACCENT: "strong-accent",
    direction_pb2.ARTICULATION_KIND_DETACHED_LEGATO: "detached-legato",
}

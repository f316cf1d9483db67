"""MusicXML's words as the schema's values."""

from __future__ import annotations

from etude.score.v1 import direction_pb2, event_pb2, measure_pb2, pitch_pb2

NOTE_TYPES = {
    "maxima": event_pb2.NOTE_TYPE_UNSPECIFIED,
    "long": event_pb2.NOTE_TYPE_LONG,
    "breve": event_pb2.NOTE_TYPE_BREVE,
    "whole": event_pb2.NOTE_TYPE_WHOLE,
    "half": event_pb2.NOTE_TYPE_HALF,
    "quarter": event_pb2.NOTE_TYPE_QUARTER,
    "eighth": event_pb2.NOTE_TYPE_EIGHTH,
    "16th": event_pb2.NOTE_TYPE_16TH,
    "32nd": event_pb2.NOTE_TYPE_32ND,
    "64th": event_pb2.NOTE_TYPE_64TH,
    "128th": event_pb2.NOTE_TYPE_128TH,
    "256th": event_pb2.NOTE_TYPE_256TH,
}
ACCIDENTALS = {
    "sharp": pitch_pb2.ACCIDENTAL_KIND_SHARP,
    "flat": pitch_pb2.ACCIDENTAL_KIND_FLAT,
    "natural": pitch_pb2.ACCIDENTAL_KIND_NATURAL,
    "double-sharp": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP,
    "sharp-sharp": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP,
    "flat-flat": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_FLAT,
    "double-flat": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_FLAT,
    "natural-sharp": pitch_pb2.ACCIDENTAL_KIND_NATURAL_SHARP,
    "natural-flat": pitch_pb2.ACCIDENTAL_KIND_NATURAL_FLAT,
}
ALTER_OF_ACCIDENTAL = {"sharp": 1, "flat": -1, "natural": 0, "double-sharp": 2, "sharp-sharp": 2, "flat-flat": -2}
NOTEHEADS = {
    "diamond": event_pb2.NOTEHEAD_DIAMOND,
    "x": event_pb2.NOTEHEAD_X,
    "cross": event_pb2.NOTEHEAD_X,
    "circle-x": event_pb2.NOTEHEAD_X,
    "slash": event_pb2.NOTEHEAD_SLASH,
    "slashed": event_pb2.NOTEHEAD_SLASH,
    "triangle": event_pb2.NOTEHEAD_TRIANGLE,
    "inverted triangle": event_pb2.NOTEHEAD_TRIANGLE,
}
STEMS = {
    "up": event_pb2.STEM_DIRECTION_UP,
    "down": event_pb2.STEM_DIRECTION_DOWN,
    "none": event_pb2.STEM_DIRECTION_NONE,
}
CLEF_SIGNS = {
    "G": measure_pb2.CLEF_SIGN_G,
    "F": measure_pb2.CLEF_SIGN_F,
    "C": measure_pb2.CLEF_SIGN_C,
    "percussion": measure_pb2.CLEF_SIGN_PERCUSSION,
}
CLEF_LINES = {
    measure_pb2.CLEF_SIGN_G: 2,
    measure_pb2.CLEF_SIGN_F: 4,
    measure_pb2.CLEF_SIGN_C: 3,
    measure_pb2.CLEF_SIGN_PERCUSSION: 3,
}
KEY_MODES = {"major": measure_pb2.KEY_MODE_MAJOR, "minor": measure_pb2.KEY_MODE_MINOR}
TIME_SYMBOLS = {"common": measure_pb2.TIME_SYMBOL_COMMON, "cut": measure_pb2.TIME_SYMBOL_CUT}
BARLINE_STYLES = {
    "regular": measure_pb2.BARLINE_STYLE_REGULAR,
    "light-light": measure_pb2.BARLINE_STYLE_LIGHT_LIGHT,
    "light-heavy": measure_pb2.BARLINE_STYLE_LIGHT_HEAVY,
    "heavy-light": measure_pb2.BARLINE_STYLE_HEAVY_LIGHT,
    "dashed": measure_pb2.BARLINE_STYLE_DASHED,
    "dotted": measure_pb2.BARLINE_STYLE_DOTTED,
    "heavy": measure_pb2.BARLINE_STYLE_HEAVY,
    "none": measure_pb2.BARLINE_STYLE_NONE,
    "heavy-heavy": measure_pb2.BARLINE_STYLE_HEAVY_HEAVY,
}
FERMATA_SHAPES = {
    "": direction_pb2.FERMATA_SHAPE_NORMAL,
    "normal": direction_pb2.FERMATA_SHAPE_NORMAL,
    "angled": direction_pb2.FERMATA_SHAPE_ANGLED,
    "square": direction_pb2.FERMATA_SHAPE_SQUARE,
}
ORNAMENTS = {
    "trill-mark": direction_pb2.ORNAMENT_KIND_TRILL,
    "turn": direction_pb2.ORNAMENT_KIND_TURN,
    "delayed-turn": direction_pb2.ORNAMENT_KIND_DELAYED_TURN,
    "inverted-turn": direction_pb2.ORNAMENT_KIND_INVERTED_TURN,
    "mordent": direction_pb2.ORNAMENT_KIND_MORDENT,
    "inverted-mordent": direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT,
    "schleifer": direction_pb2.ORNAMENT_KIND_SCHLEIFER,
}
OTHER_ORNAMENTS = {
    "delayed-inverted-turn": "ornamentTurnInverted",
    "vertical-turn": "ornamentTurnUp",
    "inverted-vertical-turn": "ornamentTurnUpS",
    "shake": "ornamentShake3",
    "haydn": "ornamentHaydn",
    "other-ornament": "",
}
"""Ornaments without a kind of their own, with their SMuFL glyph."""
LONG_INVERTED_MORDENT = "ornamentTremblement"
"""SMuFL glyph of an <inverted-mordent long="yes">: one with three peaks, which has no kind of its own either."""
ARTICULATIONS = {
    "staccato": direction_pb2.ARTICULATION_KIND_STACCATO,
    "staccatissimo": direction_pb2.ARTICULATION_KIND_STACCATISSIMO,
    "spiccato": direction_pb2.ARTICULATION_KIND_STACCATISSIMO,
    "tenuto": direction_pb2.ARTICULATION_KIND_TENUTO,
    "accent": direction_pb2.ARTICULATION_KIND_ACCENT,
    "strong-accent": direction_pb2.ARTICULATION_KIND_STRONG_ACCENT,
    "detached-legato": direction_pb2.ARTICULATION_KIND_DETACHED_LEGATO,
}
OTHER_ARTICULATIONS = {
    "stress": "articStressAbove",
    "unstress": "articUnstressAbove",
    "soft-accent": "articSoftAccentAbove",
    "other-articulation": "",
}
"""Articulations without a kind of their own, with their SMuFL glyph."""
ARPEGGIOS = {"": event_pb2.ARPEGGIO_PLAIN, "up": event_pb2.ARPEGGIO_UP, "down": event_pb2.ARPEGGIO_DOWN}

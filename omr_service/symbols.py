"""What a reader finds on a page, before anything is known about the music: symbols and lines.

Both readers (vectors and pixels) produce a `PageSymbols`; the assembler takes it and does not know which one did.

All coordinates are page points (1/72 inch), origin at the top left of the page as displayed, x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel rectangle in page points; `x0 <= x1`, `y0 <= y1`."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Glyph:
    """A music symbol of the SMuFL vocabulary.

    Attributes:
        name: SMuFL glyph name, for example "noteheadBlack", "gClef", "accidentalSharp", "fingering3".
        x: Horizontal position of the glyph's SMuFL origin.
        y: Vertical position of the glyph's SMuFL origin (for a notehead: its centre line).
        box: Its ink.
        size: Em size in points; in SMuFL one em is four staff spaces. Tells grace, cue and clef-change sizes apart.
        confidence: Probability of `name`, 0 to 1.
        alternatives: Other names with their probabilities, most probable first.
    """

    name: str
    x: float
    y: float
    box: Box
    size: float
    confidence: float = 1.0
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A run of ordinary text on one baseline, joined to words and lines by the reader.

    Attributes:
        text: Unicode text.
        x: Left end of the baseline.
        y: Baseline.
        box: Its ink or, where that is not known, its advance width and font ascent and descent.
        size: Font size in points as displayed.
        font: Font family name without subset prefix; may be empty.
        bold: True for a bold face.
        italic: True for an italic or oblique face.
    """

    text: str
    x: float
    y: float
    box: Box
    size: float
    font: str = ""
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A straight stroke or a filled bar that is longer than thick: staff, ledger, stem, barline, bracket, hairpin arm,
    beam, volta bracket. Beams are lines too: thick ones.

    Attributes:
        x0, y0: Start of the centre line; `x0 < x1`, or for a vertical line `y0 < y1`.
        x1, y1: End of the centre line.
        thickness: Full thickness, measured vertically for lines nearer to horizontal and horizontally for lines
            nearer to vertical.
        dashed: True for a dashed or dotted stroke.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    thickness: float
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A slur or tie: a crescent or a curved stroke.

    Attributes:
        x0, y0: Left tip.
        x1, y1: Right tip.
        mid_y: Height of the curve's middle line halfway between the tips; above the tips' chord (smaller y) for a
            curve that opens downwards.
        thickness: Greatest thickness.
        box: Its ink.
        dashed: True for a dashed or dotted curve.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    mid_y: float
    thickness: float
    box: Box
    dashed: bool = False


PICTURE = 0.5
"""Share of a page that pictures cover from which on it counts as a scan."""


@dataclass(frozen=True, slots=True)
class PageSymbols:
    """Everything found on one page.

    Attributes:
        page_number: From 1.
        width, height: Page size as displayed, in points.
        rotation: Clockwise rotation in degrees, already applied to all coordinates: the one the file asks for or, where
            music lies on its side, the one that sets it upright.
        glyphs: Music symbols.
        texts: Text.
        lines: Straight lines and beams.
        curves: Slurs and ties.
        wiggles: Vertical or horizontal wavy lines that are no glyphs (arpeggios, trill lines), as boxes.
        image_share: Share of the page that raster images cover, 0 to 1: near 1 for a scan.
        numbers: Numbers in the margins that a reader without text finds.
    """

    page_number: int
    width: float
    height: float
    rotation: int = 0
    glyphs: list[Glyph] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    wiggles: list[Box] = field(default_factory=list)
    image_share: float = 0.0
    numbers: tuple[int, ...] = ()

"""What a page paints, in points of the page as displayed."""

from __future__ import annotations

from dataclasses import dataclass, field

from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import Matrix
from omr_service.pdf.shapes import Points


@dataclass(frozen=True, slots=True)
class CharMark:
    """A shown character.

    Attributes:
        font: Its font.
        code: Its code in that font.
        matrix: Ems of the glyph to page points: origin (e, f), x axis (a, b), y axis (c, d).
        advance: In ems.
        run: Number of the text-showing operation, from which runs of text are made.
    """

    font: Font
    code: int
    matrix: Matrix
    advance: float
    run: int


@dataclass(frozen=True, slots=True)
class PathMark:
    """A painted path.

    Attributes:
        ops: Segments as in `shapes.Shape`.
        points: In page points, shape (n, 2).
        filled, stroked: How it is painted.
        width: Stroke width in points.
        dashed: True when the stroke is broken.
        matrix: What the path's own coordinates were multiplied by.
    """

    ops: bytes
    points: Points
    filled: bool
    stroked: bool
    width: float
    dashed: bool
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class ImageMark:
    """A painted raster image: its box on the page (x0, y0, x1, y1)."""

    box: tuple[float, float, float, float]


@dataclass(slots=True)
class Marks:
    """Everything painted on a page, in painting order within each kind."""

    chars: list[CharMark] = field(default_factory=list)
    paths: list[PathMark] = field(default_factory=list)
    images: list[ImageMark] = field(default_factory=list)

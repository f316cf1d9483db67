"""The graphics state of a content stream: what `q` saves and `Q` restores."""

from __future__ import annotations

from dataclasses import dataclass

from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import Matrix


@dataclass(slots=True)
class GraphicsState:
    """What the next mark is painted with, and where; the fields are named after the operators that set them."""

    ctm: Matrix
    clip: tuple[float, float, float, float]
    width: float = 1.0
    dash: bool = False
    fill_white: bool = False
    stroke_white: bool = False
    fill_alpha: float = 1.0
    stroke_alpha: float = 1.0
    font: Font | None = None
    font_size: float = 0.0
    char_space: float = 0.0
    word_space: float = 0.0
    h_scale: float = 1.0
    leading: float = 0.0
    rise: float = 0.0
    render: int = 0

    def copy(self) -> GraphicsState:
        """Returns a copy; `dataclasses.replace` takes ten times as long, and pages save their state often."""
        return GraphicsState(
            self.ctm,
            self.clip,
            self.width,
            self.dash,
            self.fill_white,
            self.stroke_white,
            self.fill_alpha,
            self.stroke_alpha,
            self.font,
            self.font_size,
            self.char_space,
            self.word_space,
            self.h_scale,
            self.leading,
            self.rise,
            self.render,
        )

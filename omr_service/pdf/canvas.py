"""What a page's operators work on: the marks so far, the state in force, the path and the text under way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from omr_service.pdf.fonts import Font, load_font
from omr_service.pdf.geometry import IDENTITY, Matrix
from omr_service.pdf.graphics_state import GraphicsState
from omr_service.pdf.lexer import Name
from omr_service.pdf.marks import Marks
from omr_service.pdf.shapes import Shape
from omr_service.pdf.streams import StreamDecodeError, StreamTooLargeError, decode

log = logging.getLogger(__name__)

MAX_FORM_DEPTH = 12


class PageTooComplexError(Exception):
    """A page asks for more work than any page of music does."""


@dataclass(slots=True)
class Canvas:
    """A page while it is painted; one instance per page.

    Attributes:
        state: The graphics state in force.
        fonts: Fonts already loaded, by object number, shared by the pages of a document.
        run: Runs a content stream with its resources on a canvas: what forms and the glyphs of Type 3 fonts ask for.
        marks: What was painted.
        resources: Resources of the content stream that is run.
        local_fonts: Its fonts, by the names it gives them.
        operators: Operators run so far.
        depth: Content streams within each other.
        ops, points: The path under way, as in `PathMark`, in user space.
        clip_pending: True where the path is to become the clip path when it is painted.
        text, line: The text matrix and the text line matrix.
        runs: Strings shown so far.
        masks: Outlines of image masks, by object number.
        traced: Images looked at so far.
    """

    state: GraphicsState
    fonts: dict[tuple[int, int], Font]
    run: Callable[[Canvas, bytes, Any], None]
    marks: Marks = field(default_factory=Marks)
    resources: Any = None
    local_fonts: dict[str, Font | None] = field(default_factory=dict)
    operators: int = 0
    depth: int = 0
    ops: bytearray = field(default_factory=bytearray)
    points: list[float] = field(default_factory=list)
    clip_pending: bool = False
    text: Matrix = IDENTITY
    line: Matrix = IDENTITY
    runs: int = 0
    masks: dict[tuple[int, int], Shape | None] = field(default_factory=dict)
    traced: int = 0

    def resource(self, kind: str, name: Any) -> Any:
        """Returns the resource of a kind, such as "/Font", that the content stream calls by a name; None for none."""
        if not isinstance(name, Name) or not isinstance(self.resources, pikepdf.Dictionary):
            return None
        group = self.resources.get(kind)
        return group.get("/" + name.value) if isinstance(group, pikepdf.Dictionary) else None

    def font(self, name: Any) -> Font | None:
        """Returns the font that the content stream calls by a name, loaded once per document; None for none."""
        if not isinstance(name, Name):
            return None
        if name.value not in self.local_fonts:
            source = self.resource("/Font", name)
            font = None
            if isinstance(source, pikepdf.Dictionary):
                key = source.objgen
                font = self.fonts.get(key) if key != (0, 0) else None
                if font is None:
                    font = load_font(source)
                    if key != (0, 0):
                        self.fonts[key] = font
            self.local_fonts[name.value] = font
        return self.local_fonts[name.value]


Operator = Callable[[Canvas, list[Any]], None]
"""What an operator does, given its operands."""


def decoded(stream: pikepdf.Stream) -> bytes | None:
    """Returns the content of a form or glyph; None, and a line in the log, where it cannot be decoded.

    Raises:
        PageTooComplexError: it is longer than any page's.
    """
    try:
        return decode(stream)
    except StreamDecodeError as error:
        log.info("a content stream is left out: %s", error)
        return None
    except StreamTooLargeError as error:
        raise PageTooComplexError from error

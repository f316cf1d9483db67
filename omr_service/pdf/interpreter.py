"""Runs a page's content into marks: shown characters and painted paths, in points of the page as displayed.

Only what leaves ink is kept: white, invisible and fully transparent marks are left out. Clipping is followed as the
upright box of the clip path.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from omr_service.pdf.canvas import Canvas, Operator, PageTooComplexError
from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import Matrix
from omr_service.pdf.graphics_state import GraphicsState
from omr_service.pdf.lexer import tokens
from omr_service.pdf.marks import Marks
from omr_service.pdf.object_operators import OBJECT_OPERATORS
from omr_service.pdf.path_operators import PATH_OPERATORS
from omr_service.pdf.state_operators import COLOR_OPERATORS, STATE_OPERATORS, set_color
from omr_service.pdf.text_operators import TEXT_OPERATORS

# The densest pages of piano music met so far take 110,000 operators and 20,000 marks.
MAX_OPERATORS = 800_000
MAX_MARKS = 100_000
MAX_STATES = 512
OPERATORS: dict[str, Operator] = {**STATE_OPERATORS, **PATH_OPERATORS, **TEXT_OPERATORS, **OBJECT_OPERATORS}


def painted(
    content: bytes,
    resources: Any,
    base: Matrix,
    page_box: tuple[float, float, float, float],
    fonts: dict[tuple[int, int], Font],
) -> Marks:
    """Returns what a page's content paints.

    Args:
        content: The page's content, decoded.
        resources: The page's resources.
        base: Default user space to page points.
        page_box: The page in page points.
        fonts: Fonts already loaded, by object number, shared by the pages of a document; the page's are added.

    Raises:
        PageTooComplexError: a bound on operators or marks is passed.
    """
    canvas = Canvas(GraphicsState(ctm=base, clip=page_box), fonts, run)
    run(canvas, content, resources)
    return canvas.marks


def run(canvas: Canvas, data: bytes, resources: Any) -> None:
    """Runs one content stream on a canvas.

    Raises:
        PageTooComplexError: a bound on operators or marks is passed.
    """
    outer = canvas.resources, canvas.local_fonts
    canvas.resources, canvas.local_fonts = resources, {}
    stack: list[GraphicsState] = []
    operands: list[Any] = []
    push = operands.append
    operators = OPERATORS
    try:
        for token in tokens(data):
            if type(token) is not str:
                push(token)
                if len(operands) > 8192:
                    operands.clear()
                continue
            canvas.operators += 1
            if token == "q":
                if len(stack) < MAX_STATES:
                    stack.append(canvas.state.copy())
            elif token == "Q":
                if stack:
                    canvas.state = stack.pop()
            elif (operator := operators.get(token)) is not None:
                # An operator with wrong operands is skipped, as viewers do.
                with suppress(IndexError, TypeError, ValueError, OverflowError):
                    operator(canvas, operands)
            elif token in COLOR_OPERATORS:
                set_color(canvas, token, operands)
            if operands:
                operands.clear()
            if canvas.operators > MAX_OPERATORS or len(canvas.marks.paths) + len(canvas.marks.chars) > MAX_MARKS:
                raise PageTooComplexError
    finally:
        if stack:
            canvas.state = stack[0]
        canvas.resources, canvas.local_fonts = outer

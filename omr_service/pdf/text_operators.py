"""Operators that set up text and show it."""

from __future__ import annotations

from typing import Any

import numpy as np

from omr_service.pdf.canvas import MAX_FORM_DEPTH, Canvas, Operator, decoded
from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import IDENTITY, Matrix, multiply
from omr_service.pdf.graphics_state import GraphicsState
from omr_service.pdf.marks import CharMark, Marks
from omr_service.pdf.shapes import Shape


def _begin_text(canvas: Canvas, v: list[Any]) -> None:
    canvas.text = canvas.line = IDENTITY


def _set_font(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.font_size = v[1] + 0.0
    canvas.state.font = canvas.font(v[0])


def _set_character_spacing(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.char_space = v[0] + 0.0


def _set_word_spacing(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.word_space = v[0] + 0.0


def _set_horizontal_scaling(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.h_scale = v[0] / 100.0


def _set_leading(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.leading = v[0] + 0.0


def _set_rendering_mode(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.render = int(v[0])


def _set_rise(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.rise = v[0] + 0.0


def _next_line(canvas: Canvas, v: list[Any]) -> None:
    canvas.line = canvas.text = multiply((1.0, 0.0, 0.0, 1.0, v[0] + 0.0, v[1] + 0.0), canvas.line)


def _next_line_with_leading(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.leading = -v[1]
    _next_line(canvas, v)


def _set_text_matrix(canvas: Canvas, v: list[Any]) -> None:
    canvas.line = canvas.text = (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[4] + 0.0, v[5] + 0.0)


def _next_line_by_leading(canvas: Canvas, v: list[Any]) -> None:
    _next_line(canvas, [0.0, -canvas.state.leading])


def _show_string(canvas: Canvas, v: list[Any]) -> None:
    canvas.runs += 1
    if isinstance(v[-1], bytes):
        _show(canvas, v[-1])


def _next_line_show(canvas: Canvas, v: list[Any]) -> None:
    _next_line_by_leading(canvas, v)
    _show_string(canvas, v)


def _next_line_show_spaced(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.word_space, canvas.state.char_space = v[0] + 0.0, v[1] + 0.0
    _next_line_show(canvas, v)


def _show_strings(canvas: Canvas, v: list[Any]) -> None:
    canvas.runs += 1
    state = canvas.state
    for item in v:
        if isinstance(item, bytes):
            _show(canvas, item)
        elif isinstance(item, float):
            shift = -item / 1000.0 * state.font_size
            t = canvas.text
            if state.font is not None and state.font.vertical:
                canvas.text = (t[0], t[1], t[2], t[3], t[4] + shift * t[2], t[5] + shift * t[3])
            else:
                shift *= state.h_scale
                canvas.text = (t[0], t[1], t[2], t[3], t[4] + shift * t[0], t[5] + shift * t[1])


def _show(canvas: Canvas, data: bytes) -> None:
    state = canvas.state
    font, size = state.font, state.font_size
    if font is None:
        return
    if font.char_procs and canvas.depth >= MAX_FORM_DEPTH:
        return
    # Modes 3 and 7 leave no ink: the invisible words that text recognition puts over a scan.
    visible = state.render % 4 != 3 and not (state.fill_white if state.render != 1 else state.stroke_white)
    visible = visible and state.fill_alpha > 0.05
    em: Matrix = (size * state.h_scale, 0.0, 0.0, size, 0.0, state.rise)
    clip = state.clip
    for code, length in font.codes(data):
        width = font.width(code)
        t = canvas.text
        if visible:
            matrix = multiply(multiply(em, t), state.ctm)
            x, y = matrix[4], matrix[5]
            slack = abs(matrix[2]) + abs(matrix[3]) + abs(matrix[0]) + abs(matrix[1])
            if slack < 1e6 and clip[0] - slack <= x <= clip[2] + slack and clip[1] - slack <= y <= clip[3] + slack:
                if font.char_procs and not font.has_shape(code):
                    _draw_char_proc(canvas, font, code)
                canvas.marks.chars.append(CharMark(font, code, matrix, width, canvas.runs))
        shift = width * size + state.char_space
        if length == 1 and code == 32:
            shift += state.word_space
        shift *= state.h_scale
        canvas.text = (t[0], t[1], t[2], t[3], t[4] + shift * t[0], t[5] + shift * t[1])


def _draw_char_proc(canvas: Canvas, font: Font, code: int) -> None:
    """Runs the content stream of a Type 3 glyph once and keeps its outline with the font."""
    proc = font.char_procs.get(code)
    font.set_shape(code, None)
    data = decoded(proc) if proc is not None and canvas.depth < MAX_FORM_DEPTH else None
    if data is None:
        return
    everywhere = (-1e9, -1e9, 1e9, 1e9)
    outer, text, marks = canvas.state, (canvas.text, canvas.line), canvas.marks
    canvas.state = GraphicsState(ctm=font.matrix, clip=everywhere)
    canvas.marks = Marks()
    canvas.depth += 1
    try:
        canvas.run(canvas, data, font.resources if font.resources is not None else canvas.resources)
        drawn = [path for path in canvas.marks.paths if path.filled]
    finally:
        canvas.depth -= 1
        canvas.state, canvas.marks = outer, marks
        canvas.text, canvas.line = text
    if drawn:
        shape = Shape(b"".join(path.ops for path in drawn), np.concatenate([path.points for path in drawn]))
        font.set_shape(code, shape)


TEXT_OPERATORS: dict[str, Operator] = {
    "BT": _begin_text,
    "Tf": _set_font,
    "Tc": _set_character_spacing,
    "Tw": _set_word_spacing,
    "Tz": _set_horizontal_scaling,
    "TL": _set_leading,
    "Tr": _set_rendering_mode,
    "Ts": _set_rise,
    "Td": _next_line,
    "TD": _next_line_with_leading,
    "Tm": _set_text_matrix,
    "T*": _next_line_by_leading,
    "Tj": _show_string,
    "'": _next_line_show,
    '"': _next_line_show_spaced,
    "TJ": _show_strings,
}

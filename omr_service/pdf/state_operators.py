"""Operators that set the graphics state: matrix, line width, dashes, color, transparency."""

from __future__ import annotations

from typing import Any

import pikepdf

from omr_service.pdf.canvas import Canvas, Operator
from omr_service.pdf.geometry import multiply

_WHITE = 0.92


def _is_white(operator: str, values: list[Any]) -> bool:
    numbers = [value for value in values if isinstance(value, float)]
    if operator in ("k", "K") or (operator in ("sc", "scn", "SC", "SCN") and len(numbers) == 4):
        return len(numbers) == 4 and max(numbers) <= 1.0 - _WHITE
    return bool(numbers) and min(numbers) >= _WHITE


def _concatenate_matrix(canvas: Canvas, v: list[Any]) -> None:
    m = (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[4] + 0.0, v[5] + 0.0)
    canvas.state.ctm = multiply(m, canvas.state.ctm)


def _set_line_width(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.width = abs(v[0])


def _set_dash(canvas: Canvas, v: list[Any]) -> None:
    canvas.state.dash = any(isinstance(item, float) and item > 0 for item in v[:-1])


def _set_parameters(canvas: Canvas, v: list[Any]) -> None:
    states = canvas.resource("/ExtGState", v[0])
    if not isinstance(states, pikepdf.Dictionary):
        return
    if "/LW" in states:
        canvas.state.width = abs(float(states["/LW"]))
    if "/ca" in states:
        canvas.state.fill_alpha = float(states["/ca"])
    if "/CA" in states:
        canvas.state.stroke_alpha = float(states["/CA"])
    dash = states.get("/D")
    if isinstance(dash, pikepdf.Array) and len(dash) and isinstance(dash[0], pikepdf.Array):
        canvas.state.dash = any(float(item) > 0 for item in dash[0])


def set_color(canvas: Canvas, operator: str, v: list[Any]) -> None:
    """Runs one of `COLOR_OPERATORS`: whether a color is white is all that is kept of it."""
    white = False if operator in ("cs", "CS") else _is_white(operator, v)
    if operator[0].islower():
        canvas.state.fill_white = white
    else:
        canvas.state.stroke_white = white


COLOR_OPERATORS = frozenset({"g", "G", "rg", "RG", "k", "K", "sc", "SC", "scn", "SCN", "cs", "CS"})
STATE_OPERATORS: dict[str, Operator] = {
    "cm": _concatenate_matrix,
    "w": _set_line_width,
    "d": _set_dash,
    "gs": _set_parameters,
}

"""Operators that build paths and paint them, or make them the clip path."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from omr_service.pdf.canvas import Canvas, Operator
from omr_service.pdf.even_odd import with_holes
from omr_service.pdf.geometry import scale_of
from omr_service.pdf.marks import PathMark


def _move_to(canvas: Canvas, v: list[Any]) -> None:
    canvas.points += (v[0] + 0.0, v[1] + 0.0)
    canvas.ops += b"m"


def _line_to(canvas: Canvas, v: list[Any]) -> None:
    canvas.points += (v[0] + 0.0, v[1] + 0.0)
    canvas.ops += b"l" if canvas.ops else b"m"


def _curve_to(canvas: Canvas, v: list[Any]) -> None:
    if canvas.ops:
        canvas.points += (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[4] + 0.0, v[5] + 0.0)
        canvas.ops += b"c"


def _curve_from_here(canvas: Canvas, v: list[Any]) -> None:
    if canvas.ops:
        canvas.points += (*canvas.points[-2:], v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0)
        canvas.ops += b"c"


def _curve_to_control(canvas: Canvas, v: list[Any]) -> None:
    if canvas.ops:
        canvas.points += (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[2] + 0.0, v[3] + 0.0)
        canvas.ops += b"c"


def _close(canvas: Canvas, v: list[Any]) -> None:
    if canvas.ops:
        canvas.ops += b"h"


def _rectangle(canvas: Canvas, v: list[Any]) -> None:
    x, y, w, h = v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0
    canvas.points += (x, y, x + w, y, x + w, y + h, x, y + h)
    canvas.ops += b"mlllh"


def _stroke(canvas: Canvas, v: list[Any]) -> None:
    _paint(canvas, filled=False, stroked=True)


def _close_stroke(canvas: Canvas, v: list[Any]) -> None:
    _close(canvas, v)
    _paint(canvas, filled=False, stroked=True)


def _fill(canvas: Canvas, v: list[Any]) -> None:
    _paint(canvas, filled=True, stroked=False)


def _fill_even_odd(canvas: Canvas, v: list[Any]) -> None:
    _paint(canvas, filled=True, stroked=False, even_odd=True)


def _fill_stroke(canvas: Canvas, v: list[Any]) -> None:
    _paint(canvas, filled=True, stroked=True)


def _fill_even_odd_stroke(canvas: Canvas, v: list[Any]) -> None:
    _paint(canvas, filled=True, stroked=True, even_odd=True)


def _close_fill_stroke(canvas: Canvas, v: list[Any]) -> None:
    _close(canvas, v)
    _paint(canvas, filled=True, stroked=True)


def _close_fill_even_odd_stroke(canvas: Canvas, v: list[Any]) -> None:
    _close(canvas, v)
    _paint(canvas, filled=True, stroked=True, even_odd=True)


def _end_path(canvas: Canvas, v: list[Any]) -> None:
    _paint(canvas, filled=False, stroked=False)


def _clip(canvas: Canvas, v: list[Any]) -> None:
    canvas.clip_pending = True


def _paint(canvas: Canvas, filled: bool, stroked: bool, even_odd: bool = False) -> None:
    state = canvas.state
    filled = filled and not state.fill_white and state.fill_alpha > 0.05
    stroked = stroked and not state.stroke_white and state.stroke_alpha > 0.05
    ops, flat = canvas.ops, canvas.points
    clip_pending = canvas.clip_pending
    canvas.ops, canvas.points, canvas.clip_pending = bytearray(), [], False
    if not flat or not (filled or stroked or clip_pending):
        return
    a, b, c, d, e, f = state.ctm
    if len(flat) <= 10:  # most paths are strokes and bars, for which an array costs more than it saves
        xs = [x * a + y * c + e for x, y in zip(flat[::2], flat[1::2], strict=True)]
        ys = [x * b + y * d + f for x, y in zip(flat[::2], flat[1::2], strict=True)]
        low_x, low_y, high_x, high_y = min(xs), min(ys), max(xs), max(ys)
        points = np.array((xs, ys)).T
    else:
        xy = np.array(flat, dtype=np.float64).reshape(-1, 2)
        points = np.empty_like(xy)
        points[:, 0] = xy[:, 0] * a + xy[:, 1] * c + e
        points[:, 1] = xy[:, 0] * b + xy[:, 1] * d + f
        low_x, low_y = points.min(axis=0).tolist()
        high_x, high_y = points.max(axis=0).tolist()
    if not (isfinite(low_x) and isfinite(low_y) and isfinite(high_x) and isfinite(high_y)):
        return
    clip = state.clip
    if (filled or stroked) and low_x <= clip[2] and high_x >= clip[0] and low_y <= clip[3] and high_y >= clip[1]:
        width = state.width * scale_of(state.ctm)
        segments = bytes(ops)
        if even_odd and filled:
            segments, points = with_holes(segments, points)
        canvas.marks.paths.append(PathMark(segments, points, filled, stroked, width, state.dash, state.ctm))
    if clip_pending:
        state.clip = (max(clip[0], low_x), max(clip[1], low_y), min(clip[2], high_x), min(clip[3], high_y))


PATH_OPERATORS: dict[str, Operator] = {
    "m": _move_to,
    "l": _line_to,
    "c": _curve_to,
    "v": _curve_from_here,
    "y": _curve_to_control,
    "h": _close,
    "re": _rectangle,
    "S": _stroke,
    "s": _close_stroke,
    "f": _fill,
    "F": _fill,
    "f*": _fill_even_odd,
    "B": _fill_stroke,
    "B*": _fill_even_odd_stroke,
    "b": _close_fill_stroke,
    "b*": _close_fill_even_odd_stroke,
    "n": _end_path,
    "W": _clip,
    "W*": _clip,
}

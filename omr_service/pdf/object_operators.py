"""Operators that paint external objects: forms, and images, of which small masks are traced to outlines."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np
import pikepdf

from omr_service.pdf import bitmaps
from omr_service.pdf.canvas import MAX_FORM_DEPTH, Canvas, Operator, PageTooComplexError, decoded
from omr_service.pdf.geometry import image_of_box, multiply
from omr_service.pdf.marks import ImageMark, PathMark
from omr_service.pdf.shapes import Shape
from omr_service.pdf.streams import StreamTooLargeError, name_text

# An image mask larger than this many points is a picture; a brace of a grand staff is not.
MAX_SYMBOL = 150.0
MAX_TRACED = 20_000


def _draw_object(canvas: Canvas, v: list[Any]) -> None:
    target = canvas.resource("/XObject", v[0])
    if not isinstance(target, pikepdf.Stream):
        return
    subtype = name_text(target.get("/Subtype", ""))
    if subtype == "/Image":
        _paint_image(canvas, target)
    elif subtype == "/Form" and canvas.depth < MAX_FORM_DEPTH:
        _run_form(canvas, target)


def _run_form(canvas: Canvas, form: pikepdf.Stream) -> None:
    data = decoded(form)
    if data is None:
        return
    outer, text = canvas.state, (canvas.text, canvas.line)
    ctm = outer.ctm
    matrix = form.get("/Matrix")
    if isinstance(matrix, pikepdf.Array) and len(matrix) == 6:
        m = [float(item) for item in matrix]
        ctm = multiply((m[0], m[1], m[2], m[3], m[4], m[5]), ctm)
    canvas.state = replace(outer, ctm=ctm)
    box = form.get("/BBox")
    if isinstance(box, pikepdf.Array) and len(box) == 4:
        b = [float(item) for item in box]
        x0, y0, x1, y1 = image_of_box(ctm, b[0], b[1], b[2], b[3])
        c = outer.clip
        canvas.state.clip = (max(c[0], x0), max(c[1], y0), min(c[2], x1), min(c[3], y1))
    canvas.depth += 1
    try:
        resources = form.get("/Resources")
        canvas.run(canvas, data, resources if resources is not None else canvas.resources)
    finally:
        canvas.depth -= 1
        canvas.state = outer
        canvas.text, canvas.line = text


def _inline_image(canvas: Canvas, v: list[Any]) -> None:
    shape = None
    if v and isinstance(v[-1], bytes) and _is_of_symbol_size(canvas):
        mask = bitmaps.inline_mask(bitmaps.inline_entries(v[:-1]), v[-1])
        shape = bitmaps.trace(mask) if mask is not None else None
    _paint_mask(canvas, shape)


def _paint_image(canvas: Canvas, image: pikepdf.Stream) -> None:
    shape = None
    is_mask: Any = image.get("/ImageMask")
    if is_mask is True and _is_of_symbol_size(canvas):
        key = image.objgen
        if key not in canvas.masks:
            try:
                mask = bitmaps.stream_mask(image)
            except StreamTooLargeError as error:
                raise PageTooComplexError from error
            canvas.masks[key] = bitmaps.trace(mask) if mask is not None else None
        shape = canvas.masks[key]
    _paint_mask(canvas, shape)


def _is_of_symbol_size(canvas: Canvas) -> bool:
    """Returns whether an image may be a symbol: it is small, and one of not too many."""
    x0, y0, x1, y1 = image_of_box(canvas.state.ctm, 0.0, 0.0, 1.0, 1.0)
    canvas.traced += 1
    return max(x1 - x0, y1 - y0) < MAX_SYMBOL and canvas.traced < MAX_TRACED


def _paint_mask(canvas: Canvas, shape: Shape | None) -> None:
    """Paints the ink of a bitmap as a filled outline, or, where there is none, enters that an image is there."""
    state = canvas.state
    if shape is None:
        box = image_of_box(state.ctm, 0.0, 0.0, 1.0, 1.0)
        if all(isfinite(value) for value in box):
            canvas.marks.images.append(ImageMark(box))
    elif not state.fill_white and state.fill_alpha > 0.05:
        a, b, c, d, e, f = state.ctm
        points = shape.points @ np.array([[a, b], [c, d]]) + np.array([e, f])
        canvas.marks.paths.append(PathMark(shape.ops, points, True, False, 0.0, False, state.ctm))


OBJECT_OPERATORS: dict[str, Operator] = {
    "Do": _draw_object,
    "EI": _inline_image,
}

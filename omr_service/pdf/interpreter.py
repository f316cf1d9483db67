"""Runs a page's content into marks: shown characters and painted paths, in points of the page as displayed.

Only what leaves ink is kept: white, invisible and fully transparent marks are left out. Clipping is followed as the
upright box of the clip path.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pikepdf

from omr_service.pdf import bitmaps
from omr_service.pdf.fonts import Font, load_font
from omr_service.pdf.geometry import IDENTITY, Matrix, image_of_box, multiply, scale_of
from omr_service.pdf.lexer import Name, tokens
from omr_service.pdf.marks import CharMark, ImageMark, Marks, PathMark
from omr_service.pdf.shapes import Shape
from omr_service.pdf.streams import StreamDecodeError, StreamTooLargeError, decode

log = logging.getLogger(__name__)

MAX_FORM_DEPTH = 12
# The densest pages of piano music met so far take 110,000 operators and 20,000 marks.
MAX_OPERATORS = 800_000
MAX_MARKS = 100_000
MAX_STATES = 512
# An image mask larger than this many points is a picture; a brace of a grand staff is not.
MAX_SYMBOL = 150.0
MAX_TRACED = 20_000
_WHITE = 0.92


class PageTooComplexError(Exception):
    """A page asks for more work than any page of music does."""


@dataclass(slots=True)
class _State:
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

    def copy(self) -> _State:
        """Returns a copy; `dataclasses.replace` takes ten times as long, and pages save their state often."""
        return _State(
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


def _is_white(operator: str, values: list[Any]) -> bool:
    numbers = [value for value in values if isinstance(value, float)]
    if operator in ("k", "K") or (operator in ("sc", "scn", "SC", "SCN") and len(numbers) == 4):
        return len(numbers) == 4 and max(numbers) <= 1.0 - _WHITE
    return bool(numbers) and min(numbers) >= _WHITE


class Interpreter:
    """Runs content streams; one instance per page.

    Args:
        base: Default user space to page points.
        page_box: The page in page points.
        fonts: Fonts already loaded, by object number, shared by the pages of a document.
    """

    def __init__(
        self, base: Matrix, page_box: tuple[float, float, float, float], fonts: dict[tuple[int, int], Font]
    ) -> None:
        self.marks = Marks()
        self._fonts = fonts
        self._base = base
        self._state = _State(ctm=base, clip=page_box)
        self._operators = 0
        self._runs = 0
        self._depth = 0
        self._text = self._line = IDENTITY
        self._ops = bytearray()
        self._points: list[float] = []
        self._clip_pending = False
        self._resources: Any = None
        self._local_fonts: dict[str, Font | None] = {}
        self._masks: dict[tuple[int, int], Shape | None] = {}
        self._traced = 0

    def run(self, data: bytes, resources: Any) -> None:
        """Runs one content stream.

        Raises:
            PageTooComplexError: a bound on operators or marks is passed.
        """
        outer = self._resources, self._local_fonts
        self._resources, self._local_fonts = resources, {}
        stack: list[_State] = []
        operands: list[Any] = []
        push = operands.append
        handlers = _HANDLERS
        try:
            for token in tokens(data):
                if type(token) is not str:
                    push(token)
                    if len(operands) > 8192:
                        operands.clear()
                    continue
                self._operators += 1
                if token == "q":
                    if len(stack) < MAX_STATES:
                        stack.append(self._state.copy())
                elif token == "Q":
                    if stack:
                        self._state = stack.pop()
                elif (handler := handlers.get(token)) is not None:
                    # An operator with wrong operands is skipped, as viewers do.
                    with suppress(IndexError, TypeError, ValueError, OverflowError):
                        handler(self, operands)
                elif token in _COLOR_OPERATORS:
                    self._set_color(token, operands)
                if operands:
                    operands.clear()
                if self._operators > MAX_OPERATORS or len(self.marks.paths) + len(self.marks.chars) > MAX_MARKS:
                    raise PageTooComplexError
        finally:
            if stack:
                self._state = stack[0]
            self._resources, self._local_fonts = outer

    # Graphics state

    def _cm(self, v: list[Any]) -> None:
        m = (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[4] + 0.0, v[5] + 0.0)
        self._state.ctm = multiply(m, self._state.ctm)

    def _w(self, v: list[Any]) -> None:
        self._state.width = abs(v[0])

    def _d(self, v: list[Any]) -> None:
        self._state.dash = any(isinstance(item, float) and item > 0 for item in v[:-1])

    def _gs(self, v: list[Any]) -> None:
        states = self._lookup("/ExtGState", v[0])
        if not isinstance(states, pikepdf.Dictionary):
            return
        if "/LW" in states:
            self._state.width = abs(float(states["/LW"]))
        if "/ca" in states:
            self._state.fill_alpha = float(states["/ca"])
        if "/CA" in states:
            self._state.stroke_alpha = float(states["/CA"])
        dash = states.get("/D")
        if isinstance(dash, pikepdf.Array) and len(dash) and isinstance(dash[0], pikepdf.Array):
            self._state.dash = any(float(item) > 0 for item in dash[0])

    def _set_color(self, operator: str, v: list[Any]) -> None:
        white = False if operator in ("cs", "CS") else _is_white(operator, v)
        if operator[0].islower():
            self._state.fill_white = white
        else:
            self._state.stroke_white = white

    # Paths

    def _m(self, v: list[Any]) -> None:
        self._points += (v[0] + 0.0, v[1] + 0.0)
        self._ops += b"m"

    def _l(self, v: list[Any]) -> None:
        self._points += (v[0] + 0.0, v[1] + 0.0)
        self._ops += b"l" if self._ops else b"m"

    def _c(self, v: list[Any]) -> None:
        if self._ops:
            self._points += (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[4] + 0.0, v[5] + 0.0)
            self._ops += b"c"

    def _v(self, v: list[Any]) -> None:
        if self._ops:
            self._points += (*self._points[-2:], v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0)
            self._ops += b"c"

    def _y(self, v: list[Any]) -> None:
        if self._ops:
            self._points += (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[2] + 0.0, v[3] + 0.0)
            self._ops += b"c"

    def _h(self, v: list[Any]) -> None:
        if self._ops:
            self._ops += b"h"

    def _re(self, v: list[Any]) -> None:
        x, y, w, h = v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0
        self._points += (x, y, x + w, y, x + w, y + h, x, y + h)
        self._ops += b"mlllh"

    def _stroke(self, v: list[Any]) -> None:
        self._paint(filled=False, stroked=True)

    def _close_stroke(self, v: list[Any]) -> None:
        self._h(v)
        self._paint(filled=False, stroked=True)

    def _fill(self, v: list[Any]) -> None:
        self._paint(filled=True, stroked=False)

    def _fill_stroke(self, v: list[Any]) -> None:
        self._paint(filled=True, stroked=True)

    def _close_fill_stroke(self, v: list[Any]) -> None:
        self._h(v)
        self._paint(filled=True, stroked=True)

    def _end_path(self, v: list[Any]) -> None:
        self._paint(filled=False, stroked=False)

    def _w_clip(self, v: list[Any]) -> None:
        self._clip_pending = True

    def _paint(self, filled: bool, stroked: bool) -> None:
        state = self._state
        filled = filled and not state.fill_white and state.fill_alpha > 0.05
        stroked = stroked and not state.stroke_white and state.stroke_alpha > 0.05
        ops, flat = self._ops, self._points
        clip_pending = self._clip_pending
        self._ops, self._points, self._clip_pending = bytearray(), [], False
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
            self.marks.paths.append(PathMark(bytes(ops), points, filled, stroked, width, state.dash, state.ctm))
        if clip_pending:
            state.clip = (max(clip[0], low_x), max(clip[1], low_y), min(clip[2], high_x), min(clip[3], high_y))

    # Text

    def _bt(self, v: list[Any]) -> None:
        self._text = self._line = IDENTITY

    def _tf(self, v: list[Any]) -> None:
        self._state.font_size = v[1] + 0.0
        self._state.font = self._font(v[0])

    def _tc(self, v: list[Any]) -> None:
        self._state.char_space = v[0] + 0.0

    def _tw(self, v: list[Any]) -> None:
        self._state.word_space = v[0] + 0.0

    def _tz(self, v: list[Any]) -> None:
        self._state.h_scale = v[0] / 100.0

    def _tl(self, v: list[Any]) -> None:
        self._state.leading = v[0] + 0.0

    def _tr(self, v: list[Any]) -> None:
        self._state.render = int(v[0])

    def _ts(self, v: list[Any]) -> None:
        self._state.rise = v[0] + 0.0

    def _td(self, v: list[Any]) -> None:
        self._line = self._text = multiply((1.0, 0.0, 0.0, 1.0, v[0] + 0.0, v[1] + 0.0), self._line)

    def _td_leading(self, v: list[Any]) -> None:
        self._state.leading = -v[1]
        self._td(v)

    def _tm(self, v: list[Any]) -> None:
        self._line = self._text = (v[0] + 0.0, v[1] + 0.0, v[2] + 0.0, v[3] + 0.0, v[4] + 0.0, v[5] + 0.0)

    def _t_star(self, v: list[Any]) -> None:
        self._td([0.0, -self._state.leading])

    def _tj(self, v: list[Any]) -> None:
        self._runs += 1
        if isinstance(v[-1], bytes):
            self._show(v[-1])

    def _quote(self, v: list[Any]) -> None:
        self._t_star(v)
        self._tj(v)

    def _double_quote(self, v: list[Any]) -> None:
        self._state.word_space, self._state.char_space = v[0] + 0.0, v[1] + 0.0
        self._quote(v)

    def _tj_array(self, v: list[Any]) -> None:
        self._runs += 1
        state = self._state
        for item in v:
            if isinstance(item, bytes):
                self._show(item)
            elif isinstance(item, float):
                shift = -item / 1000.0 * state.font_size
                t = self._text
                if state.font is not None and state.font.vertical:
                    self._text = (t[0], t[1], t[2], t[3], t[4] + shift * t[2], t[5] + shift * t[3])
                else:
                    shift *= state.h_scale
                    self._text = (t[0], t[1], t[2], t[3], t[4] + shift * t[0], t[5] + shift * t[1])

    def _show(self, data: bytes) -> None:
        state = self._state
        font, size = state.font, state.font_size
        if font is None:
            return
        if font.char_procs and self._depth >= MAX_FORM_DEPTH:
            return
        # Modes 3 and 7 leave no ink: the invisible words that text recognition puts over a scan.
        visible = state.render % 4 != 3 and not (state.fill_white if state.render != 1 else state.stroke_white)
        visible = visible and state.fill_alpha > 0.05
        em: Matrix = (size * state.h_scale, 0.0, 0.0, size, 0.0, state.rise)
        clip = state.clip
        for code, length in font.codes(data):
            width = font.width(code)
            t = self._text
            if visible:
                matrix = multiply(multiply(em, t), state.ctm)
                x, y = matrix[4], matrix[5]
                slack = abs(matrix[2]) + abs(matrix[3]) + abs(matrix[0]) + abs(matrix[1])
                if slack < 1e6 and clip[0] - slack <= x <= clip[2] + slack and clip[1] - slack <= y <= clip[3] + slack:
                    if font.char_procs and not font.has_shape(code):
                        self._draw_char_proc(font, code)
                    self.marks.chars.append(CharMark(font, code, matrix, width, self._runs))
            shift = width * size + state.char_space
            if length == 1 and code == 32:
                shift += state.word_space
            shift *= state.h_scale
            self._text = (t[0], t[1], t[2], t[3], t[4] + shift * t[0], t[5] + shift * t[1])

    def _draw_char_proc(self, font: Font, code: int) -> None:
        """Runs the content stream of a Type 3 glyph once and keeps its outline with the font."""
        proc = font.char_procs.get(code)
        font.set_shape(code, None)
        data = self._decode(proc) if proc is not None and self._depth < MAX_FORM_DEPTH else None
        if data is None:
            return
        everywhere = (-1e9, -1e9, 1e9, 1e9)
        outer, text, marks = self._state, (self._text, self._line), self.marks
        self._state = _State(ctm=font.matrix, clip=everywhere)
        self.marks = Marks()
        self._depth += 1
        try:
            self.run(data, font.resources if font.resources is not None else self._resources)
            drawn = [path for path in self.marks.paths if path.filled]
        finally:
            self._depth -= 1
            self._state, self.marks = outer, marks
            self._text, self._line = text
        if drawn:
            shape = Shape(b"".join(path.ops for path in drawn), np.concatenate([path.points for path in drawn]))
            font.set_shape(code, shape)

    # External objects

    def _do(self, v: list[Any]) -> None:
        target = self._lookup("/XObject", v[0])
        if not isinstance(target, pikepdf.Stream):
            return
        subtype = str(target.get("/Subtype", ""))
        if subtype == "/Image":
            self._paint_image(target)
        elif subtype == "/Form" and self._depth < MAX_FORM_DEPTH:
            self._run_form(target)

    def _run_form(self, form: pikepdf.Stream) -> None:
        data = self._decode(form)
        if data is None:
            return
        outer, text = self._state, (self._text, self._line)
        ctm = outer.ctm
        matrix = form.get("/Matrix")
        if isinstance(matrix, pikepdf.Array) and len(matrix) == 6:
            m = [float(item) for item in matrix]
            ctm = multiply((m[0], m[1], m[2], m[3], m[4], m[5]), ctm)
        self._state = replace(outer, ctm=ctm)
        box = form.get("/BBox")
        if isinstance(box, pikepdf.Array) and len(box) == 4:
            b = [float(item) for item in box]
            x0, y0, x1, y1 = image_of_box(ctm, b[0], b[1], b[2], b[3])
            c = outer.clip
            self._state.clip = (max(c[0], x0), max(c[1], y0), min(c[2], x1), min(c[3], y1))
        self._depth += 1
        try:
            resources = form.get("/Resources")
            self.run(data, resources if resources is not None else self._resources)
        finally:
            self._depth -= 1
            self._state = outer
            self._text, self._line = text

    def _decode(self, stream: pikepdf.Stream) -> bytes | None:
        try:
            return decode(stream)
        except StreamDecodeError as error:
            log.info("a content stream is left out: %s", error)
            return None
        except StreamTooLargeError as error:
            raise PageTooComplexError from error

    def _inline_image(self, v: list[Any]) -> None:
        shape = None
        if v and isinstance(v[-1], bytes) and self._is_of_symbol_size():
            mask = bitmaps.inline_mask(bitmaps.inline_entries(v[:-1]), v[-1])
            shape = bitmaps.trace(mask) if mask is not None else None
        self._paint_mask(shape)

    def _paint_image(self, image: pikepdf.Stream) -> None:
        shape = None
        is_mask: Any = image.get("/ImageMask")
        if is_mask is True and self._is_of_symbol_size():
            key = image.objgen
            if key not in self._masks:
                try:
                    mask = bitmaps.stream_mask(image)
                except StreamTooLargeError as error:
                    raise PageTooComplexError from error
                self._masks[key] = bitmaps.trace(mask) if mask is not None else None
            shape = self._masks[key]
        self._paint_mask(shape)

    def _is_of_symbol_size(self) -> bool:
        """Returns whether an image may be a symbol: it is small, and one of not too many."""
        x0, y0, x1, y1 = image_of_box(self._state.ctm, 0.0, 0.0, 1.0, 1.0)
        self._traced += 1
        return max(x1 - x0, y1 - y0) < MAX_SYMBOL and self._traced < MAX_TRACED

    def _paint_mask(self, shape: Shape | None) -> None:
        """Paints the ink of a bitmap as a filled outline, or, where there is none, enters that an image is there."""
        state = self._state
        if shape is None:
            box = image_of_box(state.ctm, 0.0, 0.0, 1.0, 1.0)
            if all(isfinite(value) for value in box):
                self.marks.images.append(ImageMark(box))
        elif not state.fill_white and state.fill_alpha > 0.05:
            a, b, c, d, e, f = state.ctm
            points = shape.points @ np.array([[a, b], [c, d]]) + np.array([e, f])
            self.marks.paths.append(PathMark(shape.ops, points, True, False, 0.0, False, state.ctm))

    def _lookup(self, kind: str, name: Any) -> Any:
        if not isinstance(name, Name) or not isinstance(self._resources, pikepdf.Dictionary):
            return None
        group = self._resources.get(kind)
        return group.get("/" + name.value) if isinstance(group, pikepdf.Dictionary) else None

    def _font(self, name: Any) -> Font | None:
        if not isinstance(name, Name):
            return None
        if name.value not in self._local_fonts:
            source = self._lookup("/Font", name)
            font = None
            if isinstance(source, pikepdf.Dictionary):
                key = source.objgen
                font = self._fonts.get(key) if key != (0, 0) else None
                if font is None:
                    font = load_font(source)
                    if key != (0, 0):
                        self._fonts[key] = font
            self._local_fonts[name.value] = font
        return self._local_fonts[name.value]


_COLOR_OPERATORS = frozenset({"g", "G", "rg", "RG", "k", "K", "sc", "SC", "scn", "SCN", "cs", "CS"})
_HANDLERS: dict[str, Callable[[Interpreter, list[Any]], None]] = {
    "cm": Interpreter._cm,
    "w": Interpreter._w,
    "d": Interpreter._d,
    "gs": Interpreter._gs,
    "m": Interpreter._m,
    "l": Interpreter._l,
    "c": Interpreter._c,
    "v": Interpreter._v,
    "y": Interpreter._y,
    "h": Interpreter._h,
    "re": Interpreter._re,
    "S": Interpreter._stroke,
    "s": Interpreter._close_stroke,
    "f": Interpreter._fill,
    "F": Interpreter._fill,
    "f*": Interpreter._fill,
    "B": Interpreter._fill_stroke,
    "B*": Interpreter._fill_stroke,
    "b": Interpreter._close_fill_stroke,
    "b*": Interpreter._close_fill_stroke,
    "n": Interpreter._end_path,
    "W": Interpreter._w_clip,
    "W*": Interpreter._w_clip,
    "BT": Interpreter._bt,
    "Tf": Interpreter._tf,
    "Tc": Interpreter._tc,
    "Tw": Interpreter._tw,
    "Tz": Interpreter._tz,
    "TL": Interpreter._tl,
    "Tr": Interpreter._tr,
    "Ts": Interpreter._ts,
    "Td": Interpreter._td,
    "TD": Interpreter._td_leading,
    "Tm": Interpreter._tm,
    "T*": Interpreter._t_star,
    "Tj": Interpreter._tj,
    "'": Interpreter._quote,
    '"': Interpreter._double_quote,
    "TJ": Interpreter._tj_array,
    "Do": Interpreter._do,
    "EI": Interpreter._inline_image,
}

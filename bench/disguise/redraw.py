"""Draws the pages of a PDF anew in another manner: the same ink, told otherwise."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import hypot
from typing import Literal

import numpy as np
import pikepdf

from bench.disguise.embedding import Kind, embed, outline_operators
from omr_service.pdf import sonata
from omr_service.pdf.fonts import Font
from omr_service.pdf.marks import CharMark, Marks, PathMark
from omr_service.pdf.pagereader import marks_of
from omr_service.pdf.recognize import FontKnowledge
from omr_service.pdf.shapes import CLOSE, Points, Shape, signed_area


@dataclass(frozen=True)
class Manner:
    """How pages are drawn.

    Attributes:
        music: How the music font is embedded, or "outlines" for no font at all, or "parts" for outlines of which all
            but heads, dots and digits are painted in two parts, as SCORE paints its symbols in several.
        text: Likewise for other fonts; outlines leave no text.
        codes: Codes of the music font: those of Sonata where it has any, or letters in the order of use.
        font_name: Of the music font.
        names: Whether /Differences calls music by names that say nothing ("g65"), those of letters, or not at all.
        told: Which system's letters /ToUnicode says music is, on the codes of Sonata; codes of SMuFL's range that are
            those of other symbols, as MuseScore 1 had them ("private"); "" for no /ToUnicode.
        special: Name of a second music font that has the dots, as Sibelius sets them; "" for none.
        lines: Straight strokes as they are, as filled rectangles and quadrilaterals, cut in two, or as many thin ones.
        bars: Filled quadrilaterals as they are, or as thick strokes.
        curves: Filled curves as they are, or as polygons.
        frame: Page points to the new page, as a matrix, and its size; None for the old one.
        rotate: The new page's /Rotate.
    """

    music: Kind | Literal["outlines", "parts"] = "cff"
    text: Kind | Literal["outlines"] = "cff"
    codes: Literal["sonata", "letters"] = "letters"
    font_name: str = "Unheard"
    names: Literal["letters", "numbers", "none"] = "none"
    told: Literal["mac_roman", "cp1252", "private", ""] = ""
    special: str = ""
    lines: Literal["strokes", "rectangles", "halves", "hairlines"] = "strokes"
    bars: Literal["fills", "strokes"] = "fills"
    curves: Literal["curves", "polygons"] = "curves"
    frame: Callable[[float, float], tuple[tuple[float, ...], float, float]] | None = None
    rotate: int = 0


@dataclass
class _NewFont:
    shapes: dict[int, Shape] = field(default_factory=dict)
    widths: dict[int, float] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    codes: dict[tuple[int, int], int] = field(default_factory=dict)


FIRST_CODE = 33
_PRIVATE = 0xE0E0
"""Where SMuFL has noteheads."""
_PEN = 0.06
"""Points: a dot of a printer of 1,200 dots per inch."""
_WHOLE = re.compile(
    r"notehead|augmentationDot|articStacc|timeSig\d|tuplet\d|fingering\d|repeatDot|rest(Whole|Half)|dynamic|brace"
)
"""Symbols that are one path where others are several."""
_DOTS = frozenset({"augmentationDot", "articStaccatoAbove", "articStaccatoBelow"})
_Key = tuple[int, Literal["text", "music", "special"]]
_BLANK = Shape(b"", np.zeros((0, 2)))


class _Fonts:
    """The fonts of the new file in the making: one of music and one of text for each of the old file."""

    def __init__(self, manner: Manner, knowledge: FontKnowledge) -> None:
        self.manner = manner
        self.knowledge = knowledge
        self.made: dict[_Key, _NewFont] = defaultdict(_NewFont)
        self.sources: dict[_Key, Font] = {}

    def place(self, mark: CharMark) -> tuple[_Key, int] | None:
        """The key of the new font and the code in it; None for what leaves no ink there."""
        named = self.knowledge.names_of(mark.font).of(mark.code)
        is_special = bool(self.manner.special) and named is not None and named.name in _DOTS
        key: _Key = (id(mark.font), "text" if named is None else "special" if is_special else "music")
        if mark.font.shape(mark.code) is None and named is not None:
            return None
        font = self.made[key]
        self.sources[key] = mark.font
        at = (id(mark.font), mark.code)
        if at not in font.codes:
            code = self._code(font, named.name if named else None)
            font.codes[at] = code
            font.shapes[code] = mark.font.shape(mark.code) or _BLANK
            font.widths[code] = mark.advance
            text = self._letter(key, named.name) if named else mark.font.unicode(mark.code)
            if text:
                font.texts[code] = text
        return key, font.codes[at]

    def _letter(self, key: _Key, name: str) -> str | None:
        """What /ToUnicode says a symbol is; a font of special signs keeps no table."""
        table = sonata.codes()
        if not self.manner.told:
            return None
        if self.manner.told == "private":
            return chr(_PRIVATE + len(self.made[key].codes))
        if key[1] == "special":
            return "\u2122"
        return bytes((table[name],)).decode(self.manner.told, "ignore") or None if name in table else None

    def _code(self, font: _NewFont, name: str | None) -> int:
        uses_table = self.manner.codes == "sonata" and self.manner.music != "cid"
        wanted = sonata.codes().get(name) if name and uses_table else None
        if wanted is not None and wanted not in font.shapes:
            return wanted
        # What Sonata has no code for goes where it has nothing.
        taken = set(sonata.codes().values()) if uses_table and name else set()
        return next(code for code in range(FIRST_CODE, 256) if code not in font.shapes and code not in taken)

    def embedded(self, pdf: pikepdf.Pdf, key: _Key) -> pikepdf.Object:
        """The new font in the file."""
        font, is_music = self.made[key], key[1] != "text"
        kind = self.manner.music if is_music else self.manner.text
        assert kind != "outlines"
        assert kind != "parts"
        name = self.manner.font_name if is_music else self.sources[key].name or "Text"
        if key[1] == "special":
            name = self.manner.special
        names: dict[int, str] = {}
        if is_music and self.manner.names == "numbers":
            names = {code: f"g{code}" for code in font.shapes}
        elif is_music and self.manner.names == "letters":
            names = {code: sonata.letter_name(code) for code in font.shapes}
        return embed(pdf, kind, f"ABCDEF+{name}", font.shapes, font.widths, names, font.texts)


def redraw(data: bytes, manner: Manner) -> bytes:
    """A PDF with the same pages in another manner."""
    knowledge = FontKnowledge()
    fonts = _Fonts(manner, knowledge)
    with pikepdf.open(io.BytesIO(data)) as source, pikepdf.new() as pdf:
        contents: list[tuple[bytes, float, float]] = []
        for page in source.pages:
            marks, width, height, _ = marks_of(page.obj, knowledge)
            matrix, new_width, new_height = (1.0, 0.0, 0.0, -1.0, 0.0, height), width, height
            if manner.frame:
                given, new_width, new_height = manner.frame(width, height)
                matrix = tuple(given)  # type: ignore[assignment]
            lines = [f"q {_numbers(matrix)} cm", *_paths(marks, manner), *_chars(marks, manner, fonts), "Q"]
            contents.append(("\n".join(lines).encode("latin-1"), new_width, new_height))
        resources = pikepdf.Dictionary(
            Font=pikepdf.Dictionary({_font_name(key): fonts.embedded(pdf, key) for key in fonts.sources})
        )
        shared = pdf.make_indirect(resources)
        for content, width, height in contents:
            made = pikepdf.Dictionary(
                Type=pikepdf.Name.Page,
                MediaBox=[0, 0, width, height],
                Rotate=manner.rotate,
                Resources=shared,
                Contents=pdf.make_stream(content),
            )
            pdf.pages.append(pikepdf.Page(pdf.make_indirect(made)))
        buffer = io.BytesIO()
        pdf.save(buffer)
        return buffer.getvalue()


def _font_name(key: _Key) -> str:
    return f"/F{key[0]}{key[1]}"


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in values)


def _chars(marks: Marks, manner: Manner, fonts: _Fonts) -> list[str]:
    out: list[str] = []
    for mark in marks.chars:
        named = fonts.knowledge.names_of(mark.font).of(mark.code)
        kind = manner.music if named is not None else manner.text
        if kind == "parts" and named is not None:
            shape = mark.font.shape(mark.code)
            if shape is not None and len(shape.points):
                drawn = _in_parts(shape, whole=bool(_WHOLE.match(named.name)))
                out.append(f"q {_numbers(mark.matrix)} cm {drawn} Q")
            continue
        if kind == "outlines":
            shape = mark.font.shape(mark.code)
            if shape is not None and len(shape.points):
                drawn = outline_operators(shape, 1.0, 5).decode()
                if manner.curves == "polygons":
                    drawn = " ".join(_polygon(polygon) for polygon in shape.polygons) + " f"
                out.append(f"q {_numbers(mark.matrix)} cm {drawn} Q")
            continue
        found = fonts.place(mark)
        if found is None:
            continue
        key, code = found
        # Codes are given out in order from 33 on, and glyph indices from 1 on follow them.
        shown = f"<{code:02X}>" if kind != "cid" else f"<{code - FIRST_CODE + 1:04X}>"
        a, b, c, d, e, f = mark.matrix
        size = hypot(c, d)
        tm = _numbers((a / size, b / size, c / size, d / size, e, f))
        out.append(f"BT {_font_name(key)} {size:.4f} Tf {tm} Tm {shown} Tj ET")
    return out


def _in_parts(shape: Shape, whole: bool) -> str:
    """An outline cut at half its height, each part filled and its edge drawn. All contours run one way round: which of
    them are holes the even-odd rule says."""
    polygons = [p if signed_area(p) >= 0 else p[::-1] for p in shape.polygons]
    box = shape.box
    assert box is not None
    middle = (box[1] + box[3]) / 2
    halves = [polygons] if whole else [[_side_of(p, middle, side) for p in polygons] for side in (1, -1)]
    out = ["0.004 w"]
    for half in halves:
        drawn = " ".join(_polygon(polygon) for polygon in half if len(polygon) > 2)
        if drawn:
            out.append(f"{drawn} f* {drawn} S")
    return " ".join(out)


def _side_of(polygon: Points, height: float, side: int) -> Points:
    """The part of a closed contour over (`side` 1) or under (-1) a height."""
    out: list[Points] = []
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        over_a, over_b = side * (a[1] - height), side * (b[1] - height)
        if over_a >= 0:
            out.append(a)
        if over_a * over_b < 0:
            out.append(a + (b - a) * over_a / (over_a - over_b))
    return np.array(out).reshape(-1, 2)


def _paths(marks: Marks, manner: Manner) -> list[str]:
    out: list[str] = []
    for mark in marks.paths:
        if not mark.filled:
            out += _stroke(mark, manner)
        elif b"c" in mark.ops and manner.curves == "polygons":
            polygons = Shape(mark.ops, mark.points).polygons
            out.append(" ".join(_polygon(polygon) for polygon in polygons) + " f")
        elif manner.lines == "hairlines" and b"c" not in mark.ops and len(mark.points) in (4, 5):
            out += _hairlines(*_axis(mark))
        elif manner.bars == "strokes" and b"c" not in mark.ops and len(mark.points) in (4, 5):
            out.append(_bar_as_stroke(mark))
        else:
            out.append(_path(mark.ops, mark.points) + (f" {mark.width:.4f} w B" if mark.stroked else " f"))
    return out


def _path(ops: bytes, points: Points) -> str:
    words: list[str] = []
    index = 0
    for op in ops:
        count = 3 if op == ord("c") else 0 if op == CLOSE else 1
        words += [_numbers(point) for point in points[index : index + count].tolist()]
        words.append(chr(op))
        index += count
    return " ".join(words)


def _polygon(points: Points) -> str:
    return " l ".join(_numbers(point) for point in points.tolist()).replace(" l ", " m ", 1) + " l h"


def _stroke(mark: PathMark, manner: Manner) -> list[str]:
    dash = f"[{3 * mark.width:.3f}] 0 d " if mark.dashed else ""
    plain = not mark.dashed and len(mark.points) == 2 and mark.ops[:2] == b"ml"
    if plain and manner.lines == "rectangles":
        (x0, y0), (x1, y1) = mark.points.tolist()
        length = hypot(x1 - x0, y1 - y0)
        if length > 0:
            dx, dy = -(y1 - y0) / length * mark.width / 2, (x1 - x0) / length * mark.width / 2
            corners = np.array([[x0 + dx, y0 + dy], [x1 + dx, y1 + dy], [x1 - dx, y1 - dy], [x0 - dx, y0 - dy]])
            if abs(x1 - x0) < 1e-6 or abs(y1 - y0) < 1e-6:
                low, high = corners.min(axis=0), corners.max(axis=0)
                return [f"{_numbers([*low.tolist(), *(high - low).tolist()])} re f"]
            return [f"{_path(b'mlllh', corners)} f"]
    if plain and manner.lines == "halves":
        middle = mark.points.mean(axis=0)
        return [
            f"{mark.width:.4f} w {_path(b'ml', np.array([mark.points[0], middle]))} S",
            f"{mark.width:.4f} w {_path(b'ml', np.array([middle, mark.points[1]]))} S",
        ]
    if plain and manner.lines == "hairlines":
        return _hairlines(mark.points, mark.width)
    return [f"q {dash}{mark.width:.4f} w {_path(mark.ops, mark.points)} S Q"]


def _hairlines(ends: Points, width: float) -> list[str]:
    """A line as a printer driver draws it: as many strokes of one dot as it is thick, on the dots of the device."""
    (x0, y0), (x1, y1) = (np.round(ends / _PEN) * _PEN).tolist()
    along = max(abs(x1 - x0), abs(y1 - y0))
    count = max(1, round(width * hypot(x1 - x0, y1 - y0) / along / _PEN)) if along else 1
    out = [f"{_PEN} w"]
    for k in range(count):
        shift = (k - (count - 1) / 2) * _PEN
        dx, dy = (0.0, shift) if abs(x1 - x0) >= abs(y1 - y0) else (shift, 0.0)
        out.append(f"{_numbers((x0 + dx, y0 + dy))} m {_numbers((x1 + dx, y1 + dy))} l S")
    return out


def _bar_as_stroke(mark: PathMark) -> str:
    ends, thickness = _axis(mark)
    return f"{thickness:.4f} w {_path(b'ml', ends)} S"


def _axis(mark: PathMark) -> tuple[Points, float]:
    """The ends of the middle line of a filled quadrilateral, and how thick it is."""
    p = mark.points[:4]
    sides = np.hypot(*(np.roll(p, -1, axis=0) - p).T)
    first = 0 if sides[0] + sides[2] <= sides[1] + sides[3] else 1
    ends = np.array([(p[first] + p[first + 1]) / 2, (p[(first + 2) % 4] + p[(first + 3) % 4]) / 2])
    area = abs(float(np.dot(p[:, 0], np.roll(p[:, 1], -1)) - np.dot(p[:, 1], np.roll(p[:, 0], -1)))) / 2
    length = float(np.hypot(*(ends[1] - ends[0])))
    return ends, area / length if length else 0.0

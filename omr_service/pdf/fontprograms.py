"""Embedded font programs: the outlines of their glyphs, in ems, by glyph name, glyph index or character code."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from fontTools import t1Lib
from fontTools.cffLib import CFFFontSet
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from omr_service.pdf.shapes import Shape

log = logging.getLogger(__name__)
# It warns of time stamps and other things no page depends on.
logging.getLogger("fontTools").setLevel(logging.ERROR)

MAX_PROGRAM_BYTES = 32 * 1024 * 1024
_STANDARD_NAMES = 258
"""Names that every `post` table has by number."""
_CODE_POINT = re.compile(rb"uni([0-9A-Fa-f]{4})")


class ShapePen(BasePen):  # type: ignore[misc]
    """Collects what a font program draws as a `Shape`."""

    def __init__(self, glyph_set: Any) -> None:
        super().__init__(glyph_set)
        self.ops = bytearray()
        self.points: list[tuple[float, float]] = []

    def _moveTo(self, pt: tuple[float, float]) -> None:
        self.ops += b"m"
        self.points.append(pt)

    def _lineTo(self, pt: tuple[float, float]) -> None:
        self.ops += b"l"
        self.points.append(pt)

    def _curveToOne(self, pt1: tuple[float, float], pt2: tuple[float, float], pt3: tuple[float, float]) -> None:
        self.ops += b"c"
        self.points += (pt1, pt2, pt3)

    def _closePath(self) -> None:
        self.ops += b"h"

    def _endPath(self) -> None:
        self.ops += b"h"

    def shape(self, units_per_em: float) -> Shape:
        """Returns what was drawn, in ems."""
        points = np.array(self.points, dtype=np.float64).reshape(-1, 2) / units_per_em
        return Shape(bytes(self.ops), points)


class FontProgram(Protocol):
    """What an embedded font program can be asked."""

    def by_code(self, code: int) -> Shape | None:
        """Returns the outline its own encoding gives a code of a simple font."""

    def by_name(self, name: str) -> Shape | None:
        """Returns the outline of a glyph name."""

    def by_cid(self, cid: int) -> Shape | None:
        """Returns the outline of a CID, or of a glyph index in a program that has no CIDs."""

    def name_of_code(self, code: int) -> str | None:
        """Returns the glyph name its own encoding gives a code."""


class TrueTypeProgram:
    """A TrueType or OpenType program."""

    def __init__(self, data: bytes) -> None:
        self._font = TTFont(io.BytesIO(data), lazy=True, recalcBBoxes=False, recalcTimestamp=False)
        self._units = float(self._font["head"].unitsPerEm) or 1000.0
        self._cff: CffProgram | None = None
        self._names: dict[int, str] | None = None
        if "CFF " in self._font:
            self._cff = CffProgram(self._font.getTableData("CFF "))
        else:
            # Subsets often lack names, or have some that lie: glyphs go by index.
            count = min(int(self._font["maxp"].numGlyphs), 65536)
            self._font.setGlyphOrder([f"{index}" for index in range(count)])

    def by_cid(self, cid: int) -> Shape | None:
        """Returns the outline of a CID or glyph index."""
        if self._cff is not None:
            return self._cff.by_cid(cid)
        glyphs = self._font["glyf"]
        name = f"{cid}"
        if name not in glyphs.glyphs:
            return None
        pen = ShapePen(glyphs)
        glyphs[name].draw(pen, glyphs)
        return pen.shape(self._units)

    def by_code(self, code: int) -> Shape | None:
        """Returns the outline its own encoding gives a code."""
        for table in self._cmaps():
            for candidate in (code, 0xF000 + code):
                if candidate in table:
                    return self.by_cid(int(table[candidate]))
        return None

    def by_name(self, name: str) -> Shape | None:
        """Returns the outline of a glyph name."""
        return self._cff.by_name(name) if self._cff is not None else None

    def by_unicode(self, code_point: int) -> Shape | None:
        """Returns the outline of a Unicode code point."""
        for table in self._cmaps():
            if code_point in table:
                return self.by_cid(int(table[code_point]))
        return None

    def name_of_code(self, code: int) -> str | None:
        """Returns the glyph name its own encoding gives a code, where that name says a code point.

        Other names of a subset may be those of other glyphs: many programs keep the standard order of names.
        """
        if self._names is None:
            self._names = _names_of_code_points(self._font.getTableData("post")) if "post" in self._font else {}
        for table in self._cmaps():
            for candidate in (code, 0xF000 + code):
                if candidate in table:
                    return self._names.get(int(table[candidate]))
        return None

    def _cmaps(self) -> list[Mapping[int, str]]:
        if "cmap" not in self._font or self._cff is not None:
            return []
        tables = self._font["cmap"].tables
        return [table.cmap for table in sorted(tables, key=lambda t: -t.platformID) if hasattr(table, "cmap")]


def _names_of_code_points(post: bytes) -> dict[int, str]:
    """Names like "uni26A0" in a `post` table, by glyph index.

    The table's second format: a number of names for each glyph, the standard 258 first, and the others as strings
    after their lengths (Apple's TrueType reference, "The 'post' table").
    """
    if post[:4] != b"\x00\x02\x00\x00" or len(post) < 34:
        return {}
    count = int.from_bytes(post[32:34], "big")
    indices = [int.from_bytes(post[k : k + 2], "big") for k in range(34, min(34 + 2 * count, len(post) - 1), 2)]
    names: list[bytes] = []
    position = 34 + 2 * count
    while position < len(post):
        length = post[position]
        names.append(post[position + 1 : position + 1 + length])
        position += 1 + length
    found: dict[int, str] = {}
    for glyph, index in enumerate(indices):
        own = names[index - _STANDARD_NAMES] if _STANDARD_NAMES <= index < _STANDARD_NAMES + len(names) else b""
        match = _CODE_POINT.fullmatch(own)
        if match:
            found[glyph] = "uni" + match[1].decode("ascii").upper()
    return found


class CffProgram:
    """A bare CFF program, name-keyed or CID-keyed."""

    def __init__(self, data: bytes) -> None:
        fonts = CFFFontSet()
        fonts.decompile(io.BytesIO(data), None)
        self._top = fonts[fonts.fontNames[0]]
        self._strings = self._top.CharStrings
        matrix = getattr(self._top, "FontMatrix", None)
        self._units = 1.0 / matrix[0] if matrix and matrix[0] > 0 else 1000.0
        self._is_cid = hasattr(self._top, "ROS")
        self._order: list[str] = list(self._top.charset)

    def _draw(self, name: str) -> Shape | None:
        if name not in self._strings:
            return None
        pen = ShapePen(None)
        self._strings[name].draw(pen)
        return pen.shape(self._units)

    def by_name(self, name: str) -> Shape | None:
        """Returns the outline of a glyph name."""
        return self._draw(name)

    def by_cid(self, cid: int) -> Shape | None:
        """Returns the outline of a CID or glyph index."""
        if self._is_cid:
            return self._draw(f"cid{cid:05d}")
        return self._draw(self._order[cid]) if cid < len(self._order) else None

    def name_of_code(self, code: int) -> str | None:
        """Returns the glyph name its own encoding gives a code."""
        encoding = getattr(self._top, "Encoding", None)
        if isinstance(encoding, list) and code < len(encoding):
            return str(encoding[code])
        return None

    def by_code(self, code: int) -> Shape | None:
        """Returns the outline its own encoding gives a code."""
        name = self.name_of_code(code)
        return self._draw(name) if name else None


class Type1Program:
    """A Type 1 program."""

    def __init__(self, data: bytes) -> None:
        font = t1Lib.T1Font.__new__(t1Lib.T1Font)
        font.data = _without_pfb_headers(data)
        font.encoding = "ascii"
        font.parse()
        self._strings = font.font["CharStrings"]
        self._encoding = font.font.get("Encoding")
        matrix = font.font.get("FontMatrix")
        self._units = 1.0 / matrix[0] if matrix and matrix[0] > 0 else 1000.0

    def by_name(self, name: str) -> Shape | None:
        """Returns the outline of a glyph name."""
        if name not in self._strings:
            return None
        pen = ShapePen(None)
        self._strings[name].draw(pen)
        return pen.shape(self._units)

    def by_cid(self, cid: int) -> Shape | None:
        """Returns the outline of a CID or glyph index."""
        return None

    def name_of_code(self, code: int) -> str | None:
        """Returns the glyph name its own encoding gives a code."""
        if isinstance(self._encoding, list) and code < len(self._encoding):
            return str(self._encoding[code])
        return None

    def by_code(self, code: int) -> Shape | None:
        """Returns the outline its own encoding gives a code."""
        name = self.name_of_code(code)
        return self.by_name(name) if name else None


def _without_pfb_headers(data: bytes) -> bytes:
    out = bytearray()
    position = 0
    while data[position : position + 1] == b"\x80" and data[position + 1 : position + 2] in (b"\x01", b"\x02"):
        length = int.from_bytes(data[position + 2 : position + 6], "little")
        out += data[position + 6 : position + 6 + length]
        position += 6 + length
    return bytes(out) if out else data


def load(key: str, subtype: str, data: bytes) -> FontProgram | None:
    """Returns the program of a font descriptor's entry, or None when it cannot be read.

    Args:
        key: "/FontFile", "/FontFile2" or "/FontFile3".
        subtype: The stream's subtype for "/FontFile3".
        data: The decoded stream.
    """
    try:
        if data[:4] in (b"\x00\x01\x00\x00", b"true", b"OTTO", b"ttcf"):
            return TrueTypeProgram(data)
        if key == "/FontFile3":
            return TrueTypeProgram(data) if subtype == "/OpenType" else CffProgram(data)
        if key == "/FontFile":
            return Type1Program(data)
        return TrueTypeProgram(data)
    except Exception as error:  # font libraries raise anything on broken data; the page is read without outlines
        log.info("an embedded font cannot be read: %s", type(error).__name__)
        return None

"""Fonts of a PDF: from the bytes a page shows to characters with names, Unicode, widths and outlines."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Any

import pikepdf
from fontTools import agl
from fontTools.encodings.MacRoman import MacRoman
from fontTools.encodings.StandardEncoding import StandardEncoding

from omr_service.pdf import cmaps, fontprograms
from omr_service.pdf.geometry import IDENTITY, Matrix
from omr_service.pdf.shapes import Shape
from omr_service.pdf.streams import StreamDecodeError, StreamTooLargeError, decode, name_text

log = logging.getLogger(__name__)

_SUBSET_PREFIX = re.compile(r"^[A-Z]{6}\+")
_BOLD = re.compile(r"(?i:bold|black|heavy)|Bd(?![a-z])")
_ITALIC = re.compile(r"(?i:ital|obli)|It(a)?(?![a-z])")
_ASCENT, _DESCENT = 0.8, -0.2
# Letters reach over at least so many ems from lowest to highest; programs write other units than thousandths.
_LEAST_REACH = 0.4
_FLAG_SYMBOLIC, _FLAG_ITALIC, _FLAG_FORCE_BOLD = 4, 64, 1 << 18


def _win_ansi() -> list[str]:
    names: list[str] = []
    for code in range(256):
        char = bytes((code,)).decode("cp1252", "replace")
        names.append(agl.UV2AGL.get(ord(char), ".notdef") if code >= 32 else ".notdef")
    return names


_ENCODINGS: dict[str, list[str]] = {
    "/WinAnsiEncoding": _win_ansi(),
    "/MacRomanEncoding": list(MacRoman),
    "/StandardEncoding": list(StandardEncoding),
}


@dataclass(slots=True)
class Font:
    """A font as a page uses it.

    Attributes:
        name: PostScript name without subset prefix.
        bold, italic: From the name and the descriptor's flags.
        ascent, descent: In ems; descent is negative.
        matrix: Glyph space to text space; for Type 3 fonts what the file says, otherwise thousandths.
        composite: True for a Type 0 font.
        char_procs: For Type 3 fonts, the content stream of each code.
        resources: For Type 3 fonts, what the content streams refer to.
    """

    name: str
    bold: bool = False
    italic: bool = False
    ascent: float = _ASCENT
    descent: float = _DESCENT
    matrix: Matrix = (0.001, 0.0, 0.0, 0.001, 0.0, 0.0)
    composite: bool = False
    vertical: bool = False
    char_procs: dict[int, pikepdf.Stream] = field(default_factory=dict)
    resources: Any = None
    program: fontprograms.FontProgram | None = None
    _widths: dict[int, float] = field(default_factory=dict)
    _default_width: float = 0.0
    _names: dict[int, str] = field(default_factory=dict)
    _to_unicode: cmaps.CMap | None = None
    _code_map: cmaps.CMap | None = None
    _gids: bytes | None = None
    _shapes: dict[int, Shape | None] = field(default_factory=dict)

    @property
    def encoding_names(self) -> frozenset[str]:
        """The glyph names the font's encoding in the file gives its codes."""
        return frozenset(self._names.values())

    @property
    def has_to_unicode(self) -> bool:
        """Whether the file itself says what text the codes are."""
        return self._to_unicode is not None and bool(self._to_unicode.unicode)

    def codes(self, data: bytes) -> list[tuple[int, int]]:
        """Returns the character codes in a shown string with their lengths in bytes."""
        if not self.composite:
            return [(code, 1) for code in data]
        if self._code_map is None or not self._code_map.code_spaces:
            return [(data[i] << 8 | data[i + 1], 2) for i in range(0, len(data) - 1, 2)]
        out: list[tuple[int, int]] = []
        position = 0
        spaces = self._code_map.code_spaces
        while position < len(data):
            for length in (1, 2, 3, 4):
                code = int.from_bytes(data[position : position + length], "big")
                if any(n == length and low <= code <= high for n, low, high in spaces):
                    break
            else:
                length = min(n for n, _, _ in spaces)
                code = int.from_bytes(data[position : position + length], "big")
            out.append((code, length))
            position += length
        return out

    def cid(self, code: int) -> int:
        """Returns the CID of a code of a composite font."""
        return self._code_map.cid(code) if self._code_map is not None else code

    def width(self, code: int) -> float:
        """Returns the horizontal advance of a code in text space units (ems)."""
        key = self.cid(code) if self.composite else code
        width = self._widths.get(key, self._default_width)
        return width * self.matrix[0] if self.char_procs else width / 1000.0

    def unicode(self, code: int) -> str | None:
        """Returns the text of a code by ToUnicode, encoding or glyph name; None when nothing says."""
        if self._to_unicode is not None and code in self._to_unicode.unicode:
            return self._to_unicode.unicode[code]
        name = self.glyph_name(code)
        if name is None:
            return None
        text = agl.toUnicode(name)
        return text or None

    def glyph_name(self, code: int) -> str | None:
        """Returns the PostScript glyph name of a code by encoding or by the font program; None when nothing says."""
        name = self._names.get(code)
        if name is None and self.program is not None and not self.composite:
            name = self.program.name_of_code(code)
        return None if name == ".notdef" else name

    def shape(self, code: int) -> Shape | None:
        """Returns the outline of a code in ems, y up; None when the font is not embedded or has no such glyph."""
        if code not in self._shapes:
            self._shapes[code] = self._find_shape(code)
        return self._shapes[code]

    def set_shape(self, code: int, shape: Shape | None) -> None:
        """Keeps what a Type 3 font's content stream draws for a code."""
        self._shapes[code] = shape

    def has_shape(self, code: int) -> bool:
        """Returns whether the outline of a code is known already."""
        return code in self._shapes

    def _find_shape(self, code: int) -> Shape | None:
        program = self.program
        if program is None:
            return None
        try:
            if self.composite:
                cid = self.cid(code)
                if self._gids is not None:
                    cid = int.from_bytes(self._gids[2 * cid : 2 * cid + 2], "big")
                return program.by_cid(cid)
            name = self._names.get(code)
            shape = program.by_name(name) if name else None
            if shape is None and isinstance(program, fontprograms.TrueTypeProgram):
                text = self.unicode(code) if name else None
                shape = program.by_unicode(ord(text)) if text and len(text) == 1 else None
            return shape if shape is not None else program.by_code(code)
        except Exception as error:  # a broken glyph is a glyph without outline
            log.info("a glyph of %s cannot be drawn: %s", self.name, type(error).__name__)
            return None


def _number(value: Any, default: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _stream_bytes(value: Any) -> bytes | None:
    if not isinstance(value, pikepdf.Stream):
        return None
    try:
        return decode(value, fontprograms.MAX_PROGRAM_BYTES)
    except (StreamDecodeError, StreamTooLargeError) as error:
        log.info("a font's stream is left out: %s", type(error).__name__)
        return None


def _array(value: Any) -> list[Any]:
    return list(value) if isinstance(value, pikepdf.Array) else []


def _matrix(value: Any) -> Matrix:
    numbers = [_number(item, 0.0) for item in _array(value)]
    return (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]) if len(numbers) == 6 else IDENTITY


def _load_program(descriptor: Any) -> fontprograms.FontProgram | None:
    if not isinstance(descriptor, pikepdf.Dictionary):
        return None
    for key in ("/FontFile3", "/FontFile2", "/FontFile"):
        stream: Any = descriptor.get(key)
        data = _stream_bytes(stream)
        if data:
            return fontprograms.load(key, name_text(stream.get("/Subtype", "")), data)
    return None


def _read_encoding(font: Font, encoding: Any, symbolic: bool, embedded: bool) -> None:
    base: list[str] | None = None
    if isinstance(encoding, pikepdf.Name):
        base = _ENCODINGS.get(name_text(encoding))
    elif isinstance(encoding, pikepdf.Dictionary):
        base = _ENCODINGS.get(name_text(encoding.get("/BaseEncoding", "")))
    if base is None and not symbolic and not embedded:
        base = _ENCODINGS["/StandardEncoding"]
    if base is not None:
        font._names.update({code: name for code, name in enumerate(base) if name != ".notdef"})
    if isinstance(encoding, pikepdf.Dictionary):
        code = 0
        for item in _array(encoding.get("/Differences")):
            if isinstance(item, pikepdf.Name):
                font._names[code] = name_text(item)[1:]
                code += 1
            else:
                code = int(_number(item, code))


def _read_simple(font: Font, source: pikepdf.Dictionary, descriptor: Any, flags: int) -> None:
    first = int(_number(source.get("/FirstChar"), 0))
    for offset, width in enumerate(_array(source.get("/Widths"))[:256]):
        font._widths[first + offset] = _number(width, 0.0)
    if isinstance(descriptor, pikepdf.Dictionary):
        font._default_width = _number(descriptor.get("/MissingWidth"), 0.0)
    elif not font._widths:
        font._default_width = 500.0  # one of the fourteen standard fonts, whose metrics are the viewer's
    _read_encoding(font, source.get("/Encoding"), bool(flags & _FLAG_SYMBOLIC), font.program is not None)


def _read_type3(font: Font, source: pikepdf.Dictionary) -> None:
    font.matrix = _matrix(source.get("/FontMatrix"))
    font.resources = source.get("/Resources")
    procs = source.get("/CharProcs")
    if isinstance(procs, pikepdf.Dictionary):
        for code, name in font._names.items():
            proc = procs.get("/" + name)
            if isinstance(proc, pikepdf.Stream):
                font.char_procs[code] = proc


def _read_composite(font: Font, source: pikepdf.Dictionary, descendant: pikepdf.Dictionary) -> None:
    encoding = source.get("/Encoding")
    if isinstance(encoding, pikepdf.Stream):
        data = _stream_bytes(encoding)
        font._code_map = cmaps.parse(data) if data else None
    font._default_width = _number(descendant.get("/DW"), 1000.0)
    items = _array(descendant.get("/W"))
    index = 0
    while index + 1 < len(items):
        first = int(_number(items[index], 0))
        if isinstance(items[index + 1], pikepdf.Array):
            for offset, width in enumerate(_array(items[index + 1])):
                font._widths[first + offset] = _number(width, 0.0)
            index += 2
        elif index + 2 < len(items):
            width = _number(items[index + 2], 0.0)
            for cid in range(first, min(int(_number(items[index + 1], 0)), first + 65535) + 1):
                font._widths[cid] = width
            index += 3
        else:
            break
    gids = descendant.get("/CIDToGIDMap")
    font._gids = _stream_bytes(gids)


def load_font(source: pikepdf.Dictionary) -> Font:
    """Returns a font from its dictionary; what is missing or broken in it is left at its default."""
    subtype = name_text(source.get("/Subtype", ""))
    holder: Any = source
    if subtype == "/Type0":
        descendants = _array(source.get("/DescendantFonts"))
        holder = descendants[0] if descendants and isinstance(descendants[0], pikepdf.Dictionary) else source
    descriptor = holder.get("/FontDescriptor")
    name = _SUBSET_PREFIX.sub("", name_text(source.get("/BaseFont", "/"))[1:])
    flags = 0
    font = Font(name=name, composite=subtype == "/Type0")
    if isinstance(descriptor, pikepdf.Dictionary):
        flags = int(_number(descriptor.get("/Flags"), 0))
        ascent = _number(descriptor.get("/Ascent"), 1000 * _ASCENT) / 1000.0 or _ASCENT
        descent = -abs(_number(descriptor.get("/Descent"), 1000 * _DESCENT)) / 1000.0
        if ascent - descent >= _LEAST_REACH:
            font.ascent, font.descent = ascent, descent
    font.bold = bool(_BOLD.search(name)) or bool(flags & _FLAG_FORCE_BOLD)
    font.italic = bool(_ITALIC.search(name)) or bool(flags & _FLAG_ITALIC)
    font.program = _load_program(descriptor)
    to_unicode = _stream_bytes(source.get("/ToUnicode"))
    font._to_unicode = cmaps.parse(to_unicode) if to_unicode else None
    if font.composite:
        _read_composite(font, source, holder)
    else:
        _read_simple(font, source, descriptor, flags)
        if subtype == "/Type3":
            _read_type3(font, source)
    return font

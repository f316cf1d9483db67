"""Which SMuFL symbol a character of a font is, by its Unicode, its glyph name, and its font."""

from __future__ import annotations

from dataclasses import dataclass

from omr_service.pdf import emmentaler, smufl
from omr_service.pdf.fonts import Font


@dataclass(frozen=True, slots=True)
class NamedChar:
    """A character known to be a music symbol.

    Attributes:
        name: SMuFL name.
        scale: Size of the symbol relative to the font's em: less than 1 for glyphs drawn small, as clef changes are.
        anchored: True when the character's origin is SMuFL's; otherwise the symbol is to be placed by its ink.
        digit: True for a digit of a font that has one set of digits for all uses.
    """

    name: str
    scale: float = 1.0
    anchored: bool = True
    digit: bool = False


class SymbolNames:
    """Names the characters of one font."""

    def __init__(self, font: Font) -> None:
        self._font = font
        self._is_emmentaler = emmentaler.is_family(font.name, font.encoding_names)
        self._known: dict[int, NamedChar | None] = {}

    @property
    def by_glyph_name(self) -> bool:
        """Whether the names are those that the font itself gives its glyphs."""
        return self._is_emmentaler

    def of(self, code: int) -> NamedChar | None:
        """Returns what symbol a code is, or None when it is none, or nothing says which."""
        if code not in self._known:
            self._known[code] = self._emmentaler(code) if self._is_emmentaler else self._smufl(code)
        return self._known[code]

    def _smufl(self, code: int) -> NamedChar | None:
        text = self._font.unicode(code)
        if text is None or len(text) != 1:
            return None
        name = smufl.name_of(ord(text))
        return NamedChar(name) if name else None

    def _emmentaler(self, code: int) -> NamedChar | None:
        glyph_name = self._font.glyph_name(code)
        name = emmentaler.smufl_name(glyph_name) if glyph_name else None
        if glyph_name is None or name is None:
            return None
        return NamedChar(
            name,
            scale=emmentaler.CHANGE_CLEF_SCALE if glyph_name.endswith("_change") else 1.0,
            anchored=emmentaler.origin_is_smufl(glyph_name),
            digit=emmentaler.is_digit(glyph_name),
        )

"""Which SMuFL symbol a character of a font is, by its Unicode, its glyph name, and its font."""

from __future__ import annotations

from omr_service.pdf import smufl
from omr_service.pdf.fonts import Font


def smufl_name(font: Font, code: int) -> str | None:
    """Returns the SMuFL name of a character, or None when it is no music symbol or nothing says which."""
    text = font.unicode(code)
    if text is not None and len(text) == 1:
        return smufl.name_of(ord(text))
    return None

"""The fonts of the engraved pages as TrueType bytes, taken from what the Verovio package carries.

Verovio embeds its text fonts in SVG as WOFF2 style sheets, which a browser reads and a PDF writer does not. A PDF that
relied on fonts of the machine would look different on each, or have boxes for texts on one that has none.
"""

from __future__ import annotations

import base64
import io
import re
from functools import cache
from pathlib import Path

import verovio
from fontTools.ttLib import TTFont

TEXT_FAMILY = "Liberation Serif"
_EMBEDDED = re.compile(r"base64,([A-Za-z0-9+/=]+)")


@cache
def font_files() -> dict[str, bytes]:
    """TrueType files by name: the music font for signs within text (metronome marks) and four faces for text."""
    data = Path(verovio.__file__).parent / "data"
    files = {}
    for sheet in ("Leipzig", "Liberation"):
        for index, match in enumerate(_EMBEDDED.finditer((data / f"{sheet}.css").read_text())):
            font = TTFont(io.BytesIO(base64.b64decode(match[1])))
            font.flavor = None
            buffer = io.BytesIO()
            font.save(buffer)
            files[f"{sheet}-{index}.ttf"] = buffer.getvalue()
    return files

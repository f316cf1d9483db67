"""One vector PDF of SVG pages, made by Typst."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst

FONTS = Path(__file__).parent / "fonts"
"""The music font, for signs within text such as metronome marks. Text is set in the open fonts Typst carries: a PDF
that relied on fonts of the machine would look different on each."""
TEXT_FAMILY = "Libertinus Serif"
_STYLE_SHEET = re.compile(r"<style[^>]*>@font-face.*?</style>", re.DOTALL)
_FAMILY = re.compile(r'font-family="Times[^"]*"')


def pdf_bytes(pages: Sequence[str], title: str = "", author: str = "") -> bytes:
    """An A4 PDF with one SVG per page, all of it vectors and embedded fonts; the same pages give the same bytes."""
    source = [
        f"#set document(title: {_quoted(title)}, author: {_quoted(author)}, date: none)",
        '#set page(paper: "a4", margin: 0pt)',
        *(f'#page(image("page-{n}.svg", width: 100%, height: 100%))' for n in range(1, len(pages) + 1)),
    ]
    files: Any = {"main.typ": "\n".join(source).encode()}
    for number, page in enumerate(pages, 1):
        files[f"page-{number}.svg"] = _for_typst(page).encode()
    pdf = typst.compile(
        files,
        format="pdf",
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
        timestamp=int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()),
    )
    return bytes(pdf)


def _quoted(text: str) -> str:
    """A Typst string literal."""
    plain = "".join(character for character in text if character.isprintable())
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _for_typst(svg: str) -> str:
    """The page without the style sheets of web fonts, and its text in the family that is at hand."""
    return _FAMILY.sub(f'font-family="{TEXT_FAMILY}"', _STYLE_SHEET.sub("", svg))

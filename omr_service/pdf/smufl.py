"""SMuFL: code points and glyph names."""

from __future__ import annotations

from functools import cache
from importlib import resources

# The range the specification gives to recommended glyphs, and the one it leaves to optional glyphs of each font.
RECOMMENDED = range(0xE000, 0xF400)
OPTIONAL = range(0xF400, 0xF900)


@cache
def _table() -> tuple[dict[int, str], dict[int, str]]:
    recommended: dict[int, str] = {}
    unicode_equivalents: dict[int, str] = {}
    text = resources.files(__package__).joinpath("smufl.tsv").read_text(encoding="ascii")
    for line in text.splitlines()[2:]:
        code_point, name, equivalent = line.split("\t")
        recommended[int(code_point, 16)] = name
        if equivalent:
            unicode_equivalents[int(equivalent, 16)] = name
    return recommended, unicode_equivalents


@cache
def known_names() -> frozenset[str]:
    """Returns every glyph name of the specification."""
    return frozenset(_table()[0].values())


def name_of(code_point: int) -> str | None:
    """Returns the name of a SMuFL code point, or None when the specification does not give it one."""
    return _table()[0].get(code_point)


def name_of_unicode(code_point: int) -> str | None:
    """Returns the SMuFL name of a character of Unicode's own music blocks (U+266D.., U+1D100..), or None."""
    return _table()[1].get(code_point)

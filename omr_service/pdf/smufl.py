"""SMuFL: code points and glyph names."""

from __future__ import annotations

from functools import cache
from importlib import resources

# The range the specification gives to recommended glyphs, and the one it leaves to optional glyphs of each font.
RECOMMENDED = range(0xE000, 0xF400)
OPTIONAL = range(0xF400, 0xF900)


@cache
def _table() -> dict[int, str]:
    text = resources.files(__package__).joinpath("smufl.tsv").read_text(encoding="ascii")
    rows = (line.split("\t") for line in text.splitlines()[2:])
    return {int(code_point, 16): name for code_point, name, _ in rows}


@cache
def known_names() -> frozenset[str]:
    """Returns every glyph name of the specification."""
    return frozenset(_table().values())


def name_of(code_point: int) -> str | None:
    """Returns the name of a SMuFL code point, or None when the specification does not give it one."""
    return _table().get(code_point)

"""Chord symbols ("Dm7", "G/B"), which name harmony over the staves."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from omr_service.assembler.geometry import System
from omr_service.assembler.music import MarkSign
from omr_service.assembler.page.dynamics_words import staff_of
from omr_service.symbols import Text

_ROOT = r"[A-H](?:[#b\u266d\u266f])?"
_WORD = r"maj|min|dim|aug|sus|add|no|m|M|\+|-|°|ø|Δ|△"
_KIND = rf"(?:{_WORD}|[#b♭♯]?(?:2|4|5|6|7|9|11|13)|[(),])*"
_SYMBOL = re.compile(rf"{_ROOT}{_KIND}(?:/{_ROOT})?$")
_LEAST = 3
"""Chord symbols that a page has at least, where it has any: one letter alone names many things."""


def find_chord_symbols(texts: Sequence[Text], systems: Sequence[System]) -> dict[Text, int]:
    """The chord symbols among the texts of a page: some of one font and size over first staves, not all mere letters;
    with the index of the system that each stands over, however near it is to the one over it.

    Args:
        texts: Texts of the page.
        systems: Its systems.
    """
    groups: dict[tuple[str, int, bool], list[Text]] = defaultdict(list)
    owners: dict[Text, int] = {}
    for text in texts:
        over = [system for system in systems if _is_over(text, system)]
        if over:
            owners[text] = min(over, key=lambda s: s.staves[0].top(text.x)).index
        if over and not text.italic and _SYMBOL.match(text.text.strip()):
            groups[text.font, round(text.size * 2), text.bold].append(text)
    found: dict[Text, int] = {}
    for group in groups.values():
        letters = [t.text.strip() for t in group if len(t.text.strip()) == 1]
        rehearsal = len(letters) == len(group) and len(set(letters)) == len(letters)
        if len(group) >= _LEAST and not rehearsal:
            found.update((t, owners[t]) for t in group)
    return found


def harmony_mark(text: Text, system: System) -> MarkSign:
    """A chord symbol as a mark of its system."""
    staff, above = staff_of(text.box, system)
    return MarkSign("harmony", text.text.strip(), system.index, staff, text.box.x0, text.box.x1, text.box, above)


def _is_over(text: Text, system: System) -> bool:
    """True for a text close over the first staff of a system."""
    staff = system.staves[0]
    return 0 < staff.top(text.x) - text.box.y1 < 10 * staff.space and staff.x0 < text.box.x1

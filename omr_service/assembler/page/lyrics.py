"""Words that are sung, which are no directions, and marks between two systems: whose they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from omr_service.assembler.geometry import System, center
from omr_service.assembler.music import Element
from omr_service.symbols import Box, Text

_LEAST_SYLLABLES = 4
_LEAST_ITALIC = 7
_UNDER_NOTES = 0.6
_MOST_NOTES = 0.6
_SUNG = re.compile(r"[^\W\d_]|^[-–—_]+$")


class Boxed(Protocol):
    """Anything that has a place on the page."""

    @property
    def box(self) -> Box:
        """Its ink."""


DOWNWARD = 3.0
"""Spaces by which a dynamic may be nearer to the system under it than to the one over it and yet belong to the latter:
those of keyboard music stand between its staves or under them."""


def find_lyrics(texts: Sequence[Text], elements: Sequence[Element], system: System) -> set[Text]:
    """The texts of a system that are syllables under the notes of one of its staves.

    Syllables share a baseline, a font and a size, and most of them stand under a note each; the hyphens between them
    are sung with them.

    Args:
        texts: Texts of the system.
        elements: Its chords and rests.
        system: The system.
    """
    rows: dict[tuple[str, int, bool, bool], list[Text]] = defaultdict(list)
    for text in texts:
        if text.x > system.x0 and _SUNG.search(text.text):
            rows[text.font, round(text.size * 2), text.bold, text.italic].append(text)
    sung: set[Text] = set()
    for (_, _, bold, italic), row in rows.items():
        row.sort(key=lambda t: t.y)
        while row:
            line = [t for t in row if t.y - row[0].y < 0.4 * system.space]
            row = row[len(line) :]
            syllables = [t for t in line if any(c.isalpha() for c in t.text)]
            least = _LEAST_ITALIC if italic or bold else _LEAST_SYLLABLES
            if len(syllables) < least:
                continue
            under = sum(_stands_under_a_note(t, elements, system) for t in syllables)
            # words of other kinds come again and again over a line, but under some of its notes only
            varied = len({t.text for t in syllables}) >= 0.5 * len(syllables)
            if not varied and under < _MOST_NOTES * _notes_over(line, elements, system):
                continue
            if under >= _UNDER_NOTES * len(syllables):
                sung.update(line)
    return sung


def _notes_over(line: Sequence[Text], elements: Sequence[Element], system: System) -> int:
    """How many chords the staff over a line of text has, from its first text to its last."""
    x0, x1, y = min(t.box.x0 for t in line), max(t.box.x1 for t in line), line[0].y
    over = [k for k, staff in enumerate(system.staves) if staff.bottom(x0) < y]
    return sum(bool(e.notes) and e.staff == over[-1] and x0 <= e.x <= x1 for e in elements) if over else 0


def _stands_under_a_note(text: Text, elements: Sequence[Element], system: System) -> bool:
    x, y = center(text.box)
    reach = max(0.5 * (text.box.x1 - text.box.x0), 1.2 * system.space)
    over = [k for k, staff in enumerate(system.staves) if staff.bottom(x) < y]
    return bool(over) and any(
        e.notes and e.staff == over[-1] and abs((e.x + e.x1) / 2 - x) < reach and e.box.y0 < y for e in elements
    )


def is_of_upper(
    mark: Boxed, upper: System, lower: System, elements: Mapping[int, Sequence[Element]], bias: float = DOWNWARD
) -> bool:
    """Whether a mark between two systems belongs to the upper one: it is nearer to what stands there.

    Args:
        mark: The mark.
        upper, lower: The systems.
        elements: Chords and rests by system.
        bias: Spaces by which it may be nearer to the lower one; none where that one's first staff is no keyboard's.
    """
    box, space = mark.box, upper.space
    x, _ = center(box)
    bottom = max([upper.staves[-1].bottom(x), *(e[1] for e in _extents(elements.get(upper.index, ()), box, space))])
    top = min([lower.staves[0].top(x), *(e[0] for e in _extents(elements.get(lower.index, ()), box, space))])
    favour = bias if lower.keyboard[0] == 0 else 0.0
    return box.y0 - bottom <= top - box.y1 + favour * space


def _extents(elements: Sequence[Element], box: Box, space: float) -> list[tuple[float, float]]:
    """Highest and lowest point of the chords over or under a box."""
    return [
        (min(e.box.y0, e.tip), max(e.box.y1, e.tip))
        for e in elements
        if e.notes and e.x1 > box.x0 - 0.5 * space and e.x < box.x1 + 0.5 * space
    ]

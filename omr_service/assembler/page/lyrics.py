"""Words that are sung, which are no directions, and marks between two systems: whose they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from omr_service.assembler.geometry import System, center
from omr_service.assembler.music import Element
from omr_service.assembler.page.dynamics_words import SPELLED
from omr_service.symbols import Box, Text

_LEAST_SYLLABLES = 4
_LEAST_ITALIC = 7
_LEAST_JOINED = 8
"""Words of one text, of which each may be a syllable, that tell so by themselves."""
_UNDER_NOTES = 0.6
_MOST_NOTES = 0.6
_SAME_PLACE = 0.3
"""Spaces by which lines of lyrics may stand lower under their staff in one system than in another."""
_CENTRED = 0.7
"""Spaces between the middles of a syllable and its note at most, where a syllable is told by little more."""
_ALMOST_ALL = 0.75
"""Part of the syllables of such a line that stand so; of few syllables, all."""
_Style = tuple[str, int, bool, bool]
_Place = tuple[_Style, int, float]
"""Font, double size, bold and italic; staff in the system; spaces from its bottom line to the baseline."""
_SUNG = re.compile(r"[^\W\d_]|^[-–—_]+$")


class Boxed(Protocol):
    """Anything that has a place on the page."""

    @property
    def box(self) -> Box:
        """Its ink."""


DOWNWARD = 3.0
"""Spaces by which a dynamic may be nearer to the system under it than to the one over it and yet belong to the latter:
those of keyboard music stand between its staves or under them."""


def find_lyrics(
    texts: Mapping[int, Sequence[Text]], elements: Mapping[int, Sequence[Element]], systems: Sequence[System]
) -> set[Text]:
    """The texts of a page that are syllables under notes.

    Syllables share a baseline, a font and a size, and most of them stand under a note each; the hyphens between them
    are sung with them. A line of too few syllables to be told by themselves is sung where lyrics of its style have the
    same place in another system.

    Args:
        texts: Texts by system.
        elements: Chords and rests by system.
        systems: The systems of the page.
    """
    sung: set[Text] = set()
    places: set[_Place] = set()
    for system in systems:
        found = _long_lines(texts[system.index], elements.get(system.index, ()), system)
        places.update(place for text in found if (place := _place(text, system)) is not None)
        sung |= found
    for system in systems if places else ():
        left = [t for t in texts[system.index] if t not in sung]
        sung |= _short_lines(left, elements.get(system.index, ()), system, places)
    return sung


def _long_lines(texts: Sequence[Text], elements: Sequence[Element], system: System) -> set[Text]:
    """Lines of many syllables."""
    sung: set[Text] = set()
    for line in _lines(texts, system):
        syllables = [t for t in line if any(c.isalpha() for c in t.text)]
        least = _LEAST_ITALIC if line[0].italic or line[0].bold else _LEAST_SYLLABLES
        if _a_word_for_each_note(line, elements, system) and not (line[0].italic or line[0].bold):
            sung.update(line)
            continue
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


def _short_lines(
    texts: Sequence[Text], elements: Sequence[Element], system: System, places: Collection[_Place]
) -> set[Text]:
    """Lines of few syllables in the style and the place that lyrics have elsewhere."""
    sung: set[Text] = set()
    for line in _lines(texts, system):
        own = _place(line[0], system)
        syllables = [t for t in line if any(c.isalpha() for c in t.text)]
        alike = [abs(own[2] - place[2]) for place in places if own is not None and own[:2] == place[:2]]
        under = sum(_stands_under_a_note(t, elements, system, _CENTRED) for t in syllables)
        if not alike or under < _ALMOST_ALL * len(syllables):
            if alike and min(alike) < _SAME_PLACE and _a_word_for_each_note(line, elements, system, 1):
                sung.update(line)
            continue
        if min(alike) < _SAME_PLACE or len(syllables) > 1:
            sung.update(line)
    return sung


def _lines(texts: Sequence[Text], system: System) -> Iterator[list[Text]]:
    """Texts of one style on one baseline, without dynamics, which nobody sings."""
    rows: dict[_Style, list[Text]] = defaultdict(list)
    for text in texts:
        if text.x > system.x0 and _SUNG.search(text.text) and text.text.strip() not in SPELLED:
            rows[_style(text)].append(text)
    for row in rows.values():
        row.sort(key=lambda t: t.y)
        while row:
            line = [t for t in row if t.y - row[0].y < 0.4 * system.space]
            row = row[len(line) :]
            yield line


def _style(text: Text) -> _Style:
    return text.font, round(text.size * 2), text.bold, text.italic


def _place(text: Text, system: System) -> _Place | None:
    """Style, staff and spaces under that; None for what is over the first staff."""
    over = [k for k, staff in enumerate(system.staves) if staff.bottom(text.x) < text.y]
    if not over:
        return None
    return _style(text), over[-1], (text.y - system.staves[over[-1]].bottom(text.x)) / system.space


def _a_word_for_each_note(
    line: Sequence[Text], elements: Sequence[Element], system: System, least: int = _LEAST_JOINED
) -> bool:
    """Whether a line is of syllables so close to each other that they are one text: one for about each note."""
    words = sum(len(text.text.split()) for text in line)
    notes = _notes_over(line, elements, system)
    return words >= max(least, 1 + len(line)) and _MOST_NOTES * notes <= words <= notes / _MOST_NOTES


def _notes_over(line: Sequence[Text], elements: Sequence[Element], system: System) -> int:
    """How many chords the staff over a line of text has, from its first text to its last."""
    x0, x1, y = min(t.box.x0 for t in line), max(t.box.x1 for t in line), line[0].y
    over = [k for k, staff in enumerate(system.staves) if staff.bottom(x0) < y]
    return sum(bool(e.notes) and e.staff == over[-1] and x0 <= e.x <= x1 for e in elements) if over else 0


def _stands_under_a_note(text: Text, elements: Sequence[Element], system: System, centred: float | None = None) -> bool:
    """Whether the middle of a text stands under a note, within `centred` spaces of its middle where that is given."""
    x, y = center(text.box)
    reach = max(0.5 * (text.box.x1 - text.box.x0), 1.2 * system.space)
    reach = reach if centred is None else centred * system.space
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

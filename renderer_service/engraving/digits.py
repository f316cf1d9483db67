"""Where the finger numbers of an engraved page stand, as far as Verovio leaves it open.

Verovio sets each digit over the middle of its own notehead. In a chord with a second, whose heads stand in two
columns, that tears the chord's digits apart, and a digit beside a stem touches it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

MEI = "{http://www.music-encoding.org/ns/mei}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_DIGIT = re.compile(r'<g id="([^"]*)" class="fing" data-startid="#([^"]*)"')
_STEM = re.compile(r'class="stem"><path d="M(\d+) (\d+) L\1 (\d+)"')
_TEXT = re.compile(
    r'(?<=data-startid="#)([^"]*)("><text x=")(\d+)'
    r'(" y="(\d+)"[^>]*>(?:<tspan[^>]*>)*?<tspan font-size="(\d+)px">)([^<]*)'
)
DIGIT_WIDTH, DIGIT_HEIGHT = 0.5, 0.68
"""Of a digit of the text face, in parts of its font size."""
GAP = 0.16
"""Free space between a digit and a stem, in parts of the font size: a third of a digit."""


def in_one_column(root: ET.Element) -> dict[str, str]:
    """Has the digits of each chord stand in one column, in the order of the notes, in the MEI under `root`.

    They start at the chord then and no longer at their notes; the id of the note of each such digit, by the digit's
    own id, is the result.
    """
    notes: dict[str, tuple[str, int]] = {}
    for chord in root.iter(f"{MEI}chord"):
        for note in chord.iter(f"{MEI}note"):
            step = int(note.get("oct", 0)) * 7 + "cdefgab".find(note.get("pname", "c"))
            notes[note.get(_ID, "")] = (chord.get(_ID, ""), step)
    note_of: dict[str, str] = {}
    for measure in root.iter(f"{MEI}measure"):
        below: dict[str, list[tuple[int, int, ET.Element]]] = defaultdict(list)
        for index, digit in enumerate(measure):
            note_id = digit.get("startid", "").removeprefix("#")
            if digit.tag != f"{MEI}fing" or note_id not in notes:
                continue
            chord_id, step = notes[note_id]
            note_of[digit.get(_ID, "")] = note_id
            digit.set("startid", f"#{chord_id}")
            if digit.get("place") == "below":
                below[chord_id].append((index, step, digit))
        for stack in below.values():
            # The first in the document stands next to the chord, so below it the highest note comes first.
            from_top = sorted(stack, key=lambda entry: -entry[1])
            for (index, _, _), (_, _, digit) in zip(stack, from_top, strict=True):
                measure[index] = digit
    return note_of


def named(svg: str, note_of: Mapping[str, str]) -> str:
    """The page with each digit naming its note (`note_of`, by the digit's id) where it named its chord."""

    def digit(match: re.Match[str]) -> str:
        return f'<g id="{match[1]}" class="fing" data-startid="#{note_of.get(match[1], match[2])}"'

    return _DIGIT.sub(digit, svg)


def clear_of_stems(svg: str) -> str:
    """The page with the digits that touched a stem moved aside, away from it; those of one chord move together."""
    stems = sorted((int(x), min(int(a), int(b)), max(int(a), int(b))) for x, a, b in _STEM.findall(svg))
    shifts: dict[str, int] = {}
    for start, _, left, _, base, size, text in _TEXT.findall(svg):
        shift = _shift(stems, int(left), int(base), int(size), len(text))
        shifts[start] = max(shifts.get(start, 0), shift, key=abs)

    def moved(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{int(match[3]) + shifts[match[1]]}{match[4]}{match[7]}"

    return _TEXT.sub(moved, svg)


def _shift(stems: list[tuple[int, int, int]], x: int, base: int, size: int, length: int) -> int:
    """How far to the right a text over the middle `x` has to move from the `stems` (x, top, bottom) it touches."""
    reach = size * (DIGIT_WIDTH * length / 2 + GAP)
    for stem, top, bottom in stems[bisect_left(stems, (int(x - reach), 0, 0)) :]:
        if stem > x + reach:
            break
        if top < base and bottom > base - size * DIGIT_HEIGHT:
            return round(stem - reach if stem >= x else stem + reach) - x
    return 0

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
from typing import NamedTuple

MEI = "{http://www.music-encoding.org/ns/mei}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_DIGIT = re.compile(r'(?<=<g id=")([^"]*)(" class="fing")')
_STEM = re.compile(r'class="stem"><path d="M(\d+) (\d+) L\1 (\d+)"')
_TEXT = re.compile(
    r'(?<=<g id=")([^"]*)(" class="fing"><text x=")(\d+)'
    r'(" y="(\d+)"[^>]*>(?:<tspan[^>]*>)*?<tspan font-size="(\d+)px">)([^<]*)'
)
DIGIT_WIDTH, DIGIT_HEIGHT = 0.5, 0.68
"""Of a digit of the text face, in parts of its font size."""
GAP = 0.16
"""Free space between a digit and a stem, in parts of the font size: a third of a digit."""


class Start(NamedTuple):
    """Where a digit starts: the id of its note, and that of the note or chord over whose middle it stands."""

    note: str
    mark: str


def in_one_column(root: ET.Element) -> dict[str, Start]:
    """Has the digits of each chord stand in one column, in the order of the notes, in the MEI under `root`.

    They start at the chord then and no longer at their notes. Where each digit of the document starts, by its id, is
    the result.
    """
    notes: dict[str, tuple[str, int]] = {}
    for chord in root.iter(f"{MEI}chord"):
        for note in chord.iter(f"{MEI}note"):
            step = int(note.get("oct", 0)) * 7 + "cdefgab".find(note.get("pname", "c"))
            notes[note.get(_ID, "")] = (chord.get(_ID, ""), step)
    starts: dict[str, Start] = {}
    for measure in root.iter(f"{MEI}measure"):
        below: dict[str, list[tuple[int, int, ET.Element]]] = defaultdict(list)
        for index, digit in enumerate(measure):
            if digit.tag != f"{MEI}fing":
                continue
            note_id = digit.get("startid", "").removeprefix("#")
            chord_id, step = notes.get(note_id, ("", 0))
            starts[digit.get(_ID, "")] = Start(note_id, chord_id or note_id)
            if not chord_id:
                continue
            digit.set("startid", f"#{chord_id}")
            if digit.get("place") == "below":
                below[chord_id].append((index, step, digit))
        for stack in below.values():
            # The first in the document stands next to the chord, so below it the highest note comes first.
            from_top = sorted(stack, key=lambda entry: -entry[1])
            for (index, _, _), (_, _, digit) in zip(stack, from_top, strict=True):
                measure[index] = digit
    return starts


def named(svg: str, starts: Mapping[str, Start]) -> str:
    """The page with each digit naming its note.

    Verovio could write what a digit starts at itself, but asking it for one attribute makes it look at all of them.
    """
    return _DIGIT.sub(lambda digit: f'{digit[1]}{digit[2]} data-startid="#{starts[digit[1]].note}"', svg)


def clear_of_stems(svg: str, starts: Mapping[str, Start]) -> str:
    """The page with the digits that touched a stem moved aside, away from it; those of one chord move together."""
    stems = sorted((int(x), min(int(a), int(b)), max(int(a), int(b))) for x, a, b in _STEM.findall(svg))
    shifts: dict[str, int] = {}
    for digit, _, left, _, base, size, text in _TEXT.findall(svg):
        shift = _shift(stems, int(left), int(base), int(size), len(text))
        mark = starts[digit].mark
        shifts[mark] = max(shifts.get(mark, 0), shift, key=abs)

    def moved(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{int(match[3]) + shifts[starts[match[1]].mark]}{match[4]}{match[7]}"

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

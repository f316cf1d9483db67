"""Numbers of bars, printed over the beginnings of systems."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from omr_service.assembler.geometry import System, center
from omr_service.assembler.music import MarkSign
from omr_service.symbols import Text

_NUMBER = re.compile(r"[(\[]?(\d{1,4})[)\]]?$")
_LEFT, _RIGHT = 4.0, 3.0
"""Spaces from the left end of a system to the middle of its number, on either side."""
_OVER = 8.0
"""Spaces from the first staff up to its number, at most."""
_LEAST = 2
"""Numbers in a row that have to agree before they are believed."""


def find_bar_number(texts: Sequence[Text], system: System) -> list[MarkSign]:
    """The number over the beginning of a system, if there is one alone."""
    staff, space = system.staves[0], system.space
    found: list[MarkSign] = []
    for text in texts:
        match = _NUMBER.match(text.text.strip())
        x = center(text.box)[0]
        near = -_LEFT * space < x - system.x0 < _RIGHT * space
        if match and near and 0 < staff.top(max(x, staff.x0)) - text.box.y1 < _OVER * space:
            box = text.box
            found.append(MarkSign("bar_number", match[1], system.index, -1, box.x0, box.x1, box, True))
    return found if len(found) == 1 else []


def as_printed(printed: Mapping[int, int], counted: Sequence[int | None]) -> list[int | None]:
    """Counted numbers, moved to those that are printed: engravers differ in what they count where bars are divided.

    Printed numbers are believed where some in a row move the count by the same; the move begins with the measure
    after the one without a number, if there is one since the numbers before, and else where the first of them stands.
    Without any to be believed it is the count.

    Args:
        printed: Numbers by position of the measure they stand at.
        counted: Number of each measure, None for one that has none of its own.
    """
    moves = [(at, number - own) for at, number in sorted(printed.items()) if (own := counted[at]) is not None]
    runs = [(move, [at for at, _ in group]) for move, group in groupby(moves, key=itemgetter(1))]
    numbers = list(counted)
    before = -1
    for move, places in runs:
        if len(places) < _LEAST:
            continue
        begin = 0
        if before >= 0:
            gaps = [at for at in range(before, places[0]) if counted[at] is None]
            begin = gaps[-1] + 1 if gaps else places[0]
        moved = [own if own is None else own + move for own in counted[begin:]]
        earlier = max((number for number in numbers[:begin] if number is not None), default=-1)
        if next((number for number in moved if number is not None), 0) > earlier:
            numbers[begin:] = moved
        before = places[-1]
    return numbers

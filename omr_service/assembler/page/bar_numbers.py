"""Numbers of bars, printed over the beginnings of systems."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from omr_service.assembler.geometry import System, center
from omr_service.assembler.music import MarkSign
from omr_service.symbols import Text

_NUMBER = re.compile(r"[(\[]?(\d{1,4})[)\]]?$")
_LEFT, _RIGHT = 4.0, 3.0
"""Spaces from the left end of a system to the middle of its number, on either side."""
_OVER = 8.0
"""Spaces from the first staff up to its number, at most."""
_LEAST = 2
"""Numbers that have to agree before they are believed."""


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


def shift_to(printed: Mapping[int, int], counted: Sequence[int | None]) -> int:
    """What is to be added to counted numbers so that they are those printed: 0 unless most of some agree.

    Args:
        printed: Numbers by position of the measure they stand at.
        counted: Number of each measure, None for one that has none of its own.
    """
    shifts = Counter(number - own for at, number in printed.items() if (own := counted[at]) is not None)
    if not shifts:
        return 0
    shift, agreeing = shifts.most_common(1)[0]
    believed = agreeing >= _LEAST and 2 * agreeing > shifts.total()
    first = next((number for number in counted if number is not None), 0)
    return shift if believed and first + shift >= 0 else 0

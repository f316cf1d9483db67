"""Title, composer and what else is printed around the music."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omr_service.assembler.geometry import System, center
from omr_service.assembler.music import PageTitles
from omr_service.assembler.page.words import JUMP, TEMPO
from omr_service.symbols import Text

RIGHTS = re.compile(r"©|\(c\)\s|copyright|public domain|creative commons|\bCC BY|all rights reserved", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_a-z][\w'’-]*[,.]?(?: +(?:[a-z]{2,3} )?[^\W\d_a-z][\w'’-]*[,.]?)+")
"""Two or more words with capitals, as those of a name, with "van" or "de" between them, too."""
CLEAR = 4.0
"""Staff spaces between the outer staves and a number in the margin at least."""


def is_heading(text: Text, systems: list[System], height: float) -> bool:
    """True for text that stands above the first system or below the last one, away from the music."""
    if not systems:
        return True
    first, last = systems[0], systems[-1]
    _, y = center(text.box)
    space = first.space
    if y > last.staves[-1].tops[-1] + 5 * space and (y > 0.92 * height or RIGHTS.search(text.text)):
        return True
    if y > first.staves[0].tops[0] - 3.5 * space:
        return _is_composer(text, first)
    middle = (first.x0 + first.x1) / 2
    centred = abs((text.box.x0 + text.box.x1) / 2 - middle) < 0.06 * (first.x1 - first.x0)
    at_right = text.box.x1 > first.x1 - 4 * space and text.x > middle
    return centred or at_right or y < first.staves[0].tops[0] - 12 * space or text.size > 3.6 * space


def _is_composer(text: Text, first: System) -> bool:
    """True for a name that ends with the first system, however close over it (LilyPond)."""
    at_end = abs(text.box.x1 - first.x1) < 0.5 * first.space and text.box.y1 < first.staves[0].tops[0] - first.space
    plain = not text.italic and not text.bold and _NAME.fullmatch(text.text.strip())
    return at_end and bool(plain) and not (JUMP.search(text.text) or TEMPO.search(text.text))


def read_titles(texts: list[Text], systems: list[System], height: float) -> PageTitles:
    """What a page says of the piece: the largest line is the title, the one at the right the composer."""
    if not systems:
        return PageTitles()
    first = systems[0]
    middle = (first.x0 + first.x1) / 2
    heads = [
        t
        for t in texts
        if is_heading(t, systems, height)
        and center(t.box)[1] < first.staves[0].tops[0]
        and re.search(r"\w", t.text)
        and not re.fullmatch(r"[\W\d]+", t.text.strip())
    ]
    rights = next((t.text.strip() for t in texts if RIGHTS.search(t.text)), "")
    heads = [t for t in heads if t.text.strip() != rights]
    centred = [t for t in heads if abs((t.box.x0 + t.box.x1) / 2 - middle) < 0.08 * (first.x1 - first.x0)]
    title = max(centred or heads, key=lambda t: (t.size, -t.y), default=None)
    composer_lines = sorted(
        (t for t in heads if t is not title and t.x > middle and t.box.x1 > first.x1 - 6 * first.space),
        key=lambda t: t.y,
    )
    subtitle = ""
    if title is not None:
        below = [t for t in centred if t is not title and t.y > title.y]
        subtitle = min(below, key=lambda t: t.y).text.strip() if below else ""
    names: list[tuple[int, str]] = []
    for position, staff in enumerate(first.staves):
        beside = [
            t
            for t in texts
            if t.box.x1 < staff.x0
            and abs(center(t.box)[1] - (staff.tops[0] + staff.tops[-1]) / 2) < 6 * staff.space
            and re.search(r"[^\W\d_]{2}", t.text)
        ]
        if beside:
            nearest = min(beside, key=lambda t: abs(center(t.box)[1] - (staff.tops[0] + staff.tops[-1]) / 2))
            names.append((position, nearest.text.strip()))
    return PageTitles(
        title.text.strip() if title is not None else "",
        subtitle,
        composer_lines[0].text.strip() if composer_lines else "",
        rights,
        tuple(names),
    )


def margin_numbers(texts: Sequence[Text], systems: Sequence[System]) -> tuple[int, ...]:
    """Numbers that stand by themselves over or under all systems of a page: its own is among them where it has one."""
    if not systems:
        return ()
    space = systems[0].space
    top, bottom = systems[0].staves[0].tops[0] - CLEAR * space, systems[-1].staves[-1].tops[-1] + CLEAR * space
    outside = [t.text.strip() for t in texts if t.box.y1 < top or t.box.y0 > bottom]
    return tuple(int(t) for t in outside if re.fullmatch(r"[1-9]\d{0,3}", t))

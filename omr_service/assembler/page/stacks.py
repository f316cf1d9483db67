"""Texts that stand in a stack, for the engraver pushed each out of the way of the next: they belong together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from omr_service.assembler.geometry import System
from omr_service.assembler.page.titles import is_heading
from omr_service.symbols import Text

_WORD = re.compile(r"[^\W\d_]")
_APART = (-0.4, 0.6)
"""Heights of a line of text between two lines of a stack, at least and at most."""


def stacked_texts(texts: Sequence[Text], systems: Sequence[System], height: float) -> dict[Text, int]:
    """The texts of stacks that begin at a system, and the index of that system, however far they reach from it.

    Lines of one font and size that stand close over each other make a stack. One that is all heading is none of this,
    nor is a plain one that is partly heading: names stand over the music in the type of plain directions. The engraver
    comes from the left, so the leftmost line is the one that was not pushed away from its system.

    Args:
        texts: Texts of the page.
        systems: Its systems.
        height: Its height.
    """
    groups: dict[tuple[str, int, bool, bool], list[Text]] = defaultdict(list)
    for text in texts:
        if _WORD.search(text.text):
            groups[text.font, round(text.size * 2), text.bold, text.italic].append(text)
    found: dict[Text, int] = {}
    for group in groups.values():
        for stack in _stacks(sorted(group, key=lambda t: t.y)):
            near = [t for t in stack if not is_heading(t, list(systems), height)]
            if len(stack) > 1 and near and (len(near) == len(stack) or stack[0].bold or stack[0].italic):
                left = min(t.box.x0 for t in stack)
                first = [t for t in stack if t.box.x0 < left + systems[0].space]
                owner = min(systems, key=lambda s: min(_distance(t, s) for t in first))
                found.update(dict.fromkeys(stack, owner.index))
    return found


def _stacks(texts: Sequence[Text]) -> list[list[Text]]:
    """Texts of one style, top to bottom, in stacks."""
    stacks: list[list[Text]] = []
    for text in texts:
        touching = [stack for stack in stacks if any(_is_over(other, text) for other in stack)]
        joined = [text]
        for stack in touching:
            joined = stack + joined
            stacks.remove(stack)
        stacks.append(joined)
    return stacks


def _is_over(upper: Text, lower: Text) -> bool:
    """Whether a text stands close over another."""
    gap = (lower.box.y0 - upper.box.y1) / max(upper.box.y1 - upper.box.y0, 1e-6)
    return _APART[0] < gap < _APART[1] and upper.box.x0 < lower.box.x1 and lower.box.x0 < upper.box.x1


def _distance(text: Text, system: System) -> float:
    """Points between a text and the outer lines of a system's staves."""
    top, bottom = system.staves[0].top(text.x), system.staves[-1].bottom(text.x)
    return max(top - text.box.y1, text.box.y0 - bottom, 0.0)

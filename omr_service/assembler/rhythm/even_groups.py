"""Tuplets whose number is left out throughout a measure: its beams join equally many equal notes each, which once or
twice at the start of a passage are numbered and then go on as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from omr_service.assembler.geometry import union
from omr_service.assembler.music import Element, TupletSign
from omr_service.assembler.page.tuplets import NORMALS

LEAST_GROUPS = 3
"""So many groups of one size say that it is meant."""
MOST = Fraction(3, 4)
"""Share of the measure's notes under beams that they are at least."""
COST = 1.5
"""What it costs to read all of them as tuplets."""


def even_groups(timed: Sequence[Element], tuplets: Sequence[TupletSign], compound: bool) -> list[list[TupletSign]]:
    """For each size that several groups under beams have, the numbers that are left out if all of them are tuplets.

    Args:
        timed: Chords and rests of a measure, from left to right.
        tuplets: Its tuplets with a number.
        compound: True where beats may be dotted: groups in threes are plain there.
    """
    by_size: dict[int, list[Sequence[Element]]] = {}
    for group in _equal_groups(timed, tuplets):
        if _is_odd(len(group), compound):
            by_size.setdefault(len(group), []).append(group)
    least = MOST * sum(e.beam >= 0 for e in timed)
    many = [own for size, own in sorted(by_size.items()) if len(own) >= LEAST_GROUPS and size * len(own) >= least]
    return [[_sign(group, COST / len(own)) for group in own] for own in many]


def equal_threes(timed: Sequence[Element], tuplets: Sequence[TupletSign]) -> list[Sequence[Element]]:
    """The beams that join three equal notes without a number.

    Args:
        timed: Chords and rests of a measure, from left to right.
        tuplets: Its tuplets with a number.
    """
    return [group for group in _equal_groups(timed, tuplets) if len(group) == 3]


def threes_left_out(timed: Sequence[Element], tuplets: Sequence[TupletSign]) -> list[TupletSign]:
    """The numbers that are left out where every three equal notes under a beam of three, or of a multiple of that, are
    a triplet."""
    groups = [group for group in _equal_groups(timed, tuplets) if len(group) % 3 == 0]
    threes = [group[k : k + 3] for group in groups for k in range(0, len(group), 3)]
    return [replace(_sign(three, 0.0), certain=True) for three in threes]


def threes_of_one_line(timed: Sequence[Element], tuplets: Sequence[TupletSign]) -> list[TupletSign]:
    """The numbers that are left out where every three notes of one line of equal ones are a triplet, through whatever
    staves and beams it runs; none where there is no such line.

    Args:
        timed: Chords and rests of a measure.
        tuplets: Its tuplets with a number.
    """
    numbered = {i for t in tuplets if t.certain for i in t.options[0]}
    lines: list[list[Element]] = [[]]
    for element in sorted(timed, key=lambda e: e.x):
        before = lines[-1][-1] if lines[-1] else None
        own = bool(element.notes) and element.level > 0 and not element.dots and element.index not in numbered
        if before is not None and element.x < before.x1:
            # something sounds with it
            lines[-1].clear()
        elif own and before is not None and before.level == element.level:
            lines[-1].append(element)
        else:
            lines.append([element] if own else [])
    threes = [line[k : k + 3] for line in lines if len(line) % 3 == 0 for k in range(0, len(line), 3)]
    return [_sign(three, COST / len(threes)) for three in threes] if len(threes) >= LEAST_GROUPS else []


def _equal_groups(timed: Sequence[Element], tuplets: Sequence[TupletSign]) -> list[Sequence[Element]]:
    """The notes under each beam that joins equal ones without dots and without a number."""
    numbered = {i for t in tuplets if t.certain for option in t.options for i in option}
    groups: dict[int, list[Element]] = {}
    for element in timed:
        if element.beam >= 0:
            groups.setdefault(element.beam, []).append(element)
    return [
        group
        for group in groups.values()
        if len({e.level for e in group}) == 1 and not any(e.dots or e.index in numbered for e in group)
    ]


def _is_odd(size: int, compound: bool) -> bool:
    """True for a number of notes that is no plain part of a beat; threes may be of a dotted one anywhere."""
    return size in NORMALS and size > 3 and size & (size - 1) != 0 and not (compound and size % 3 == 0)


def _sign(group: Sequence[Element], cost: float) -> TupletSign:
    run = tuple(e.index for e in group)
    return TupletSign(len(run), 0, (run,), False, True, union(e.box for e in group), cost)

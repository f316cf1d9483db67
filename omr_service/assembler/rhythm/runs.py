"""Runs of notes that share a time which the bar tells, not their values: a cadenza in small print, a fioritura of
seventeen notes whose number is not printed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from omr_service.assembler.music import Element, TupletSign

SMALL_RUN = 4
"""Small notes in a row from which on they may have time of their own."""
FREE_RUN = 4
"""Equal notes in a row under one beam, with nothing over or under them, that may share another time than written."""
CADENZA = 17
"""Equal notes under one beam, on whatever staff, that may share another time than written while other notes begin."""
SHORT = 2
"""Note value, as a power of two, from which on notes are short enough for that."""

Runs = dict[int, tuple[Element, ...]]
"""Runs by the number of their first note."""


def small_runs(grace: Sequence[Element], timed: Sequence[Element]) -> Runs:
    """Runs of small notes on a staff with no other note between them."""
    found: Runs = {}
    for staff in {e.staff for e in grace}:
        run: list[Element] = []
        own = [e for e in timed if e.staff == staff]
        for element in [*sorted((e for e in grace if e.staff == staff), key=lambda e: e.x), None]:
            if run and (element is None or any(run[-1].x < e.x < element.x for e in own)):
                if len(run) >= SMALL_RUN and not any(e.slash for e in run):
                    found[run[0].index] = tuple(run)
                run = []
            if element is not None:
                run.append(element)
    return found


def others_begin(runs: Runs, timed: Sequence[Element], space: float) -> bool:
    """True where something begins on another staff during each of some runs: notes out of time stand before what
    follows them, beside nothing."""
    return all(
        any(e.staff != run[0].staff and run[0].x + space < e.x < run[-1].x - space for e in timed)
        for run in runs.values()
    )


def free_runs(timed: Sequence[Element], tuplets: Sequence[TupletSign], space: float) -> Runs:
    """Runs of equal short notes under one beam, without a number, while nothing else begins.

    Args:
        timed: Chords and rests of a measure.
        tuplets: Its tuplets with a number.
        space: Staff space in points.
    """
    numbered = {i for t in tuplets if t.certain for option in t.options for i in option}
    groups: dict[int, list[Element]] = {}
    for element in timed:
        if element.beam >= 0 and not element.is_rest:
            groups.setdefault(element.beam, []).append(element)
    found: Runs = {}
    for group in groups.values():
        group = sorted(group, key=lambda e: e.x)
        if _is_cadenza(group, numbered):
            found[group[0].index] = tuple(group)
            continue
        for _, alike in groupby(group, key=lambda e: (e.level, e.dots, e.staff)):
            run = tuple(alike)
            if _is_free(run, timed, numbered, space):
                found[run[0].index] = run
    return found


def _is_cadenza(group: Sequence[Element], numbered: set[int]) -> bool:
    """True for so many equal notes under one beam that what else begins meanwhile need not begin with one of them."""
    plain = not any(e.dots or e.index in numbered for e in group)
    return len(group) >= CADENZA and plain and len({e.level for e in group}) == 1


def _is_free(run: Sequence[Element], timed: Sequence[Element], numbered: set[int], space: float) -> bool:
    if len(run) < FREE_RUN or any(e.level < SHORT or e.dots or e.index in numbered for e in run):
        return False
    inside = {e.index for e in run}
    low, high = run[0].x + 0.5 * space, run[-1].x + 0.5 * space
    return not any(low < e.x < high and e.index not in inside for e in timed)

"""Heads of one height on both sides of a stem: notes of two voices, or of one chord that has a note twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from omr_service.assembler.music import Element


def doubled(elements: Sequence[Element]) -> dict[int, int]:
    """By number, the chords that were split from another one on the same stem, and that one's number."""
    found: dict[int, int] = {}
    mains: dict[tuple[int, bool | None, float, float], int] = {}
    for element in sorted((e for e in elements if e.shared and not e.small), key=lambda e: e.index):
        main = mains.setdefault((element.staff, element.up, element.x, element.tip), element.index)
        if main != element.index:
            found[element.index] = main
    return found


def made_one(elements: Sequence[Element], pairs: Mapping[int, int]) -> tuple[Element, ...]:
    """The elements with the notes of those that were split given back to the ones they were split from."""
    given: dict[int, list[Element]] = {}
    for element in elements:
        if element.index in pairs:
            given.setdefault(pairs[element.index], []).append(element)
    return tuple(_with(e, given[e.index]) if e.index in given else e for e in elements if e.index not in pairs)


def _with(element: Element, others: Sequence[Element]) -> Element:
    notes = sorted([*element.notes, *(n for other in others for n in other.notes)], key=lambda n: n.step)
    return replace(element, notes=tuple(notes), shared=False)

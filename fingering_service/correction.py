"""Corrections: after a pin, only what depends on it is searched anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fingering_service.constraints import Wish
from fingering_service.lines import Line
from fingering_service.played import PlayedNote

WINDOW_SLICES = 12
"""How far, in slices either way, a pin may change other fingers."""

_HAND_IS_FREE = 1.0
"""Quarter notes of silence over which no pin has an effect."""


def kept_fingers(
    line: Line, notes: Sequence[PlayedNote], pins: Mapping[str, Wish], asked: Mapping[int, Wish]
) -> dict[int, int]:
    """Predicted fingers of an earlier run that stay, by strike: those no new pin reaches.

    A pin that only confirms a finger reaches nothing. Another one reaches up to WINDOW_SLICES slices either way, but
    not beyond a silence in which the hand is free.
    """
    before: dict[int, int] = {}
    for number, strike in enumerate(line.strikes):
        for i in strike.notes:
            if notes[i].predicted:
                before[number] = notes[i].predicted
    changed = {
        number
        for number, strike in enumerate(line.strikes)
        for i in strike.notes
        for note in notes[i].notes
        if note.note_id in pins and number in asked and _current(notes[i]) != asked[number].finger
    }
    open_slices: set[int] = set()
    for t, moment in enumerate(line.slices):
        if any(slot.struck and changed.intersection(slot.strikes) for slot in moment.slots):
            open_slices.update(_window(line, t))
    released = {strike for t in open_slices for slot in line.slices[t].slots if slot.struck for strike in slot.strikes}
    return {number: finger for number, finger in before.items() if number not in released}


def _current(note: PlayedNote) -> int:
    return note.notes[0].fingering.finger


def _window(line: Line, centre: int) -> range:
    first = last = centre
    while first > 0 and centre - first < WINDOW_SLICES and line.slices[first].gap < _HAND_IS_FREE:
        first -= 1
    while last + 1 < len(line.slices) and last - centre < WINDOW_SLICES and line.slices[last + 1].gap < _HAND_IS_FREE:
        last += 1
    return range(first, last + 1)

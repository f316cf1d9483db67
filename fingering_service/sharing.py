"""Chords of one staff that both hands play: the hand that helps does it with its thumb.

The key is the one next to it, so its thumb lies there; the hand of the staff keeps its own thumb out of the way,
unless the two lie side by side. So the fingers written over such a chord rise with its keys, as they do where one hand
plays it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from fingering_service.hands import RIGHT
from fingering_service.lattice import Lattice
from fingering_service.lines import ONE_FINGER_SEMITONES, Line
from fingering_service.played import PlayedNote
from fingering_service.potentials import Potentials
from fingering_service.profile import HandProfile

_THUMB = frozenset((1,))
_WITHOUT_THUMB = frozenset((2, 3, 4, 5))

_PRICE = 100.0
"""Of another finger, in the unit of any model's costs: beaten only by what is printed or pinned."""


def shared_fingers(
    notes: Sequence[PlayedNote], staves: Sequence[str], hands: Sequence[str], profile: HandProfile
) -> dict[str, frozenset[int]]:
    """Fingers, 1-5, to be chosen from where hands share a chord of one staff that is no wider than a hand, by note id.

    Args:
        notes: What one player strikes.
        staves: For each note "R" or "L": whose staff it is printed on; "" on a single staff.
        hands: Likewise who plays it.
        profile: The player's hand, whose widest span counts in semitones.
    """
    chords: dict[tuple[int, str], list[int]] = defaultdict(list)
    for i, note in enumerate(notes):
        if not note.grace and staves[i]:
            chords[note.onset, staves[i]].append(i)
    found: dict[str, frozenset[int]] = {}
    for (_, staff), members in chords.items():
        keys = [notes[i].midi for i in members]
        edge = min(keys) if staff == RIGHT else max(keys)
        helped = [i for i in members if hands[i] != staff]
        alone = {notes[i].midi for i in helped} == {edge} and len(helped) < len(members)
        if not alone or max(keys) - min(keys) > profile.max_span:
            continue
        found |= {notes[i].note_id: _THUMB for i in helped}
        found |= {notes[i].note_id: _WITHOUT_THUMB for i in members if abs(notes[i].midi - edge) > ONE_FINGER_SEMITONES}
    return found


def add_shared(
    lattice: Lattice,
    line: Line,
    notes: Sequence[PlayedNote],
    fingers: Mapping[str, frozenset[int]],
    costs: Potentials,
) -> None:
    """Adds to states, in place, the price of other fingers than those of `shared_fingers`."""
    if not fingers:
        return
    for t, moment in enumerate(line.slices):
        for k, slot in enumerate(moment.slots):
            if slot.struck:
                for i in (i for number in slot.strikes for i in line.strikes[number].notes):
                    allowed = None if notes[i].auxiliary else fingers.get(notes[i].note_id)
                    if allowed is not None:
                        wrong = ~np.isin(lattice.fingers[t, :, k], list(allowed))
                        costs.node[t] += np.float32(_PRICE) * (wrong & lattice.valid[t])

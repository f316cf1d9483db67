"""Fingers for the notes of a table, by any model: the same lines, lattice and decoding as the service's."""

from __future__ import annotations

import numpy as np

from fingering_service.decode import decode
from fingering_service.lattice import build_lattice
from fingering_service.models.base import FingeringModel
from fingering_service.profile import PROFILES, HandProfile
from fingering_service.training.tables import Table, table_lines


def predict(table: Table, model: FingeringModel, profile: HandProfile = PROFILES["M"]) -> list[int]:
    """A finger, 1-5, for every note; the hands are those of the table."""
    fingers = [0] * len(table.notes)
    for line in table_lines(table, profile.max_span):
        lattice = build_lattice(line, profile)
        path = decode(lattice, model.costs(lattice, profile), model.temperature, model.coherence).paths[0]
        chosen = lattice.fingers[np.arange(len(lattice)), path.states].tolist()
        for moment, row in zip(line.slices, chosen, strict=True):
            for slot, finger in zip(moment.slots, row, strict=False):
                if slot.struck:
                    for strike in slot.strikes:
                        for note in line.strikes[strike].notes:
                            fingers[note] = finger
    return fingers

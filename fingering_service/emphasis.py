"""How much ergonomic costs count beside what a learned model has learned.

Editions print the fingers that are not obvious, and a model learns from what is printed how often hands do what is not
comfortable; where every note is to have a finger that is too often. So the ergonomic costs of moving, those of steps
and turns, count for more when fingering than they did in training, except within scales, whose fingers are custom
(`scales`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fingering_service.ergonomics import ErgonomicModel
from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials
from fingering_service.profile import HandProfile
from fingering_service.scales import in_scale


def ergonomic_share(
    lattice: Lattice, profile: HandProfile, weights: Sequence[float], emphasis: float = 1.0
) -> Potentials:
    """The ergonomic costs of a lattice as part of a learned model's.

    Args:
        lattice: A hand's line.
        profile: The hand.
        weights: Learned weights of the costs of states, steps and turns.
        emphasis: What those of steps and turns are multiplied by outside scales.
    """
    costs = ErgonomicModel(profile).costs(lattice)
    grips, steps, turns = (np.float32(weight) for weight in weights)
    factor = np.where(in_scale(lattice), 1.0, emphasis).astype(np.float32)
    # In place: a long line's turns are tens of megabytes.
    costs.node[:] *= grips
    costs.step[:] *= (steps * factor)[:, None, None]
    costs.turn[:] *= (turns * factor)[:, None, None, None]
    return costs

"""The ergonomic model as the service runs it."""

from __future__ import annotations

from dataclasses import dataclass

from fingering_service.calibration import UNCHANGED, Calibration
from fingering_service.ergonomics import ErgonomicModel
from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials
from fingering_service.profile import HandProfile


@dataclass(frozen=True)
class Ergonomic:
    """Parncutt's rules and their refinements; no weights. See `ergonomics`."""

    name: str = "ergonomic"
    version: str = "1.0.0"
    digest: str = ""
    temperature: float = 3.0
    coherence: float = 10.0
    calibration: Calibration = UNCHANGED
    description: str = "Ergonomic costs after Parncutt and others, for any hand size; no learned weights."
    size_bytes: int = 0

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states and steps of `lattice` for a player's hand."""
        return ErgonomicModel(profile).costs(lattice)

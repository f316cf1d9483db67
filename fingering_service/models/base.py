"""What the service asks of a fingering model."""

from __future__ import annotations

from typing import Protocol

from fingering_service.calibration import Calibration
from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials
from fingering_service.profile import HandProfile


class FingeringModel(Protocol):
    """Prices the grips and steps of a line."""

    @property
    def name(self) -> str:
        """Name in the contract."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def digest(self) -> str:
        """ "sha256:" and the hex digest of the weights; "" without weights."""
        ...

    @property
    def temperature(self) -> float:
        """What costs are divided by to make them negative logarithms of probabilities."""
        ...

    @property
    def coherence(self) -> float:
        """Weight of the costs beside one expected right finger; see `decode`."""
        ...

    @property
    def calibration(self) -> Calibration:
        """How its probabilities are told."""
        ...

    @property
    def description(self) -> str:
        """What it is, in a sentence."""
        ...

    @property
    def size_bytes(self) -> int:
        """Size of the weights; 0 without."""
        ...

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states and steps of `lattice` for a player's hand."""
        ...

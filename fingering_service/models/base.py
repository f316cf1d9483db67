"""What the service asks of a fingering model."""

from __future__ import annotations

from typing import Protocol

from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials
from fingering_service.profile import HandProfile


class FingeringModel(Protocol):
    """Prices the grips and steps of a line.

    Attributes:
        name: Name in the contract.
        version: Its version.
        digest: "sha256:" and the hex digest of the weights; "" without weights.
        temperature: What costs are divided by to make them negative logarithms of probabilities.
        description: What it is, in a sentence.
        size_bytes: Size of the weights; 0 without.
    """

    name: str
    version: str
    digest: str
    temperature: float
    description: str
    size_bytes: int

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states and steps of `lattice` for a player's hand."""
        ...

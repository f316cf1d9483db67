"""The models the service can run, by name."""

from __future__ import annotations

from fingering_service.models.base import FingeringModel
from fingering_service.models.registry import Registry

__all__ = ["FingeringModel", "Registry"]

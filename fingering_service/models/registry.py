"""Finds a model by its name."""

from __future__ import annotations

from etude.mesh.errors import EtudeError
from fingering_service.models.base import FingeringModel
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.models.hidden_markov import HiddenMarkov


class Registry:
    """The models of this installation; the first is the default."""

    def __init__(self, models: list[FingeringModel]) -> None:
        self.models = models

    @classmethod
    def load(cls) -> Registry:
        """The models this installation comes with: the learned one; for who wants no weights, the ergonomic one; and
        the hidden Markov model of the literature, to compare with.
        """
        # Imported here because only worker processes load models; the server starts without ONNX Runtime.
        from fingering_service.models.learned import Learned

        return cls([Learned(), Ergonomic(), HiddenMarkov.load()])

    @property
    def default(self) -> FingeringModel:
        """The model used when none is asked for."""
        return self.models[0]

    def find(self, name: str) -> FingeringModel:
        """The model of a name; the default for "".

        Raises:
            EtudeError: MODEL_NOT_FOUND.
        """
        if not name:
            return self.default
        for model in self.models:
            if model.name == name:
                return model
        known = ", ".join(m.name for m in self.models)
        raise EtudeError("MODEL_NOT_FOUND", f"there is no fingering model {name!r}; there are: {known}")

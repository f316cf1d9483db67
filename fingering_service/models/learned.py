"""The learned model as the service runs it: rows from ONNX Runtime, a share of the ergonomic costs beside them."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path

import numpy as np

from etude.inference import onnxruntime
from fingering_service.calibration import Calibration
from fingering_service.conventions import add_conventions
from fingering_service.emphasis import ergonomic_share
from fingering_service.features import features_of
from fingering_service.lattice import Lattice
from fingering_service.potentials import Potentials
from fingering_service.profile import HandProfile
from fingering_service.rows import Rows, potentials_of

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "fingering.onnx"


class Learned:
    """A conditional random field trained on fingered editions; see `training`."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        """Opens the weights.

        Raises:
            FileNotFoundError: There are none at `path`.
        """
        data = path.read_bytes()
        options = onnxruntime.SessionOptions()
        # One thread: a worker process has one core, and sums in another order would round differently.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._facts: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._data_digest = hashlib.sha256(data).hexdigest()
        self._size = len(data)

    @property
    def name(self) -> str:
        """Name in the contract."""
        return self._facts["name"]

    @property
    def version(self) -> str:
        """Its version."""
        return self._facts["version"]

    @property
    def digest(self) -> str:
        """ "sha256:" and the hex digest of the weights."""
        return f"sha256:{self._data_digest}"

    @cached_property
    def temperature(self) -> float:
        """What costs are divided by to make them negative logarithms of probabilities."""
        return float(self._facts["temperature"])

    @cached_property
    def coherence(self) -> float:
        """Weight of the costs beside one expected right finger; see `decode`."""
        return float(self._facts["coherence"])

    @cached_property
    def calibration(self) -> Calibration:
        """How its probabilities are told."""
        return Calibration.from_json(self._facts["calibration"])

    @property
    def description(self) -> str:
        """What it is, in a sentence."""
        return self._facts["description"]

    @property
    def size_bytes(self) -> int:
        """Size of the weights."""
        return self._size

    @cached_property
    def _ergonomic(self) -> tuple[float, ...]:
        return tuple(json.loads(self._facts["ergonomic"]))

    @cached_property
    def _emphasis(self) -> float:
        return float(self._facts["emphasis"])

    def costs(self, lattice: Lattice, profile: HandProfile) -> Potentials:
        """Costs of all states and steps of `lattice` for a player's hand."""
        result = ergonomic_share(lattice, profile, self._ergonomic, self._emphasis)
        if len(lattice):
            result.add(potentials_of(self._rows(lattice), lattice))
            add_conventions(lattice, result, float(self._facts["conventions"]))
        return result

    def _rows(self, lattice: Lattice) -> Rows:
        rows = features_of(lattice).rows
        feed = {i.name: rows[i.name] for i in self._session.get_inputs()}
        return Rows(*(np.asarray(answer) for answer in self._session.run(None, feed)))

"""The models run without a word to anybody."""

import subprocess
import sys
from pathlib import Path

import pytest

MODELS = {
    "fingering": "from fingering_service.models.learned import Learned; Learned()",
    "detector": "from omr_service.scan.detector import Detector; Detector.load()",
}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_leaves_nothing_in_the_home_directory(model: str, tmp_path: Path) -> None:
    """ONNX Runtime's telemetry keeps an identifier of the machine there; see `etude.inference`."""
    # No CI=true, under which it is silent by itself.
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", MODELS[model]], check=True, env=environment, cwd=tmp_path)
    assert list(tmp_path.rglob("*")) == []

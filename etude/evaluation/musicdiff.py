"""OMR-NED, the OMR normalized edit distance (Martínez-Sevilla and others, "Sheet Music Benchmark", 2025), by musicdiff.

musicdiff (MIT) and what it stands on (music21, converter21) are not among Étude's dependencies. It is asked in a
process of its own, of any Python that has it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from etude.evaluation.piece import NormalizedDistance

_LOOK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('musicdiff') is None)"
_LOOK_TIMEOUT_S = 60.0


class MusicdiffError(Exception):
    """musicdiff gave no figure; the message says why."""


def has_musicdiff(python: str = sys.executable) -> bool:
    """Whether a Python interpreter has musicdiff."""
    try:
        found = subprocess.run([python, "-c", _LOOK], capture_output=True, check=False, timeout=_LOOK_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0


def omr_ned(truth: Path, pred: Path, *, python: str = sys.executable, timeout_s: float = 600.0) -> NormalizedDistance:
    """The distance between two files (MusicXML, `**kern`) with musicdiff's default detail. Takes seconds a page.

    Raises:
        MusicdiffError: A file cannot be parsed, it took too long, or musicdiff is not there.
    """
    command = [python, "-m", "musicdiff", "-o", "omrned", "--", str(pred), str(truth)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MusicdiffError(f"musicdiff did not answer: {error}") from error
    start = answer.stdout.find("{")
    try:
        figures = json.loads(answer.stdout[start:]) if start >= 0 else {}
        return NormalizedDistance(
            distance=int(figures["OMR-ED"]),
            truth=int(figures["numSymbolsInGroundTruth"]),
            pred=int(figures["numSymbolsInPredicted"]),
        )
    except (json.JSONDecodeError, KeyError, ValueError) as error:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        raise MusicdiffError(said[-1] if said else f"exit status {answer.returncode}") from error

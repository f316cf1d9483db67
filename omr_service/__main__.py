"""`python -m omr_service`: serves the OMR service alone."""

from __future__ import annotations

import sys

from etude.mesh.server import run
from omr_service.definition import DEFINITION

if __name__ == "__main__":
    sys.exit(run(DEFINITION))

"""`python -m fingering_service`: serves the fingering service alone."""

from __future__ import annotations

import sys

from etude.mesh.server import run
from fingering_service.definition import DEFINITION

if __name__ == "__main__":
    sys.exit(run(DEFINITION))

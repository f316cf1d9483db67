"""`python -m renderer_service`: serves the renderer alone."""

from __future__ import annotations

import sys

from etude.mesh.server import run
from renderer_service.definition import DEFINITION

if __name__ == "__main__":
    sys.exit(run(DEFINITION))

"""`python -m orchestrator`: serve until told to stop."""

import sys

from etude.mesh.server import run
from orchestrator.definition import DEFINITION

if __name__ == "__main__":
    sys.exit(run(DEFINITION))

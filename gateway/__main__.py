"""Runs the gateway: python -m gateway."""

import sys

from etude.mesh.server import run
from gateway.definition import DEFINITION

if __name__ == "__main__":
    sys.exit(run(DEFINITION))

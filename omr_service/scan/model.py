"""What the detector is, for who asks the service: read from its model card, without loading it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from etude.score.v1 import provenance_pb2
from etude.stage.v1 import stage_pb2

CARD = Path(__file__).parent / "weights" / "detector.card.json"


@cache
def detector_info() -> stage_pb2.ModelInfo:
    """Name, version, digest, licence and size of the shipped detector."""
    card = json.loads(CARD.read_text(encoding="utf-8"))
    return stage_pb2.ModelInfo(
        model=provenance_pb2.ModelRef(name=card["name"], version=card["version"], digest=card["digest"]),
        stage="omr",
        description=card["description"],
        licence=card["licence"],
        is_default=True,
        size_bytes=card["size_bytes"],
    )

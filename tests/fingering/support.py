"""Short ways to finger Scores in tests."""

from __future__ import annotations

from etude.score.v1 import fingering_pb2, score_pb2
from etude.stage.v1 import fingering_service_pb2
from fingering_service.annotate import Options, annotate
from fingering_service.models.ergonomic import Ergonomic
from tests.support.score_builder import ScoreBuilder

RIGHT, LEFT = fingering_pb2.HAND_RIGHT, fingering_pb2.HAND_LEFT


def build(upper: str = "", lower: str = "", meter: str = "4/4", staves: int = 2) -> ScoreBuilder:
    """A Score of measures separated by "|" on each staff, one voice each."""
    builder = ScoreBuilder(divisions=24, staves=staves)
    uppers, lowers = upper.split("|"), lower.split("|")
    for i in range(max(len(uppers), len(lowers))):
        builder.measure(meter)
        for staff, texts in ((1, uppers), (2, lowers)):
            text = texts[i].strip() if i < len(texts) else ""
            if staff <= staves:
                builder.voice(staff, staff, text or "R")
    return builder


def finger(score: score_pb2.Score, model=None, **options) -> fingering_service_pb2.AnnotateResult:
    """The Score fingered."""
    return annotate(score, model or Ergonomic(), Options(**options))


def digits(score: score_pb2.Score, staff: int) -> str:
    """Fingers of the notes of a staff in the Score's order; chords in parentheses."""
    texts = []
    for event in score.events:
        if event.staff == staff and event.notes:
            text = "".join(str(n.fingering.finger) for n in event.notes)
            texts.append(f"({text})" if len(event.notes) > 1 else text)
    return "".join(texts)


def pin(note_id: str, finger: int, **fields) -> fingering_service_pb2.PinnedFingering:
    return fingering_service_pb2.PinnedFingering(note_id=note_id, finger=finger, **fields)

"""Says in a Score what of its piece did not add up."""

from __future__ import annotations

from collections.abc import Sequence

from etude.notation.measures import measure_name
from etude.score.v1 import provenance_pb2, score_pb2
from omr_service.assembler.piece.draft import ScoreDraft, TieReading
from omr_service.assembler.piece.stretches_off import DOUBTFUL
from omr_service.assembler.score.places import region


def write_doubts(draft: ScoreDraft, score: score_pb2.Score, lost_ties: Sequence[tuple[int, TieReading]]) -> None:
    """Says which measures did not add up, and which ties were left out."""
    for index, (joined, measure) in enumerate(zip(draft.measures, score.measures, strict=True)):
        fit = joined.rhythm
        ordinary = joined.rhythm.expected or measure.implicit or index in (0, len(draft.measures) - 1)
        if fit.fits and ordinary and fit.cost < DOUBTFUL:
            continue
        if fit.cost < DOUBTFUL and fit.expected:
            continue  # a voice whose rests are left out
        what = "its voices do not add up" if not fit.fits else "it is not as long as its meter says"
        score.doubts.add(
            kind=provenance_pb2.DOUBT_KIND_MEASURE_LENGTH
            if not fit.fits or not fit.expected
            else provenance_pb2.DOUBT_KIND_ALIGNMENT,
            message=f"Measure {measure_name(score.measures, index)}: {what}.",
            measure_index=index,
            region=measure.region,
        )

    for index, tie in lost_ties:
        page, curve = tie.curve
        score.doubts.add(
            kind=provenance_pb2.DOUBT_KIND_OPEN_SPANNER,
            message=f"Measure {measure_name(score.measures, index)}: a tie was left out, "
            "for the notes at its ends are not of one pitch.",
            measure_index=index,
            region=region(page, curve.box),
        )

"""Writes the measures of a joined piece into its Score: length, meter, key, barlines."""

from __future__ import annotations

from etude.score.v1 import measure_pb2, score_pb2
from omr_service.assembler.geometry import Barline
from omr_service.assembler.piece.draft import JoinedMeasure, ScoreDraft
from omr_service.assembler.piece.measure_order import expected_length
from omr_service.assembler.score.places import region, ticks
from omr_service.symbols import Box

BAR_STYLES = {
    "L": measure_pb2.BARLINE_STYLE_REGULAR,
    "LL": measure_pb2.BARLINE_STYLE_LIGHT_LIGHT,
    "LH": measure_pb2.BARLINE_STYLE_LIGHT_HEAVY,
    "HL": measure_pb2.BARLINE_STYLE_HEAVY_LIGHT,
    "H": measure_pb2.BARLINE_STYLE_HEAVY,
    "HH": measure_pb2.BARLINE_STYLE_HEAVY_HEAVY,
    "LHL": measure_pb2.BARLINE_STYLE_LIGHT_HEAVY,
    "LHHL": measure_pb2.BARLINE_STYLE_LIGHT_HEAVY,
}


class MeasureWriter:
    """Writes measures, one after the other."""

    def __init__(self, draft: ScoreDraft, score: score_pb2.Score) -> None:
        """Prepares for writing `draft` into `score`, whose divisions are set."""
        self.draft, self.score = draft, score

    def write(self, index: int, joined: JoinedMeasure) -> None:
        """Writes the measure at an index; those before it are there already."""
        out = self.score.measures.add()
        length = joined.rhythm.length
        out.onset_ticks = ticks(self.score, joined.onset)
        out.length_ticks = ticks(self.score, length)
        if joined.meter is not None:
            out.time_signature.beats.extend(joined.meter.beats)
            out.time_signature.beat_type = joined.meter.beat_type
            if joined.meter.symbol:
                out.time_signature.symbol = (
                    measure_pb2.TIME_SYMBOL_CUT if joined.meter.symbol == "cut" else measure_pb2.TIME_SYMBOL_COMMON
                )
        else:
            out.time_signature.beats.append(max(1, int(length)))
            out.time_signature.beat_type = 4
            out.time_signature.symbol = measure_pb2.TIME_SYMBOL_NONE
        out.time_signature_printed = joined.meter_printed
        out.key_signatures.add(fifths=joined.fifths)
        out.key_signature_printed = joined.key_printed
        expected = expected_length(joined.meter)
        out.implicit = expected is not None and length < expected and self._is_split(index)
        out.starts_system = joined.first_in_system and index > 0
        out.starts_page = joined.first_in_page and index > 0
        page = joined.page.page_number
        staves = [joined.system.system.staves[i] for i in joined.system.system.keyboard]
        box = Box(joined.signs.x0, staves[0].tops[0], joined.signs.x1, staves[-1].tops[-1])
        out.region.CopyFrom(region(page, box))
        fit = joined.rhythm
        out.confidence = 1.0 if fit.fits and fit.expected else max(0.2, 1.0 / (1.0 + fit.cost / 4))
        if joined.signs.left is not None:
            mark = joined.signs.left
            if mark.dots_right or mark.strokes.startswith("H"):
                self._barline(out.left_barline, mark, page, left=True)
        if joined.signs.right is not None:
            self._barline(out.right_barline, joined.signs.right, page, left=False)

    def _is_split(self, index: int) -> bool:
        """True for a pickup, and for the second part of a measure that a repeat splits."""
        if index == 0:
            return True
        measures = self.draft.measures
        this, before = measures[index], measures[index - 1]
        expected = expected_length(this.meter)
        return not (expected is None or before.rhythm.length + this.rhythm.length != expected)

    def _barline(self, out: measure_pb2.Barline, mark: Barline, page: int, left: bool) -> None:
        if mark.dashed:
            out.style = measure_pb2.BARLINE_STYLE_DASHED
        elif left:
            out.style = measure_pb2.BARLINE_STYLE_HEAVY_LIGHT
        elif mark.dots_right and not mark.dots_left:
            out.style = measure_pb2.BARLINE_STYLE_REGULAR
        elif mark.dots_right:
            out.style = measure_pb2.BARLINE_STYLE_LIGHT_HEAVY  # the other half is the next measure's left one
        else:
            out.style = BAR_STYLES.get(mark.strokes, measure_pb2.BARLINE_STYLE_REGULAR)
        if left and mark.dots_right:
            out.repeat = measure_pb2.REPEAT_DIRECTION_FORWARD
        if not left and mark.dots_left:
            out.repeat = measure_pb2.REPEAT_DIRECTION_BACKWARD
        out.region.CopyFrom(region(page, Box(mark.x0, mark.top, mark.x1, mark.bottom)))

"""The measures of a piece in order, with the meter and the key in force."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from omr_service.assembler.page.meters import MeterSign
from omr_service.assembler.piece.draft import JoinedMeasure, ScoreDraft
from omr_service.assembler.piece.key_order import KeyReading, settled_keys


def step_measures(draft: ScoreDraft) -> None:
    """All measures in order, with meter and key in force."""
    meter: MeterSign | None = None
    for page in draft.pages:
        for s, system in enumerate(page.systems):
            others = system.system.others
            if len(others) > draft.other_parts:
                draft.other_parts = len(others)
                draft.parts_below = sum(position > max(system.system.keyboard) for position in others)
            draft.keyboard_staves = max(draft.keyboard_staves, len(system.system.keyboard))
            for m, signs in enumerate(system.measures):
                own = {e.index for e in signs.elements}
                tuplets = tuple(t for t in system.tuplets if own.issuperset(t.options[0]))
                joined = JoinedMeasure(page, system, signs, tuplets, m == 0, m == 0 and s == 0)
                if signs.meter is not None:
                    joined.meter_printed = True
                    meter = signs.meter
                joined.meter = meter
                draft.measures.append(joined)
    _set_keys(draft.measures)


def _set_keys(measures: Sequence[JoinedMeasure]) -> None:
    """Sets, in place, the key in force in each measure."""
    readings: list[KeyReading] = []
    before: JoinedMeasure | None = None
    for measure in measures:
        if measure.signs.key is not None:
            readings.append(KeyReading(measure.signs.key.fifths, _may_change(before, measure)))
        before = measure
    settled = iter(settled_keys(readings))
    fifths = 0
    for measure in measures:
        if measure.signs.key is not None:
            own = next(settled)
            measure.key_printed = own != fifths
            fifths = own
        measure.fifths = fifths


def _may_change(before: JoinedMeasure | None, measure: JoinedMeasure) -> bool:
    """True where the key of a measure may be another than the one in force: something announces it, or the page is no
    picture, so that no sign of it was lost."""
    if not measure.page.pictured:
        return True
    key = measure.signs.key
    naturals = key is not None and any(glyph.name == "accidentalNatural" for glyph in key.glyphs)
    if before is None or not measure.first_in_system or measure.meter_printed or naturals or before.system.courtesy:
        return True
    mark = before.signs.right
    return mark is None or mark.strokes != "L"


def expected_length(meter: MeterSign | None) -> Fraction | None:
    """Length of a measure by its meter, in quarters."""
    return None if meter is None else Fraction(4 * sum(meter.beats), meter.beat_type)

"""The measures of a piece in order, with the meter and the key in force."""

from __future__ import annotations

from fractions import Fraction

from omr_service.assembler.draft import JoinedMeasure, ScoreDraft
from omr_service.assembler.meters import MeterSign


def step_measures(draft: ScoreDraft) -> None:
    """All measures in order, with meter and key in force."""
    meter: MeterSign | None = None
    fifths: int | None = None
    for page in draft.pages:
        for s, system in enumerate(page.systems):
            draft.other_parts = max(draft.other_parts, len(system.system.others))
            draft.keyboard_staves = max(draft.keyboard_staves, len(system.system.keyboard))
            for m, signs in enumerate(system.measures):
                own = {e.index for e in signs.elements}
                tuplets = tuple(t for t in system.tuplets if own.issuperset(t.options[0]))
                joined = JoinedMeasure(page, system, signs, tuplets, m == 0, m == 0 and s == 0)
                if signs.meter is not None:
                    joined.meter_printed = True
                    meter = signs.meter
                if signs.key is not None:
                    joined.key_printed = signs.key.fifths != (fifths or 0)
                    fifths = signs.key.fifths
                joined.meter, joined.fifths = meter, fifths or 0
                draft.measures.append(joined)


def expected_length(meter: MeterSign | None) -> Fraction | None:
    """Length of a measure by its meter, in quarters."""
    return None if meter is None else Fraction(4 * sum(meter.beats), meter.beat_type)

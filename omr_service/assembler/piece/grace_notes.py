"""Which note a grace note belongs to, and with that where it stands in time."""

from __future__ import annotations

from fractions import Fraction

from omr_service.assembler.music import Element
from omr_service.assembler.piece.draft import JoinedMeasure


def grace_target(measure: JoinedMeasure, grace: Element) -> tuple[Element | None, bool]:
    """The element a grace note belongs to, and True when it comes after it."""
    timings = measure.rhythm.timings
    own = [e for e in measure.signs.elements if e.index in timings and e.staff == grace.staff]
    following = [e for e in own if e.x > grace.x and not timings[e.index].whole_bar]
    step = sum(n.step for n in grace.notes) / len(grace.notes)
    if following:
        onset = min(timings[e.index].onset for e in following)
        here = [e for e in following if timings[e.index].onset == onset and e.notes]
        if here:
            return min(here, key=lambda e: min(abs(n.step - step) for n in e.notes)), False
    preceding = [e for e in own if e.x < grace.x and e.notes]
    if preceding:
        latest = max(timings[e.index].onset for e in preceding)
        here = [e for e in preceding if timings[e.index].onset == latest]
        return min(here, key=lambda e: min(abs(n.step - step) for n in e.notes)), True
    return None, False


def grace_onset(measure: JoinedMeasure, grace: Element) -> Fraction:
    """Quarters into the measure at which a grace note is thought to stand."""
    target, after = grace_target(measure, grace)
    if target is None:
        return Fraction(0)
    timing = measure.rhythm.timings[target.index]
    return timing.onset + (timing.duration if after else 0)

"""Measures put together from chords, rests and signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omr_service.assembler.geometry import Barline, System
from omr_service.assembler.music import Element, MeasureSigns
from omr_service.assembler.page.meters import MeterSign, last_at_start
from omr_service.assembler.page.signatures import ClefSign, KeySign

CADENZA = 3
"""Small notes alone on a staff from which on they are its own."""
CUSTOS = 3.2
"""Spaces after the last barline up to which there is no room for a measure of notes without stems."""


def measure_edges(
    system: System, content_right: float, content: Sequence[float]
) -> list[tuple[float, float, Barline | None, Barline | None]]:
    """From where to where the measures of a system go, and the barlines at their edges.

    Args:
        system: The system with its barlines.
        content_right: Middle of its rightmost note or rest.
        content: Left ends of its notes and rests.
    """
    edges: list[tuple[float, float, Barline | None, Barline | None]] = []
    left: Barline | None = None
    x = system.x0
    for mark in system.barlines:
        at_start = not edges and left is None and not any(x < mark.x0 for x in content)
        if at_start and "H" in mark.strokes and mark.dots_right and not mark.dots_left:
            left = mark
            continue
        edges.append((x, mark.x, left, mark))
        left, x = mark, mark.x
    if content_right > x:
        edges.append((x, system.x1, left, None))
    return edges


def _cues_in_time(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """The elements with small notes taken for full ones on staves that have nothing else: grace notes lean on
    something, so these are the staff's own (a cadenza in small print), but where a slash says what they are."""
    full = {e.staff for e in elements if not e.small} | {n.staff for e in elements if not e.small for n in e.notes}
    slashed = {e.staff for e in elements if e.slash}
    alone = [e for e in elements if e.small and e.staff not in full | slashed]
    if len(alone) < CADENZA:
        return elements
    return tuple(replace(e, small=False) if e.small and e.staff not in full | slashed else e for e in elements)


def _without_custos(system: System, elements: list[Element]) -> list[Element]:
    """The elements without what stands between the last barline and the end of the lines where there is no room for a
    measure: old prints show there, by a sign of its own, on which line the next system begins. No stem stands there.
    """
    if not system.barlines or system.x1 - system.barlines[-1].x1 > CUSTOS * system.space:
        return elements
    after = [e for e in elements if (e.x + e.x1) / 2 > system.barlines[-1].x]
    if any(e.up is not None for e in after):
        return elements
    return [e for e in elements if e not in after]


def build_measures(
    system: System,
    elements: list[Element],
    clefs: list[ClefSign],
    keys: list[KeySign],
    meters: list[MeterSign],
) -> tuple[MeasureSigns, ...]:
    """The measures of a system with what stands in them."""
    elements = _without_custos(system, elements)
    right = max(((e.x + e.x1) / 2 for e in elements), default=system.x0)
    edges = measure_edges(system, right, [e.x for e in elements])
    measures: list[MeasureSigns] = []
    for i, (x0, x1, left, end) in enumerate(edges):
        last = i == len(edges) - 1
        own = tuple(e for e in elements if (x0 <= (e.x + e.x1) / 2 < x1) or (i == 0 and (e.x + e.x1) / 2 < x0))
        limit = system.x1 + 10 * system.space if last and end is None else x1
        start = -1.0 if i == 0 else x0
        own = _cues_in_time(own)
        own_clefs = tuple(c for c in clefs if start <= c.x0 < limit)
        key = next((k for k in keys if start <= k.x0 < limit), None)
        full = min((e.x for e in own if not e.small), default=x0)
        meter = last_at_start([m for m in meters if start <= m.x0 < limit], full)
        if left is not None and i == 0:
            start = -1.0
        measures.append(MeasureSigns(x0, x1, own, own_clefs, key, meter, left, end))
    return tuple(measures)

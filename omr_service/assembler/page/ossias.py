"""Ossias: other readings of some bars, on smaller staves over or under those that are played.

They sound instead of the music they stand by, not with it, so what is on them is left out. A smaller staff may also be
another instrument's; that one goes through every system of its page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omr_service.assembler.geometry import Staff, System
from omr_service.assembler.music import CurveSign, Element, PageMusic, SystemSigns

REDUCED = 0.82
"""Part of the staff space of a page up to which a staff is smaller on purpose; 0.8 and less are usual for it."""
WHOLE = 0.9
"""Part of the width of a page's systems from which on a staff goes through."""
ALIGNED = 1.0
"""Distance in spaces up to which barlines of systems over each other are the same."""


def reduced(staves: Sequence[Staff]) -> frozenset[int]:
    """Indices of those of a page's, or a system's, staves that are smaller than the others on purpose."""
    if not staves:
        return frozenset()
    # there may be as many small staves as large ones, or more, but the largest quarter is none of them
    usual = sorted(s.space for s in staves)[3 * len(staves) // 4]
    return frozenset(s.index for s in staves if s.space < REDUCED * usual)


def find_ossias(systems: Sequence[System]) -> list[System]:
    """The systems of a page, barlines and all, with the positions of ossias among their staves.

    Small staves joined with full-size ones are ossias unless each system has just one, as wide as itself: that is an
    instrument. Small staves by themselves are when their barlines are those of the system next to them, or when they
    are too short or too few for a system: an ossia that nothing joins to its music, or an example in a footnote.

    Args:
        systems: The systems of a page, top to bottom.
    """
    small = reduced([staff for system in systems for staff in system.staves])
    if not small:
        return list(systems)
    positions = [tuple(k for k, s in enumerate(system.staves) if s.index in small) for system in systems]
    width = max(system.x1 - system.x0 for system in systems)
    alone = [len(own) == len(system.staves) for own, system in zip(positions, systems, strict=True)]
    instrument = all(
        len(own) == 1 < len(system.staves) and _width(system.staves[own[0]]) > WHOLE * width
        for own, system in zip(positions, systems, strict=True)
    )
    if instrument:
        return list(systems)
    found: list[System] = []
    for k, (system, own) in enumerate(zip(systems, positions, strict=True)):
        if alone[k]:
            beside = [systems[n] for n in (k - 1, k + 1) if 0 <= n < len(systems) and not alone[n]]
            short = system.x1 - system.x0 < WHOLE * width
            fewer = any(len(system.staves) < len(other.keyboard) for other in beside)
            is_ossia = short or fewer or any(_aligned(system, other) for other in beside)
        else:
            is_ossia = len(system.staves) - len(own) > 1
        found.append(replace(system, ossia=own) if is_ossia else system)
    return found


def _width(staff: Staff) -> float:
    return staff.x1 - staff.x0


def _aligned(system: System, other: System) -> bool:
    """True where each barline of a system stands over or under one of another."""
    inner = [bar.x for bar in system.barlines if bar.x < system.x1 - system.space]
    reach = ALIGNED * other.space
    return bool(inner) and all(any(abs(x - bar.x) < reach for bar in other.barlines) for x in inner)


def without_ossias(page: PageMusic) -> PageMusic:
    """A page without what stands on its ossias."""
    if not any(signs.system.ossia for signs in page.systems):
        return page
    systems = tuple(_played(s) for s in page.systems if len(s.system.ossia) < len(s.system.staves))
    left_out = {(s.system.index, position) for s in systems for position in s.system.ossia}
    kept = {s.system.index for s in systems}
    played = [e for s in systems for m in s.measures for e in m.elements]
    elements = {-1, *(e.index for e in played)}
    heads = {-1, *(n.head for e in played for n in e.notes)}
    return replace(
        page,
        systems=systems,
        curves=tuple(_between(c, heads) for c in page.curves if c.system in kept and elements >= {c.first, c.last}),
        octaves=tuple(o for o in page.octaves if o.system in kept and (o.system, o.staff) not in left_out),
        marks=tuple(
            m
            for m in page.marks
            if m.system in kept and (m.system, m.staff) not in left_out and m.element in elements and m.head in heads
        ),
        starts=tuple(start for start in page.starts if start[0] in kept),
    )


def _played(signs: SystemSigns) -> SystemSigns:
    """A system without what stands on its ossias."""
    ossia = signs.system.ossia
    measures = tuple(
        replace(
            measure,
            elements=tuple(e for element in measure.elements for e in _on_others(element, ossia)),
            clefs=tuple(c for c in measure.clefs if c.staff not in ossia),
        )
        for measure in signs.measures
    )
    elements = {e.index for measure in measures for e in measure.elements}
    tuplets = []
    for tuplet in signs.tuplets:
        options = tuple(run for run in tuplet.options if elements.issuperset(run))
        if options:
            tuplets.append(replace(tuplet, options=options))
    return replace(signs, measures=measures, tuplets=tuple(tuplets))


def _on_others(element: Element, ossia: Sequence[int]) -> list[Element]:
    """What is left of an element off some staves: nothing, or itself without the heads on them."""
    if element.staff in ossia:
        return []
    notes = tuple(n for n in element.notes if n.staff not in ossia)
    if not notes and element.notes:
        return []
    return [element if notes == element.notes else replace(element, notes=notes)]


def _between(curve: CurveSign, heads: set[int]) -> CurveSign:
    """A curve that ties no others than these heads."""
    ties = [k for k, pair in enumerate(curve.tie_pairs) if heads.issuperset(pair)]
    return replace(
        curve,
        tie_pairs=tuple(curve.tie_pairs[k] for k in ties),
        tie_costs=tuple(curve.tie_costs[k] for k in ties),
    )

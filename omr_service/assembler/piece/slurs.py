"""Which chords the slurs of a piece reach from and to."""

from __future__ import annotations

from omr_service.assembler.music import CurveSign, SystemSigns
from omr_service.assembler.piece.draft import ScoreDraft, SlurReading

Half = tuple[int, int, CurveSign]
"""A curve that is open at an end: number of its system in the piece, number of its page, the curve."""


def join_slurs(draft: ScoreDraft, curves: list[tuple[int, CurveSign]], ties: set[int]) -> None:
    """What is neither a tie nor leaves a note ringing is a slur; halves at the ends of systems are joined in order."""
    systems = [(page.page_number, system) for page in draft.pages for system in page.systems]
    order = {(page, system.system.index): k for k, (page, system) in enumerate(systems)}
    halves: list[Half] = []
    for c, (page, curve) in enumerate(curves):
        if c in ties:
            continue
        if curve.ringing >= 0:
            draft.ringing.append((page, curve))
            continue
        if curve.open_left or curve.open_right:
            halves.append((order[page, curve.system], page, curve))
        elif curve.first >= 0 and curve.last >= 0 and curve.first != curve.last:
            draft.slurs.append(SlurReading((page, curve.first), (page, curve.last), ((page, curve),)))
        else:
            draft.open_slurs.append((page, curve))
    used: set[int] = set()
    for h, (system, page, curve) in enumerate(halves):
        if h in used or curve.open_left or curve.first < 0:
            continue
        used.add(h)
        chain = [halves[h], *_parts_after(system, curve, halves, used)]
        last = chain[-1][2]
        if last.last >= 0 and not last.open_right:
            draft.slurs.append(_joined(chain))
        else:
            draft.open_slurs.append((page, curve))
    for s, slur in enumerate(draft.slurs):
        longer: SlurReading | None = slur
        while longer is not None:
            draft.slurs[s] = longer
            longer = _gone_on(longer, systems, order, halves, used)


def _gone_on(
    slur: SlurReading,
    systems: list[tuple[int, SystemSigns]],
    order: dict[tuple[int, int], int],
    halves: list[Half],
    used: set[int],
) -> SlurReading | None:
    """A slur with the parts in the next systems that nothing else begins, which are used then; None without any.

    Some engravers end the part of a broken slur over the last chord of a system: what goes on shows that it is broken.
    """
    page, curve = slur.curves[-1]
    system = order[page, curve.system]
    staff = _staff_it_ends(curve, systems[system][1])
    if staff < 0 or system + 1 == len(systems):
        return None
    after = systems[system + 1][1]
    goes_on = [
        k
        for k, (n, _, other) in enumerate(halves)
        if k not in used and n == system + 1 and other.open_left and other.above == curve.above
        if _nearest_staff(other, after) == staff
    ]
    if len(goes_on) != 1:
        return None
    own = used | {goes_on[0]}
    first = halves[goes_on[0]]
    chain = [first, *_parts_after(system + 1, first[2], halves, own)]
    _, last_page, last = chain[-1]
    if last.last < 0 or last.open_right:
        return None
    used |= own
    return SlurReading(slur.start, (last_page, last.last), (*slur.curves, *((p, part) for _, p, part in chain)))


def _parts_after(system: int, curve: CurveSign, halves: list[Half], used: set[int]) -> list[Half]:
    """The parts of a slur in the systems after one of its parts, which are used then."""
    chain: list[Half] = []
    first, last = (system, curve), curve
    while last.open_right:
        at = system + len(chain)
        nexts = [k for k, (s, _, other) in enumerate(halves) if k not in used and s == at + 1 and other.open_left]
        if not nexts:
            break
        rank = _rank(*first, halves)
        k = min(
            nexts,
            key=lambda n: (halves[n][2].above != last.above, abs(_rank(halves[n][0], halves[n][2], halves) - rank)),
        )
        used.add(k)
        chain.append(halves[k])
        last = halves[k][2]
    return chain


def _joined(chain: list[Half]) -> SlurReading:
    """A slur in several parts."""
    (_, first_page, first), (_, last_page, last) = chain[0], chain[-1]
    parts = tuple((page, curve) for _, page, curve in chain)
    return SlurReading((first_page, first.first), (last_page, last.last), parts)


def _rank(system: int, curve: CurveSign, halves: list[Half]) -> int:
    """How many of the halves in a curve's system lie above it."""
    return sum(s == system and c.box.y0 < curve.box.y0 for s, _, c in halves)


def _staff_it_ends(curve: CurveSign, system: SystemSigns) -> int:
    """The staff whose last chord of the system a curve ends at; -1 for none."""
    chords = [element for measure in system.measures for element in measure.elements if element.notes]
    at = next((element for element in chords if element.index == curve.last), None)
    if at is None or any(element.staff == at.staff and element.x > at.x for element in chords):
        return -1
    return at.staff


def _nearest_staff(curve: CurveSign, system: SystemSigns) -> int:
    """The staff that a curve is nearest to: that under an arch, that over a bowl."""
    tip = curve.box.y1 if curve.above else curve.box.y0
    edges = [staff.tops[0] if curve.above else staff.tops[-1] for staff in system.system.staves]
    return min(range(len(edges)), key=lambda position: abs(edges[position] - tip))

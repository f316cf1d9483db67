"""Which chords the slurs of a piece reach from and to."""

from __future__ import annotations

from omr_service.assembler.draft import ScoreDraft, SlurReading
from omr_service.assembler.music import CurveSign


def join_slurs(draft: ScoreDraft, curves: list[tuple[int, CurveSign]], ties: set[int]) -> None:
    """What is neither a tie nor leaves a note ringing is a slur; halves at the ends of systems are joined in order."""
    order = {
        (p.page_number, s.system.index): k for k, (p, s) in enumerate((p, s) for p in draft.pages for s in p.systems)
    }
    halves: list[tuple[int, int, CurveSign]] = []
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
        chain = [(page, curve)]
        at, last = system, curve
        used.add(h)
        while last.open_right:
            nexts = [k for k, (s, _, other) in enumerate(halves) if k not in used and s == at + 1 and other.open_left]
            if not nexts:
                break
            k = min(
                nexts, key=lambda n: (halves[n][2].above != last.above, abs(_rank_in(halves, n) - _rank_in(halves, h)))
            )
            used.add(k)
            at, _, last = halves[k]
            chain.append((halves[k][1], last))
        if last.last >= 0 and not last.open_right:
            draft.slurs.append(SlurReading((page, curve.first), (chain[-1][0], last.last), tuple(chain)))
        else:
            draft.open_slurs.append((page, curve))


def _rank_in(halves: list[tuple[int, int, CurveSign]], k: int) -> int:
    """How many of the halves in the same system lie above."""
    system, _, curve = halves[k]
    return sum(s == system and c.box.y0 < curve.box.y0 for s, _, c in halves)

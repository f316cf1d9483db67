"""Which of the chains of a solved bar are voices of which staff, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from omr_service.assembler.rhythm.bar_model import Item, Placed


def number_voices(placed: Sequence[Placed], items: Sequence[Item]) -> dict[int, tuple[int, int]]:
    """By chain of the solution, (home staff, voice from 1 within the staff).

    The upper of two voices, whose stems point up, is the first; chains that do not overlap can share a voice.
    """
    chains: dict[int, list[int]] = {}
    for k, p in enumerate(placed):
        chains.setdefault(p.voice, []).append(k)
    homes: dict[int, int] = {}
    for chain, members in chains.items():
        counts: dict[int, int] = {}
        for k in members:
            counts[items[k].staff] = counts.get(items[k].staff, 0) + 1
        first = items[min(members, key=lambda k: placed[k].onset)].staff
        homes[chain] = max(counts, key=lambda s: (counts[s], s == first))
    result: dict[int, tuple[int, int]] = {}
    for staff in sorted(set(homes.values())):
        own = [c for c in chains if homes[c] == staff]
        spans = {
            c: (min(placed[k].onset for k in chains[c]), max(placed[k].onset + placed[k].duration for k in chains[c]))
            for c in own
        }

        def overlap(a: int, b: int, spans: dict[int, tuple[Fraction, Fraction]] = spans) -> bool:
            return spans[a][0] < spans[b][1] and spans[b][0] < spans[a][1]

        ranks = {c: _rank(chains[c], items) for c in own}
        slots: dict[int, list[int]] = {}
        for chain in sorted(own, key=lambda c: (spans[c][0], -ranks[c], c)):
            rivals = [c for c in own if c != chain and overlap(c, chain)]
            lower = sum(ranks[c] > ranks[chain] or (ranks[c] == ranks[chain] and c < chain) for c in rivals)
            preferred = 2 if lower else 1
            order = [preferred, *(v for v in range(1, len(own) + 2) if v != preferred)]
            if preferred == 2:
                order = [*range(2, len(own) + 2), 1]
            voice = next(v for v in order if not any(overlap(c, chain) for c in slots.get(v, [])))
            slots.setdefault(voice, []).append(chain)
            result[chain] = (staff, voice)
    return result


def _rank(members: list[int], items: Sequence[Item]) -> float:
    """How much a chain looks like the upper voice."""
    stems = sum(items[k].stem for k in members)
    height = sum(items[k].height for k in members) / len(members)
    return 100.0 * (stems > 0) - 100.0 * (stems < 0) + height

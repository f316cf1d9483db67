"""Loudness and pedal of a Score, from its marks."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from etude.score.v1 import score_pb2, spanner_pb2

VELOCITIES = {
    "pppp": 16,
    "ppp": 26,
    "pp": 38,
    "p": 50,
    "mp": 62,
    "mf": 74,
    "f": 88,
    "ff": 102,
    "fff": 114,
    "ffff": 124,
    "pf": 74,
    "fp": 50,
    "sfp": 50,
}
DEFAULT_VELOCITY = 70
STRESSES = frozenset({"sf", "sfz", "sffz", "fz", "rf", "rfz", "sfp", "fp", "sffp", "sfpp"})
"""Dynamics that stress the notes they stand at (and, for "fp" and its like, go on softly)."""
STRESS = 16
HAIRPIN = 14
"""Change of velocity over a hairpin that no dynamic mark ends."""


@dataclass(frozen=True, slots=True)
class _Ramp:
    start: int
    end: int
    first: int
    last: int


class Dynamics:
    """Loudness of one staff over time.

    A mark holds for its staff, and for the others of its part unless they have one of their own at the same time,
    as piano marks between the staves are meant.
    """

    def __init__(self, score: score_pb2.Score, part_id: str, staff: int) -> None:
        levels: dict[int, tuple[bool, int]] = {}
        self._stresses: set[int] = set()
        for direction in score.directions:
            if direction.WhichOneof("kind") != "dynamic" or direction.part_id not in ("", part_id):
                continue
            own = direction.staff == staff
            text, tick = direction.dynamic.text.lower(), direction.onset_ticks
            if text in STRESSES:
                self._stresses.add(tick)
            if text in VELOCITIES and (own or not levels.get(tick, (False, 0))[0]):
                levels[tick] = (own, VELOCITIES[text])
        self._ticks = sorted(levels)
        self._levels = [levels[tick][1] for tick in self._ticks]
        hairpins = [
            spanner
            for spanner in score.spanners
            if spanner.WhichOneof("kind") == "hairpin"
            and spanner.part_id in ("", part_id)
            and spanner.end_ticks > spanner.start_ticks
        ]
        self._ramps: list[_Ramp] = []
        for hairpin in sorted(hairpins, key=lambda s: (s.start_ticks, s.end_ticks)):
            if not self._ramps or hairpin.start_ticks >= self._ramps[-1].end:
                self._ramps.append(self._ramp(hairpin, score.divisions))

    def _ramp(self, hairpin: spanner_pb2.Spanner, divisions: int) -> _Ramp:
        """From the level at its start to the mark at its end, if that fits its direction."""
        up = hairpin.hairpin.kind != spanner_pb2.HAIRPIN_KIND_DIMINUENDO
        first = self._level(hairpin.start_ticks)
        index = bisect_right(self._ticks, hairpin.start_ticks)
        last = first + (HAIRPIN if up else -HAIRPIN)
        if index < len(self._ticks) and self._ticks[index] <= hairpin.end_ticks + divisions:
            mark = self._levels[index]
            last = mark if (mark > first) == up else last
        return _Ramp(hairpin.start_ticks, hairpin.end_ticks, first, min(max(last, 16), 120))

    def _level(self, tick: Fraction | int) -> int:
        """Level without the ramps that are open at `tick`: the last mark or the end of the last ramp."""
        index = bisect_right(self._ticks, tick) - 1
        mark_tick, level = (self._ticks[index], self._levels[index]) if index >= 0 else (-1, DEFAULT_VELOCITY)
        ended = bisect_right(self._ramps, tick, key=lambda ramp: ramp.end) - 1  # none begins before the last one's end
        return self._ramps[ended].last if ended >= 0 and self._ramps[ended].end > mark_tick else level

    def velocity(self, tick: Fraction | int, accented: bool = False) -> int:
        """MIDI velocity of a note struck at `tick`, 1 to 127."""
        index = bisect_right(self._ramps, tick, key=lambda ramp: ramp.start) - 1
        ramp = self._ramps[index] if index >= 0 else None
        if ramp is not None and tick < ramp.end:
            level = ramp.first + (ramp.last - ramp.first) * float((tick - ramp.start) / (ramp.end - ramp.start))
        else:
            level = self._level(tick)
        level += STRESS if accented or tick in self._stresses else 0
        return min(max(round(level), 1), 127)


def pedal_changes(score: score_pb2.Score, part_id: str) -> list[tuple[int, bool]]:
    """When the pedal of a part goes down (True) and up (False), in order of time.

    A change within a line is an up and a down at one tick. A pedal without a release sign is let go at its end.
    """
    pedals = [
        (spanner.start_ticks, spanner.end_ticks, sorted(spanner.pedal.change_ticks))
        for spanner in score.spanners
        if spanner.WhichOneof("kind") == "pedal" and spanner.part_id in ("", part_id)
    ]
    stretches = [stretch for start, end, changes in sorted(pedals) for stretch in pairwise([start, *changes, end])]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif end > start:
            merged.append((start, end))
    return [change for start, end in merged for change in ((start, True), (end, False))]

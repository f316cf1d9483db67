"""The beat-aware grid: bars, beats, and into how many equal parts each beat of each hand is divided."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from etude.notation.midi.file import MidiError, MidiMusic

MAX_BARS = 20_000
_FINEST = Fraction(1, 16)
"""Quarters of a 64th."""
_SHORTEST = Fraction(1, 32)
"""Quarters of the shortest part a beat is divided into."""
_TOLERANCE = 0.03
"""Standard deviation of played onsets from the notated ones, in quarters."""
_GRIDS: dict[bool, tuple[tuple[int, float], ...]] = {
    False: ((1, 0.0), (2, 0.5), (4, 1.5), (3, 2.5), (6, 4.5), (8, 4.0), (5, 7.0), (7, 8.0), (16, 9.0), (12, 9.0)),
    True: ((1, 0.0), (3, 0.5), (6, 1.5), (12, 4.0), (2, 3.5), (4, 5.0), (24, 9.0)),
}
"""Divisions of a beat with the cost of writing them, for simple and compound beats."""
_TWO_BEATS_IN_THREE = 4.0
_MERGE_COST = 6.0
"""For two onsets that a grid cannot tell apart although they are clearly two."""
_APART = 0.06
"""Quarters from which two onsets are clearly two."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A measure: where it starts and how long it is in quarters, and its meter."""

    start: Fraction
    length: Fraction
    beats: int
    beat_type: int

    @property
    def compound(self) -> bool:
        """True where three eighths (or their like) make a beat."""
        return self.beat_type >= 8 and self.beats % 3 == 0

    @property
    def beat(self) -> Fraction:
        """Quarters of a beat."""
        unit = Fraction(4, self.beat_type)
        return 3 * unit if self.compound else unit


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a bar (a beat or two) divided into `parts` equal parts; times in quarters from the start."""

    start: Fraction
    length: Fraction
    parts: int

    @property
    def unit(self) -> Fraction:
        """Quarters of one part."""
        return self.length / self.parts


def bars_of(music: MidiMusic) -> list[Bar]:
    """The measures that hold the music. A change of meter in the middle of a measure cuts it short.

    Raises:
        MidiError: too many.
    """
    end = max(note.end for note in music.notes)
    rounded = {_round(when): (beats, beat_type) for when, beats, beat_type in music.meters if _round(when) < end}
    meters = [(when, *meter) for when, meter in rounded.items()]
    if not meters or meters[0][0] > 0:
        meters.insert(0, (Fraction(0), 4, 4))
    bars: list[Bar] = []
    last_start = max(note.start for note in music.notes)
    for (start, beats, beat_type), following in zip(meters, [*meters[1:], None], strict=True):
        length = Fraction(4 * beats, beat_type)
        stop = following[0] if following is not None else None
        position = start
        span = (stop if stop is not None else end) - start
        if len(bars) + span / length > MAX_BARS:
            raise MidiError(f"the meters of the MIDI file make more than {MAX_BARS:,} bars")
        while position < stop if stop is not None else (position < end and (position <= last_start or not bars)):
            size = min(length, stop - position) if stop is not None else length
            bars.append(Bar(position, size, beats, beat_type))
            position += size
    return bars


def _round(when: Fraction) -> Fraction:
    """The 64th nearest to a time: a meter does not change at places that cannot be written."""
    return Fraction(round(when / _FINEST)) * _FINEST


def windows_of(bars: Sequence[Bar], onsets: Sequence[Fraction]) -> list[Window]:
    """The division of every beat that fits the onsets (in order) of one hand at the least cost.

    The cost of a division is what it takes to write it, the squared deviation of the onsets from it in units of
    `_TOLERANCE`, and onsets that it throws together. Two beats may be divided in three together (quarter triplets).
    """
    times = [float(onset) for onset in onsets]
    windows: list[Window] = []
    for bar in bars:
        count = max(1, -(-bar.length // bar.beat))
        edges = [min(bar.start + i * bar.beat, bar.start + bar.length) for i in range(count + 1)]
        windows += _divide_bar(bar, edges, times)
    return windows


def _divide_bar(bar: Bar, edges: list[Fraction], times: list[float]) -> list[Window]:
    """Dynamic programming over the beats of a bar."""
    best: list[tuple[float, list[Window]]] = [(0.0, [])]
    for index, (start, end) in enumerate(pairwise(edges)):
        if end - start == bar.beat:
            window, cost = _best_window(start, end - start, _GRIDS[bar.compound], times)
        else:  # what a change of meter leaves of a beat
            window, cost = Window(start, end - start, max(1, int((end - start) / _FINEST))), 0.0
        candidates = [(best[index][0] + cost, [*best[index][1], window])]
        if index % 2 == 1 and not bar.compound and end - edges[index - 1] == 2 * bar.beat:
            triplet = Window(edges[index - 1], end - edges[index - 1], 3)
            cost = _TWO_BEATS_IN_THREE + _misfit(triplet, times)
            candidates.append((best[index - 1][0] + cost, [*best[index - 1][1], triplet]))
        best.append(min(candidates, key=lambda candidate: candidate[0]))
    return best[-1][1]


def _best_window(
    start: Fraction, length: Fraction, grids: tuple[tuple[int, float], ...], times: list[float]
) -> tuple[Window, float]:
    options = [
        (Window(start, length, parts), cost) for parts, cost in grids if parts == 1 or length / parts >= _SHORTEST
    ]
    scored = [(cost + _misfit(window, times), number) for number, (window, cost) in enumerate(options)]
    cost, number = min(scored)
    return options[number][0], cost


def _misfit(window: Window, times: list[float]) -> float:
    """Squared deviations of the onsets in a window from its grid, and the onsets thrown together."""
    start, length, unit = float(window.start), float(window.length), float(window.unit)
    reach = min(0.1, length / 8)
    low, high = bisect_right(times, start - reach), bisect_right(times, start + length - reach)
    cost = 0.0
    previous: tuple[int, float] | None = None
    for time in times[low:high]:
        place = round((time - start) / unit)
        cost += min(((time - start - place * unit) / _TOLERANCE) ** 2, 25.0)
        if previous is not None and previous[0] == place and time - previous[1] > _APART:
            cost += _MERGE_COST
        previous = (place, time)
    return cost


def snap(time: Fraction, windows: Sequence[Window]) -> Fraction:
    """The grid point nearest to a time."""
    index = max(0, bisect_right(windows, time, key=lambda window: window.start) - 1)
    best: Fraction | None = None
    for window in windows[max(0, index - 1) : index + 2]:
        place = min(max(round((time - window.start) / window.unit), 0), window.parts)
        point = window.start + place * window.unit
        if best is None or abs(point - time) < abs(best - time):
            best = point
    assert best is not None  # there is always a window
    return best

"""Bars: their nominal length, what fills them, and which one a tick is in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from etude.notation.time import to_ticks
from etude.score.v1 import event_pb2, measure_pb2


@dataclass(frozen=True, slots=True)
class VoiceFill:
    """How the events of one voice fill one bar; times in ticks from the start of the Score.

    Attributes:
        end: Where the last event ends (the bar's start for none).
        gaps: Stretches (start, end) within the bar that no event covers.
        overlaps: Pairs of event ids of which the second starts before the first has ended.
    """

    end: int
    gaps: tuple[tuple[int, int], ...]
    overlaps: tuple[tuple[str, str], ...]


def nominal_quarters(time_signature: measure_pb2.TimeSignature) -> Fraction:
    """Quarter notes a full bar of the meter lasts; 0 for senza misura without numbers."""
    if not time_signature.beat_type:
        return Fraction(0)
    return Fraction(4 * sum(time_signature.beats), time_signature.beat_type)


def nominal_ticks(time_signature: measure_pb2.TimeSignature, divisions: int) -> int:
    """Ticks a full bar of the meter lasts.

    Raises:
        InexactTimeError: it is no whole number of ticks.
    """
    return to_ticks(nominal_quarters(time_signature), divisions)


def time_signature_text(time_signature: measure_pb2.TimeSignature) -> str:
    """As numbers: "3/4", "3+2/8"."""
    return f"{'+'.join(map(str, time_signature.beats))}/{time_signature.beat_type}"


def measure_names(numbers: Iterable[str]) -> list[str]:
    """What people call measures with these numbers, in the order of the Score.

    A measure that is not counted, the rest of one that was parted by a repeat sign for instance, has no number that
    anyone could find on a page ("X26" in MusicXML), and is named by the one it follows.

    >>> measure_names(["0", "1", "X2", "2", "12a"])
    ['0', '1', 'after 1', '2', '12a']
    """
    names: list[str] = []
    counted = ""
    for index, number in enumerate(numbers):
        if number[:1].isdecimal():
            counted = number
            names.append(number)
        else:
            names.append(f"after {counted}" if counted else str(index + 1))
    return names


def measure_name(measures: Sequence[measure_pb2.Measure], index: int) -> str:
    """What people call one of a Score's measures; see `measure_names`."""
    return measure_names(measure.number for measure in measures[: index + 1])[-1]


def measure_at(measures: Sequence[measure_pb2.Measure], ticks: int) -> int:
    """Index of the measure that holds a tick: the last one that starts at or before it; 0 before the first.

    Raises:
        ValueError: there are no measures.
    """
    if not measures:
        raise ValueError("the Score has no measures")
    return max(0, bisect_right(measures, ticks, key=lambda measure: measure.onset_ticks) - 1)


def measure_end(measure: measure_pb2.Measure) -> int:
    """Where the measure ends, in ticks from the start of the Score."""
    return measure.onset_ticks + measure.length_ticks


def voice_fill(measure: measure_pb2.Measure, events: Iterable[event_pb2.Event]) -> VoiceFill:
    """How the events of one voice fill the measure. Grace events take no time and are passed over."""
    gaps: list[tuple[int, int]] = []
    overlaps: list[tuple[str, str]] = []
    reached = measure.onset_ticks
    last = ""
    timed = (event for event in events if not event.HasField("grace"))
    for event in sorted(timed, key=lambda event: event.onset_ticks):
        if event.onset_ticks > reached:
            gaps.append((reached, event.onset_ticks))
        elif event.onset_ticks < reached and last:
            overlaps.append((last, event.event_id))
        end = event.onset_ticks + event.duration_ticks
        if end >= reached:
            reached, last = end, event.event_id
    bar_end = measure_end(measure)
    if reached < bar_end:
        gaps.append((reached, bar_end))
    return VoiceFill(reached, tuple(gaps), tuple(overlaps))

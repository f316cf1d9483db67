"""Bars: their nominal length, what fills them, and which one a tick is in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from etude.notation.ordering import sort_score
from etude.notation.time import InexactTimeError, spell_duration, to_ticks, written_quarters
from etude.score.v1 import event_pb2, measure_pb2, score_pb2


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


def fill_with_hidden_rests(score: score_pb2.Score) -> int:
    """Fills, in place, what no event of a voice covers with hidden rests, so that every voice that has an event in a
    measure lasts the whole measure; sorts the Score.

    For writers whose source leaves the time before, between or after the notes of a voice empty (a second voice that
    begins in the middle of a bar). Overfull voices are left as they are.

    Returns how many rests were added; their ids are "hr1", "hr2", ... (numbers already taken are passed over).
    """
    taken = {event.event_id for event in score.events}
    voices: dict[tuple[int, str, int], list[event_pb2.Event]] = {}
    for event in score.events:
        voices.setdefault((event.measure_index, event.part_id, event.voice), []).append(event)
    added: list[event_pb2.Event] = []
    number = 0
    for (measure_index, part_id, voice), events in sorted(voices.items()):
        for start, end in voice_fill(score.measures[measure_index], events).gaps:
            position = start
            for note_type, dots, ticks in _rest_values(end - start, score.divisions):
                number += 1
                while f"hr{number}" in taken:
                    number += 1
                added.append(
                    event_pb2.Event(
                        event_id=f"hr{number}",
                        part_id=part_id,
                        measure_index=measure_index,
                        staff=events[0].staff,
                        voice=voice,
                        onset_ticks=position,
                        duration_ticks=ticks,
                        type=note_type,
                        dots=dots,
                        rest=event_pb2.Rest(hidden=True),
                        confidence=1.0,
                    )
                )
                position += ticks
    score.events.extend(added)
    sort_score(score)
    return len(added)


def _rest_values(ticks: int, divisions: int) -> list[tuple[event_pb2.NoteType.ValueType, int, int]]:
    """Note values for a hidden rest (type, dots, ticks); one without a type where no plain values fit."""
    try:
        values = spell_duration(Fraction(ticks, divisions))
        return [(t, d, to_ticks(written_quarters(t, d), divisions)) for t, d in values]
    except (InexactTimeError, ValueError):
        return [(event_pb2.NOTE_TYPE_UNSPECIFIED, 0, ticks)]

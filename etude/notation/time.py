"""Exact time: written note values, quarter notes as fractions, ticks as integers, and the change between them.

A *quarter* count is a `Fraction` of quarter notes; a *tick* is 1/`divisions` of a quarter note.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache

from etude.score.v1 import event_pb2, score_pb2

MAX_DOTS = 4

QUARTERS_OF_TYPE: dict[event_pb2.NoteType.ValueType, Fraction] = {
    event_pb2.NOTE_TYPE_LONG: Fraction(16),
    event_pb2.NOTE_TYPE_BREVE: Fraction(8),
    event_pb2.NOTE_TYPE_WHOLE: Fraction(4),
    event_pb2.NOTE_TYPE_HALF: Fraction(2),
    event_pb2.NOTE_TYPE_QUARTER: Fraction(1),
    event_pb2.NOTE_TYPE_EIGHTH: Fraction(1, 2),
    event_pb2.NOTE_TYPE_16TH: Fraction(1, 4),
    event_pb2.NOTE_TYPE_32ND: Fraction(1, 8),
    event_pb2.NOTE_TYPE_64TH: Fraction(1, 16),
    event_pb2.NOTE_TYPE_128TH: Fraction(1, 32),
    event_pb2.NOTE_TYPE_256TH: Fraction(1, 64),
}
"""Quarter notes each note type lasts, without dots and tuplets."""


class InexactTimeError(ValueError):
    """A time that is no whole number of ticks under the given divisions."""


def written_quarters(
    note_type: event_pb2.NoteType.ValueType, dots: int = 0, ratios: Iterable[event_pb2.TupletRatio] = ()
) -> Fraction:
    """Quarter notes a written value lasts.

    Raises:
        ValueError: `note_type` is unspecified.
    """
    return _written_quarters(note_type, dots, *((ratio.normal, ratio.actual) for ratio in ratios))


@lru_cache(maxsize=1024)  # a piece has a dozen
def _written_quarters(note_type: event_pb2.NoteType.ValueType, dots: int, *ratios: tuple[int, int]) -> Fraction:
    base = QUARTERS_OF_TYPE.get(note_type)
    if base is None:
        raise ValueError("a note value needs a note type")
    factor = 2 - Fraction(1, 2**dots)
    for normal, actual in ratios:
        factor *= Fraction(normal, actual)
    return base * factor


def event_quarters(event: event_pb2.Event) -> Fraction | None:
    """Quarter notes the written value of `event` lasts; None for a grace event and for a rest without a note type."""
    if event.HasField("grace") or event.type == event_pb2.NOTE_TYPE_UNSPECIFIED:
        return None
    return written_quarters(event.type, event.dots, event.tuplet_ratios)


def to_ticks(quarters: Fraction | int, divisions: int) -> int:
    """Quarter notes as ticks.

    Raises:
        InexactTimeError: it is no whole number of ticks.
    """
    ticks = quarters * divisions
    if isinstance(ticks, Fraction):
        if ticks.denominator != 1:
            raise InexactTimeError(f"{quarters} quarters are not a whole number of ticks of 1/{divisions} quarter")
        return ticks.numerator
    return ticks


def to_quarters(ticks: int, divisions: int) -> Fraction:
    """Ticks as quarter notes."""
    return Fraction(ticks, divisions)


def written_ticks(
    note_type: event_pb2.NoteType.ValueType, dots: int, ratios: Iterable[event_pb2.TupletRatio], divisions: int
) -> int:
    """Ticks a written value lasts.

    Raises:
        ValueError: no note type.
        InexactTimeError: it is no whole number of ticks.
    """
    return to_ticks(written_quarters(note_type, dots, ratios), divisions)


def least_divisions(quarters: Iterable[Fraction | int]) -> int:
    """Least number of ticks per quarter note that makes all of `quarters` whole; 1 for none."""
    return math.lcm(*(Fraction(value).denominator for value in quarters))


def spell_duration(quarters: Fraction, max_dots: int = 2) -> list[tuple[event_pb2.NoteType.ValueType, int]]:
    """Note values (type, dots), longest first, that tied together last `quarters` outside tuplets.

    Returns one entry where a single value does. Greedy, so at most one entry has dots.

    Raises:
        ValueError: not positive, or no sum of note values down to the 256th.
    """
    if quarters <= 0:
        raise ValueError("a duration must be positive")
    values: list[tuple[event_pb2.NoteType.ValueType, int]] = []
    rest = quarters
    while rest > 0:
        best = _longest_value(rest, max_dots)
        if best is None:
            raise ValueError(f"{quarters} quarters are no sum of note values")
        values.append(best)
        rest -= written_quarters(*best)
    return values


def _longest_value(quarters: Fraction, max_dots: int) -> tuple[event_pb2.NoteType.ValueType, int] | None:
    for note_type, base in QUARTERS_OF_TYPE.items():
        for dots in range(max_dots, -1, -1):
            if base * (2 - Fraction(1, 2**dots)) <= quarters:
                return note_type, dots
    return None


def score_times(score: score_pb2.Score) -> Iterator[int]:
    """Every time and duration of the Score, in its ticks."""
    for measure in score.measures:
        yield measure.onset_ticks
        yield measure.length_ticks
    for clef in score.clefs:
        yield clef.onset_ticks
    for event in score.events:
        yield event.onset_ticks
        yield event.duration_ticks
    for spanner in score.spanners:
        yield spanner.start_ticks
        yield spanner.end_ticks
        yield from spanner.pedal.change_ticks
    for direction in score.directions:
        yield direction.onset_ticks


def rescale(score: score_pb2.Score, divisions: int) -> score_pb2.Score:
    """A copy of the Score with `divisions` ticks per quarter note; nothing else changes.

    Raises:
        InexactTimeError: a time would not be a whole number of ticks.
    """
    if score.divisions <= 0 or divisions <= 0:
        raise InexactTimeError("divisions must be positive")
    factor = Fraction(divisions, score.divisions)

    def scaled(ticks: int) -> int:
        value = ticks * factor
        if value.denominator != 1:
            raise InexactTimeError(f"tick {ticks} of 1/{score.divisions} quarter is no whole tick of 1/{divisions}")
        return value.numerator

    result = score_pb2.Score()
    result.CopyFrom(score)
    result.divisions = divisions
    for measure in result.measures:
        measure.onset_ticks = scaled(measure.onset_ticks)
        measure.length_ticks = scaled(measure.length_ticks)
    for clef in result.clefs:
        clef.onset_ticks = scaled(clef.onset_ticks)
    for event in result.events:
        event.onset_ticks = scaled(event.onset_ticks)
        event.duration_ticks = scaled(event.duration_ticks)
    for spanner in result.spanners:
        spanner.start_ticks = scaled(spanner.start_ticks)
        spanner.end_ticks = scaled(spanner.end_ticks)
        if spanner.WhichOneof("kind") == "pedal":
            spanner.pedal.change_ticks[:] = [scaled(ticks) for ticks in spanner.pedal.change_ticks]
    for direction in result.directions:
        direction.onset_ticks = scaled(direction.onset_ticks)
    return result


def normalize_divisions(score: score_pb2.Score) -> score_pb2.Score:
    """A copy of the Score with the least divisions that keep every time exact."""
    common = math.gcd(score.divisions, *score_times(score))
    return rescale(score, score.divisions // common)

"""Note values that a file leaves out or that only its durations tell."""

from __future__ import annotations

from fractions import Fraction

from etude.notation.musicxml.raw import RawEvent, RawPart
from etude.notation.time import QUARTERS_OF_TYPE
from etude.score.v1 import event_pb2

_TUPLETS = ((1, 1), (3, 2), (5, 4), (7, 4), (7, 8), (9, 8), (11, 8), (13, 8), (2, 3), (4, 3))

Value = tuple[event_pb2.NoteType.ValueType, int, tuple[int, int]]


def infer_value(quarters: Fraction) -> Value | None:
    """The simplest note type, dots and tuplet that last `quarters`; None where there is none."""
    for actual, normal in _TUPLETS:
        plain = quarters * actual / normal
        for dots in range(3):
            base = plain / (2 - Fraction(1, 2**dots))
            for note_type, length in QUARTERS_OF_TYPE.items():
                if length == base:
                    return note_type, dots, (actual, normal)
    return None


def settle_values(part: RawPart, lengths: list[Fraction]) -> None:
    """Settles, in place, whole-measure rests and note values that are not given.

    A rest stands for its whole measure when the file says so, or when it has no note value (or a whole rest's) and
    lasts the measure; it then lasts what the measure lasts.
    """
    alone: dict[tuple[int, int], int] = {}
    for event in part.events:
        if event.grace is None:
            key = (event.measure, event.voice_number)
            alone[key] = alone.get(key, 0) + 1
    for event in part.events:
        if event.grace is not None:
            event.type = event.type or event_pb2.NOTE_TYPE_EIGHTH
        elif event.rest is not None:
            _settle_rest(event, lengths[event.measure], alone[event.measure, event.voice_number] == 1)
        elif not event.type:
            _infer(event)


def _settle_rest(event: RawEvent, length: Fraction, alone: bool) -> None:
    assert event.rest is not None  # callers look
    fills = alone and event.onset == 0
    untyped = not event.type or event.type == event_pb2.NOTE_TYPE_WHOLE
    odd = event.type == event_pb2.NOTE_TYPE_WHOLE and event.duration != 4
    stands_for_all = event.rest.whole_measure or (event.duration == length and (odd or not event.type))
    if fills and stands_for_all and (untyped or event.rest.whole_measure):
        event.rest.whole_measure = True
        event.type, event.dots = event_pb2.NOTE_TYPE_UNSPECIFIED, 0
        event.modification = (1, 1)
        event.duration = length
        return
    event.rest.whole_measure = False
    if not event.type and not event.rest.hidden:
        _infer(event)
        if not event.type:
            event.rest.hidden = True  # a length that no rest has


def _infer(event: RawEvent) -> None:
    value = infer_value(event.duration)
    if value is not None:
        event.type, event.dots, event.modification = value
    elif event.rest is None:
        # no note value lasts this long; the next shorter one is written, the duration stays
        shorter = [t for t, length in QUARTERS_OF_TYPE.items() if length <= event.duration]
        event.type = shorter[0] if shorter else event_pb2.NOTE_TYPE_256TH

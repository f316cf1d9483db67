"""On which side of its staff a note's finger stands: one rule for every output format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from etude.score.v1 import event_pb2, fingering_pb2, score_pb2
from renderer_service.fingers import hand_of


def digits_above(
    event: event_pb2.Event, staff: int, hand: fingering_pb2.Hand.ValueType, sides: Mapping[str, bool]
) -> bool:
    """True where the fingers of an event's notes stand above the staff, False below it.

    The right hand's stand above, the left hand's below, and of two voices on one staff the upper one's above.

    Args:
        event: The event.
        staff: Of the notes, which a chord over both staves has on two.
        hand: Of the notes, which a chord for both hands has two of.
        sides: What `voice_sides` says.
    """
    shared = sides.get(event.event_id)
    if shared is not None and staff == event.staff and len({hand_of(note) for note in event.notes}) == 1:
        return shared
    return hand == fingering_pb2.HAND_RIGHT


def voice_sides(score: score_pb2.Score) -> dict[str, bool]:
    """For events that sound together with another voice of their staff, by id: True in the upper voice (digits above),
    False in a lower one.

    Which voice is which is told by the stems of the measure where they disagree, else by the pitches. An event that
    has its staff to itself has no entry, though the measure may have two voices elsewhere.
    """
    members: defaultdict[tuple[int, str, int], defaultdict[int, list[event_pb2.Event]]]
    members = defaultdict(lambda: defaultdict(list))
    for event in score.events:
        if event.notes:
            members[event.measure_index, event.part_id, event.staff][event.voice].append(event)
    sides: dict[str, bool] = {}
    for voices in members.values():
        if len(voices) < 2:
            continue
        upper = min(voices, key=lambda voice: (-_stem_up(voices[voice]), -_height(voices[voice]), voice))
        for voice, events in voices.items():
            others = [e for other, list_ in voices.items() if other != voice for e in list_]
            for event in events:
                if any(_sound_together(event, other) for other in others):
                    sides[event.event_id] = voice == upper
    return sides


def _sound_together(one: event_pb2.Event, other: event_pb2.Event) -> bool:
    """True when one starts while the other sounds; a grace starts with its note."""
    one_end = one.onset_ticks + max(1, one.duration_ticks)
    other_end = other.onset_ticks + max(1, other.duration_ticks)
    return one.onset_ticks < other_end and other.onset_ticks < one_end


def _stem_up(events: Iterable[event_pb2.Event]) -> int:
    """1 when more stems go up than down, -1 when fewer, 0 otherwise."""
    balance = sum(
        (event.stem == event_pb2.STEM_DIRECTION_UP) - (event.stem == event_pb2.STEM_DIRECTION_DOWN) for event in events
    )
    return (balance > 0) - (balance < 0)


def _height(events: Iterable[event_pb2.Event]) -> float:
    return fmean(note.midi_pitch for event in events for note in event.notes)

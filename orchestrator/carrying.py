"""Pins of an earlier reading, for a new one of the same music: which notes of the two are the same.

Ids say nothing about that, as each reading gives its own. Where both readings know where on the page a notehead stands,
it is the same note when the same key stands in the same place. Elsewhere (MusicXML, MIDI) it is the same key at the
same place of the same measure; measures are aligned by their music, so that one read more or less shifts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from etude.notation.alignment import align_measures
from etude.notation.measures import measure_name
from etude.score.v1 import event_pb2, fingering_pb2, page_pb2, score_pb2
from etude.stage.v1.fingering_service_pb2 import PinnedFingering

_PINNED = fingering_pb2.FINGERING_SOURCE_PINNED


@dataclass(frozen=True, slots=True)
class Carried:
    """What becomes of an earlier reading's pins.

    Attributes:
        pins: Pins for notes of the new reading.
        lost: Labels of the measures whose pinned notes the new reading does not have, one for each note.
    """

    pins: tuple[PinnedFingering, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """A note and where it stands."""

    note: event_pb2.Note
    event: event_pb2.Event
    in_measure: Fraction  # quarter notes from the start of the measure

    @property
    def musical(self) -> tuple[str, int, Fraction, bool, int, int]:
        """What makes it the same note without a page, beside its measure."""
        grace = self.event.HasField("grace")
        order = self.event.grace.order if grace else 0
        return self.event.part_id, self.note.staff, self.in_measure, grace, order, self.note.midi_pitch


def carry_pins(before: score_pb2.Score, now: score_pb2.Score) -> Carried:
    """The pins of `before` for the notes of `now` that are the same."""
    pinned = [p for p in _places(before) if p.note.fingering.source == _PINNED]
    if not pinned:
        return Carried((), ())
    on_page: dict[tuple[int, int], list[_Place]] = defaultdict(list)
    in_music: dict[tuple[int, tuple[object, ...]], list[_Place]] = defaultdict(list)
    for place in _places(now):
        if place.note.HasField("region"):
            on_page[place.note.region.page_number, place.note.midi_pitch].append(place)
        in_music[place.event.measure_index, place.musical].append(place)
    measures = {old: new for old, new in align_measures(before, now) if old is not None and new is not None}
    pins: list[PinnedFingering] = []
    lost: list[str] = []
    taken: set[str] = set()
    for place in pinned:
        note = place.note
        if note.HasField("region") and on_page:
            near = on_page[note.region.page_number, note.midi_pitch]
            found = [p for p in near if _overlap(p.note.region, note.region)]
            found.sort(key=lambda p: _distance(p.note.region, note.region))
        else:
            found = in_music[measures.get(place.event.measure_index, -1), place.musical]
            found = sorted(found, key=lambda p: p.event.voice != place.event.voice)
        same = next((p.note.note_id for p in found if p.note.note_id not in taken), "")
        if same:
            taken.add(same)
            mark = note.fingering
            pins.append(
                PinnedFingering(note_id=same, finger=mark.finger, substitution=mark.substitution, hand=note.hand)
            )
        else:
            lost.append(measure_name(before.measures, place.event.measure_index))
    return Carried(tuple(pins), tuple(lost))


def _places(score: score_pb2.Score) -> Iterator[_Place]:
    for event in score.events:
        ticks = event.onset_ticks - score.measures[event.measure_index].onset_ticks
        in_measure = Fraction(ticks, score.divisions)
        for note in event.notes:
            yield _Place(note, event, in_measure)


def _overlap(one: page_pb2.PageRegion, other: page_pb2.PageRegion) -> bool:
    """True where the centre of each box lies within the other: two notes of one key never stand so close."""
    return all(
        abs(first - second) * 2 <= min(size, other_size)
        for first, second, size, other_size in (
            (one.x + one.width / 2, other.x + other.width / 2, one.width, other.width),
            (one.y + one.height / 2, other.y + other.height / 2, one.height, other.height),
        )
    )


def _distance(one: page_pb2.PageRegion, other: page_pb2.PageRegion) -> float:
    return abs(one.x + one.width / 2 - other.x - other.width / 2) + abs(
        one.y + one.height / 2 - other.y - other.height / 2
    )

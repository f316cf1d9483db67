"""ScoreIndex: look-ups over a Score that does not change while the index is used."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from etude.notation.keys import key_for_staff
from etude.notation.measures import measure_at
from etude.notation.ordering import part_positions
from etude.score.v1 import direction_pb2, event_pb2, measure_pb2, score_pb2, spanner_pb2


class NoteInEvent(NamedTuple):
    """A note and the chord it belongs to."""

    note: event_pb2.Note
    event: event_pb2.Event


class ScoreIndex:
    """Look-ups by id, measure, staff and voice; what hangs on events and notes; ties as chains.

    Tolerates an invalid Score: of several things with one id the first is found, dangling references are left out of
    the chains. All sequences keep the Score's order.
    """

    def __init__(self, score: score_pb2.Score) -> None:
        self.score = score
        self.parts: dict[str, score_pb2.Part] = {}
        self.part_positions = part_positions(score)
        self.measures: dict[str, measure_pb2.Measure] = {}
        self.events: dict[str, event_pb2.Event] = {}
        self.notes: dict[str, NoteInEvent] = {}
        self.spanners: dict[str, spanner_pb2.Spanner] = {}
        self.directions: dict[str, direction_pb2.Direction] = {}
        self._events_of_measure: dict[int, list[event_pb2.Event]] = defaultdict(list)
        self._spanners_of_event: dict[str, list[spanner_pb2.Spanner]] = defaultdict(list)
        self._directions_of_event: dict[str, list[direction_pb2.Direction]] = defaultdict(list)
        self._directions_of_measure: dict[int, list[direction_pb2.Direction]] = defaultdict(list)
        self._clefs: dict[tuple[str, int], list[measure_pb2.Clef]] = defaultdict(list)
        self._octave_lines: dict[tuple[str, int], list[spanner_pb2.Spanner]] = defaultdict(list)
        self._next_tied: dict[str, str] = {}
        self._previous_tied: dict[str, str] = {}
        self._build()

    def _build(self) -> None:
        for part in self.score.parts:
            self.parts.setdefault(part.part_id, part)
        for measure in self.score.measures:
            self.measures.setdefault(measure.measure_id, measure)
        for event in self.score.events:
            self.events.setdefault(event.event_id, event)
            self._events_of_measure[event.measure_index].append(event)
            for note in event.notes:
                self.notes.setdefault(note.note_id, NoteInEvent(note, event))
        for spanner in self.score.spanners:
            self._add_spanner(spanner)
        for direction in self.score.directions:
            self.directions.setdefault(direction.direction_id, direction)
            self._directions_of_measure[direction.measure_index].append(direction)
            if direction.event_id:
                self._directions_of_event[direction.event_id].append(direction)
        for clef in self.score.clefs:
            self._clefs[clef.part_id, clef.staff].append(clef)
        for clefs in self._clefs.values():
            clefs.sort(key=lambda clef: clef.onset_ticks)

    def _add_spanner(self, spanner: spanner_pb2.Spanner) -> None:
        self.spanners.setdefault(spanner.spanner_id, spanner)
        for event_id in dict.fromkeys(spanner.event_ids):
            self._spanners_of_event[event_id].append(spanner)
        kind = spanner.WhichOneof("kind")
        if kind == "octave_line":
            self._octave_lines[spanner.part_id, spanner.staff].append(spanner)
        elif kind == "tie" and spanner.start_note_id in self.notes and spanner.end_note_id in self.notes:
            self._next_tied.setdefault(spanner.start_note_id, spanner.end_note_id)
            self._previous_tied.setdefault(spanner.end_note_id, spanner.start_note_id)

    def events_in(
        self, measure_index: int, part_id: str | None = None, staff: int | None = None, voice: int | None = None
    ) -> list[event_pb2.Event]:
        """Events of a measure, of all or one part, staff (the voice's home staff) and voice."""
        return [
            event
            for event in self._events_of_measure.get(measure_index, ())
            if part_id in (None, event.part_id) and staff in (None, event.staff) and voice in (None, event.voice)
        ]

    def voices_in(self, measure_index: int, part_id: str) -> dict[int, list[event_pb2.Event]]:
        """Events of a part in a measure by voice."""
        voices: dict[int, list[event_pb2.Event]] = {}
        for event in self._events_of_measure.get(measure_index, ()):
            if event.part_id == part_id:
                voices.setdefault(event.voice, []).append(event)
        return voices

    def spanners_of_event(self, event_id: str, kind: str | None = None) -> list[spanner_pb2.Spanner]:
        """Spanners that name an event; `kind` is the name of the oneof field, for example "slur"."""
        return _of_kind(self._spanners_of_event.get(event_id, ()), kind)

    def directions_of_event(self, event_id: str) -> list[direction_pb2.Direction]:
        """Directions attached to an event, those on one of its notes included."""
        return list(self._directions_of_event.get(event_id, ()))

    def directions_in(self, measure_index: int) -> list[direction_pb2.Direction]:
        """Directions of a measure."""
        return list(self._directions_of_measure.get(measure_index, ()))

    def next_tied(self, note_id: str) -> NoteInEvent | None:
        """The note a note is tied to; None for none."""
        following = self._next_tied.get(note_id)
        return self.notes[following] if following else None

    def previous_tied(self, note_id: str) -> NoteInEvent | None:
        """The note that is tied to a note; None for none, which is where the key is struck."""
        previous = self._previous_tied.get(note_id)
        return self.notes[previous] if previous else None

    def tie_chain(self, note_id: str) -> list[NoteInEvent]:
        """All notes tied together with a note, itself included, in time.

        Raises:
            KeyError: no such note.
        """
        first = note_id
        seen = {first}
        while (previous := self._previous_tied.get(first)) and previous not in seen:
            seen.add(previous)
            first = previous
        chain = [self.notes[first]]
        current = first
        visited = {first}
        while (following := self._next_tied.get(current)) and following not in visited:
            visited.add(following)
            chain.append(self.notes[following])
            current = following
        return chain

    def sounding_end(self, note_id: str) -> int:
        """Tick at which a note, with all it is tied to, stops sounding."""
        return max(item.event.onset_ticks + item.event.duration_ticks for item in self.tie_chain(note_id))

    def measure_at(self, ticks: int) -> int:
        """Index of the measure that holds a tick."""
        return measure_at(self.score.measures, ticks)

    def clef_at(self, part_id: str, staff: int, ticks: int) -> measure_pb2.Clef | None:
        """The clef in force on a staff at a tick (one that takes effect there included)."""
        clefs = self._clefs.get((part_id, staff), [])
        position = bisect_right(clefs, ticks, key=lambda clef: clef.onset_ticks)
        return clefs[position - 1] if position else None

    def key_at(self, measure_index: int, part_id: str, staff: int) -> measure_pb2.KeySignature:
        """The key signature in force on a staff in a measure."""
        return key_for_staff(self.score.measures[measure_index].key_signatures, part_id, staff)

    def octave_lines_at(self, part_id: str, staff: int, ticks: int) -> list[spanner_pb2.Spanner]:
        """Octave lines that hold on a staff at a tick: from their start, grace events there included, to their end,
        which is not included.
        """
        lines = self._octave_lines.get((part_id, staff), ())
        return [line for line in lines if line.start_ticks <= ticks < line.end_ticks]


def _of_kind(spanners: Iterable[spanner_pb2.Spanner], kind: str | None) -> list[spanner_pb2.Spanner]:
    return [spanner for spanner in spanners if kind in (None, spanner.WhichOneof("kind"))]

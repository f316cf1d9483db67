"""Walks the measures of one <part>: the cursor, and what stands at it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from etude.notation.musicxml.attributes import read_barline, read_clef, read_key, read_print, read_time
from etude.notation.musicxml.directions import read_direction
from etude.notation.musicxml.harmony import read_harmony
from etude.notation.musicxml.notes import MAX_STAVES, add_notations, fermata, is_hidden, read_event, read_note
from etude.notation.musicxml.raw import RawClef, RawDirection, RawEvent, RawMeasure, RawPart
from etude.notation.musicxml.tree import Node
from etude.notation.time import written_quarters
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, measure_pb2, spanner_pb2

MAX_MEASURES = 20_000
MAX_EVENTS = 1_000_000
MAX_MEASURE_QUARTERS = 4_000

_FINEST = Fraction(1, 96)
"""Quarters below which a difference of two places is rounding and no music."""

Sources = Mapping[str, fingering_pb2.FingeringSource.ValueType]


class PartReader:
    """Reads the measures of one part in order.

    Files round the durations of tuplets that their divisions cannot hold (a quarter of 480 in seven). Such a duration
    is taken from the written value, and positions reached through it are known exactly (`_exact`).
    """

    def __init__(self, part: RawPart, sources: Sources) -> None:
        self.part = part
        self._sources = sources
        self._divisions = 1
        self._keys: dict[int, measure_pb2.KeySignature] = {}
        self._time = measure_pb2.TimeSignature(beats=[4], beat_type=4)
        self._transposition = 0
        self._cursor = Fraction(0)
        self._exact: dict[Fraction, Fraction] = {}
        self._voice_end: dict[str, tuple[Fraction, Fraction]] = {}
        self._event: RawEvent | None = None

    def read_measure(self, node: Node) -> None:
        """Reads one <measure>.

        Raises:
            MusicXmlError: it cannot be understood.
        """
        index = len(self.part.measures)
        if index >= MAX_MEASURES:
            node.fail(f"more than {MAX_MEASURES} measures")
        measure = RawMeasure(number=node.get("number"), id=node.get("id"), implicit=node.get("implicit") == "yes")
        self.part.measures.append(measure)
        self._cursor = Fraction(0)
        self._exact = {Fraction(0): Fraction(0)}
        self._voice_end = {}
        self._event = None
        later_keys: dict[int, measure_pb2.KeySignature] = {}
        for child in node:
            if child.tag == "note":
                self._note(child, measure, index)
            elif child.tag in ("backup", "forward"):
                self._move(child, measure)
            elif child.tag == "attributes":
                later_keys |= self._attributes(child, measure, index)
            elif child.tag == "direction":
                read_direction(child, self.part, index, self._offset(child))
            elif child.tag == "harmony":
                read_harmony(child, self.part, index, self._offset(child))
            elif child.tag == "barline":
                self._barline(child, measure, index)
            elif child.tag == "print":
                read_print(child, measure)
        measure.time = self._time
        measure.keys = dict(self._keys)
        self._keys |= later_keys

    def _position(self) -> Fraction:
        return self._exact.get(self._cursor, self._cursor)

    def _offset(self, node: Node) -> Fraction:
        """Where a <direction> or <harmony> holds: the cursor, moved by its <offset> within what can be."""
        offset = node.find("offset")
        if offset is None:
            return self._position()
        position = self._cursor + Fraction(offset.number()).limit_denominator(1000) / self._divisions
        return max(Fraction(0), self._exact.get(position, position))

    def _duration(self, node: Node) -> Fraction:
        duration = node.find("duration")
        if duration is None:
            node.fail(f"<{node.tag}> has no <duration>")
        value = duration.number()
        if value < 0:
            duration.fail("a duration is not negative")
        quarters = Fraction(value).limit_denominator(10_000) / self._divisions
        if quarters > MAX_MEASURE_QUARTERS:
            duration.fail(f"a duration of {float(quarters):g} quarter notes")
        return quarters

    def _move(self, node: Node, measure: RawMeasure) -> None:
        self._event = None
        duration = self._duration(node)
        if node.tag == "forward":
            self._cursor += duration
            if self._cursor > MAX_MEASURE_QUARTERS:
                node.fail("the measure is longer than any measure")
            measure.reached = max(measure.reached, self._position())
        else:
            # a little too far back is rounding; what is before the measure cannot be meant
            self._cursor = self._unrounded(max(Fraction(0), self._cursor - duration))

    def _unrounded(self, position: Fraction) -> Fraction:
        """The place meant by a <backup>: rounded durations before it may have left it beside a place known."""
        if position in self._exact:
            return position
        reach = min(Fraction(2, self._divisions), _FINEST)
        near = min(self._exact, key=lambda known: abs(known - position))
        return near if abs(near - position) <= reach else position

    def _note(self, node: Node, measure: RawMeasure, index: int) -> None:
        if node.has("chord") and self._event is not None:
            self._add_note(self._event, node)
            return
        grace = node.has("grace")
        length = Fraction(0) if grace else self._duration(node)
        if not grace and length == 0:
            return  # a note without any time is a player's instruction and not printed music
        event = read_event(node, index, self._position(), length)
        known = self._voice_end.get(event.voice)
        if known is not None and known[0] == self._cursor:
            event.onset = known[1]
        self._event = event
        if len(self.part.events) >= MAX_EVENTS:
            node.fail(f"more than {MAX_EVENTS} notes")
        self.part.events.append(event)
        self._add_note(event, node)
        if not grace:
            self._advance(event, length, measure)
            if self._cursor > MAX_MEASURE_QUARTERS:
                node.fail("the measure is longer than any measure")

    def _add_note(self, event: RawEvent, node: Node) -> None:
        if is_hidden(node) and event.rest is None:
            return  # one note of a chord that is not printed
        note = None if is_hidden(node) else read_note(node, self._sources)
        if note is not None and event.rest is not None:
            if not event.rest.hidden:
                node.fail("a rest and a note share a stem")
            event.rest = None  # the note of the chord that was read first is hidden, this one is not
        if note is not None:
            note.transposition = self._transposition
            event.notes.append(note)
        add_notations(event, node)

    def _advance(self, event: RawEvent, length: Fraction, measure: RawMeasure) -> None:
        """Moves the cursor behind an event, and gives the event its exact duration."""
        stop = self._cursor + length
        event.duration = self._exact_duration(event, length)
        end = event.onset + event.duration
        self._exact.setdefault(stop, end)
        self._voice_end[event.voice] = (stop, end)
        self._cursor = stop
        if event.rest is not None and event.rest.whole_measure:
            measure.rest_length = max(measure.rest_length, end)
        else:
            measure.reached = max(measure.reached, end)

    def _exact_duration(self, event: RawEvent, length: Fraction) -> Fraction:
        if event.type == event_pb2.NOTE_TYPE_UNSPECIFIED:
            return length
        ratio = Fraction(event.modification[1], event.modification[0])
        written = written_quarters(event.type, event.dots) * ratio
        rounded = (written * self._divisions).denominator != 1
        if rounded and abs(length - written) * self._divisions < 1:
            return written
        return length

    def _attributes(self, node: Node, measure: RawMeasure, index: int) -> dict[int, measure_pb2.KeySignature]:
        """Reads <attributes>; returns keys that take effect from the next measure on.

        The Score has one key and meter per measure: a change in the middle of one counts from the next.
        """
        self._event = None
        later: dict[int, measure_pb2.KeySignature] = {}
        at_start = self._cursor == 0
        for child in node:
            if child.tag == "divisions":
                value = child.number()
                if value <= 0 or value > 1_000_000:
                    child.fail(f"divisions should be positive, not {child.text.strip()}")
                self._divisions = max(1, round(value))
            elif child.tag == "staves":
                count = child.integer()
                if not 1 <= count <= MAX_STAVES:
                    child.fail(f"a part of {count} staves")
                self.part.staff_count = max(self.part.staff_count, count)
            elif child.tag == "key":
                staff = child.get_number("number", 0, MAX_STAVES)
                key = read_key(child)
                key.staff = staff
                if at_start:
                    if staff == 0:
                        self._keys.clear()
                    self._keys[staff] = key
                    measure.keys_printed = measure.keys_printed or child.get("print-object") != "no"
                else:
                    later[staff] = key
            elif child.tag == "time" and at_start:
                self._time = read_time(child)
                measure.time_printed = measure.time_printed or child.get("print-object") != "no"
            elif child.tag == "clef":
                clef = read_clef(child)
                if clef is not None:
                    self.part.clefs.append(RawClef(index, self._position(), clef))
            elif child.tag == "transpose":
                self._transposition = self._transpose(child)
        return later

    def _transpose(self, node: Node) -> int:
        chromatic, octaves = node.find("chromatic"), node.find("octave-change")
        shift = round(chromatic.number()) if chromatic is not None else 0
        shift += 12 * (octaves.integer() if octaves is not None else 0)
        if abs(shift) > 48:
            node.fail(f"a transposition by {shift} semitones")
        return shift

    def _barline(self, node: Node, measure: RawMeasure, index: int) -> None:
        side = read_barline(node, measure, self._cursor)
        at = Fraction(0) if side == "left" else Fraction(-1) if side == "right" else self._position()
        for entry in node.all("fermata"):
            message = fermata(entry)
            self.part.directions.append(RawDirection(index, at, message))
        for tag, kind in (("segno", direction_pb2.JUMP_KIND_SEGNO), ("coda", direction_pb2.JUMP_KIND_CODA)):
            if node.has(tag):
                sign = direction_pb2.Direction(placement=spanner_pb2.PLACEMENT_ABOVE)
                sign.jump.kind = kind
                self.part.directions.append(RawDirection(index, at, sign))

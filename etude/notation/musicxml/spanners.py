"""Spanners: the two ends of ties, slurs, hairpins and the like brought together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from etude.notation.musicxml.directions import hairpin_kind
from etude.notation.musicxml.notes import sounding_key
from etude.notation.musicxml.raw import RawEnd, RawEvent, RawLine, RawNote, RawPart, RawSpanner
from etude.score.v1 import event_pb2, spanner_pb2


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """A spanner that lacks its other end; `at` is the line's measure and what it is."""

    measure: int
    kind: str


class Matcher:
    """Brings the ends of one part's spanners together.

    Args:
        part: The part, voices and graces settled.
        starts: Start of each measure in quarters, and the end of the last.
    """

    def __init__(self, part: RawPart, starts: list[Fraction]) -> None:
        self.part = part
        self.starts = starts
        self.open_ends: list[OpenEnd] = []

    def at(self, event: RawEvent) -> Fraction:
        """Onset of an event in quarters from the start of the Score."""
        return self.starts[event.measure] + event.onset

    def all(self) -> list[RawSpanner]:
        """All spanners but tuplets."""
        return [*self.ties(), *self.event_spanners(), *self.beams(), *self.lines(), *self.arpeggios()]

    # ties

    def ties(self) -> list[RawSpanner]:
        """Ties: each start with the nearest note of its key that waits for an end."""
        waiting: dict[int, list[tuple[Fraction, int, RawEvent, RawNote]]] = defaultdict(list)
        starts: list[tuple[RawEvent, RawNote]] = []
        for number, event in enumerate(self.part.events):
            for note in event.notes:
                if "stop" in note.ties:
                    waiting[sounding_key(note)].append((self.at(event), number, event, note))
                if "start" in note.ties or "let-ring" in note.ties:
                    starts.append((event, note))
        found: list[RawSpanner] = []
        starts.sort(key=lambda pair: self.at(pair[0]))
        for event, note in starts:
            partner = None if "start" not in note.ties else self._tie_partner(event, note, waiting[sounding_key(note)])
            if partner is None and "let-ring" not in note.ties:
                self.open_ends.append(OpenEnd(event.measure, "tie"))
            message = spanner_pb2.Spanner(staff=note.staff, placement=note.tie_placement)
            message.tie.laissez_vibrer = partner is None and "let-ring" in note.ties
            end = self.at(partner[0]) if partner else self.at(event) + event.duration
            target = partner[1] if partner else None
            found.append(RawSpanner(message, self.at(event), end, notes=(note, target)))
        for notes in waiting.values():
            self.open_ends += [OpenEnd(event.measure, "tie") for _, _, event, _ in notes]
        return found

    def _tie_partner(
        self, event: RawEvent, note: RawNote, waiting: list[tuple[Fraction, int, RawEvent, RawNote]]
    ) -> tuple[RawEvent, RawNote] | None:
        """The end of a tie: where the note ends if possible, in its voice and on its staff if possible."""
        onset, end = self.at(event), self.at(event) + event.duration
        candidates = [
            item
            for item in waiting
            if item[3] is not note and (item[0] > onset or (item[0] == onset and event.grace is not None))
        ]
        if not candidates:
            return None
        best = min(
            candidates,
            key=lambda item: (
                abs(item[0] - end),
                item[2].voice_number != event.voice_number,
                item[3].staff != note.staff,
                item[1],
            ),
        )
        waiting.remove(best)
        return best[2], best[3]

    # slurs, glissandos, trill lines, tremolos

    def event_spanners(self) -> list[RawSpanner]:
        """Spanners from event to event, by kind and number.

        A file is walked voice by voice, so an end may come before its start: ends without a start wait for one to the
        end of the measure.
        """
        found: list[RawSpanner] = []
        open_starts: dict[tuple[str, str], list[tuple[RawEvent, RawEnd]]] = defaultdict(list)
        early_stops: dict[tuple[str, str], list[tuple[RawEvent, RawEnd]]] = defaultdict(list)
        measure = 0
        for event in self.part.events:
            if event.measure != measure:
                measure = event.measure
                self._report(early_stops)
            for end in sorted(event.ends, key=lambda end: end.type != "stop" and end.kind != "trill_line"):
                number = f"{end.number}/{event.voice_number}" if end.kind == "tremolo_between" else end.number
                key = (end.kind, number)
                if end.type == "start":
                    stop = next((item for item in early_stops[key] if self._follows(event, item[0])), None)
                    if stop is not None:
                        early_stops[key].remove(stop)
                        found += self._event_spanner(event, end, stop[0], stop[1])
                    else:
                        open_starts[key].append((event, end))
                elif end.type == "stop":
                    start = next((item for item in reversed(open_starts[key]) if self._follows(item[0], event)), None)
                    if start is not None:
                        open_starts[key].remove(start)
                        found += self._event_spanner(start[0], start[1], event, end)
                    else:
                        early_stops[key].append((event, end))
        self._report(early_stops)
        self._report(open_starts)
        return found

    def _follows(self, first: RawEvent, last: RawEvent) -> bool:
        return first is last or self.at(first) <= self.at(last)

    def _report(self, ends: dict[tuple[str, str], list[tuple[RawEvent, RawEnd]]]) -> None:
        for (kind, _), items in ends.items():
            self.open_ends += [OpenEnd(event.measure, kind.replace("_", " ")) for event, _ in items]
        ends.clear()

    def _event_spanner(self, first: RawEvent, start: RawEnd, last: RawEvent, stop: RawEnd) -> Iterable[RawSpanner]:
        message = spanner_pb2.Spanner(staff=first.home_staff, placement=start.placement)
        if start.kind == "slur":
            message.slur.SetInParent()
        elif start.kind == "glissando":
            message.glissando.wavy = start.wavy
            message.glissando.text = start.text or stop.text
        elif start.kind == "trill_line":
            message.trill_line.SetInParent()
        else:
            message.tremolo_between.strokes = max(start.strokes, 1)
        if first is last and start.kind != "trill_line":
            self.open_ends.append(OpenEnd(first.measure, start.kind.replace("_", " ")))
            return
        events = [first] if first is last else [first, last]
        yield RawSpanner(message, self.at(first), max(self.at(last) + last.duration, self.at(first)), events)

    # beams

    def beams(self) -> list[RawSpanner]:
        """Beam groups by voice; graces have beams of their own."""
        found: list[RawSpanner] = []
        runs: dict[tuple[int, bool], list[RawEvent]] = {}
        voices: dict[tuple[int, bool], list[RawEvent]] = defaultdict(list)
        for event in self.part.events:
            voices[event.voice_number, event.grace is not None].append(event)
        for key, events in voices.items():
            for event in events:
                value = event.beams.get(1, "")
                if value == "begin":
                    runs[key] = [event]
                elif value in ("continue", "end") and key in runs:
                    runs[key].append(event)
                    if value == "end":
                        found += self._beam(runs.pop(key))
        return found

    def _beam(self, events: list[RawEvent]) -> Iterable[RawSpanner]:
        if any(self.at(a) > self.at(b) for a, b in pairwise(events)):
            return
        message = spanner_pb2.Spanner(staff=events[0].home_staff)
        message.beam_group.secondary_breaks[:] = [
            place
            for place in range(1, len(events))
            if len(events[place - 1].beams) > 1
            and len(events[place].beams) > 1
            and events[place - 1].beams.get(2) in ("end", "backward hook", "forward hook")
            and events[place].beams.get(2) in ("begin", "forward hook", "backward hook")
        ]
        yield RawSpanner(message, self.at(events[0]), self.at(events[-1]) + events[-1].duration, events)

    # hairpins, octave lines, pedals

    def lines(self) -> list[RawSpanner]:
        """Spanners over time, by kind and number."""
        found: list[RawSpanner] = []
        opened: dict[tuple[str, str, int], tuple[RawLine, list[Fraction]]] = {}
        early: list[RawLine] = []
        ordered = sorted(
            enumerate(self.part.lines),
            key=lambda pair: (pair[1].measure, self._when(pair[1]), _STOPS_FIRST[pair[1].type == "stop"], pair[0]),
        )
        for _, line in ordered:
            key = (line.kind, line.number, line.staff)
            if line.type in ("stop", "discontinue"):
                match = self._opened(opened, line)
                if match is None:
                    early.append(line)
                else:
                    start, changes = opened.pop(match)
                    found += self._line(start, self._when(line), changes, line.type == "discontinue")
            elif line.type in ("change", "resume", "continue"):
                if line.type == "change" and (match := self._opened(opened, line)):
                    opened[match][1].append(self._when(line))
            elif twin := next((stop for stop in early if self._is_twin(stop, line)), None):
                early.remove(twin)  # it ends where it starts
                self.open_ends.append(OpenEnd(line.measure, _LINE_NAMES[line.kind]))
            else:
                if key in opened:  # a new one before the old one has ended: it ends here
                    start, changes = opened.pop(key)
                    found += self._line(start, self._when(line), changes, True)
                opened[key] = (line, [])
        for start, changes in opened.values():
            if start.kind == "pedal":
                found += self._line(start, self.starts[start.measure + 1], changes, True)
            else:
                self.open_ends.append(OpenEnd(start.measure, _LINE_NAMES[start.kind]))
        self.open_ends += [OpenEnd(line.measure, _LINE_NAMES[line.kind]) for line in early]
        return found

    def _is_twin(self, stop: RawLine, start: RawLine) -> bool:
        same = (stop.kind, stop.number) == (start.kind, start.number)
        return same and self._when(stop) == self._when(start) and stop.measure == start.measure

    def _when(self, line: RawLine) -> Fraction:
        return self.starts[line.measure] + line.onset

    def _opened(
        self, opened: dict[tuple[str, str, int], tuple[RawLine, list[Fraction]]], line: RawLine
    ) -> tuple[str, str, int] | None:
        """The open line an end belongs to: of its number and staff, else of its number."""
        key = (line.kind, line.number, line.staff)
        if key in opened:
            return key
        return next((other for other in opened if other[:2] == key[:2]), None)

    def _line(self, start: RawLine, end: Fraction, changes: list[Fraction], open_ended: bool) -> Iterable[RawSpanner]:
        begin = self._when(start)
        if end <= begin:
            self.open_ends.append(OpenEnd(start.measure, _LINE_NAMES[start.kind]))
            return
        message = spanner_pb2.Spanner(staff=start.staff, placement=start.placement)
        if start.kind == "wedge":
            down = start.type == "diminuendo"
            message.hairpin.kind = spanner_pb2.HAIRPIN_KIND_DIMINUENDO if down else spanner_pb2.HAIRPIN_KIND_CRESCENDO
        elif start.kind == "dashes":
            kind = hairpin_kind(start.text)
            if not kind:
                return
            message.hairpin.kind, message.hairpin.text = kind, start.text
        elif start.kind == "octave-shift":
            octaves = {8: 1, 15: 2, 22: 3}.get(start.size, 1)
            # MusicXML says how the writing is moved against the sound: an 8va is written down
            message.octave_line.octaves = octaves if start.type == "down" else -octaves
        else:
            message.pedal.line = start.line
            message.pedal.open_ended = open_ended
        yield RawSpanner(message, begin, end, changes=[tick for tick in changes if begin <= tick <= end])

    # arpeggios over several chords

    def arpeggios(self) -> list[RawSpanner]:
        """Chords that are broken together: at one time, with one number."""
        groups: dict[tuple[Fraction, str, int], list[RawEvent]] = defaultdict(list)
        for event in self.part.events:
            if event.arpeggio and event.arpeggio_number and event.grace is None:
                groups[self.at(event), event.arpeggio_number, event.arpeggio].append(event)
        found: list[RawSpanner] = []
        for (when, _, kind), events in groups.items():
            if len(events) < 2:
                continue
            message = spanner_pb2.Spanner(staff=events[0].home_staff)
            message.arpeggio_across.arpeggio = event_pb2.Arpeggio.ValueType(kind)
            found.append(RawSpanner(message, when, max(self.at(event) + event.duration for event in events), events))
        return found


_STOPS_FIRST = {True: 0, False: 1}
_LINE_NAMES = {"wedge": "hairpin", "octave-shift": "octave line", "pedal": "pedal", "dashes": "dashed line"}

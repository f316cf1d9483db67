"""Builds Scores for tests from short texts.

    builder = ScoreBuilder(divisions=12)
    builder.measure("4/4")
    builder.voice(1, 1, "c5/4 d5/8 e5/8 c5+e5+g5/2")     # staff, voice, tokens
    builder.voice(2, 2, "r/1")
    score = builder.score()

A token is `pitches/type`: pitches are joined by "+" ("f#4+a4"), "r" is a rest, "R" a whole-measure rest, "s" a hidden
rest. The type is 1, 2, 4, 8, 16, ... with "." for each dot, "(3:2)" for a tuplet ratio, "g" for an unslashed and "G"
for a slashed grace, "a" for a grace after its note. Fingers follow each pitch after "=": "c4=1+e4=3+g4=5/4".
"""

from __future__ import annotations

import re
from fractions import Fraction

from etude.score.v1 import event_pb2, fingering_pb2, measure_pb2, pitch_pb2, score_pb2, spanner_pb2

TYPES = {
    "1": event_pb2.NOTE_TYPE_WHOLE,
    "2": event_pb2.NOTE_TYPE_HALF,
    "4": event_pb2.NOTE_TYPE_QUARTER,
    "8": event_pb2.NOTE_TYPE_EIGHTH,
    "16": event_pb2.NOTE_TYPE_16TH,
    "32": event_pb2.NOTE_TYPE_32ND,
    "64": event_pb2.NOTE_TYPE_64TH,
}
SEMITONES = dict(zip("cdefgab", (0, 2, 4, 5, 7, 9, 11), strict=True))
ALTERS = {"": 0, "#": 1, "##": 2, "-": -1, "--": -2, "b": -1, "bb": -2}
TOKEN = re.compile(r"(?P<pitches>[^/]+)(?:/(?P<type>\d+)(?P<dots>\.*)(?P<tuplets>(?:\(\d+:\d+\))*)(?P<grace>[gGa]?))?")
PITCH = re.compile(r"([a-g])(##?|--?|bb?)?(-?\d)(?:=([1-5])(?:-([1-5]))?)?")


class ScoreBuilder:
    """Collects measures and voices; see the module's text."""

    def __init__(self, divisions: int = 12, staves: int = 2, title: str = "Test piece") -> None:
        self._score = score_pb2.Score(schema_version="1.0.0", score_id="test", divisions=divisions)
        self._score.metadata.title = title
        self._score.parts.add(part_id="P1", name="Piano", role=score_pb2.PART_ROLE_KEYBOARD, staff_count=staves)
        for staff in range(1, staves + 1):
            sign, line = (measure_pb2.CLEF_SIGN_G, 2) if staff == 1 else (measure_pb2.CLEF_SIGN_F, 4)
            clef = self._score.clefs.add(clef_id=f"c{staff}", part_id="P1", staff=staff, line=line, confidence=1)
            clef.sign = sign
        self._notes = 0
        self._spanners = 0

    @property
    def raw(self) -> score_pb2.Score:
        """The Score so far, to be changed directly."""
        return self._score

    def measure(self, meter: str = "4/4", fifths: int = 0, length: int | None = None) -> measure_pb2.Measure:
        """Begins a measure; `length` in ticks where it is not the meter's."""
        beats, beat_type = meter.split("/")
        numerators = [int(n) for n in beats.split("+")]
        previous = self._score.measures[-1] if self._score.measures else None
        new = measure_pb2.Measure(confidence=1)
        new.measure_id = f"m{len(self._score.measures) + 1}"
        new.number = str(len(self._score.measures) + 1)
        new.onset_ticks = previous.onset_ticks + previous.length_ticks if previous else 0
        full = Fraction(4 * sum(numerators), int(beat_type)) * self._score.divisions
        new.length_ticks = int(full) if length is None else length
        new.time_signature.beats.extend(numerators)
        new.time_signature.beat_type = int(beat_type)
        new.key_signatures.add(fifths=fifths)
        new.time_signature_printed = previous is None or previous.time_signature != new.time_signature
        new.key_signature_printed = previous is None or previous.key_signatures[0] != new.key_signatures[0]
        self._score.measures.append(new)
        return self._score.measures[-1]

    def voice(self, staff: int, voice: int, text: str, offset: int = 0) -> list[event_pb2.Event]:
        """Adds the events of a voice to the last measure, `offset` ticks after its start; returns them."""
        measure = self._score.measures[-1]
        cursor = measure.onset_ticks + offset
        order = 0
        added = []
        for token in text.split():
            match = TOKEN.fullmatch(token)
            if match is None:
                raise ValueError(f"not a token: {token!r}")
            event = event_pb2.Event(part_id="P1", staff=staff, voice=voice, onset_ticks=cursor, confidence=1)
            event.event_id = f"e{len(self._score.events) + 1}"
            event.measure_index = len(self._score.measures) - 1
            self._fill(event, match, measure)
            if event.HasField("grace"):
                event.grace.order = order
                order += 1
                if event.grace.after:
                    event.onset_ticks = added[-1].onset_ticks
            else:
                order = 0
            cursor += event.duration_ticks
            self._score.events.append(event)
            added.append(self._score.events[-1])
        return added

    def _fill(self, event: event_pb2.Event, match: re.Match[str], measure: measure_pb2.Measure) -> None:
        pitches = match["pitches"]
        if pitches == "R":
            event.rest.whole_measure = True
            event.duration_ticks = measure.length_ticks
            return
        event.type = TYPES[match["type"]]
        event.dots = len(match["dots"])
        duration = Fraction(4, int(match["type"])) * self._score.divisions * (2 - Fraction(1, 2**event.dots))
        for actual, normal in re.findall(r"(\d+):(\d+)", match["tuplets"]):
            event.tuplet_ratios.add(actual=int(actual), normal=int(normal))
            duration *= Fraction(int(normal), int(actual))
        if duration.denominator != 1:
            raise ValueError(f"{match[0]!r} is not exact in {self._score.divisions} divisions")
        if match["grace"]:
            event.grace.slash = match["grace"] == "G"
            event.grace.after = match["grace"] == "a"
        else:
            event.duration_ticks = int(duration)
        if pitches in ("r", "s"):
            event.rest.hidden = pitches == "s"
            return
        for text in pitches.split("+"):
            pitch = PITCH.fullmatch(text)
            if pitch is None:
                raise ValueError(f"not a pitch: {text!r}")
            step, alter, octave, finger, substitution = pitch.groups()
            self._notes += 1
            note = event.notes.add(note_id=f"n{self._notes}", staff=event.staff, confidence=1)
            note.pitch.step = pitch_pb2.Step.Value(f"STEP_{step.upper()}")
            note.pitch.alter = ALTERS[alter or ""]
            note.pitch.octave = int(octave)
            note.midi_pitch = 12 * (int(octave) + 1) + SEMITONES[step] + note.pitch.alter
            if finger:
                note.fingering.finger = int(finger)
                note.fingering.substitution = int(substitution or 0)
                note.fingering.source = fingering_pb2.FINGERING_SOURCE_PREDICTED
                note.fingering.probability = 0.9
                note.fingering.essential = True

    def spanner(self, events: list[event_pb2.Event] | None = None, **fields: object) -> spanner_pb2.Spanner:
        """Adds a spanner over events (or over ticks given as fields); returns it."""
        self._spanners += 1
        new = spanner_pb2.Spanner(spanner_id=f"s{self._spanners}", part_id="P1", staff=1, confidence=1)
        if events:
            new.event_ids.extend(event.event_id for event in events)
            new.staff = events[0].staff
            new.start_ticks = events[0].onset_ticks
            new.end_ticks = events[-1].onset_ticks + events[-1].duration_ticks
        new.MergeFrom(spanner_pb2.Spanner(**fields))  # type: ignore[arg-type]
        self._score.spanners.append(new)
        return self._score.spanners[-1]

    def tie(self, start: event_pb2.Note, end: event_pb2.Note | None) -> spanner_pb2.Spanner:
        """Ties two notes; no end is laissez vibrer."""
        new = self.spanner(tie=spanner_pb2.Tie(laissez_vibrer=end is None))
        new.start_note_id = start.note_id
        new.end_note_id = end.note_id if end else ""
        return new

    def direction(self, onset: int, staff: int = 1, event: event_pb2.Event | None = None, **fields: object) -> None:
        """Adds a direction at a tick of the Score, or on an event."""
        index = max(i for i, m in enumerate(self._score.measures) if m.onset_ticks <= onset)
        new = self._score.directions.add(
            direction_id=f"d{len(self._score.directions) + 1}", part_id="P1", confidence=1, **fields
        )
        new.staff, new.onset_ticks, new.measure_index = staff, onset, index
        if event:
            new.event_id, new.onset_ticks, new.measure_index = event.event_id, event.onset_ticks, event.measure_index

    def score(self) -> score_pb2.Score:
        """A copy of the Score, everything in the order the contract asks for."""
        result = score_pb2.Score()
        result.CopyFrom(self._score)
        events = sorted(
            result.events,
            key=lambda e: (
                e.measure_index,
                e.part_id,
                e.staff,
                e.voice,
                e.onset_ticks,
                (e.HasField("grace") and not e.grace.after and -1) or (1 if e.HasField("grace") else 0),
                e.grace.order,
            ),
        )
        del result.events[:]
        result.events.extend(events)
        starts = {note.note_id: event.onset_ticks for event in events for note in event.notes}
        directions = sorted(result.directions, key=lambda d: d.onset_ticks)
        del result.directions[:]
        result.directions.extend(directions)
        spanners = sorted(result.spanners, key=lambda s: starts.get(s.start_note_id, s.start_ticks))
        for spanner in spanners:
            if spanner.start_note_id:
                spanner.start_ticks = starts[spanner.start_note_id]
                spanner.end_ticks = starts.get(spanner.end_note_id, spanner.start_ticks)
        spanners = [spanner_pb2.Spanner.FromString(spanner.SerializeToString()) for spanner in spanners]
        del result.spanners[:]
        result.spanners.extend(spanners)
        return result

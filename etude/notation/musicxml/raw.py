"""A MusicXML file as it was read, before it is made a Score: times are exact quarter notes, references are objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, measure_pb2, pitch_pb2, spanner_pb2


@dataclass(slots=True)
class RawNote:
    """One <note> with a pitch. `octave` is the sounding one, as in the file."""

    id: str
    step: pitch_pb2.Step.ValueType
    alter: int
    octave: int
    staff: int
    transposition: int = 0
    accidental: pitch_pb2.Accidental | None = None
    notehead: event_pb2.Notehead.ValueType = event_pb2.NOTEHEAD_UNSPECIFIED
    fingering: fingering_pb2.Fingering | None = None
    ties: frozenset[str] = frozenset()
    tie_placement: spanner_pb2.Placement.ValueType = spanner_pb2.PLACEMENT_UNSPECIFIED


@dataclass(frozen=True, slots=True)
class RawEnd:
    """A <slur>, <glissando>, <wavy-line> or <tremolo> at an event: one end of a spanner."""

    kind: str
    type: str
    number: str
    placement: spanner_pb2.Placement.ValueType = spanner_pb2.PLACEMENT_UNSPECIFIED
    text: str = ""
    wavy: bool = False
    strokes: int = 0


@dataclass(frozen=True, slots=True)
class RawTuplet:
    """A <tuplet> at an event. Ratio 0:0 and type 0 where it does not say."""

    type: str
    number: str
    actual: int
    normal: int
    normal_type: event_pb2.NoteType.ValueType
    bracket: bool
    number_printed: bool
    placement: spanner_pb2.Placement.ValueType


@dataclass(slots=True)
class RawEvent:
    """A chord or rest. `onset` counts from the start of its measure."""

    measure: int
    voice: str
    staff: int
    onset: Fraction
    duration: Fraction
    line: int
    id: str = ""
    type: event_pb2.NoteType.ValueType = event_pb2.NOTE_TYPE_UNSPECIFIED
    dots: int = 0
    modification: tuple[int, int] = (1, 1)
    normal_type: event_pb2.NoteType.ValueType = event_pb2.NOTE_TYPE_UNSPECIFIED
    grace: event_pb2.Grace | None = None
    steals_from_previous: bool = False
    rest: event_pb2.Rest | None = None
    notes: list[RawNote] = field(default_factory=list)
    stem: event_pb2.StemDirection.ValueType = event_pb2.STEM_DIRECTION_UNSPECIFIED
    tremolo_strokes: int = 0
    arpeggio: event_pb2.Arpeggio.ValueType = event_pb2.ARPEGGIO_UNSPECIFIED
    arpeggio_number: str = ""
    beams: dict[int, str] = field(default_factory=dict)
    ends: list[RawEnd] = field(default_factory=list)
    tuplets: list[RawTuplet] = field(default_factory=list)
    marks: list[direction_pb2.Direction] = field(default_factory=list)
    ratios: list[tuple[int, int]] = field(default_factory=list)
    voice_number: int = 0
    home_staff: int = 0

    @property
    def end(self) -> Fraction:
        """Where it ends, from the start of its measure."""
        return self.onset + self.duration


@dataclass(slots=True)
class RawDirection:
    """A mark at a point of a measure; `message` lacks what depends on the finished Score (times)."""

    measure: int
    onset: Fraction
    message: direction_pb2.Direction


@dataclass(slots=True)
class RawLine:
    """One end of a hairpin, octave line, pedal or dashed line."""

    kind: str
    type: str
    number: str
    measure: int
    onset: Fraction
    staff: int
    placement: spanner_pb2.Placement.ValueType
    size: int = 8
    line: bool = False
    text: str = ""


@dataclass(slots=True)
class RawClef:
    """A clef at a point of a measure."""

    measure: int
    onset: Fraction
    message: measure_pb2.Clef


@dataclass(slots=True)
class RawMeasure:
    """What one part says of one measure.

    Attributes:
        reached: How far its music goes, in quarters; whole-measure rests do not count.
        rest_length: Length of the longest whole-measure rest.
        keys: Keys in force by staff, 0 for all.
        ending_ends: `ending` elements in order, as (type, numbers, text).
    """

    number: str = ""
    id: str = ""
    implicit: bool = False
    reached: Fraction = Fraction(0)
    rest_length: Fraction = Fraction(0)
    time: measure_pb2.TimeSignature | None = None
    time_printed: bool = False
    keys: dict[int, measure_pb2.KeySignature] = field(default_factory=dict)
    keys_printed: bool = False
    left: measure_pb2.Barline | None = None
    right: measure_pb2.Barline | None = None
    ending_ends: list[tuple[str, tuple[int, ...], str]] = field(default_factory=list)
    new_system: bool = False
    new_page: bool = False


@dataclass(slots=True)
class RawPart:
    """One part as read."""

    id: str
    name: str = ""
    abbreviation: str = ""
    keyboard_sound: bool = False
    staff_count: int = 1
    measures: list[RawMeasure] = field(default_factory=list)
    events: list[RawEvent] = field(default_factory=list)
    directions: list[RawDirection] = field(default_factory=list)
    lines: list[RawLine] = field(default_factory=list)
    clefs: list[RawClef] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class RawSpanner:
    """A matched spanner; times are quarters from the start of the Score."""

    message: spanner_pb2.Spanner
    start: Fraction
    end: Fraction
    events: list[RawEvent] = field(default_factory=list)
    notes: tuple[RawNote | None, RawNote | None] = (None, None)
    changes: list[Fraction] = field(default_factory=list)

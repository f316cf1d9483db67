"""<note> elements of an event."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from etude.notation.pitch import midi_of
from etude.notation.time import written_quarters
from etude.score.v1 import event_pb2, pitch_pb2
from renderer_service.fingers import Density, shown_finger
from renderer_service.musicxml import vocabulary
from renderer_service.musicxml.marks import GROUPS, WRAPPED, PartMarks
from renderer_service.musicxml.xml import Ids, add, element
from renderer_service.sides import digits_above


@dataclass(frozen=True, slots=True)
class NoteContext:
    """What the notes of a part need to know beside their event.

    Attributes:
        divisions: Ticks per quarter.
        marks: Marks of the part's notes.
        continuations: Ids of notes held over by a tie.
        density: Which fingers are shown.
        sides: On which side of their staff the fingers of voices that share one stand; see `voice_sides`.
        ids: Makes ids for elements.
        transpositions: Semitones by which the part sounds above where it is written, by measure.
    """

    divisions: int
    marks: PartMarks
    continuations: frozenset[str]
    density: Density
    sides: Mapping[str, bool]
    ids: Ids
    transpositions: Sequence[int]


def add_event(parent: ET.Element, event: event_pb2.Event, voice: int, context: NoteContext) -> None:
    """Appends the <note> elements of a chord or rest."""
    if not event.notes:
        _add_rest(parent, event, voice, context)
        return
    for index, note in enumerate(event.notes):
        _add_note(parent, event, note, index, voice, context)


def _add_rest(parent: ET.Element, event: event_pb2.Event, voice: int, context: NoteContext) -> None:
    hidden = "no" if event.rest.hidden else None
    new = add(parent, "note", id=context.ids(event.event_id), print_object=hidden)
    if event.HasField("grace"):
        new.append(_grace(event))
    rest = add(new, "rest", measure="yes" if event.rest.whole_measure else None)
    if event.rest.HasField("position"):
        add(rest, "display-step", vocabulary.STEPS.get(event.rest.position.step, "B"))
        add(rest, "display-octave", event.rest.position.octave)
    if not event.HasField("grace"):
        add(new, "duration", event.duration_ticks)
    add(new, "voice", voice)
    if not event.rest.whole_measure:
        _add_type(new, event)
        _add_time_modification(new, event, context)
    add(new, "staff", event.staff)
    _add_notations(new, context.marks.of_event.get(event.event_id, ()))


def _add_note(
    parent: ET.Element, event: event_pb2.Event, note: event_pb2.Note, index: int, voice: int, context: NoteContext
) -> None:
    marks = context.marks
    new = add(parent, "note", id=context.ids(note.note_id))
    grace = event.HasField("grace")
    if grace:
        new.append(_grace(event))
    if index:
        add(new, "chord")
    _add_pitch(new, note, context.transpositions[event.measure_index])
    if not grace:
        add(new, "duration", event.duration_ticks)
    for end in marks.ties.get(note.note_id, ()):
        add(new, "tie", type=end)
    add(new, "voice", voice)
    _add_type(new, event, cue=note.notehead == event_pb2.NOTEHEAD_CUE)
    if note.HasField("accidental"):
        _add_accidental(new, note.accidental)
    _add_time_modification(new, event, context)
    if event.stem in vocabulary.STEMS:
        add(new, "stem", vocabulary.STEMS[event.stem])
    if note.notehead in vocabulary.NOTEHEADS:
        add(new, "notehead", vocabulary.NOTEHEADS[note.notehead])
    add(new, "staff", note.staff)
    notations = list(marks.of_note.get(note.note_id, ()))
    if index == 0:
        for level, value in enumerate(marks.beams.get(event.event_id, ())[:8], 1):
            add(new, "beam", value, number=level)
        notations += marks.of_event.get(event.event_id, ())
    notations += _fingering(event, note, context)
    _add_notations(new, notations)


def _grace(event: event_pb2.Event) -> ET.Element:
    # a grace after its note takes its time from that note; there is no other word for it in MusicXML
    steal = "25" if event.grace.after else None
    return element("grace", slash="yes" if event.grace.slash else "no", steal_time_previous=steal)


def _octave(note: event_pb2.Note, transposition: int) -> int:
    """MusicXML's <pitch> includes octave lines and leaves the part's transposition out; the Score's written pitch
    leaves out both."""
    return note.pitch.octave + round((note.midi_pitch - midi_of(note.pitch) - transposition) / 12)


def _add_pitch(parent: ET.Element, note: event_pb2.Note, transposition: int) -> None:
    pitch = add(parent, "pitch")
    add(pitch, "step", vocabulary.STEPS[note.pitch.step])
    if note.pitch.alter:
        add(pitch, "alter", note.pitch.alter)
    add(pitch, "octave", _octave(note, transposition))


def _add_type(parent: ET.Element, event: event_pb2.Event, cue: bool = False) -> None:
    if event.type in vocabulary.NOTE_TYPES:
        add(parent, "type", vocabulary.NOTE_TYPES[event.type], size="cue" if cue else None)
        for _ in range(event.dots):
            add(parent, "dot")


def _add_accidental(parent: ET.Element, accidental: pitch_pb2.Accidental) -> None:
    if accidental.kind in vocabulary.ACCIDENTALS:
        add(
            parent,
            "accidental",
            vocabulary.ACCIDENTALS[accidental.kind],
            parentheses="yes" if accidental.parenthesized else None,
            cautionary="yes" if accidental.parenthesized else None,
            editorial="yes" if accidental.editorial else None,
        )


def _add_time_modification(parent: ET.Element, event: event_pb2.Event, context: NoteContext) -> None:
    if not event.tuplet_ratios and event.event_id not in context.marks.tremolo_pairs:
        return
    actual = prod(ratio.actual for ratio in event.tuplet_ratios)
    normal = prod(ratio.normal for ratio in event.tuplet_ratios)
    if event.event_id in context.marks.tremolo_pairs and event.type in vocabulary.NOTE_TYPES:
        # both notes of a tremolo are written with the length of the whole of it
        written = written_quarters(event.type, event.dots, event.tuplet_ratios)
        if written * context.divisions == 2 * event.duration_ticks:
            actual *= 2
    if actual == normal == 1:
        return
    modification = add(parent, "time-modification")
    add(modification, "actual-notes", actual)
    add(modification, "normal-notes", normal)
    tuplet = context.marks.tuplets.get(event.event_id)
    if tuplet is not None and tuplet.normal_type in vocabulary.NOTE_TYPES:
        add(modification, "normal-type", vocabulary.NOTE_TYPES[tuplet.normal_type])


def _fingering(event: event_pb2.Event, note: event_pb2.Note, context: NoteContext) -> list[tuple[str, ET.Element]]:
    """<fingering>, coloured unless the source prints it; the finger that takes over follows as a substitution."""
    shown = shown_finger(note, context.density, context.continuations)
    if shown is None:
        return []
    side = "above" if digits_above(event, note.staff, shown.hand, context.sides) else "below"
    color = shown.color or None
    new = [("technical", element("fingering", shown.finger, placement=side, color=color))]
    if shown.substitution:
        over = element("fingering", shown.substitution, substitution="yes", placement=side, color=color)
        new.append(("technical", over))
    return new


def _add_notations(parent: ET.Element, notations: Sequence[tuple[str, ET.Element]]) -> None:
    if not notations:
        return
    parent = add(parent, "notations")
    members: defaultdict[str, list[ET.Element]] = defaultdict(list)
    for name, new in notations:
        members[name].append(new)
    for group in GROUPS:
        if group in members:
            (add(parent, group) if group in WRAPPED else parent).extend(members[group])

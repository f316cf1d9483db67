"""Invariants of spanners and directions: their references resolve and their ends are in order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from etude.notation.invariants.report import Context, Violation, check_confidence, check_region, check_staff
from etude.notation.invariants.structure import check_within_measure
from etude.notation.ordering import direction_key, spanner_key
from etude.score.v1 import direction_pb2, event_pb2, spanner_pb2

_LEAST_EVENTS = {
    "slur": 1,
    "beam_group": 2,
    "tuplet": 1,
    "glissando": 1,
    "tremolo_between": 2,
    "arpeggio_across": 2,
}


def check_spanners(context: Context) -> Iterator[Violation]:
    """Each spanner by itself, and their order."""
    for position, spanner in enumerate(context.score.spanners):
        thing, field = spanner.spanner_id, f"spanners[{position}]"
        yield from check_staff(context, thing, field, spanner.part_id, spanner.staff)
        yield from check_confidence(thing, f"{field}.confidence", spanner.confidence)
        for number, region in enumerate(spanner.regions):
            yield from check_region(context, thing, f"{field}.regions[{number}]", region)
        if spanner.end_ticks < spanner.start_ticks:
            message = f"it ends at {spanner.end_ticks}, before it starts at {spanner.start_ticks}"
            yield Violation(thing, f"{field}.end_ticks", message)
        yield from _check_event_ids(context, spanner, field)
        yield from _check_kind(context, spanner, field)
    for number, (before, after) in enumerate(pairwise(context.score.spanners), 1):
        if spanner_key(before) > spanner_key(after):
            yield Violation(after.spanner_id, f"spanners[{number}]", "spanners are ordered by their start")


def _check_event_ids(context: Context, spanner: spanner_pb2.Spanner, field: str) -> Iterator[Violation]:
    thing = spanner.spanner_id
    kind = spanner.WhichOneof("kind")
    if len(spanner.event_ids) < _LEAST_EVENTS.get(kind or "", 0):
        message = f"a {_spoken(kind)} names at least {_LEAST_EVENTS[kind or '']} events"
        yield Violation(thing, f"{field}.event_ids", message)
    if len(set(spanner.event_ids)) < len(spanner.event_ids):
        yield Violation(thing, f"{field}.event_ids", "it names an event twice")
    events: list[event_pb2.Event] = []
    for number, event_id in enumerate(spanner.event_ids):
        event = context.index.events.get(event_id)
        if event is None:
            yield Violation(thing, f"{field}.event_ids[{number}]", f"there is no event {event_id!r}")
        elif event.part_id != spanner.part_id:
            yield Violation(thing, f"{field}.event_ids[{number}]", f"event {event_id!r} belongs to another part")
        else:
            events.append(event)
    for before, after in pairwise(events):
        if before.onset_ticks > after.onset_ticks:
            message = f"its events stand in order of time; {after.event_id} comes before {before.event_id}"
            yield Violation(thing, f"{field}.event_ids", message)
    if events and events[0].onset_ticks != spanner.start_ticks:
        message = f"it starts at {spanner.start_ticks}, its first event at {events[0].onset_ticks}"
        yield Violation(thing, f"{field}.start_ticks", message)
    if events and events[-1].onset_ticks > spanner.end_ticks:
        message = f"it ends at {spanner.end_ticks}, its last event starts at {events[-1].onset_ticks}"
        yield Violation(thing, f"{field}.end_ticks", message)


def _check_kind(context: Context, spanner: spanner_pb2.Spanner, field: str) -> Iterator[Violation]:
    thing = spanner.spanner_id
    kind = spanner.WhichOneof("kind")
    if kind is None:
        yield Violation(thing, f"{field}.kind", "a spanner says what it is")
    elif kind == "tie":
        yield from _check_tie(context, spanner, field)
    elif kind == "tuplet":
        yield from _check_tuplet(context, spanner, field)
    elif kind == "beam_group":
        for number, place in enumerate(spanner.beam_group.secondary_breaks):
            if not 0 < place < len(spanner.event_ids):
                path = f"{field}.beam_group.secondary_breaks[{number}]"
                yield Violation(thing, path, f"a beam of {len(spanner.event_ids)} events has no break before {place}")
    elif kind == "octave_line":
        if not 1 <= abs(spanner.octave_line.octaves) <= 3:
            message = f"an octave line moves the sound by 1 to 3 octaves, not {spanner.octave_line.octaves}"
            yield Violation(thing, f"{field}.octave_line.octaves", message)
    elif kind == "hairpin":
        if spanner.hairpin.kind == spanner_pb2.HAIRPIN_KIND_UNSPECIFIED:
            yield Violation(thing, f"{field}.hairpin.kind", "a hairpin opens or closes")
    elif kind == "pedal":
        changes = [spanner.start_ticks, *spanner.pedal.change_ticks, spanner.end_ticks]
        if spanner.pedal.change_ticks and changes != sorted(changes):
            yield Violation(thing, f"{field}.pedal.change_ticks", "pedal changes lie between start and end, in order")
    elif kind == "tremolo_between" and spanner.tremolo_between.strokes < 1:
        yield Violation(thing, f"{field}.tremolo_between.strokes", "a tremolo has at least one stroke")


def _check_tie(context: Context, spanner: spanner_pb2.Spanner, field: str) -> Iterator[Violation]:
    thing = spanner.spanner_id
    start = context.index.notes.get(spanner.start_note_id)
    end = context.index.notes.get(spanner.end_note_id)
    if start is None:
        yield Violation(thing, f"{field}.start_note_id", f"there is no note {spanner.start_note_id!r}")
    elif start.event.onset_ticks != spanner.start_ticks:
        message = f"it starts at {spanner.start_ticks}, its first note at {start.event.onset_ticks}"
        yield Violation(thing, f"{field}.start_ticks", message)
    if spanner.end_note_id and end is None:
        yield Violation(thing, f"{field}.end_note_id", f"there is no note {spanner.end_note_id!r}")
    if spanner.end_note_id and spanner.tie.laissez_vibrer:
        yield Violation(thing, f"{field}.end_note_id", "laissez vibrer is a tie to nothing")
    if start is None or end is None:
        return
    if spanner.start_note_id == spanner.end_note_id:
        yield Violation(thing, f"{field}.end_note_id", "a note is not tied to itself")
    if start.note.midi_pitch != end.note.midi_pitch:
        message = f"it ties key {start.note.midi_pitch} to key {end.note.midi_pitch}"
        yield Violation(thing, f"{field}.end_note_id", message)
    if end.event.onset_ticks < start.event.onset_ticks:
        yield Violation(thing, f"{field}.end_note_id", "the second note of a tie comes after the first")
    first = context.index.previous_tied(spanner.end_note_id)
    following = context.index.next_tied(spanner.start_note_id)
    if first is not None and first.note.note_id != spanner.start_note_id:
        message = f"note {spanner.end_note_id} is already tied to from {first.note.note_id}"
        yield Violation(thing, f"{field}.end_note_id", message)
    elif following is not None and following.note.note_id != spanner.end_note_id:
        message = f"note {spanner.start_note_id} is already tied to {following.note.note_id}"
        yield Violation(thing, f"{field}.start_note_id", message)


def _check_tuplet(context: Context, spanner: spanner_pb2.Spanner, field: str) -> Iterator[Violation]:
    thing = spanner.spanner_id
    tuplet = spanner.tuplet
    if tuplet.ratio.actual < 1 or tuplet.ratio.normal < 1:
        message = f"{tuplet.ratio.actual}:{tuplet.ratio.normal} is no tuplet ratio; both are positive"
        yield Violation(thing, f"{field}.tuplet.ratio", message)
        return
    if tuplet.depth < 0:
        yield Violation(thing, f"{field}.tuplet.depth", "the nesting depth counts from 0")
        return
    for event_id in spanner.event_ids:
        event = context.index.events.get(event_id)
        if event is None or event.HasField("grace"):
            continue
        ratios = event.tuplet_ratios
        if len(ratios) <= tuplet.depth or ratios[tuplet.depth] != tuplet.ratio:
            message = f"event {event_id} does not carry its ratio {tuplet.ratio.actual}:{tuplet.ratio.normal}"
            yield Violation(thing, f"{field}.event_ids", message)


def check_directions(context: Context) -> Iterator[Violation]:
    """Each direction by itself, and their order."""
    for position, direction in enumerate(context.score.directions):
        thing, field = direction.direction_id, f"directions[{position}]"
        if direction.staff:
            yield from check_staff(context, thing, field, direction.part_id, direction.staff)
        elif direction.part_id and direction.part_id not in context.index.parts:
            yield Violation(thing, f"{field}.part_id", f"there is no part {direction.part_id!r}")
        yield from check_within_measure(context, thing, field, direction.measure_index, direction.onset_ticks)
        yield from _check_direction_event(context, direction, field)
        yield from _check_direction_kind(direction, field)
        yield from check_region(context, thing, f"{field}.region", direction.region)
        yield from check_confidence(thing, f"{field}.confidence", direction.confidence)
    for number, (before, after) in enumerate(pairwise(context.score.directions), 1):
        if direction_key(before) > direction_key(after):
            yield Violation(after.direction_id, f"directions[{number}]", "directions are ordered by their onset")


def _check_direction_event(context: Context, direction: direction_pb2.Direction, field: str) -> Iterator[Violation]:
    thing = direction.direction_id
    kind = direction.WhichOneof("kind")
    event = context.index.events.get(direction.event_id)
    if direction.event_id and event is None:
        yield Violation(thing, f"{field}.event_id", f"there is no event {direction.event_id!r}")
    if kind in ("articulation", "ornament") and not direction.event_id:
        yield Violation(thing, f"{field}.event_id", f"an {kind} belongs to an event")
    if event is not None and event.onset_ticks != direction.onset_ticks:
        message = f"it stands at {direction.onset_ticks}, its event at {event.onset_ticks}"
        yield Violation(thing, f"{field}.onset_ticks", message)
    if direction.note_id and (event is None or all(note.note_id != direction.note_id for note in event.notes)):
        yield Violation(thing, f"{field}.note_id", f"its event has no note {direction.note_id!r}")


def _check_direction_kind(direction: direction_pb2.Direction, field: str) -> Iterator[Violation]:
    thing = direction.direction_id
    kind = direction.WhichOneof("kind")
    if kind is None:
        yield Violation(thing, f"{field}.kind", "a direction says what it is")
    elif kind == "tempo":
        tempo = direction.tempo
        if tempo.beats_per_minute < 0 or not 0 <= tempo.beat_dots <= 4:
            yield Violation(thing, f"{field}.tempo", "a metronome mark has a positive number and 0 to 4 dots")
        if tempo.beats_per_minute > 0 and tempo.beat_type == event_pb2.NOTE_TYPE_UNSPECIFIED:
            yield Violation(thing, f"{field}.tempo.beat_type", "a metronome mark counts in a note value")
    elif kind == "ornament":
        if direction.ornament.kind == direction_pb2.ORNAMENT_KIND_UNSPECIFIED:
            yield Violation(thing, f"{field}.ornament.kind", "an ornament says which it is")
        if any(not (0 <= k.midi_pitch <= 127 and 0 <= k.finger <= 5) for k in direction.ornament.auxiliaries):
            message = "an ornament's keys lie between 0 and 127, their fingers between 1 and 5"
            yield Violation(thing, f"{field}.ornament.auxiliaries", message)
    elif kind == "articulation" and direction.articulation.kind == direction_pb2.ARTICULATION_KIND_UNSPECIFIED:
        yield Violation(thing, f"{field}.articulation.kind", "an articulation says which it is")
    elif kind == "jump" and direction.jump.kind == direction_pb2.JUMP_KIND_UNSPECIFIED:
        yield Violation(thing, f"{field}.jump.kind", "a mark of navigation says which it is")
    elif kind == "harmony" and not (direction.harmony.root_step and abs(direction.harmony.root_alter) <= 2):
        yield Violation(
            thing, f"{field}.harmony.root_step", "a chord symbol names a root, altered by 2 semitones at most"
        )


def _spoken(kind: str | None) -> str:
    return (kind or "spanner").replace("_", " ")

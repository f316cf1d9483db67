"""Invariants of chords, rests and notes, and of the bars they fill."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from etude.notation.invariants.report import Context, Violation, check_confidence, check_region, check_staff
from etude.notation.measures import measure_end, voice_fill
from etude.notation.ordering import event_key, note_key
from etude.notation.pitch import midi_of, name_of
from etude.notation.time import MAX_DOTS, event_quarters
from etude.score.v1 import event_pb2, fingering_pb2, pitch_pb2, score_pb2


def check_events(context: Context) -> Iterator[Violation]:
    """Each chord and rest by itself, and their order."""
    for position, event in enumerate(context.score.events):
        field = f"events[{position}]"
        yield from check_staff(context, event.event_id, field, event.part_id, event.staff)
        yield from _check_shape(event, field)
        yield from _check_time(context, event, field)
        yield from check_region(context, event.event_id, f"{field}.region", event.region)
        yield from check_confidence(event.event_id, f"{field}.confidence", event.confidence)
        for number, alternative in enumerate(event.alternatives):
            path = f"{field}.alternatives[{number}].probability"
            yield from check_confidence(event.event_id, path, alternative.probability)
        for number, note in enumerate(event.notes):
            yield from _check_note(context, event, note, f"{field}.notes[{number}]")
        for number, (lower, upper) in enumerate(pairwise(event.notes), 1):
            if note_key(lower) > note_key(upper):
                yield Violation(upper.note_id, f"{field}.notes[{number}]", "the notes of a chord stand lowest first")
    positions = context.index.part_positions
    for number, (before, after) in enumerate(pairwise(context.score.events), 1):
        if event_key(before, positions) > event_key(after, positions):
            yield Violation(
                after.event_id,
                f"events[{number}]",
                "events are ordered by measure, part, staff, voice, onset and grace order",
            )


def _check_shape(event: event_pb2.Event, field: str) -> Iterator[Violation]:
    thing = event.event_id
    if event.voice < 1:
        yield Violation(thing, f"{field}.voice", f"voices are numbered from 1, not {event.voice}")
    if bool(event.notes) == event.HasField("rest"):
        yield Violation(thing, f"{field}.notes", "an event has either notes or is a rest")
    if not 0 <= event.dots <= MAX_DOTS:
        yield Violation(thing, f"{field}.dots", f"{event.dots} dots; 0 to {MAX_DOTS} are possible")
    if event.notes and event.type == event_pb2.NOTE_TYPE_UNSPECIFIED:
        yield Violation(thing, f"{field}.type", "a chord needs a note value")
    for number, ratio in enumerate(event.tuplet_ratios):
        if ratio.actual < 1 or ratio.normal < 1:
            path = f"{field}.tuplet_ratios[{number}]"
            yield Violation(thing, path, f"{ratio.actual}:{ratio.normal} is no tuplet ratio; both are positive")
    if event.tremolo_strokes < 0:
        yield Violation(thing, f"{field}.tremolo_strokes", "the number of tremolo strokes is not negative")


def _check_time(context: Context, event: event_pb2.Event, field: str) -> Iterator[Violation]:
    thing = event.event_id
    if event.HasField("grace"):
        if event.duration_ticks:
            yield Violation(thing, f"{field}.duration_ticks", "a grace event takes no time")
        if event.grace.order < 0:
            yield Violation(thing, f"{field}.grace.order", "the grace order counts from 0")
        if event.HasField("rest") and not event.rest.hidden:
            yield Violation(thing, f"{field}.rest", "a grace event has notes")
    elif event.duration_ticks <= 0:
        message = f"an event that is no grace lasts some time, not {event.duration_ticks} ticks"
        yield Violation(thing, f"{field}.duration_ticks", message)
    if not context.measure_exists(event.measure_index):
        message = f"there is no measure of index {event.measure_index}"
        yield Violation(thing, f"{field}.measure_index", message)
        return
    measure = context.score.measures[event.measure_index]
    end = measure_end(measure)
    inside = measure.onset_ticks <= event.onset_ticks < end
    if not inside and not (event.HasField("grace") and event.onset_ticks == end) and not context.is_doubtful(event):
        message = f"{event.onset_ticks} is outside its measure, {measure.onset_ticks} to {end}"
        yield Violation(thing, f"{field}.onset_ticks", message)
    yield from _check_written_value(context, event, field)


def _check_written_value(context: Context, event: event_pb2.Event, field: str) -> Iterator[Violation]:
    """The note value makes the duration; a tremolo between two events writes each with the time of both."""
    if event.dots > MAX_DOTS or any(ratio.actual < 1 or ratio.normal < 1 for ratio in event.tuplet_ratios):
        return
    measure = context.score.measures[event.measure_index]
    if event.rest.whole_measure:
        if event.duration_ticks != measure.length_ticks and not context.is_doubtful(event):
            message = (
                f"a whole-measure rest lasts the measure's {measure.length_ticks} ticks, not {event.duration_ticks}"
            )
            yield Violation(event.event_id, f"{field}.duration_ticks", message)
        return
    written = event_quarters(event)
    if written is None:
        if event.HasField("rest") and not event.rest.hidden and not event.HasField("grace"):
            message = "a rest without a note value is a whole-measure or a hidden rest"
            yield Violation(event.event_id, f"{field}.type", message)
        return
    if context.score.divisions <= 0 or context.is_doubtful(event):
        return
    lasts = Fraction(event.duration_ticks, context.score.divisions)
    in_tremolo = context.index.spanners_of_event(event.event_id, "tremolo_between")
    if lasts != written and not (in_tremolo and lasts == written / 2):
        message = f"its note value is {written} quarters, it lasts {lasts}"
        yield Violation(event.event_id, f"{field}.duration_ticks", message)


def _check_note(context: Context, event: event_pb2.Event, note: event_pb2.Note, field: str) -> Iterator[Violation]:
    thing = note.note_id
    pitch = note.pitch
    if not context.staff_exists(event.part_id, note.staff) and event.part_id in context.index.parts:
        yield Violation(thing, f"{field}.staff", f"part {event.part_id} has no staff {note.staff}")
    if pitch.step == pitch_pb2.STEP_UNSPECIFIED or not -2 <= pitch.alter <= 2 or not -1 <= pitch.octave <= 10:
        yield Violation(thing, f"{field}.pitch", f"{name_of(pitch)} is no pitch")
    elif not 0 <= note.midi_pitch <= 127:
        yield Violation(thing, f"{field}.midi_pitch", f"{note.midi_pitch} is no MIDI key from 0 to 127")
    else:
        yield from _check_sounding(context, event, note, field)
    yield from check_region(context, thing, f"{field}.region", note.region)
    yield from check_confidence(thing, f"{field}.confidence", note.confidence)
    for number, alternative in enumerate(note.alternatives):
        yield from check_confidence(thing, f"{field}.alternatives[{number}].probability", alternative.probability)
    if note.HasField("fingering"):
        yield from _check_fingering(context, thing, note.fingering, f"{field}.fingering")


def _check_sounding(context: Context, event: event_pb2.Event, note: event_pb2.Note, field: str) -> Iterator[Violation]:
    part = context.index.parts.get(event.part_id)
    if part is None or part.role == score_pb2.PART_ROLE_OTHER:
        return  # other instruments may transpose
    lines = context.index.octave_lines_at(event.part_id, note.staff, event.onset_ticks)
    octaves = sum(line.octave_line.octaves for line in lines)
    expected = midi_of(note.pitch) + 12 * octaves
    if note.midi_pitch != expected:
        under = f" under an octave line of {octaves:+d}" if octaves else ""
        message = f"{name_of(note.pitch)}{under} sounds as key {expected}, not {note.midi_pitch}"
        yield Violation(note.note_id, f"{field}.midi_pitch", message)


def _check_fingering(
    context: Context, thing: str, fingering: fingering_pb2.Fingering, field: str
) -> Iterator[Violation]:
    if not 1 <= fingering.finger <= 5:
        yield Violation(thing, f"{field}.finger", f"a hand has fingers 1 to 5, not {fingering.finger}")
    if not 0 <= fingering.substitution <= 5 or fingering.substitution == fingering.finger != 0:
        message = f"{fingering.substitution} cannot take the key over from finger {fingering.finger}"
        yield Violation(thing, f"{field}.substitution", message)
    if fingering.source == fingering_pb2.FINGERING_SOURCE_UNSPECIFIED:
        yield Violation(thing, f"{field}.source", "a finger says where it comes from")
    yield from check_confidence(thing, f"{field}.probability", fingering.probability)
    for number, alternative in enumerate(fingering.alternatives):
        path = f"{field}.alternatives[{number}]"
        if not 1 <= alternative.finger <= 5 or not 0 <= alternative.substitution <= 5:
            yield Violation(thing, f"{path}.finger", f"a hand has fingers 1 to 5, not {alternative.finger}")
        yield from check_confidence(thing, f"{path}.probability", alternative.probability)
    yield from check_region(context, thing, f"{field}.region", fingering.region)


def check_bars(context: Context) -> Iterator[Violation]:
    """Every voice with an event in a measure stands on one staff and lasts the measure: no gap, no overlap, no more.

    A bar whose times a Doubt calls into question may break this.
    """
    for position, measure in enumerate(context.score.measures):
        for part_id in context.index.parts:
            for voice, events in context.index.voices_in(position, part_id).items():
                where = f"voice {voice} of measure {measure.number or position + 1}"
                staves = sorted({event.staff for event in events})
                if len(staves) > 1:
                    message = f"{where} stands on staves {staves}; voices are numbered within the part"
                    yield Violation(events[-1].event_id, f"measures[{position}]", message)
                if context.bar_is_doubtful(position):
                    continue
                fill = voice_fill(measure, events)
                for first, second in fill.overlaps:
                    message = f"in {where} it starts before {first} has ended"
                    yield Violation(second, f"measures[{position}]", message)
                for start, end in fill.gaps:
                    message = f"in {where} nothing stands from tick {start} to {end} (not even a hidden rest)"
                    yield Violation(measure.measure_id, f"measures[{position}]", message)
                if fill.end > measure_end(measure):
                    message = f"{where} lasts {fill.end - measure.onset_ticks} ticks, the bar {measure.length_ticks}"
                    yield Violation(measure.measure_id, f"measures[{position}]", message)

"""Invariants of the Score's frame: version, divisions, ids, parts, measures, clefs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from etude.notation.invariants.report import Context, Violation, check_confidence, check_region, check_staff
from etude.notation.ordering import clef_key
from etude.score.v1 import measure_pb2

SUPPORTED_MAJOR_VERSION = 1

# Ids become xml:id attributes in MusicXML and SVG; an XML name without colons.
_ID = re.compile(r"[^\W\d][\w.\-]*")


def check_frame(context: Context) -> Iterator[Violation]:
    """Version, divisions, at least one part and measure."""
    score = context.score
    if not re.fullmatch(rf"{SUPPORTED_MAJOR_VERSION}\.\d+\.\d+", score.schema_version):
        yield Violation("", "schema_version", f"{score.schema_version!r} is not {SUPPORTED_MAJOR_VERSION}.x.y")
    if score.divisions <= 0:
        yield Violation("", "divisions", f"ticks per quarter note must be positive, not {score.divisions}")
    if not score.parts:
        yield Violation("", "parts", "a Score has at least one part")
    if not score.measures:
        yield Violation("", "measures", "a Score has at least one measure")
    for position, part in enumerate(score.parts):
        if part.staff_count < 1:
            yield Violation(part.part_id, f"parts[{position}].staff_count", "a part has at least one staff")


def check_ids(context: Context) -> Iterator[Violation]:
    """Every id is set, an XML name, and unique in the Score."""
    seen: dict[str, str] = {}
    for thing_id, field in _ids(context):
        if not thing_id:
            yield Violation("", field, "the id is missing")
        elif not _ID.fullmatch(thing_id):
            yield Violation(thing_id, field, f"{thing_id!r} cannot be an id: letters, digits, '_', '-', '.' only")
        elif thing_id in seen:
            yield Violation(thing_id, field, f"the id {thing_id!r} is already that of {seen[thing_id]}")
        else:
            seen[thing_id] = field


def _ids(context: Context) -> Iterator[tuple[str, str]]:
    score = context.score
    for position, part in enumerate(score.parts):
        yield part.part_id, f"parts[{position}].part_id"
    for position, measure in enumerate(score.measures):
        yield measure.measure_id, f"measures[{position}].measure_id"
    for position, clef in enumerate(score.clefs):
        yield clef.clef_id, f"clefs[{position}].clef_id"
    for position, event in enumerate(score.events):
        yield event.event_id, f"events[{position}].event_id"
        for number, note in enumerate(event.notes):
            yield note.note_id, f"events[{position}].notes[{number}].note_id"
    for position, spanner in enumerate(score.spanners):
        yield spanner.spanner_id, f"spanners[{position}].spanner_id"
    for position, direction in enumerate(score.directions):
        yield direction.direction_id, f"directions[{position}].direction_id"


def check_measures(context: Context) -> Iterator[Violation]:
    """Measures follow one another without gaps, have a length, a meter and keys."""
    expected = 0
    for position, measure in enumerate(context.score.measures):
        field = f"measures[{position}]"
        thing = measure.measure_id
        if measure.onset_ticks != expected:
            yield Violation(
                thing,
                f"{field}.onset_ticks",
                f"it starts at {measure.onset_ticks}, the measures before end at {expected}",
            )
        if measure.length_ticks <= 0:
            yield Violation(thing, f"{field}.length_ticks", f"its length must be positive, not {measure.length_ticks}")
        expected = measure.onset_ticks + measure.length_ticks
        yield from _check_time_signature(thing, f"{field}.time_signature", measure)
        yield from _check_keys(context, thing, f"{field}.key_signatures", measure)
        if measure.HasField("ending") and (not measure.ending.numbers or min(measure.ending.numbers) < 1):
            yield Violation(thing, f"{field}.ending.numbers", "an ending has positive numbers")
        for name, barline in (("left_barline", measure.left_barline), ("right_barline", measure.right_barline)):
            if barline.times < 0:
                yield Violation(thing, f"{field}.{name}.times", "a repeat count is not negative")
            yield from check_region(context, thing, f"{field}.{name}.region", barline.region)
        yield from check_region(context, thing, f"{field}.region", measure.region)
        yield from check_confidence(thing, f"{field}.confidence", measure.confidence)


def _check_time_signature(thing: str, field: str, measure: measure_pb2.Measure) -> Iterator[Violation]:
    signature = measure.time_signature
    if signature.symbol == measure_pb2.TIME_SYMBOL_NONE and not signature.beats and not signature.beat_type:
        return
    if not signature.beats or min(signature.beats) < 1:
        yield Violation(thing, f"{field}.beats", "a time signature has positive beats")
    if signature.beat_type not in (1, 2, 4, 8, 16, 32, 64):
        yield Violation(thing, f"{field}.beat_type", f"{signature.beat_type} is no denominator (1, 2, 4, ... 64)")


def _check_keys(context: Context, thing: str, field: str, measure: measure_pb2.Measure) -> Iterator[Violation]:
    if not measure.key_signatures:
        yield Violation(thing, field, "a measure names the key in force")
    seen: set[tuple[str, int]] = set()
    for number, key in enumerate(measure.key_signatures):
        if not -7 <= key.fifths <= 7:
            yield Violation(thing, f"{field}[{number}].fifths", f"{key.fifths} is not from -7 to 7")
        if key.part_id and key.part_id not in context.index.parts:
            yield Violation(thing, f"{field}[{number}].part_id", f"there is no part {key.part_id!r}")
        elif key.staff and not context.staff_exists(key.part_id, key.staff):
            yield Violation(thing, f"{field}[{number}].staff", f"part {key.part_id!r} has no staff {key.staff}")
        if (key.part_id, key.staff) in seen:
            yield Violation(thing, f"{field}[{number}]", "the same staves have two keys")
        seen.add((key.part_id, key.staff))


def check_clefs(context: Context) -> Iterator[Violation]:
    """Clefs have a sign and line, lie in their measure, are in order; every staff has one at the start."""
    score = context.score
    for position, clef in enumerate(score.clefs):
        field = f"clefs[{position}]"
        yield from check_staff(context, clef.clef_id, field, clef.part_id, clef.staff)
        if clef.sign == measure_pb2.CLEF_SIGN_UNSPECIFIED:
            yield Violation(clef.clef_id, f"{field}.sign", "a clef needs a sign")
        if not 1 <= clef.line <= 5:
            yield Violation(clef.clef_id, f"{field}.line", f"a staff has lines 1 to 5, not {clef.line}")
        if not -2 <= clef.octave_change <= 2:
            yield Violation(clef.clef_id, f"{field}.octave_change", f"{clef.octave_change} is not from -2 to 2")
        yield from check_within_measure(context, clef.clef_id, field, clef.measure_index, clef.onset_ticks)
        yield from check_region(context, clef.clef_id, f"{field}.region", clef.region)
        yield from check_confidence(clef.clef_id, f"{field}.confidence", clef.confidence)
    positions = context.index.part_positions
    for number, (before, after) in enumerate(pairwise(score.clefs), 1):
        if clef_key(before, positions) > clef_key(after, positions):
            yield Violation(after.clef_id, f"clefs[{number}]", "clefs are ordered by part, staff and onset")
    for part in score.parts:
        for staff in range(1, part.staff_count + 1):
            clef_at_start = context.index.clef_at(part.part_id, staff, 0)
            if clef_at_start is None:
                yield Violation(part.part_id, "clefs", f"staff {staff} of part {part.part_id} has no clef at the start")


def check_within_measure(
    context: Context, thing: str, field: str, measure_index: int, onset_ticks: int
) -> Iterator[Violation]:
    """An onset lies in its measure; the end of the measure is still allowed (a clef before the barline)."""
    if not context.measure_exists(measure_index):
        yield Violation(thing, f"{field}.measure_index", f"there is no measure of index {measure_index}")
        return
    measure = context.score.measures[measure_index]
    if not measure.onset_ticks <= onset_ticks <= measure.onset_ticks + measure.length_ticks:
        yield Violation(
            thing,
            f"{field}.onset_ticks",
            f"{onset_ticks} is outside measure {measure.number or measure_index + 1}, "
            f"{measure.onset_ticks} to {measure.onset_ticks + measure.length_ticks}",
        )

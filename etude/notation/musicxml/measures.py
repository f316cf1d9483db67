"""The measures of all parts brought into one list."""

from __future__ import annotations

from fractions import Fraction

from etude.notation.measures import nominal_quarters
from etude.notation.musicxml.raw import RawMeasure, RawPart
from etude.score.v1 import measure_pb2


def measure_lengths(parts: list[RawPart]) -> list[Fraction]:
    """How long each measure really is, in quarters: as long as its music; without any, as its rests or its meter say.

    A whole-measure rest may be written longer than a pickup measure is; elsewhere it tells the length as notes do.
    """
    lengths: list[Fraction] = []
    for index in range(max(len(part.measures) for part in parts)):
        measures = [part.measures[index] for part in parts if index < len(part.measures)]
        music = max(measure.reached for measure in measures)
        rests = max(measure.rest_length for measure in measures)
        time = next((measure.time for measure in measures if measure.time is not None), None)
        nominal = nominal_quarters(time) if time is not None else Fraction(4)
        implicit = any(measure.implicit for measure in measures)
        if music and not implicit and rests == nominal:
            music = max(music, rests)
        lengths.append(music or rests or nominal or Fraction(4))
    return lengths


def build_measures(parts: list[RawPart], part_ids: list[str]) -> list[measure_pb2.Measure]:
    """The measures without their times; what parts say differently is taken from the first that says anything."""
    result: list[measure_pb2.Measure] = []
    staff_counts = {part_id: part.staff_count for part_id, part in zip(part_ids, parts, strict=True)}
    running: measure_pb2.Ending | None = None
    for index in range(max(len(part.measures) for part in parts)):
        named = zip(part_ids, parts, strict=True)
        present = [(part_id, part.measures[index]) for part_id, part in named if index < len(part.measures)]
        raw = [measure for _, measure in present]
        first = raw[0]
        new = measure_pb2.Measure(
            measure_id=first.id,
            number=first.number,
            implicit=any(measure.implicit for measure in raw),
            time_signature=first.time,
            time_signature_printed=any(measure.time_printed for measure in raw),
            key_signatures=_keys(present, staff_counts),
            key_signature_printed=any(measure.keys_printed for measure in raw) and (index > 0 or _alters(raw)),
            left_barline=next((measure.left for measure in raw if measure.left), None),
            right_barline=next((measure.right for measure in raw if measure.right), None),
            starts_page=index > 0 and any(measure.new_page for measure in raw),
            starts_system=index > 0 and any(measure.new_system for measure in raw),
        )
        running = _ending(new, next((m.ending_ends for m in raw if m.ending_ends), []), running)
        result.append(new)
    return result


def _keys(measures: list[tuple[str, RawMeasure]], staff_counts: dict[str, int]) -> list[measure_pb2.KeySignature]:
    """The keys in force: one entry when all parts and staves agree, else one for each that has its own."""
    all_keys: list[tuple[str, dict[int, measure_pb2.KeySignature]]] = []
    for part_id, measure in measures:
        keys = {staff: key for staff, key in measure.keys.items() if staff <= staff_counts[part_id]}
        all_keys.append((part_id, keys or {0: measure_pb2.KeySignature()}))
    distinct = {(key.fifths, key.mode) for _, keys in all_keys for key in keys.values()}
    if len(distinct) == 1:
        fifths, mode = distinct.pop()
        return [measure_pb2.KeySignature(fifths=fifths, mode=mode)]
    return [
        measure_pb2.KeySignature(fifths=key.fifths, mode=key.mode, part_id=part_id, staff=staff)
        for part_id, keys in all_keys
        for staff, key in sorted(keys.items())
    ]


def _alters(measures: list[RawMeasure]) -> bool:
    """True when a key has sharps or flats: without any, nothing is printed at the start of a piece."""
    return any(key.fifths for measure in measures for key in measure.keys.values())


def _ending(
    measure: measure_pb2.Measure,
    ends: list[tuple[str, tuple[int, ...], str]],
    running: measure_pb2.Ending | None,
) -> measure_pb2.Ending | None:
    """Sets the measure's ending; returns the one that goes on in the next measure."""
    for kind, numbers, text in ends:
        if kind == "start":
            measure.ending.CopyFrom(measure_pb2.Ending(numbers=numbers, text=text, starts=True))
            running = measure_pb2.Ending(numbers=numbers, text=text)
        elif kind in ("stop", "discontinue") and running is not None:
            if not measure.HasField("ending"):
                measure.ending.CopyFrom(running)
            measure.ending.stops = True
            measure.ending.closed = kind == "stop"
            running = None
    if running is not None and not measure.HasField("ending"):
        measure.ending.CopyFrom(running)
    return running

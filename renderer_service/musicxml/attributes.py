"""<attributes>, <print> and <barline>: what stands at the edges of a measure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from etude.score.v1 import direction_pb2, measure_pb2, score_pb2, spanner_pb2
from renderer_service.musicxml import vocabulary
from renderer_service.musicxml.transposing import transpose_element
from renderer_service.musicxml.xml import add, element


def clef_element(clef: measure_pb2.Clef) -> ET.Element:
    """One <clef>."""
    new = element("clef", number=clef.staff)
    add(new, "sign", vocabulary.CLEF_SIGNS.get(clef.sign, "G"))
    if clef.sign != measure_pb2.CLEF_SIGN_PERCUSSION:
        add(new, "line", clef.line)
    if clef.octave_change:
        add(new, "clef-octave-change", clef.octave_change)
    return new


def _keys_of(measure: measure_pb2.Measure, part_id: str) -> list[measure_pb2.KeySignature]:
    return [key for key in measure.key_signatures if key.part_id in ("", part_id)]


def _same_keys(one: measure_pb2.Measure, other: measure_pb2.Measure, part_id: str) -> bool:
    return _keys_of(one, part_id) == _keys_of(other, part_id)


def measure_attributes(
    measure: measure_pb2.Measure,
    previous: measure_pb2.Measure | None,
    part: score_pb2.Part,
    divisions: int,
    clefs: Sequence[measure_pb2.Clef],
    transposition: int | None = None,
) -> ET.Element | None:
    """<attributes> at the start of a measure, or None when there is nothing to say.

    Keys and meters are in force on every measure of the Score; they are written where they are printed and where
    they change, hidden (print-object) where they change without being printed. A transposition, in semitones, holds
    from the measure on; None for no change.
    """
    new = element("attributes")
    if previous is None:
        add(new, "divisions", divisions)
    if previous is None or measure.key_signature_printed or not _same_keys(measure, previous, part.part_id):
        hidden = None if measure.key_signature_printed or _no_signature(measure) else "no"
        for key in _keys_of(measure, part.part_id):
            _add_key(new, key, hidden)
    if previous is None or measure.time_signature_printed or measure.time_signature != previous.time_signature:
        _add_time(new, measure.time_signature, None if measure.time_signature_printed else "no")
    if previous is None and part.staff_count > 1:
        add(new, "staves", part.staff_count)
    new.extend(clef_element(clef) for clef in sorted(clefs, key=lambda clef: clef.staff))
    if transposition is not None:
        new.append(transpose_element(transposition))
    return new if len(new) else None


def _no_signature(measure: measure_pb2.Measure) -> bool:
    return all(key.fifths == 0 for key in measure.key_signatures)


def _add_key(parent: ET.Element, key: measure_pb2.KeySignature, hidden: str | None) -> None:
    new = add(parent, "key", number=key.staff or None, print_object=hidden)
    add(new, "fifths", key.fifths)
    if key.mode in vocabulary.KEY_MODES:
        add(new, "mode", vocabulary.KEY_MODES[key.mode])


def _add_time(parent: ET.Element, meter: measure_pb2.TimeSignature, hidden: str | None) -> None:
    new = add(parent, "time", symbol=vocabulary.TIME_SYMBOLS.get(meter.symbol), print_object=hidden)
    if meter.symbol == measure_pb2.TIME_SYMBOL_NONE or not meter.beats:
        add(new, "senza-misura")
        return
    add(new, "beats", "+".join(str(beats) for beats in meter.beats))
    add(new, "beat-type", meter.beat_type)


def print_element(measure: measure_pb2.Measure) -> ET.Element | None:
    """<print> of a measure that starts a page or a system, else None."""
    if measure.starts_page:
        return element("print", new_page="yes")
    return element("print", new_system="yes") if measure.starts_system else None


def barline_element(
    measure: measure_pb2.Measure, location: str, fermatas: Sequence[direction_pb2.Direction]
) -> ET.Element | None:
    """<barline> at the "left" or "right" of a measure, or None where a regular one says it all."""
    left = location == "left"
    barline = measure.left_barline if left else measure.right_barline
    new = element("barline", location=location)
    style = vocabulary.BARLINE_STYLES.get(barline.style)
    if style is None and barline.repeat:
        style = "heavy-light" if barline.repeat == measure_pb2.REPEAT_DIRECTION_FORWARD else "light-heavy"
    if style and (style != "regular" or left):
        add(new, "bar-style", style)
    elif fermatas or (measure.HasField("ending") and (measure.ending.starts if left else measure.ending.stops)):
        add(new, "bar-style", "regular")
    for fermata in fermatas[:2]:
        shape = vocabulary.FERMATA_SHAPES.get(fermata.fermata.shape, "normal")
        inverted = fermata.placement == spanner_pb2.PLACEMENT_BELOW
        add(new, "fermata", shape, type="inverted" if inverted else "upright")
    ending = measure.ending
    if measure.HasField("ending") and (ending.starts if left else ending.stops):
        numbers = ", ".join(str(number) for number in ending.numbers) or "1"
        kind = "start" if left else "stop" if ending.closed else "discontinue"
        add(new, "ending", (ending.text or None) if left else None, number=numbers, type=kind)
    if barline.repeat:
        forward = barline.repeat == measure_pb2.REPEAT_DIRECTION_FORWARD
        times = barline.times if barline.times > 1 and not forward else None
        add(new, "repeat", direction="forward" if forward else "backward", times=times)
    return new if len(new) else None

"""Words for what is in a Score: places, note values, chords, spanners, directions."""

from __future__ import annotations

from fractions import Fraction

from etude.notation.index import ScoreIndex
from etude.notation.keys import key_name
from etude.notation.measures import time_signature_text
from etude.notation.pitch import name_of
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, measure_pb2, pitch_pb2, spanner_pb2

_CLEF_NAMES = {(1, 2): "treble clef", (2, 4): "bass clef", (3, 3): "alto clef", (3, 4): "tenor clef"}


def enum_words(name: str, prefix: str) -> str:
    """ "NOTE_TYPE_QUARTER" without "NOTE_TYPE_", in lower case, as words."""
    return name.removeprefix(prefix).lower().replace("_", " ")


def beat_text(measure: measure_pb2.Measure, ticks: int, divisions: int) -> str:
    """Place in a measure: "beat 1", "beat 2+1/2", counted in the denominator of the meter."""
    beat_type = measure.time_signature.beat_type or 4
    beats = Fraction(ticks - measure.onset_ticks, divisions) * Fraction(beat_type, 4)
    whole, rest = divmod(beats, 1)
    return f"beat {whole + 1}" + (f"+{rest}" if rest else "")


def place_text(index: ScoreIndex, ticks: int, base: int) -> str:
    """Place as seen from the measure of index `base`: "beat 3", "beat 1 of the next measure"."""
    position = index.measure_at(ticks)
    beat = beat_text(index.score.measures[position], ticks, index.score.divisions)
    later = position - base
    if later == 0:
        return beat
    if later == 1:
        return f"{beat} of the next measure"
    return f"{beat}, {abs(later)} measures {'later' if later > 0 else 'earlier'}"


def value_text(event: event_pb2.Event, divisions: int) -> str:
    """Note value of an event: "dotted quarter", "eighth in 3:2", "whole-measure", "grace eighth"."""
    words: list[str] = []
    if event.HasField("grace"):
        words += ["slashed"] * event.grace.slash + ["after-"] * event.grace.after + ["grace"]
    if event.rest.whole_measure:
        words.append("whole-measure")
    elif event.type == event_pb2.NOTE_TYPE_UNSPECIFIED:
        words.append(f"{Fraction(event.duration_ticks, divisions)} quarters of")
    else:
        words += [("", "dotted", "double-dotted", "triple-dotted", "quadruple-dotted")[min(event.dots, 4)]]
        words.append(enum_words(event_pb2.NoteType.Name(event.type), "NOTE_TYPE_"))
    words += [f"in {ratio.actual}:{ratio.normal}" for ratio in event.tuplet_ratios]
    return " ".join(word for word in words if word).replace("after- ", "after-")


def note_text(note: event_pb2.Note) -> str:
    """A note by its written pitch."""
    return name_of(note.pitch)


def event_text(event: event_pb2.Event, divisions: int) -> str:
    """An event: "quarter C4 E4", "eighth rest"."""
    value = value_text(event, divisions)
    if event.HasField("rest"):
        return f"{value} {'hidden ' if event.rest.hidden else ''}rest"
    return f"{value} {' '.join(map(note_text, event.notes))}"


def fingering_text(fingering: fingering_pb2.Fingering) -> str:
    """A finger: "3 (printed)", "4-5 (predicted)", "none"."""
    if not fingering.finger:
        return "none"
    source = enum_words(fingering_pb2.FingeringSource.Name(fingering.source), "FINGERING_SOURCE_")
    substitution = f"-{fingering.substitution}" if fingering.substitution else ""
    return f"{fingering.finger}{substitution} ({source})"


def accidental_text(accidental: pitch_pb2.Accidental) -> str:
    """A printed accidental: "sharp", "natural in parentheses", "none"."""
    if accidental.kind == pitch_pb2.ACCIDENTAL_KIND_UNSPECIFIED:
        return "none"
    name = enum_words(pitch_pb2.AccidentalKind.Name(accidental.kind), "ACCIDENTAL_KIND_")
    return name + " in parentheses" * accidental.parenthesized + " (editorial)" * accidental.editorial


def clef_text(clef: measure_pb2.Clef) -> str:
    """A clef: "treble clef", "F clef on line 3 an octave down"."""
    name = _CLEF_NAMES.get((clef.sign, clef.line))
    if name is None:
        name = f"{enum_words(measure_pb2.ClefSign.Name(clef.sign), 'CLEF_SIGN_').upper()} clef on line {clef.line}"
    return name + (f" {clef.octave_change:+d} octaves" if clef.octave_change else "")


def key_text(keys: measure_pb2.KeySignature) -> str:
    """A key with the staff it is for, where it is not for all."""
    where = f" on {keys.part_id} staff {keys.staff}" if keys.staff else f" in {keys.part_id}" if keys.part_id else ""
    return key_name(keys) + where


def meter_text(signature: measure_pb2.TimeSignature) -> str:
    """A meter: "3/4", "4/4 (common)"."""
    if signature.symbol == measure_pb2.TIME_SYMBOL_UNSPECIFIED:
        return time_signature_text(signature)
    symbol = enum_words(measure_pb2.TimeSymbol.Name(signature.symbol), "TIME_SYMBOL_")
    return f"{time_signature_text(signature)} ({symbol})" if signature.beats else f"({symbol})"


def barline_text(barline: measure_pb2.Barline) -> str:
    """A barline: "regular", "light heavy, repeat backward"."""
    style = enum_words(measure_pb2.BarlineStyle.Name(barline.style), "BARLINE_STYLE_")
    words = ["regular" if barline.style == measure_pb2.BARLINE_STYLE_UNSPECIFIED else style]
    if barline.repeat:
        words.append("repeat " + enum_words(measure_pb2.RepeatDirection.Name(barline.repeat), "REPEAT_DIRECTION_"))
    if barline.times:
        words.append(f"{barline.times} times")
    return ", ".join(words)


def spanner_text(index: ScoreIndex, spanner: spanner_pb2.Spanner) -> str:
    """A spanner with what it joins, without ids and as seen from the measure it starts in: "tie C4 from beat 4 to
    beat 1 of the next measure", "slur over beat 1, beat 3 (staff 1, voice 1)".
    """
    base = index.measure_at(spanner.start_ticks)
    kind = spanner.WhichOneof("kind") or "spanner"
    name = kind.replace("_", " ") + _details(spanner, kind)
    if kind == "tie":
        start = index.notes.get(spanner.start_note_id)
        end = index.notes.get(spanner.end_note_id)
        source = f"{note_text(start.note)} from {_event_place(index, start.event, base)}" if start else "?"
        target = _event_place(index, end.event, base) if end else "nothing"
        return f"{name} {source} to {target}"
    staff = f"at staff {spanner.staff}"
    if kind in _HOLDS_OVER_TIME or not spanner.event_ids:
        end_text = place_text(index, spanner.end_ticks, base)
        return f"{name} from {place_text(index, spanner.start_ticks, base)} to {end_text} {staff}"
    events = [index.events.get(event_id) for event_id in spanner.event_ids]
    voices = sorted({(event.staff, event.voice) for event in events if event})
    places = ", ".join(_event_place(index, event, base) if event else "?" for event in events)
    return f"{name} over {places} ({'; '.join(f'staff {s}, voice {v}' for s, v in voices)}) {staff}"


_HOLDS_OVER_TIME = frozenset({"hairpin", "octave_line", "pedal", "trill_line"})


def _event_place(index: ScoreIndex, event: event_pb2.Event, base: int) -> str:
    grace = f" grace {event.grace.order + 1}" if event.HasField("grace") else ""
    return place_text(index, event.onset_ticks, base) + grace


def _details(thing: spanner_pb2.Spanner | direction_pb2.Direction, kind: str) -> str:
    """Side and set fields of a spanner's or direction's kind: " (hairpin kind crescendo) below"."""
    sides = {spanner_pb2.PLACEMENT_ABOVE: " above", spanner_pb2.PLACEMENT_BELOW: " below"}
    parts: list[str] = []
    for field, value in getattr(thing, kind).ListFields() if thing.WhichOneof("kind") else ():
        name = field.name.replace("_", " ")
        if field.enum_type is not None:
            parts.append(field.enum_type.values_by_number[value].name.lower().replace("_", " "))
        elif field.name == "ratio":
            parts.append(f"{value.actual}:{value.normal}")
        elif isinstance(value, bool):
            parts.append(name)
        elif isinstance(value, str):
            parts.append(repr(value))
        elif isinstance(value, int | float):
            parts.append(f"{name} {value:g}")
        else:
            parts.append(f"{name} {list(value)}")
    return (f" ({', '.join(parts)})" if parts else "") + sides.get(thing.placement, "")


def direction_text(index: ScoreIndex, direction: direction_pb2.Direction) -> str:
    """A direction with what it says and hangs on, without ids."""
    kind = direction.WhichOneof("kind") or "direction"
    event = index.events.get(direction.event_id)
    on = f" on the {'rest' if event.HasField('rest') else 'chord'} of voice {event.voice}" if event else ""
    note = index.notes.get(direction.note_id)
    on += f", note {note_text(note.note)}" if note else ""
    staff = f" at staff {direction.staff}" if direction.staff else ""
    return f"{kind.replace('_', ' ')}{_details(direction, kind)}{staff}{on}"

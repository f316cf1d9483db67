"""<note> elements: pitches, rests, values, and what <notations> says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction

from etude.notation.musicxml import vocabulary
from etude.notation.musicxml.raw import RawEnd, RawEvent, RawNote, RawTuplet
from etude.notation.musicxml.tree import Node
from etude.notation.pitch import SEMITONES, STEP_LETTERS, make_pitch, midi_of, spell
from etude.notation.time import QUARTERS_OF_TYPE
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, pitch_pb2, spanner_pb2

MAX_STAVES = 16

_PLACEMENTS = {"above": spanner_pb2.PLACEMENT_ABOVE, "below": spanner_pb2.PLACEMENT_BELOW}
_ORIENTATIONS = {"over": spanner_pb2.PLACEMENT_ABOVE, "under": spanner_pb2.PLACEMENT_BELOW}
_FINGERS = re.compile(r"\s*([1-5])(?:\s*[-–—‿_]\s*([1-5]))?\s*")


def placement_of(node: Node) -> spanner_pb2.Placement.ValueType:
    """Side an element stands on, by `placement` or `orientation`."""
    side = _PLACEMENTS.get(node.get("placement"))
    return side or _ORIENTATIONS.get(node.get("orientation"), spanner_pb2.PLACEMENT_UNSPECIFIED)


def staff_of(node: Node) -> int:
    """Staff of a <note> or <direction>; 0 where it names none."""
    staff = node.find("staff")
    if staff is None:
        return 0
    number = staff.integer()
    if number > MAX_STAVES:
        staff.fail(f"staff {number} of one part; at most {MAX_STAVES} are read")
    return number if number >= 1 else 0


def is_hidden(node: Node) -> bool:
    """True for a <note> that is not printed."""
    return node.get("print-object") == "no"


def read_event(node: Node, measure: int, onset: Fraction, duration: Fraction) -> RawEvent:
    """The chord or rest that a <note> without <chord/> begins, without its notes."""
    event = RawEvent(
        measure=measure,
        voice=node.child_text("voice", "1"),
        staff=staff_of(node) or 1,
        onset=onset,
        duration=duration,
        line=node.line,
    )
    event.type = vocabulary.NOTE_TYPES.get(node.child_text("type"), event_pb2.NOTE_TYPE_UNSPECIFIED)
    event.dots = min(len(node.all("dot")), 4)
    if not is_hidden(node):
        event.stem = vocabulary.STEMS.get(node.child_text("stem"), event_pb2.STEM_DIRECTION_UNSPECIFIED)
    grace = node.find("grace")
    if grace is not None:
        event.grace = event_pb2.Grace(slash=grace.get("slash") == "yes")
        event.steals_from_previous = bool(grace.get("steal-time-previous"))
    modification = node.find("time-modification")
    if modification is not None:
        event.modification = _ratio(modification, "actual-notes", "normal-notes") or (1, 1)
        event.normal_type = vocabulary.NOTE_TYPES.get(
            modification.child_text("normal-type"), event_pb2.NOTE_TYPE_UNSPECIFIED
        )
    rest = node.find("rest")
    if rest is not None or is_hidden(node):
        event.id = node.get("id") if rest is not None else ""
        event.rest = _rest(node, rest)
    return event


def _rest(node: Node, rest: Node | None) -> event_pb2.Rest:
    new = event_pb2.Rest(hidden=is_hidden(node))
    if rest is None:
        return new
    new.whole_measure = rest.get("measure") == "yes"
    letter, octave = rest.child_text("display-step"), rest.find("display-octave")
    if letter in tuple(STEP_LETTERS) and octave is not None and -1 <= octave.integer() <= 9:
        new.position.CopyFrom(make_pitch(letter, 0, octave.integer()))
    return new


def _ratio(node: Node, actual_tag: str, normal_tag: str) -> tuple[int, int] | None:
    actual, normal = node.find(actual_tag), node.find(normal_tag)
    if actual is None or normal is None:
        return None
    pair = actual.integer(), normal.integer()
    if not (0 < pair[0] < 10_000 and 0 < pair[1] < 10_000):
        node.fail(f"{pair[0]} in the time of {pair[1]} is no tuplet")
    return pair


def read_note(node: Node, sources: Mapping[str, fingering_pb2.FingeringSource.ValueType]) -> RawNote | None:
    """The pitched note of a <note>; None for a rest.

    Args:
        node: The element.
        sources: What colours of fingerings mean in this file.
    """
    pitch = node.find("pitch")
    unpitched = node.find("unpitched")
    if pitch is not None:
        spelled = _pitch(pitch)
    elif unpitched is not None:
        letter, octave = unpitched.child_text("display-step", "B"), unpitched.find("display-octave")
        if letter not in tuple(STEP_LETTERS):
            unpitched.fail(f"{letter!r} is no step")
        spelled = make_pitch(letter, 0, octave.integer() if octave is not None else 4)
    else:
        return None
    note = RawNote(node.get("id"), spelled.step, spelled.alter, spelled.octave, staff_of(node) or 1)
    note.accidental = _accidental(node.find("accidental"))
    head = node.child_text("notehead")
    type_node = node.find("type")
    if node.has("cue") or (type_node is not None and type_node.get("size") == "cue"):
        note.notehead = event_pb2.NOTEHEAD_CUE
    note.notehead = vocabulary.NOTEHEADS.get(head, note.notehead)
    note.fingering = _fingering(node, sources)
    ties = {tie.get("type") for tie in node.all("tie")}
    for tied in _notations(node, "tied"):
        kind = tied.get("type")
        ties |= {"start", "stop"} if kind == "continue" else {kind}
        note.tie_placement = note.tie_placement or (placement_of(tied) if kind != "stop" else note.tie_placement)
    note.ties = frozenset(ties)
    return note


def _pitch(node: Node) -> pitch_pb2.WrittenPitch:
    letter = node.child_text("step").upper()
    octave = node.find("octave")
    if letter not in tuple(STEP_LETTERS) or octave is None:
        node.fail("<pitch> needs a <step> from A to G and an <octave>")
    alter_node = node.find("alter")
    # microtones are rounded to the nearest semitone
    alter = round(alter_node.number()) if alter_node is not None and alter_node.text.strip() else 0
    height = octave.integer()
    midi = 12 * (height + 1) + SEMITONES[STEP_LETTERS.index(letter)] + alter
    if not -1 <= height <= 10 or not 0 <= midi <= 127:
        node.fail(f"{letter} in octave {height} is no pitch of an instrument")
    if abs(alter) > 2:
        return spell(midi)
    return make_pitch(letter, alter, height)


def _accidental(node: Node | None) -> pitch_pb2.Accidental | None:
    kind = vocabulary.ACCIDENTALS.get(node.text.strip()) if node is not None else None
    if node is None or kind is None:
        return None
    return pitch_pb2.Accidental(
        kind=kind, parenthesized=node.get("parentheses") == "yes", editorial=node.get("editorial") == "yes"
    )


def _fingering(
    node: Node, sources: Mapping[str, fingering_pb2.FingeringSource.ValueType]
) -> fingering_pb2.Fingering | None:
    """The finger at a note: the first one named, and the one that substitutes it ("4-5", or a second element)."""
    finger = fingering_pb2.Fingering()
    for technical in _notations(node, "technical"):
        for entry in technical.all("fingering"):
            match = _FINGERS.fullmatch(entry.text)
            if not match or entry.get("alternate") == "yes":
                continue
            first, second = int(match[1]), int(match[2] or 0)
            if finger.finger:
                finger.substitution = finger.substitution or first
                continue
            finger.finger, finger.substitution = first, second
            finger.source = sources.get(entry.get("color").upper(), fingering_pb2.FINGERING_SOURCE_PRINTED)
            finger.probability = 0.0 if finger.source == fingering_pb2.FINGERING_SOURCE_PREDICTED else 1.0
    if finger.substitution == finger.finger:
        finger.substitution = 0
    return finger if finger.finger else None


def _notations(node: Node, tag: str) -> Iterator[Node]:
    for notations in node.all("notations"):
        yield from notations.all(tag)


def add_notations(event: RawEvent, node: Node) -> None:
    """Adds what a <note> (any of the chord) says of its whole event; of a hidden one only the tuplets are real."""
    if is_hidden(node):
        for notations in node.all("notations"):
            event.tuplets += [_tuplet(entry) for entry in notations.all("tuplet")]
        return
    for beam in node.all("beam"):
        event.beams.setdefault(beam.get_number("number", 1, 8), beam.text.strip())
    for notations in node.all("notations"):
        for entry in notations:
            _add_notation(event, entry)


def _add_notation(event: RawEvent, entry: Node) -> None:
    if entry.tag in ("slur", "glissando", "slide"):
        kind = "slur" if entry.tag == "slur" else "glissando"
        wavy = entry.get("line-type") == "wavy"
        end = RawEnd(kind, entry.get("type"), entry.get("number", "1"), placement_of(entry), entry.text.strip(), wavy)
        event.ends.append(end)
    elif entry.tag == "tuplet":
        event.tuplets.append(_tuplet(entry))
    elif entry.tag == "fermata":
        _add_mark(event, fermata(entry))
    elif entry.tag == "articulations":
        for child in entry:
            _add_articulation(event, child)
    elif entry.tag == "ornaments":
        _add_ornaments(event, entry)
    elif entry.tag == "arpeggiate":
        event.arpeggio = vocabulary.ARPEGGIOS.get(entry.get("direction"), event_pb2.ARPEGGIO_PLAIN)
        event.arpeggio_number = entry.get("number")
    elif entry.tag == "non-arpeggiate":
        event.arpeggio = event_pb2.ARPEGGIO_NONE
        event.arpeggio_number = entry.get("number")
    elif entry.tag == "dynamics":
        text = dynamics_text(entry)
        if text:
            mark = direction_pb2.Direction(placement=placement_of(entry))
            mark.dynamic.text = text
            event.marks.append(mark)


def _add_mark(event: RawEvent, mark: direction_pb2.Direction) -> None:
    """Adds a mark unless another note of the chord has named it already."""
    if mark not in event.marks:
        event.marks.append(mark)


def fermata(node: Node) -> direction_pb2.Direction:
    """A fermata as a mark; an inverted one stands below."""
    below = node.get("type") == "inverted"
    mark = direction_pb2.Direction(placement=spanner_pb2.PLACEMENT_BELOW if below else spanner_pb2.PLACEMENT_ABOVE)
    mark.fermata.shape = vocabulary.FERMATA_SHAPES.get(node.text.strip(), direction_pb2.FERMATA_SHAPE_NORMAL)
    return mark


def dynamics_text(node: Node) -> str:
    """What a <dynamics> element prints."""
    return "".join(child.text.strip() if child.tag == "other-dynamics" else child.tag for child in node)


def _add_articulation(event: RawEvent, node: Node) -> None:
    mark = direction_pb2.Direction(placement=placement_of(node))
    if node.tag in vocabulary.ARTICULATIONS:
        mark.articulation.kind = vocabulary.ARTICULATIONS[node.tag]
        if node.tag == "strong-accent" and node.get("type") == "down" and not mark.placement:
            mark.placement = spanner_pb2.PLACEMENT_BELOW
    elif node.tag in vocabulary.OTHER_ARTICULATIONS:
        mark.articulation.kind = direction_pb2.ARTICULATION_KIND_OTHER
        mark.articulation.glyph = node.get("smufl") or vocabulary.OTHER_ARTICULATIONS[node.tag]
    elif node.tag in ("breath-mark", "caesura"):
        mark.breath.caesura = node.tag == "caesura"
    else:
        return
    _add_mark(event, mark)


def _add_ornaments(event: RawEvent, node: Node) -> None:
    """Ornaments; an <accidental-mark> belongs to the ornament before it."""
    last: direction_pb2.Direction | None = None
    for child in node:
        kind, glyph = vocabulary.ORNAMENTS.get(child.tag), vocabulary.OTHER_ORNAMENTS.get(child.tag)
        if child.tag == "inverted-mordent" and child.get("long") == "yes":
            kind, glyph = None, vocabulary.LONG_INVERTED_MORDENT
        if kind is not None or glyph is not None:
            last = direction_pb2.Direction(placement=placement_of(child))
            last.ornament.kind = kind if kind is not None else direction_pb2.ORNAMENT_KIND_OTHER
            if glyph is not None:
                last.ornament.glyph = child.get("smufl") or glyph
            _add_mark(event, last)
        elif child.tag == "accidental-mark" and last is not None:
            alter = vocabulary.ALTER_OF_ACCIDENTAL.get(child.text.strip())
            if alter is not None and child.get("placement") == "below":
                last.ornament.accidental_below, last.ornament.accidental_below_printed = alter, True
            elif alter is not None:
                last.ornament.accidental_above, last.ornament.accidental_above_printed = alter, True
        elif child.tag == "tremolo":
            _add_tremolo(event, child)
        elif child.tag == "wavy-line":
            event.ends.append(RawEnd("trill_line", child.get("type"), child.get("number", "1"), placement_of(child)))


def _add_tremolo(event: RawEvent, node: Node) -> None:
    strokes = node.integer() if node.text.strip() else 3
    strokes = min(max(strokes, 0), 8)
    kind = node.get("type", "single") or "single"
    if kind == "single":
        event.tremolo_strokes = strokes
    elif kind in ("start", "stop") and strokes:
        event.ends.append(RawEnd("tremolo_between", kind, "1", strokes=strokes))


def _tuplet(node: Node) -> RawTuplet:
    actual = normal = 0
    normal_type = event_pb2.NOTE_TYPE_UNSPECIFIED
    actual_node, normal_node = node.find("tuplet-actual"), node.find("tuplet-normal")
    if actual_node is not None and normal_node is not None:
        numbers = actual_node.find("tuplet-number"), normal_node.find("tuplet-number")
        if numbers[0] is not None and numbers[1] is not None:
            actual, normal = max(numbers[0].integer(), 0), max(numbers[1].integer(), 0)
        actual_type = vocabulary.NOTE_TYPES.get(actual_node.child_text("tuplet-type"), event_pb2.NOTE_TYPE_UNSPECIFIED)
        normal_type = vocabulary.NOTE_TYPES.get(normal_node.child_text("tuplet-type"), event_pb2.NOTE_TYPE_UNSPECIFIED)
        if actual_type and normal_type and actual_type != normal_type:
            # 13 32nds in the time of 6 16ths: the Score counts both in one type
            in_actual = normal * QUARTERS_OF_TYPE[normal_type] / QUARTERS_OF_TYPE[actual_type]
            actual, normal = (actual, int(in_actual)) if in_actual.denominator == 1 else (0, 0)
            normal_type = actual_type
    return RawTuplet(
        type=node.get("type"),
        number=node.get("number", "1"),
        actual=actual,
        normal=normal,
        normal_type=normal_type,
        bracket=node.get("bracket") == "yes",
        number_printed=node.get("show-number") != "none",
        placement=placement_of(node),
    )


def sounding_key(note: RawNote) -> int:
    """MIDI key a note sounds as."""
    return midi_of(pitch_pb2.WrittenPitch(step=note.step, alter=note.alter, octave=note.octave)) + note.transposition

"""What is written into and beside the notes of a part: ties, beams, and the groups of <notations>."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from etude.score.v1 import direction_pb2, event_pb2, score_pb2, spanner_pb2
from renderer_service.musicxml import vocabulary
from renderer_service.musicxml.beams import beam_values
from renderer_service.musicxml.layout import MeasureLayout
from renderer_service.musicxml.numbering import Span, assign_numbers
from renderer_service.musicxml.xml import element

GROUPS = ("tied", "slur", "tuplet", "glissando", "ornaments", "technical", "articulations", "fermata", "arpeggiate")
"""Groups of <notations>, in the order they are written."""
WRAPPED = frozenset({"ornaments", "technical", "articulations"})
"""Groups that stand in an element of their own."""

Grouped = defaultdict[str, list[tuple[str, ET.Element]]]
"""Elements with their group, by event id or note id."""


@dataclass(slots=True)
class PartMarks:
    """What belongs to the notes of one part.

    Attributes:
        of_event: Notation elements that are written on the first note of an event, by event id.
        of_note: Notation elements of single notes, by note id.
        ties: "stop" and "start", by note id.
        beams: Beam values from level 1, by event id.
        tuplets: Innermost tuplet by event id.
        tremolo_pairs: Ids of events in a tremolo between two events.
    """

    of_event: Grouped = field(default_factory=lambda: defaultdict(list))
    of_note: Grouped = field(default_factory=lambda: defaultdict(list))
    ties: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    beams: dict[str, list[str]] = field(default_factory=dict)
    tuplets: dict[str, spanner_pb2.Tuplet] = field(default_factory=dict)
    tremolo_pairs: set[str] = field(default_factory=set)


def placement(value: spanner_pb2.Placement.ValueType) -> str | None:
    """MusicXML's above-below, or None where not known."""
    return {spanner_pb2.PLACEMENT_ABOVE: "above", spanner_pb2.PLACEMENT_BELOW: "below"}.get(value)


def part_marks(score: score_pb2.Score, part_id: str, layouts: Sequence[MeasureLayout]) -> PartMarks:
    """All marks of a part's notes."""
    written = [event for layout in layouts for lane in layout.lanes for event in lane.events]
    place = {event.event_id: index for index, event in enumerate(written)}
    events = {event.event_id: event for event in written}
    marks = PartMarks()
    spanners = [spanner for spanner in score.spanners if spanner.part_id in ("", part_id)]
    _two_ended(spanners, events, place, marks)
    for spanner in spanners:
        members = [events[event_id] for event_id in spanner.event_ids if event_id in events]
        kind = spanner.WhichOneof("kind")
        if kind == "tie":
            _tie(spanner, marks)
        elif kind == "beam_group":
            marks.beams.update(beam_values(members, spanner.beam_group))
        elif kind == "tuplet" and members:
            _tuplet(spanner, members, marks)
        elif kind == "tremolo_between" and len(members) >= 2:
            for event, end in ((members[0], "start"), (members[-1], "stop")):
                marks.tremolo_pairs.add(event.event_id)
                tremolo = element("tremolo", max(1, spanner.tremolo_between.strokes), type=end)
                marks.of_event[event.event_id].append(("ornaments", tremolo))
    _arpeggios(spanners, written, marks)
    for event in written:
        if event.tremolo_strokes:
            tremolo = element("tremolo", event.tremolo_strokes, type="single")
            marks.of_event[event.event_id].append(("ornaments", tremolo))
    for direction in score.directions:
        if direction.part_id in ("", part_id):
            event_id = direction.event_id or _home(direction, written)
            if event_id in events:
                _attached(direction, event_id, marks)
    return marks


def _home(direction: direction_pb2.Direction, written: Sequence[event_pb2.Event]) -> str:
    """Id of the event a free-standing mark is written at, or "".

    A breath belongs to what it follows. An ornament or articulation without an event is a reader's loss; it goes to
    what sounds at its time on its staff. A fermata without an event stands at a barline and not here.
    """
    kind = direction.WhichOneof("kind")
    if kind not in ("breath", "ornament", "articulation"):
        return ""
    staff = max(1, direction.staff)
    mine = (e for e in written if e.staff == staff and not e.HasField("grace"))
    if kind == "breath":
        before = (event for event in mine if event.onset_ticks < direction.onset_ticks)
        return max(before, key=lambda e: e.onset_ticks, default=event_pb2.Event()).event_id
    return next((e.event_id for e in mine if e.onset_ticks == direction.onset_ticks and e.notes), "")


def _tie(spanner: spanner_pb2.Spanner, marks: PartMarks) -> None:
    side = {"above": "over", "below": "under"}.get(placement(spanner.placement) or "")
    if spanner.end_note_id:
        marks.ties[spanner.end_note_id].insert(0, "stop")
        marks.of_note[spanner.end_note_id].insert(0, ("tied", element("tied", type="stop")))
    if spanner.start_note_id:
        let_ring = spanner.tie.laissez_vibrer and not spanner.end_note_id
        if not let_ring:
            marks.ties[spanner.start_note_id].append("start")
        tied = element("tied", type="let-ring" if let_ring else "start", orientation=side)
        marks.of_note[spanner.start_note_id].append(("tied", tied))


def _two_ended(
    spanners: Sequence[spanner_pb2.Spanner],
    events: Mapping[str, event_pb2.Event],
    place: Mapping[str, int],
    marks: PartMarks,
) -> None:
    """Slurs, glissandos and trill lines: a start on one event, a stop on another."""
    ends: dict[str, dict[str, tuple[spanner_pb2.Spanner, event_pb2.Event, event_pb2.Event]]] = defaultdict(dict)
    starts = {(event.staff, event.onset_ticks): event for event in events.values() if not event.HasField("grace")}
    for spanner in spanners:
        kind: str | None = spanner.WhichOneof("kind")
        if kind not in ("slur", "glissando", "trill_line"):
            continue
        members = [events[event_id] for event_id in spanner.event_ids if event_id in events]
        if kind == "trill_line" and not members:  # held over time, not over events
            members = [e for e in [starts.get((spanner.staff, spanner.start_ticks))] if e is not None]
        if len(members) >= 2 or (members and kind == "trill_line"):
            first, last = sorted((members[0], members[-1]), key=lambda e: (e.onset_ticks, place[e.event_id]))
            ends[kind][spanner.spanner_id] = (spanner, first, last)
    for kind, of_kind in ends.items():
        numbers = assign_numbers(
            Span(
                spanner_id,
                (min(places), max(places)),
                (first.onset_ticks, max(first.onset_ticks, last.onset_ticks)),
            )
            for spanner_id, (_, first, last) in of_kind.items()
            for places in [(place[first.event_id], place[last.event_id])]
        )
        group = {"slur": "slur", "glissando": "glissando", "trill_line": "ornaments"}[kind]
        tag = "wavy-line" if kind == "trill_line" else kind
        for spanner_id, (spanner, first, last) in of_kind.items():
            number = numbers[spanner_id]
            side = placement(spanner.placement) if kind != "glissando" else None
            start = element(tag, type="start", number=number, placement=side)
            stop = element(tag, type="stop", number=number)
            if kind == "glissando":
                for end in (start, stop):
                    end.set("line-type", "wavy" if spanner.glissando.wavy else "solid")
                start.text = spanner.glissando.text or None
            if first is last:
                marks.of_event[first.event_id] += [(group, start), (group, stop)]
                continue
            marks.of_event[first.event_id].append((group, start))
            marks.of_event[last.event_id].insert(0, (group, stop))


def _tuplet(spanner: spanner_pb2.Spanner, members: Sequence[event_pb2.Event], marks: PartMarks) -> None:
    tuplet = spanner.tuplet
    for event in members:
        known = marks.tuplets.get(event.event_id)
        if known is None or known.depth < tuplet.depth:
            marks.tuplets[event.event_id] = tuplet
    number = min(tuplet.depth + 1, 16)
    start = element(
        "tuplet",
        type="start",
        number=number,
        bracket="yes" if tuplet.bracket_printed else "no",
        placement=placement(spanner.placement),
        show_number="actual" if tuplet.number_printed else "none",
    )
    if tuplet.HasField("ratio"):
        normal = vocabulary.NOTE_TYPES.get(tuplet.normal_type)
        for tag, count in (("tuplet-actual", tuplet.ratio.actual), ("tuplet-normal", tuplet.ratio.normal)):
            side = element(tag)
            side.append(element("tuplet-number", count))
            if normal:
                side.append(element("tuplet-type", normal))
            start.append(side)
    marks.of_event[members[0].event_id].append(("tuplet", start))
    marks.of_event[members[-1].event_id].append(("tuplet", element("tuplet", type="stop", number=number)))


def _arpeggios(spanners: Sequence[spanner_pb2.Spanner], written: Sequence[event_pb2.Event], marks: PartMarks) -> None:
    """Arpeggios, with a number wherever several chords are broken at once, each by itself or some together."""
    across: dict[str, tuple[str, event_pb2.Arpeggio.ValueType]] = {}
    for spanner in spanners:
        if spanner.WhichOneof("kind") == "arpeggio_across":
            kind = spanner.arpeggio_across.arpeggio or event_pb2.ARPEGGIO_PLAIN
            across |= dict.fromkeys(spanner.event_ids, (spanner.spanner_id, kind))
    groups: defaultdict[int, list[str]] = defaultdict(list)
    chosen = []
    for event in written:
        group, kind = across.get(event.event_id, (event.event_id, event.arpeggio))
        if kind != event_pb2.ARPEGGIO_UNSPECIFIED and event.notes:
            if group not in groups[event.onset_ticks]:
                groups[event.onset_ticks].append(group)
            chosen.append((event, group, kind))
    for event, group, kind in chosen:
        together = groups[event.onset_ticks]
        number = together.index(group) + 1 if len(together) > 1 or event.event_id in across else None
        if kind == event_pb2.ARPEGGIO_NONE:
            for note, end in ((event.notes[0], "bottom"), (event.notes[-1], "top")):
                sign = element("non-arpeggiate", type=end, number=number)
                marks.of_note[note.note_id].append(("arpeggiate", sign))
            continue
        direction = {event_pb2.ARPEGGIO_UP: "up", event_pb2.ARPEGGIO_DOWN: "down"}.get(kind)
        for note in event.notes:
            sign = element("arpeggiate", number=number, direction=direction)
            marks.of_note[note.note_id].append(("arpeggiate", sign))


def _attached(direction: direction_pb2.Direction, event_id: str, marks: PartMarks) -> None:
    """Fermatas, ornaments, articulations and breaths of an event or of one of its notes."""
    side = placement(direction.placement)
    kind = direction.WhichOneof("kind")
    new: list[tuple[str, ET.Element]] = []
    if kind == "fermata":
        inverted = direction.placement == spanner_pb2.PLACEMENT_BELOW
        shape = vocabulary.FERMATA_SHAPES.get(direction.fermata.shape, "normal")
        new.append(("fermata", element("fermata", shape, type="inverted" if inverted else "upright")))
    elif kind == "ornament":
        ornament = direction.ornament
        tag = vocabulary.ORNAMENTS.get(ornament.kind)
        if tag:
            new.append(("ornaments", element(tag, placement=side)))
        elif ornament.glyph == vocabulary.LONG_INVERTED_MORDENT:
            new.append(("ornaments", element("inverted-mordent", placement=side, long="yes")))
        else:
            new.append(("ornaments", element("other-ornament", placement=side, smufl=ornament.glyph or None)))
        for printed, alter, where in (
            (ornament.accidental_above_printed, ornament.accidental_above, "above"),
            (ornament.accidental_below_printed, ornament.accidental_below, "below"),
        ):
            if printed:
                sign = vocabulary.ACCIDENTAL_OF_ALTER.get(alter, "natural")
                new.append(("ornaments", element("accidental-mark", sign, placement=where)))
    elif kind == "articulation":
        tag = vocabulary.ARTICULATIONS.get(direction.articulation.kind)
        if tag == "strong-accent":
            down = "down" if direction.placement == spanner_pb2.PLACEMENT_BELOW else None
            new.append(("articulations", element(tag, type=down, placement=side)))
        elif tag:
            new.append(("articulations", element(tag, placement=side)))
        else:
            glyph = direction.articulation.glyph or None
            new.append(("articulations", element("other-articulation", placement=side, smufl=glyph)))
    elif kind == "breath":
        tag = "caesura" if direction.breath.caesura else "breath-mark"
        new.append(("articulations", element(tag, placement=side)))
    if direction.note_id:
        marks.of_note[direction.note_id] += new
    else:
        marks.of_event[event_id] += new

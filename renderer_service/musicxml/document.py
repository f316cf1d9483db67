"""The MusicXML document of a Score."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Sequence

from etude.score.v1 import direction_pb2, measure_pb2, score_pb2
from etude.stage.v1 import fingering_service_pb2
from renderer_service.fingers import PINNED_COLOR, PREDICTED_COLOR, Density, tie_continuations
from renderer_service.musicxml.attributes import barline_element, clef_element, measure_attributes, print_element
from renderer_service.musicxml.directions import CLEFS, TimedItem, directions, line_spanners
from renderer_service.musicxml.layout import Lane, MeasureLayout, part_layout
from renderer_service.musicxml.marks import part_marks
from renderer_service.musicxml.notes import NoteContext, add_event
from renderer_service.musicxml.transposing import transpositions
from renderer_service.musicxml.xml import Ids, add, document_text, element
from renderer_service.sides import voice_sides

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)


def musicxml_bytes(
    score: score_pb2.Score,
    *,
    density: Density = fingering_service_pb2.FINGERING_DENSITY_ALL,
    fallback_title: str = "",
    ids: Ids | None = None,
) -> bytes:
    """MusicXML 4.0 (partwise, uncompressed, UTF-8) of a Score; the same Score gives the same bytes.

    Note ids are the `id` of <note>, event ids that of a rest, measure and direction ids likewise, as far as XML allows
    them: new `ids`, where given, tell afterwards which is which. `fallback_title` is used where the Score has no title.
    """
    ids = ids or Ids()
    root = element("score-partwise", version="4.0")
    _add_header(root, score.metadata, fallback_title)
    part_ids = _add_part_list(root, score.parts, ids)
    for index, part in enumerate(score.parts):
        new = _part(score, part, index == 0, density, ids)
        new.set("id", part_ids[index])
        root.append(new)
    return (HEAD + document_text(root) + "\n").encode()


def _add_header(root: ET.Element, metadata: score_pb2.ScoreMetadata, fallback_title: str) -> None:
    title = metadata.title or (fallback_title if not metadata.movement_title else "")
    if title or metadata.subtitle:
        work = add(root, "work")
        if metadata.subtitle:
            add(work, "work-number", metadata.subtitle)
        if title:
            add(work, "work-title", title)
    if metadata.movement_number:
        add(root, "movement-number", metadata.movement_number)
    if metadata.movement_title:
        add(root, "movement-title", metadata.movement_title)
    identification = add(root, "identification")
    for kind, name in (("composer", metadata.composer), ("arranger", metadata.arranger)):
        if name:
            add(identification, "creator", name, type=kind)
    if metadata.rights:
        add(identification, "rights", metadata.rights)
    encoding = add(identification, "encoding")
    add(encoding, "software", "Étude")
    for name in ("accidental", "beam", "stem"):
        add(encoding, "supports", element=name, type="yes")
    for attribute in ("new-system", "new-page"):
        add(encoding, "supports", element="print", attribute=attribute, type="yes", value="yes")
    miscellaneous = add(identification, "miscellaneous")
    add(miscellaneous, "miscellaneous-field", PREDICTED_COLOR, name="color-of-predicted-fingering")
    add(miscellaneous, "miscellaneous-field", PINNED_COLOR, name="color-of-pinned-fingering")


def _add_part_list(root: ET.Element, parts: Iterable[score_pb2.Part], ids: Ids) -> list[str]:
    """Adds <part-list>; returns the ids of its parts."""
    part_ids = []
    part_list = add(root, "part-list")
    for number, part in enumerate(parts, 1):
        keyboard = part.role != score_pb2.PART_ROLE_OTHER
        part_ids.append(ids(part.part_id or f"P{number}") or "")
        score_part = add(part_list, "score-part", id=part_ids[-1])
        add(score_part, "part-name", part.name)
        if part.abbreviation:
            add(score_part, "part-abbreviation", part.abbreviation)
        if keyboard:
            instrument = ids(f"{part_ids[-1]}-I1")
            add(add(score_part, "score-instrument", id=instrument), "instrument-name", part.name or "Piano")
            midi = add(score_part, "midi-instrument", id=instrument)
            add(midi, "midi-channel", (number - 1) % 9 + 1)
            add(midi, "midi-program", 1)
    return part_ids


def _part(score: score_pb2.Score, part: score_pb2.Part, first: bool, density: Density, ids: Ids) -> ET.Element:
    layouts = part_layout(score, part.part_id)
    marks = part_marks(score, part.part_id, layouts)
    shifts = transpositions(score, part)
    context = NoteContext(score.divisions, marks, tie_continuations(score), density, voice_sides(score), ids, shifts)
    clefs: defaultdict[int, list[measure_pb2.Clef]] = defaultdict(list)
    for clef in score.clefs:
        if clef.part_id == part.part_id:
            clefs[clef.measure_index].append(clef)
    items: defaultdict[int, list[TimedItem]] = defaultdict(list)
    for item in (*directions(score, part.part_id, first, ids), *line_spanners(score, part.part_id)):
        items[item.measure_index].append(item)
    fermatas = _barline_fermatas(score, part.part_id)
    new = element("part")
    previous = None
    for layout in layouts:
        measure = layout.measure
        at_start = [clef for clef in clefs[layout.index] if clef.onset_ticks <= measure.onset_ticks]
        for clef in clefs[layout.index]:
            if clef.onset_ticks > measure.onset_ticks:
                change = element("attributes")
                change.append(clef_element(clef))
                items[layout.index].append(TimedItem(layout.index, clef.onset_ticks, clef.staff, CLEFS, change))
        number = measure.number or str(layout.index + 1)
        implicit = "yes" if measure.implicit else None
        target = add(new, "measure", number=number, implicit=implicit, id=ids(measure.measure_id) if first else None)
        for head in (
            print_element(measure),
            barline_element(measure, "left", fermatas[layout.index, "left"]),
            measure_attributes(measure, previous, part, score.divisions, at_start, _changed(shifts, layout.index)),
        ):
            if head is not None:
                target.append(head)
        _Writer(target, measure, context).write(layout, items[layout.index])
        right = barline_element(measure, "right", fermatas[layout.index, "right"])
        if right is not None:
            target.append(right)
        previous = measure
    return new


def _boundary(lane: Lane, tick: int) -> int:
    """The last tick up to which a lane is written before something within an event; its start where that is later."""
    return max((boundary for boundary in lane.boundaries if boundary <= tick), default=min(lane.boundaries))


def _queues(lanes: Sequence[Lane], items: Sequence[TimedItem]) -> tuple[list[list[TimedItem]], list[TimedItem]]:
    """The items of a measure, in the order of time, by the lane they are written in, and those written after all lanes.

    A line ends in the lane it begins in or in a later one: programs want its end after its beginning in the document.
    """
    queues: list[list[TimedItem]] = [[] for _ in lanes]
    rest: list[TimedItem] = []
    begun: dict[str, int] = {}
    for item in sorted(items, key=lambda item: (item.tick, item.rank)):
        first = begun.get(item.line, 0) if item.line else 0
        own = [number for number, lane in enumerate(lanes) if lane.staff == item.staff and number >= first]
        place = next((number for number in own if item.tick in lanes[number].boundaries), None)
        if place is not None:
            queues[place].append(item)
        elif own and item.element.tag in ("direction", "harmony"):
            # in the order of time, which programs expect of what begins and ends
            place = own[0]
            queues[place].append(item.written_at(_boundary(lanes[place], item.tick)))
        else:
            place = len(lanes)
            rest.append(item)
        if item.line:
            begun[item.line] = place
    return queues, rest


def _barline_fermatas(
    score: score_pb2.Score, part_id: str
) -> defaultdict[tuple[int, str], list[direction_pb2.Direction]]:
    """Fermatas that stand at no event, by measure index and side of the measure."""
    found: defaultdict[tuple[int, str], list[direction_pb2.Direction]] = defaultdict(list)
    for direction in score.directions:
        if direction.WhichOneof("kind") == "fermata" and not direction.event_id and direction.part_id in ("", part_id):
            measure = score.measures[direction.measure_index]
            left = direction.onset_ticks <= measure.onset_ticks
            found[direction.measure_index, "left" if left else "right"].append(direction)
    return found


def _changed(shifts: Sequence[int], index: int) -> int | None:
    """The transposition of a measure where it is another than before, else None."""
    before = shifts[index - 1] if index else 0
    return shifts[index] if shifts[index] != before else None


class _Writer:
    """Writes the music of one measure: a cursor that goes back and forth in time."""

    def __init__(self, target: ET.Element, measure: measure_pb2.Measure, context: NoteContext) -> None:
        self.target = target
        self.context = context
        self.start = measure.onset_ticks
        self.end = measure.onset_ticks + measure.length_ticks
        self.cursor = self.start
        self.reached = self.start

    def write(self, layout: MeasureLayout, items: Sequence[TimedItem]) -> None:
        """All lanes with the items at their places, and what lies beside every lane at the end."""
        queues, rest = _queues(layout.lanes, items)
        for lane, queue in zip(layout.lanes, queues, strict=True):
            self.move(self.start)
            for event in lane.events:
                after = event.HasField("grace") and event.grace.after
                if not after:
                    if event.onset_ticks >= self.cursor:  # a grace may stand within the note before it
                        self.flush(queue, self.cursor)
                    self.move(max(self.start, event.onset_ticks), lane.voice, lane.staff)
                    self.flush(queue, event.onset_ticks)
                add_event(self.target, event, lane.voice, self.context)
                self.advance(event.duration_ticks)
            self.flush(queue, self.cursor)
            rest += queue
        for item in rest:
            self.move(min(max(item.tick, self.start), max(self.end, self.reached)))
            self.target.append(item.element)
        if self.reached < self.end or self.cursor < self.reached:
            self.move(max(self.end, self.reached))

    def flush(self, queue: list[TimedItem], tick: int) -> None:
        """Writes the items at the head of the queue that stand not after `tick`."""
        while queue and queue[0].tick <= tick:
            self.target.append(queue.pop(0).element)

    def advance(self, ticks: int) -> None:
        """Moves the cursor by what has been written."""
        self.cursor += ticks
        self.reached = max(self.reached, self.cursor)

    def move(self, tick: int, voice: int | None = None, staff: int | None = None) -> None:
        """Moves the cursor by <backup> or <forward>."""
        if tick < self.cursor:
            add(add(self.target, "backup"), "duration", self.cursor - tick)
        elif tick > self.cursor:
            forward = add(self.target, "forward")
            add(forward, "duration", tick - self.cursor)
            if voice is not None:
                add(forward, "voice", voice)
            if staff is not None:
                add(forward, "staff", staff)
        self.cursor = tick
        self.reached = max(self.reached, tick)

"""<direction> elements: what stands at a point of time and not at a note."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from etude.notation.measures import measure_at
from etude.notation.time import written_quarters
from etude.score.v1 import direction_pb2, measure_pb2, score_pb2, spanner_pb2
from renderer_service.musicxml import vocabulary
from renderer_service.musicxml.harmony import harmony_element
from renderer_service.musicxml.marks import placement
from renderer_service.musicxml.numbering import Span, assign_numbers
from renderer_service.musicxml.xml import Ids, add, element

STOPS, CLEFS, STARTS = 0, 1, 2
"""Order of what stands at one point: what ends there, then a clef, then what begins there."""


@dataclass(frozen=True, slots=True)
class TimedItem:
    """An element with the point of time it is written at.

    Attributes:
        measure_index: Measure it is written in.
        tick: Ticks from the start of the Score.
        staff: Staff it belongs to, from 1.
        rank: STOPS, CLEFS or STARTS.
        element: What to write.
        line: Id of the spanner that begins, changes or ends there; empty for others.
    """

    measure_index: int
    tick: int
    staff: int
    rank: int
    element: ET.Element
    line: str = ""

    def written_at(self, tick: int) -> TimedItem:
        """The same direction or harmony written at another point of time, with its <offset> from there."""
        before = sum(child.tag not in ("staff", "sound") for child in self.element)
        self.element.insert(before, element("offset", self.tick - tick))
        return replace(self, tick=tick)


def measure_of_stop(measures: Sequence[measure_pb2.Measure], start: int, stop: int) -> int:
    """The measure in which something stops: at a barline the one before, unless it started at the barline too."""
    index = measure_at(measures, stop)
    return index - 1 if measures[index].onset_ticks == stop and index and start < stop else index


def directions(score: score_pb2.Score, part_id: str, first_part: bool, ids: Ids) -> Iterator[TimedItem]:
    """All directions of a part that stand free (not at a note, not at a barline).

    Directions of the whole system go with the first part, above its first staff.
    """
    for direction in score.directions:
        if direction.part_id != part_id and not (first_part and not direction.part_id):
            continue
        if direction.WhichOneof("kind") in ("fermata", "ornament", "articulation", "breath"):
            continue
        new = _direction(direction, ids)
        if new is not None:
            yield TimedItem(direction.measure_index, direction.onset_ticks, max(1, direction.staff), STARTS, new)


def _direction(direction: direction_pb2.Direction, ids: Ids) -> ET.Element | None:
    kind = direction.WhichOneof("kind")
    if kind == "harmony":
        return harmony_element(direction, ids)
    side = placement(direction.placement) or ("above" if kind in ("tempo", "jump", "rehearsal_mark") else None)
    new = element("direction", placement=side, id=ids(direction.direction_id))
    sound: dict[str, str] = {}
    if kind == "dynamic":
        _add_dynamic(new, direction.dynamic.text)
    elif kind == "tempo":
        sound = _add_tempo(new, direction.tempo)
    elif kind == "words":
        words = direction.words
        style = "italic" if words.italic else None
        add(_type(new), "words", words.text, font_style=style, font_weight="bold" if words.bold else None)
    elif kind == "jump":
        sound = _add_jump(new, direction.jump)
    elif kind == "rehearsal_mark":
        add(_type(new), "rehearsal", direction.rehearsal_mark.text)
    if len(new) == 0:
        return None
    if direction.staff:
        add(new, "staff", direction.staff)
    if sound:
        add(new, "sound", None, **sound)
    return new


def _type(direction: ET.Element) -> ET.Element:
    return add(direction, "direction-type")


def _add_dynamic(parent: ET.Element, text: str) -> None:
    dynamics = add(_type(parent), "dynamics")
    if text in vocabulary.DYNAMICS:
        add(dynamics, text)
    else:
        add(dynamics, "other-dynamics", text)


def _add_tempo(parent: ET.Element, tempo: direction_pb2.Tempo) -> dict[str, str]:
    if tempo.text:
        add(_type(parent), "words", tempo.text, font_weight="bold")
    if tempo.beats_per_minute <= 0 or tempo.beat_type not in vocabulary.NOTE_TYPES:
        return {}
    metronome = add(_type(parent), "metronome", parentheses="no")
    add(metronome, "beat-unit", vocabulary.NOTE_TYPES[tempo.beat_type])
    for _ in range(tempo.beat_dots):
        add(metronome, "beat-unit-dot")
    add(metronome, "per-minute", f"{tempo.beats_per_minute:g}")
    return {"tempo": f"{quarters_per_minute(tempo):.6g}"}


def quarters_per_minute(tempo: direction_pb2.Tempo) -> float:
    """Speed of a metronome mark."""
    return tempo.beats_per_minute * float(written_quarters(tempo.beat_type, tempo.beat_dots))


def _add_jump(parent: ET.Element, jump: direction_pb2.Jump) -> dict[str, str]:
    """The sign or words of a jump -> attributes of its <sound>."""
    if jump.kind == direction_pb2.JUMP_KIND_SEGNO:
        add(_type(parent), "segno")
        return {"segno": "segno"}
    if jump.kind == direction_pb2.JUMP_KIND_CODA:
        add(_type(parent), "coda")
        return {"coda": "coda"}
    usual, sound = {
        direction_pb2.JUMP_KIND_TO_CODA: ("To Coda", {"tocoda": "coda"}),
        direction_pb2.JUMP_KIND_DA_CAPO: ("D.C.", {"dacapo": "yes"}),
        direction_pb2.JUMP_KIND_DAL_SEGNO: ("D.S.", {"dalsegno": "segno"}),
        direction_pb2.JUMP_KIND_FINE: ("Fine", {"fine": "yes"}),
    }.get(jump.kind, ("", {}))
    if jump.text or usual:
        add(_type(parent), "words", jump.text or usual)
    return sound


def line_spanners(score: score_pb2.Score, part_id: str) -> Iterator[TimedItem]:
    """Starts, changes and stops of hairpins, octave lines and pedals."""
    kinds = ("hairpin", "octave_line", "pedal")
    spanners = [s for s in score.spanners if s.part_id in ("", part_id) and s.WhichOneof("kind") in kinds]
    for kind in kinds:
        of_kind = [spanner for spanner in spanners if spanner.WhichOneof("kind") == kind]
        # the document is walked measure by measure, so a span in it is one of measures
        numbers = assign_numbers(
            Span(
                spanner.spanner_id,
                (measure_at(score.measures, spanner.start_ticks), measure_at(score.measures, spanner.end_ticks)),
                (spanner.start_ticks, spanner.end_ticks),
            )
            for spanner in of_kind
        )
        for spanner in of_kind:
            yield from _line(spanner, numbers[spanner.spanner_id], score.measures)


def _line(spanner: spanner_pb2.Spanner, number: int, measures: Sequence[measure_pb2.Measure]) -> Iterator[TimedItem]:
    side = placement(spanner.placement)
    staff = max(1, spanner.staff)

    def item(tick: int, stop: bool, *types: ET.Element) -> TimedItem:
        new = element("direction", placement=None if stop else side)
        for direction_type in types:
            _type(new).append(direction_type)
        add(new, "staff", staff)
        index = measure_of_stop(measures, spanner.start_ticks, tick) if stop else measure_at(measures, tick)
        return TimedItem(index, tick, staff, STOPS if stop else STARTS, new, spanner.spanner_id)

    what = spanner.WhichOneof("kind")
    if what == "hairpin":
        hairpin = spanner.hairpin
        crescendo = hairpin.kind != spanner_pb2.HAIRPIN_KIND_DIMINUENDO
        if hairpin.text:
            words = element("words", hairpin.text, font_style="italic")
            yield item(spanner.start_ticks, False, words, element("dashes", type="start", number=number))
            yield item(spanner.end_ticks, True, element("dashes", type="stop", number=number))
            return
        shape = "crescendo" if crescendo else "diminuendo"
        yield item(spanner.start_ticks, False, element("wedge", type=shape, number=number))
        yield item(spanner.end_ticks, True, element("wedge", type="stop", number=number))
    elif what == "octave_line":
        octaves = spanner.octave_line.octaves
        size = 7 * abs(octaves) + 1
        # MusicXML tells how the writing is moved against the sound: an 8va is written down
        shift = element("octave-shift", type="down" if octaves > 0 else "up", size=size, number=number)
        yield item(spanner.start_ticks, False, shift)
        yield item(spanner.end_ticks, True, element("octave-shift", type="stop", size=size, number=number))
    else:
        pedal = spanner.pedal
        line, sign = ("yes", "no") if pedal.line else ("no", "yes")
        yield item(spanner.start_ticks, False, element("pedal", type="start", number=number, line=line, sign=sign))
        for tick in pedal.change_ticks:
            if pedal.line:
                yield item(tick, False, element("pedal", type="change", number=number, line=line, sign=sign))
                continue
            for kind in ("stop", "start"):  # signs have no notch: an asterisk and a new "Ped."
                yield item(tick, False, element("pedal", type=kind, number=number, line=line, sign=sign))
        if not pedal.open_ended:
            stop = element("pedal", type="stop", number=number, line=line, sign=sign)
            yield item(spanner.end_ticks, True, stop)

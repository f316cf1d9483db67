"""A readable comparison of two Scores: what was added, removed and changed, measure by measure, in musical words.

Compared is the music and its notation. Ids, page boxes, confidences, alternatives, doubts and provenance are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from etude.notation.alignment import align_measures
from etude.notation.describe import (
    accidental_text,
    barline_text,
    beat_text,
    clef_text,
    direction_text,
    enum_words,
    event_text,
    fingering_text,
    key_text,
    meter_text,
    note_text,
    spanner_text,
    value_text,
)
from etude.notation.index import ScoreIndex
from etude.notation.ordering import event_key
from etude.score.v1 import event_pb2, fingering_pb2, measure_pb2, score_pb2


class ChangeKind(Enum):
    """What happened to a thing; the value is the sign it is shown with."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        kind: What happened.
        measure: Number of the measure in the old Score (in the new one for what was added with its measure); empty
            for the Score as a whole.
        where: Place in the measure, for example "staff 1, voice 1, beat 2"; may be empty.
        text: What differs.
    """

    kind: ChangeKind
    measure: str
    where: str
    text: str


def diff(old: score_pb2.Score, new: score_pb2.Score) -> list[Change]:
    """All differences in the music of two Scores, in order; empty when there are none."""
    return list(_Comparison(old, new).changes())


def format_diff(changes: list[Change]) -> str:
    """The differences as text, one per line under the measure they are in; empty for none."""
    lines: list[str] = []
    heading = ""
    for change in changes:
        if change.measure != heading:
            heading = change.measure
            lines.append(f"measure {heading}")
        indent = "  " if change.measure else ""
        where = f"{change.where}: " if change.where else ""
        lines.append(f"{indent}{change.kind.value} {where}{change.text}")
    return "".join(f"{line}\n" for line in lines)


class _Comparison:
    """Two Scores under comparison."""

    def __init__(self, old: score_pb2.Score, new: score_pb2.Score) -> None:
        self.old, self.new = ScoreIndex(old), ScoreIndex(new)
        self.measure = ""

    def changes(self) -> Iterator[Change]:
        """Differences of the Score as a whole, then of each measure."""
        self.measure = ""
        yield from self._metadata()
        pairs = align_measures(self.old.score, self.new.score)
        spanners = _starts(self.old), _starts(self.new)
        for a, b in pairs:
            if a is None or b is None:
                yield self._whole_measure(a, b)
                continue
            self.measure = self.old.score.measures[a].number or f"at index {a}"
            yield from self._attributes(a, b)
            yield from self._events(a, b)
            yield from self._texts("", _clefs(self.old, a), _clefs(self.new, b))
            yield from self._texts("", spanners[0].get(a, Counter()), spanners[1].get(b, Counter()))
            yield from self._texts("", _directions(self.old, a), _directions(self.new, b))

    def _change(self, kind: ChangeKind, where: str, text: str) -> Change:
        return Change(kind, self.measure, where, text)

    def _changed(self, where: str, name: str, old: str, new: str) -> Iterator[Change]:
        if old != new:
            yield self._change(ChangeKind.CHANGED, where, f"{name} {old} -> {new}")

    def _texts(self, where: str, old: Counter[str], new: Counter[str]) -> Iterator[Change]:
        for text in (old - new).elements():
            yield self._change(ChangeKind.REMOVED, where, text)
        for text in (new - old).elements():
            yield self._change(ChangeKind.ADDED, where, text)

    def _metadata(self) -> Iterator[Change]:
        old, new = self.old.score, self.new.score
        for field in old.metadata.DESCRIPTOR.fields:
            before, after = getattr(old.metadata, field.name), getattr(new.metadata, field.name)
            yield from self._changed("", field.name.replace("_", " "), repr(before), repr(after))
        yield from self._texts("", _parts(old), _parts(new))

    def _whole_measure(self, a: int | None, b: int | None) -> Change:
        kind = ChangeKind.REMOVED if a is not None else ChangeKind.ADDED
        index, position = (self.old, a) if a is not None else (self.new, b)
        assert position is not None  # one side of a pair is always there
        measure = index.score.measures[position]
        self.measure = measure.number or f"at index {position}"
        notes = sum(len(event.notes) for event in index.events_in(position))
        return self._change(kind, "", f"the whole measure ({notes} note{'s' if notes != 1 else ''})")

    def _attributes(self, a: int, b: int) -> Iterator[Change]:
        old, new = self.old.score.measures[a], self.new.score.measures[b]
        yield from self._changed("", "number", old.number or "none", new.number or "none")
        lengths = [
            str(Fraction(measure.length_ticks, index.score.divisions))
            for measure, index in ((old, self.old), (new, self.new))
        ]
        yield from self._changed("", "length in quarters", *lengths)
        for name, texts in _measure_words(old, new):
            yield from self._changed("", name, *texts)

    def _events(self, a: int, b: int) -> Iterator[Change]:
        rest_old = sorted(self.old.events_in(a), key=lambda event: event_key(event, self.old.part_positions))
        rest_new = sorted(self.new.events_in(b), key=lambda event: event_key(event, self.new.part_positions))
        places = self._places(rest_old, a, self.old), self._places(rest_new, b, self.new)
        matched = _match(rest_old, rest_new, *places)
        seen = {id(event) for _, event in matched}
        gone = {id(event) for event, _ in matched}
        for old, new in matched:
            yield from self._event(self._where(self.old, a, old), old, new)
        for event in rest_old:
            if id(event) not in gone:
                text = event_text(event, self.old.score.divisions)
                yield self._change(ChangeKind.REMOVED, self._where(self.old, a, event), text)
        for event in rest_new:
            if id(event) not in seen:
                text = event_text(event, self.new.score.divisions)
                yield self._change(ChangeKind.ADDED, self._where(self.new, b, event), text)

    def _places(self, events: list[event_pb2.Event], position: int, index: ScoreIndex) -> list[_Place]:
        start = index.score.measures[position].onset_ticks
        places = []
        for event in events:
            onset = Fraction(event.onset_ticks - start, index.score.divisions)
            grace = (event.grace.after, event.grace.order) if event.HasField("grace") else None
            places.append((event.part_id, onset, grace))
        return places

    def _where(self, index: ScoreIndex, position: int, event: event_pb2.Event) -> str:
        part = f"part {event.part_id}, " if len(index.score.parts) > 1 else ""
        beat = beat_text(index.score.measures[position], event.onset_ticks, index.score.divisions)
        return f"{part}staff {event.staff}, voice {event.voice}, {beat}"

    def _event(self, where: str, old: event_pb2.Event, new: event_pb2.Event) -> Iterator[Change]:
        yield from self._changed(where, "staff", str(old.staff), str(new.staff))
        yield from self._changed(where, "voice", str(old.voice), str(new.voice))
        values = value_text(old, self.old.score.divisions), value_text(new, self.new.score.divisions)
        yield from self._changed(where, "note value", *values)
        if values[0] == values[1]:
            lengths = (
                Fraction(old.duration_ticks, self.old.score.divisions),
                Fraction(new.duration_ticks, self.new.score.divisions),
            )
            yield from self._changed(where, "length in quarters", *map(str, lengths))
        for name, texts in _event_words(old, new):
            yield from self._changed(where, name, *texts)
        if old.HasField("rest") or new.HasField("rest"):
            if old.HasField("rest") != new.HasField("rest"):
                texts = event_text(old, self.old.score.divisions), event_text(new, self.new.score.divisions)
                yield self._change(ChangeKind.CHANGED, where, f"{texts[0]} -> {texts[1]}")
            return
        yield from self._notes(where, old, new)

    def _notes(self, where: str, old: event_pb2.Event, new: event_pb2.Event) -> Iterator[Change]:
        left_old, left_new = list(old.notes), list(new.notes)
        pairs: list[tuple[event_pb2.Note, event_pb2.Note]] = []
        for same in (_same_note, _same_pitch, _same_key, _same_place):
            for note in list(left_old):
                partner = next((other for other in left_new if same(note, other)), None)
                if partner is not None:
                    pairs.append((note, partner))
                    left_old = [other for other in left_old if other is not note]
                    left_new = [other for other in left_new if other is not partner]
        for note, partner in pairs:
            yield from self._note(f"{where}, {note_text(note)}", note, partner)
        for note in left_old:
            yield self._change(ChangeKind.REMOVED, where, f"note {note_text(note)}")
        for note in left_new:
            yield self._change(ChangeKind.ADDED, where, f"note {note_text(note)}")

    def _note(self, where: str, old: event_pb2.Note, new: event_pb2.Note) -> Iterator[Change]:
        yield from self._changed(where, "pitch", note_text(old), note_text(new))
        yield from self._changed(where, "sounding key", str(old.midi_pitch), str(new.midi_pitch))
        yield from self._changed(where, "staff", str(old.staff), str(new.staff))
        yield from self._changed(where, "accidental", accidental_text(old.accidental), accidental_text(new.accidental))
        yield from self._changed(where, "finger", fingering_text(old.fingering), fingering_text(new.fingering))
        names = [enum_words(event_pb2.Notehead.Name(note.notehead), "NOTEHEAD_") for note in (old, new)]
        yield from self._changed(where, "notehead", *names)
        hands = [enum_words(fingering_pb2.Hand.Name(note.hand), "HAND_") for note in (old, new)]
        yield from self._changed(where, "hand", *hands)


_Place = tuple[str, Fraction, tuple[bool, int] | None]
_Pair = tuple[event_pb2.Event, event_pb2.Event]
_Fits = Callable[[event_pb2.Event, event_pb2.Event], bool]


def _match(
    old: list[event_pb2.Event], new: list[event_pb2.Event], old_places: list[_Place], new_places: list[_Place]
) -> list[_Pair]:
    """Events of one measure that are each other: same place and voice, or same place and something in common."""
    pairs: list[_Pair] = []
    free_old, free_new = list(range(len(old))), list(range(len(new)))

    def take(fits: _Fits) -> None:
        for i in list(free_old):
            for j in free_new:
                if old_places[i] == new_places[j] and fits(old[i], new[j]):
                    pairs.append((old[i], new[j]))
                    free_old.remove(i)
                    free_new.remove(j)
                    break

    take(lambda a, b: (a.staff, a.voice) == (b.staff, b.voice) and _keys(a) == _keys(b))
    take(lambda a, b: _keys(a) == _keys(b) and a.rest.hidden == b.rest.hidden)
    take(lambda a, b: bool(set(_keys(a)) & set(_keys(b))))
    take(lambda a, b: (a.staff, a.voice) == (b.staff, b.voice))
    pairs.sort(key=lambda pair: next(n for n, event in enumerate(old) if event is pair[0]))
    return pairs


def _keys(event: event_pb2.Event) -> list[int]:
    return [note.midi_pitch for note in event.notes]


def _same_note(one: event_pb2.Note, other: event_pb2.Note) -> bool:
    return one.pitch == other.pitch and one.midi_pitch == other.midi_pitch and one.staff == other.staff


def _same_pitch(one: event_pb2.Note, other: event_pb2.Note) -> bool:
    return one.pitch == other.pitch


def _same_key(one: event_pb2.Note, other: event_pb2.Note) -> bool:
    return one.midi_pitch == other.midi_pitch


def _same_place(one: event_pb2.Note, other: event_pb2.Note) -> bool:
    return one.pitch.step == other.pitch.step and one.pitch.octave == other.pitch.octave


def _parts(score: score_pb2.Score) -> Counter[str]:
    roles = score_pb2.PartRole
    return Counter(
        f"part {part.part_id} {part.name!r} {part.abbreviation!r}, "
        f"{enum_words(roles.Name(part.role), 'PART_ROLE_')}, {part.staff_count} staves"
        for part in score.parts
    )


def _measure_words(old: measure_pb2.Measure, new: measure_pb2.Measure) -> Iterator[tuple[str, tuple[str, str]]]:
    yield "meter", (meter_text(old.time_signature), meter_text(new.time_signature))
    yield "printed meter", (_yes(old.time_signature_printed), _yes(new.time_signature_printed))
    keys = ["; ".join(sorted(map(key_text, measure.key_signatures))) for measure in (old, new)]
    yield "key", (keys[0], keys[1])
    yield "printed key", (_yes(old.key_signature_printed), _yes(new.key_signature_printed))
    yield "implicit", (_yes(old.implicit), _yes(new.implicit))
    yield "left barline", (barline_text(old.left_barline), barline_text(new.left_barline))
    yield "right barline", (barline_text(old.right_barline), barline_text(new.right_barline))
    yield "ending", (_ending(old), _ending(new))
    yield "system break", (_yes(old.starts_system), _yes(new.starts_system))
    yield "page break", (_yes(old.starts_page), _yes(new.starts_page))


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _ending(measure: measure_pb2.Measure) -> str:
    if not measure.HasField("ending"):
        return "none"
    ending = measure.ending
    numbers = ", ".join(map(str, ending.numbers))
    ends = " starts" * ending.starts + " stops" * ending.stops + " closed" * ending.closed
    return f"{numbers} {ending.text!r}{ends}"


def _event_words(old: event_pb2.Event, new: event_pb2.Event) -> Iterator[tuple[str, tuple[str, str]]]:
    stems = [enum_words(event_pb2.StemDirection.Name(event.stem), "STEM_DIRECTION_") for event in (old, new)]
    yield "stem", (stems[0], stems[1])
    yield "tremolo strokes", (str(old.tremolo_strokes), str(new.tremolo_strokes))
    arpeggios = [enum_words(event_pb2.Arpeggio.Name(event.arpeggio), "ARPEGGIO_") for event in (old, new)]
    yield "arpeggio", (arpeggios[0], arpeggios[1])
    yield "hidden", (_yes(old.rest.hidden), _yes(new.rest.hidden))
    positions = [note_text(event_pb2.Note(pitch=event.rest.position)) for event in (old, new)]
    yield "rest position", (positions[0], positions[1])


def _clefs(index: ScoreIndex, position: int) -> Counter[str]:
    score = index.score
    return Counter(
        f"{clef_text(clef)} on staff {clef.staff} of {clef.part_id} at "
        + beat_text(score.measures[position], clef.onset_ticks, score.divisions)
        for clef in score.clefs
        if clef.measure_index == position
    )


def _directions(index: ScoreIndex, position: int) -> Counter[str]:
    score = index.score
    return Counter(
        f"{direction_text(index, direction)} at "
        + beat_text(score.measures[position], direction.onset_ticks, score.divisions)
        for direction in index.directions_in(position)
    )


def _starts(index: ScoreIndex) -> dict[int, Counter[str]]:
    """Spanners by the measure they start in."""
    starts: dict[int, Counter[str]] = {}
    for spanner in index.score.spanners:
        starts.setdefault(index.measure_at(spanner.start_ticks), Counter())[spanner_text(index, spanner)] += 1
    return starts

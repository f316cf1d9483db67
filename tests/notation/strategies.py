"""Hypothesis strategies that generate valid Scores of piano music.

`scores()` draws chords, rests, dots, tuplets (nested too), two voices per staff, pickups and changes of meter and key,
clef changes, ties, graces, cross-staff notes, octave lines, slurs, beams, hairpins, pedals, marks and fingerings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count, pairwise

from hypothesis import strategies as st

from etude.notation.io import SCHEMA_VERSION
from etude.notation.keys import alteration_in_key
from etude.notation.measures import measure_end, nominal_quarters
from etude.notation.ordering import sort_score
from etude.notation.pitch import from_diatonic, midi_of, step_of_index
from etude.notation.time import QUARTERS_OF_TYPE, normalize_divisions, to_ticks, written_quarters
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, measure_pb2, score_pb2, spanner_pb2

# Fine enough for 64ths within nested tuplets of 3, 5 and 7; the finished Score is brought to its least divisions.
WORKING_DIVISIONS = 64 * 9 * 25 * 49

_TYPES = [
    event_pb2.NOTE_TYPE_WHOLE,
    event_pb2.NOTE_TYPE_HALF,
    event_pb2.NOTE_TYPE_QUARTER,
    event_pb2.NOTE_TYPE_EIGHTH,
    event_pb2.NOTE_TYPE_16TH,
    event_pb2.NOTE_TYPE_32ND,
]
_METERS = [([4], 4), ([3], 4), ([2], 4), ([6], 8), ([3, 2], 8), ([2], 2), ([5], 4)]
_RATIOS = [(3, 2), (5, 4), (7, 4), (2, 3), (6, 4)]


@dataclass
class _Maker:
    """A Score in the making, with its draw function and id counters."""

    draw: st.DrawFn
    score: score_pb2.Score
    numbers: dict[str, count] = field(default_factory=dict)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self.numbers.setdefault(prefix, count(1)))}"

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def ticks(self, quarters: Fraction) -> int:
        return to_ticks(quarters, self.score.divisions)


@dataclass(frozen=True)
class _Value:
    """A written value at a place in the bar (quarters)."""

    onset: Fraction
    type: event_pb2.NoteType.ValueType
    dots: int
    ratios: tuple[tuple[int, int], ...]

    @property
    def quarters(self) -> Fraction:
        return written_quarters(
            self.type, self.dots, [event_pb2.TupletRatio(actual=a, normal=n) for a, n in self.ratios]
        )


@dataclass(frozen=True)
class _TupletGroup:
    first: int
    last: int
    ratio: tuple[int, int]
    depth: int
    normal_type: event_pb2.NoteType.ValueType


@st.composite
def scores(draw: st.DrawFn, max_measures: int = 3, voices_per_staff: int = 2, marks: bool = True) -> score_pb2.Score:
    """A valid Score of one piano part of two staves.

    Args:
        draw: Supplied by hypothesis.
        max_measures: Most measures drawn.
        voices_per_staff: Most voices on a staff.
        marks: False leaves spanners and directions other than ties and tuplets out.
    """
    score = score_pb2.Score(schema_version=SCHEMA_VERSION, score_id="score", divisions=WORKING_DIVISIONS)
    score.metadata.title = draw(st.sampled_from(["", "Étude", "Sonata № 1", "Mazurek"]))
    score.parts.add(part_id="P1", name="Piano", role=score_pb2.PART_ROLE_KEYBOARD, staff_count=2)
    maker = _Maker(draw, score)
    _add_measures(maker, draw(st.integers(1, max_measures)))
    _add_clefs(maker)
    for measure_index in range(len(score.measures)):
        for staff in (1, 2):
            for voice in range(1, draw(st.integers(1, voices_per_staff)) + 1):
                _add_voice(maker, measure_index, staff, voice + 4 * (staff - 1))
    if marks:
        _add_octave_line(maker)
    _add_ties(maker)
    if marks:
        _add_marks(maker)
    sort_score(score)
    return normalize_divisions(score)


def _add_measures(maker: _Maker, number: int) -> None:
    draw, score = maker.draw, maker.score
    beats, beat_type = draw(st.sampled_from(_METERS))
    fifths = draw(st.integers(-7, 7))
    onset = 0
    pickup = maker.chance(4)
    for position in range(number):
        meter_changes = position > 0 and maker.chance(4)
        key_changes = position > 0 and maker.chance(4)
        if meter_changes:
            beats, beat_type = draw(st.sampled_from(_METERS))
        if key_changes:
            fifths = draw(st.integers(-7, 7))
        measure = score.measures.add(
            measure_id=maker.new_id("m"),
            number=str(position if pickup else position + 1),
            onset_ticks=onset,
            time_signature=measure_pb2.TimeSignature(beats=beats, beat_type=beat_type),
            time_signature_printed=position == 0 or meter_changes,
            key_signatures=[measure_pb2.KeySignature(fifths=fifths)],
            key_signature_printed=(position == 0 and fifths != 0) or key_changes,
            confidence=1.0,
        )
        quarters = nominal_quarters(measure.time_signature)
        if pickup and position == 0:
            quarters = Fraction(1, 2)
            measure.implicit = True
        measure.length_ticks = maker.ticks(quarters)
        onset += measure.length_ticks
    if maker.chance(3):
        score.measures[0].left_barline.CopyFrom(
            measure_pb2.Barline(
                style=measure_pb2.BARLINE_STYLE_HEAVY_LIGHT, repeat=measure_pb2.REPEAT_DIRECTION_FORWARD
            )
        )
        score.measures[-1].right_barline.CopyFrom(
            measure_pb2.Barline(
                style=measure_pb2.BARLINE_STYLE_LIGHT_HEAVY, repeat=measure_pb2.REPEAT_DIRECTION_BACKWARD
            )
        )
        ending = measure_pb2.Ending(numbers=[1], text="1.", starts=True, stops=True, closed=True)
        score.measures[-1].ending.CopyFrom(ending)


def _add_clefs(maker: _Maker) -> None:
    for staff, sign, line in ((1, measure_pb2.CLEF_SIGN_G, 2), (2, measure_pb2.CLEF_SIGN_F, 4)):
        maker.score.clefs.add(
            clef_id=maker.new_id("c"), part_id="P1", staff=staff, sign=sign, line=line, confidence=1.0
        )
    if maker.chance(3):
        measure_index = maker.draw(st.integers(0, len(maker.score.measures) - 1))
        measure = maker.score.measures[measure_index]
        maker.score.clefs.add(
            clef_id=maker.new_id("c"),
            part_id="P1",
            staff=2,
            measure_index=measure_index,
            onset_ticks=measure.onset_ticks + measure.length_ticks // 2,
            sign=measure_pb2.CLEF_SIGN_G,
            line=2,
            confidence=1.0,
        )


def _values(maker: _Maker, quarters: Fraction) -> tuple[list[_Value], list[_TupletGroup]]:
    """Written values that fill a bar, and the tuplets among them."""
    values: list[_Value] = []
    groups: list[_TupletGroup] = []
    _fill(maker, Fraction(0), quarters, (), values, groups)
    return values, groups


def _fill(
    maker: _Maker,
    start: Fraction,
    quarters: Fraction,
    ratios: tuple[tuple[int, int], ...],
    values: list[_Value],
    groups: list[_TupletGroup],
) -> None:
    """Fills `quarters` (as counted inside the tuplets `ratios`) from `start` (as sounding)."""
    factor = Fraction(1)
    for actual, normal in ratios:
        factor *= Fraction(normal, actual)
    left = quarters
    while left > 0:
        position = start + (quarters - left) * factor
        fitting = [
            (note_type, dots)
            for note_type in _TYPES
            for dots in (0, 1, 2)
            if written_quarters(note_type, dots) <= left
            and (left - written_quarters(note_type, dots)) % Fraction(1, 8) == 0
        ]
        note_type, dots = maker.draw(st.sampled_from(fitting))
        value = written_quarters(note_type, dots)
        if dots == 0 and len(ratios) < 2 and QUARTERS_OF_TYPE[note_type] >= 1 and maker.chance(4):
            actual, normal = maker.draw(st.sampled_from(_RATIOS))
            unit = value / normal
            inner = [t for t in _TYPES if QUARTERS_OF_TYPE[t] == unit]
            if inner:
                first = len(values)
                _fill(maker, position, actual * unit, (*ratios, (actual, normal)), values, groups)
                groups.append(_TupletGroup(first, len(values) - 1, (actual, normal), len(ratios), inner[0]))
                left -= value
                continue
        values.append(_Value(position, note_type, dots, ratios))
        left -= value


def _add_voice(maker: _Maker, measure_index: int, staff: int, voice: int) -> None:
    score = maker.score
    measure = score.measures[measure_index]
    common = {"part_id": "P1", "measure_index": measure_index, "staff": staff, "voice": voice}
    if maker.chance(6):
        score.events.add(
            event_id=maker.new_id("e"),
            onset_ticks=measure.onset_ticks,
            duration_ticks=measure.length_ticks,
            rest=event_pb2.Rest(whole_measure=True),
            confidence=1.0,
            **common,
        )
        return
    values, groups = _values(maker, Fraction(measure.length_ticks, score.divisions))
    events = []
    for value in values:
        onset = measure.onset_ticks + maker.ticks(value.onset)
        if maker.chance(8):
            _add_graces(maker, measure, onset, common)
        event = score.events.add(
            event_id=maker.new_id("e"),
            onset_ticks=onset,
            duration_ticks=maker.ticks(value.quarters),
            type=value.type,
            dots=value.dots,
            tuplet_ratios=[event_pb2.TupletRatio(actual=a, normal=n) for a, n in value.ratios],
            confidence=1.0,
            **common,
        )
        kind = maker.draw(st.integers(0, 9))
        if kind == 0:
            event.rest.SetInParent()
        elif kind == 1:
            event.rest.hidden = True
        else:
            _add_notes(maker, event, measure)
        events.append(event)
    for group in groups:
        members = events[group.first : group.last + 1]
        score.spanners.add(
            spanner_id=maker.new_id("s"),
            part_id="P1",
            staff=staff,
            event_ids=[event.event_id for event in members],
            start_ticks=members[0].onset_ticks,
            end_ticks=members[-1].onset_ticks + members[-1].duration_ticks,
            tuplet=spanner_pb2.Tuplet(
                ratio=event_pb2.TupletRatio(actual=group.ratio[0], normal=group.ratio[1]),
                normal_type=group.normal_type,
                number_printed=True,
                bracket_printed=maker.draw(st.booleans()),
                depth=group.depth,
            ),
            confidence=1.0,
        )


def _add_graces(maker: _Maker, measure: measure_pb2.Measure, onset: int, common: dict) -> None:
    slash = maker.draw(st.booleans())
    for order in range(maker.draw(st.integers(1, 2))):
        event = maker.score.events.add(
            event_id=maker.new_id("e"),
            onset_ticks=onset,
            type=event_pb2.NOTE_TYPE_EIGHTH,
            grace=event_pb2.Grace(slash=slash, order=order),
            confidence=1.0,
            **common,
        )
        _add_notes(maker, event, measure)


def _add_notes(maker: _Maker, event: event_pb2.Event, measure: measure_pb2.Measure) -> None:
    low, high = (28, 44) if event.staff == 1 else (14, 30)
    places = maker.draw(st.sets(st.integers(low, high), min_size=1, max_size=3))
    fifths = measure.key_signatures[0].fifths
    for place in sorted(places):
        in_key = alteration_in_key(step_of_index(place % 7), fifths)
        alter = maker.draw(st.sampled_from([in_key, in_key, in_key, 0, 1, -1]))
        pitch = from_diatonic(place, alter)
        cross = maker.chance(12)
        note = event.notes.add(
            note_id=maker.new_id("n"),
            pitch=pitch,
            midi_pitch=midi_of(pitch),
            staff=3 - event.staff if cross else event.staff,
            confidence=1.0,
        )
        if maker.chance(4):
            finger = maker.draw(st.integers(1, 5))
            note.fingering.CopyFrom(
                fingering_pb2.Fingering(
                    finger=finger,
                    substitution=finger % 5 + 1 if maker.chance(4) else 0,
                    source=fingering_pb2.FINGERING_SOURCE_PRINTED,
                    probability=1.0,
                )
            )
    event.notes.sort(key=lambda note: (note.midi_pitch, note.pitch.octave * 7 + note.pitch.step))


def _voices(maker: _Maker) -> dict[int, list[event_pb2.Event]]:
    voices: dict[int, list[event_pb2.Event]] = {}
    for event in maker.score.events:
        if not event.HasField("grace"):
            voices.setdefault(event.voice, []).append(event)
    return voices


def _add_octave_line(maker: _Maker) -> None:
    if not maker.chance(4):
        return
    measure = maker.draw(st.sampled_from(list(maker.score.measures)))
    start, end = measure.onset_ticks, measure_end(measure)
    octaves = maker.draw(st.sampled_from([1, -1]))
    maker.score.spanners.add(
        spanner_id=maker.new_id("s"),
        part_id="P1",
        staff=1,
        start_ticks=start,
        end_ticks=end,
        octave_line=spanner_pb2.OctaveLine(octaves=octaves),
        confidence=1.0,
    )
    for event in maker.score.events:
        for note in event.notes:
            if note.staff == 1 and start <= event.onset_ticks < end:
                note.midi_pitch += 12 * octaves
        event.notes.sort(key=lambda note: (note.midi_pitch, note.pitch.octave * 7 + note.pitch.step))


def _add_ties(maker: _Maker) -> None:
    for voice, events in _voices(maker).items():
        for before, after in pairwise(events):
            if before.onset_ticks + before.duration_ticks != after.onset_ticks:
                continue
            free = {note.midi_pitch: note for note in after.notes}
            for note in before.notes:
                partner = free.pop(note.midi_pitch, None)
                if partner is not None:
                    maker.score.spanners.add(
                        spanner_id=maker.new_id("s"),
                        part_id="P1",
                        staff=1 if voice <= 4 else 2,
                        start_note_id=note.note_id,
                        end_note_id=partner.note_id,
                        start_ticks=before.onset_ticks,
                        end_ticks=after.onset_ticks,
                        tie=spanner_pb2.Tie(),
                        confidence=1.0,
                    )


def _add_marks(maker: _Maker) -> None:
    score, draw = maker.score, maker.draw
    for voice, events in _voices(maker).items():
        chords = [event for event in events if event.notes]
        staff = 1 if voice <= 4 else 2
        for first, last in pairwise(chords):
            if maker.chance(6):
                score.spanners.add(
                    spanner_id=maker.new_id("s"),
                    part_id="P1",
                    staff=staff,
                    event_ids=[first.event_id, last.event_id],
                    start_ticks=first.onset_ticks,
                    end_ticks=last.onset_ticks + last.duration_ticks,
                    slur=spanner_pb2.Slur(),
                    confidence=1.0,
                )
        for event in chords:
            if maker.chance(8):
                direction = score.directions.add(
                    direction_id=maker.new_id("d"),
                    part_id="P1",
                    staff=staff,
                    measure_index=event.measure_index,
                    onset_ticks=event.onset_ticks,
                    event_id=event.event_id,
                    confidence=1.0,
                )
                mark = draw(st.sampled_from(["articulation", "ornament", "fermata"]))
                if mark == "articulation":
                    direction.articulation.kind = draw(st.integers(1, 6))
                elif mark == "ornament":
                    direction.ornament.kind = draw(st.integers(1, 6))
                else:
                    direction.fermata.shape = direction_pb2.FERMATA_SHAPE_NORMAL
                    direction.placement = spanner_pb2.PLACEMENT_ABOVE
    for position, measure in enumerate(score.measures):
        common = {"part_id": "P1", "measure_index": position, "onset_ticks": measure.onset_ticks, "confidence": 1.0}
        if maker.chance(4):
            score.directions.add(
                direction_id=maker.new_id("d"), staff=1, dynamic=direction_pb2.Dynamic(text="mf"), **common
            )
        if maker.chance(4):
            tempo = direction_pb2.Tempo(
                text="Allegro", beat_type=event_pb2.NOTE_TYPE_QUARTER, beats_per_minute=draw(st.integers(20, 240))
            )
            score.directions.add(
                direction_id=maker.new_id("d"), staff=1, tempo=tempo, placement=spanner_pb2.PLACEMENT_ABOVE, **common
            )
        if maker.chance(4):
            kind = draw(st.sampled_from([spanner_pb2.HAIRPIN_KIND_CRESCENDO, spanner_pb2.HAIRPIN_KIND_DIMINUENDO]))
            score.spanners.add(
                spanner_id=maker.new_id("s"),
                part_id="P1",
                staff=1,
                start_ticks=measure.onset_ticks,
                end_ticks=measure_end(measure),
                hairpin=spanner_pb2.Hairpin(kind=kind),
                placement=spanner_pb2.PLACEMENT_BELOW,
                confidence=1.0,
            )
        if maker.chance(4):
            score.spanners.add(
                spanner_id=maker.new_id("s"),
                part_id="P1",
                staff=2,
                start_ticks=measure.onset_ticks,
                end_ticks=measure_end(measure),
                pedal=spanner_pb2.Pedal(line=draw(st.booleans())),
                confidence=1.0,
            )

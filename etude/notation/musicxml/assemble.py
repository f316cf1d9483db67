"""Makes a Score of parts as read: measures shared by all parts, ticks, ids, order."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import accumulate

from etude.notation.hidden_rests import fill_with_hidden_rests
from etude.notation.io import SCHEMA_VERSION
from etude.notation.measures import measure_name
from etude.notation.musicxml.header import settle_roles
from etude.notation.musicxml.ids import Ids
from etude.notation.musicxml.measures import build_measures, measure_lengths
from etude.notation.musicxml.notes import sounding_key
from etude.notation.musicxml.raw import RawEvent, RawNote, RawPart, RawSpanner
from etude.notation.musicxml.spanners import Matcher, OpenEnd
from etude.notation.musicxml.tree import MusicXmlError
from etude.notation.musicxml.tuplets import read_tuplets
from etude.notation.musicxml.values import settle_values
from etude.notation.musicxml.voices import settle_graces, settle_voices
from etude.notation.ordering import clef_key, note_key, part_positions, sort_score
from etude.notation.time import least_divisions, normalize_divisions, to_ticks, written_quarters
from etude.score.v1 import direction_pb2, event_pb2, measure_pb2, pitch_pb2, provenance_pb2, score_pb2, spanner_pb2

_MAX_DIVISIONS = 2**31 - 1
_MAX_TICKS = 2**62


def assemble(metadata: score_pb2.ScoreMetadata, parts: list[RawPart]) -> score_pb2.Score:
    """The valid Score of parts as read.

    Raises:
        MusicXmlError: the file's times need a grid finer than the Score can have.
    """
    lengths = measure_lengths(parts)
    starts = list(accumulate(lengths, initial=Fraction(0)))
    spanners: list[list[RawSpanner]] = []
    open_ends: list[tuple[str, OpenEnd]] = []
    for part in parts:
        part.staff_count = max([part.staff_count, *(n.staff for e in part.events for n in e.notes)])
        settle_voices(part)
        settle_graces(part)
        settle_values(part, lengths)
        found = read_tuplets(part, starts)
        matcher = Matcher(part, starts)
        spanners.append([*matcher.all(), *found])
        open_ends += [(part.id, end) for end in matcher.open_ends]
    builder = _Builder(metadata, parts, lengths, starts)
    builder.add_measures()
    for part, found in zip(parts, spanners, strict=True):
        builder.add_part_music(part, found)
    return builder.finish(open_ends)


class _Builder:
    """The Score in the making; times in ticks of `divisions`."""

    def __init__(
        self,
        metadata: score_pb2.ScoreMetadata,
        parts: list[RawPart],
        lengths: list[Fraction],
        starts: list[Fraction],
    ) -> None:
        self.parts, self.lengths, self.starts = parts, lengths, starts
        divisions = least_divisions(_times(parts, lengths))
        if divisions > _MAX_DIVISIONS or starts[-1] * divisions > _MAX_TICKS:
            raise MusicXmlError("the durations of this file have no common measure that a score can be counted in")
        self.score = score_pb2.Score(schema_version=SCHEMA_VERSION, divisions=divisions, metadata=metadata)
        self.ids = Ids()
        self.event_ids: dict[int, str] = {}
        self.note_ids: dict[int, str] = {}
        for part, role in zip(parts, settle_roles(parts), strict=True):
            self.score.parts.add(
                part_id=self.ids.keep(part.id) or self.ids.new("P"),
                name=part.name,
                abbreviation=part.abbreviation,
                role=role,
                staff_count=part.staff_count,
            )
        self.part_ids = {part.id: message.part_id for part, message in zip(parts, self.score.parts, strict=True)}

    def ticks(self, quarters: Fraction) -> int:
        """Quarters as ticks of the Score."""
        return to_ticks(quarters, self.score.divisions)

    def add_measures(self) -> None:
        """The measures, shared by all parts."""
        self.score.measures.extend(build_measures(self.parts, [self.part_ids[part.id] for part in self.parts]))
        for index, measure in enumerate(self.score.measures):
            measure.measure_id = self.ids.keep(measure.measure_id) or ""
            measure.onset_ticks = self.ticks(self.starts[index])
            measure.length_ticks = self.ticks(self.lengths[index])
            measure.confidence = 1.0
        # after every id of the file has been kept
        for part in self.parts:
            self._keep_ids(part)
        for measure in self.score.measures:
            measure.measure_id = measure.measure_id or self.ids.new("m")

    def _keep_ids(self, part: RawPart) -> None:
        for event in part.events:
            event.id = self.ids.keep(event.id)
            for note in event.notes:
                note.id = self.ids.keep(note.id)
        for direction in part.directions:
            direction.message.direction_id = self.ids.keep(direction.message.direction_id)

    def add_part_music(self, part: RawPart, spanners: list[RawSpanner]) -> None:
        """Clefs, events, spanners and directions of one part."""
        octaves = [spanner for spanner in spanners if spanner.message.WhichOneof("kind") == "octave_line"]
        self._add_clefs(part)
        for event in part.events:
            self._add_event(part, event, octaves)
        for spanner in spanners:
            self._add_spanner(part, spanner)
        self._add_directions(part)

    def _add_clefs(self, part: RawPart) -> None:
        latest: dict[tuple[int, Fraction], measure_pb2.Clef] = {}
        for clef in part.clefs:
            if clef.message.staff <= part.staff_count:
                onset = min(clef.onset, self.lengths[clef.measure])
                clef.message.measure_index = clef.measure
                clef.message.onset_ticks = self.ticks(self.starts[clef.measure] + onset)
                latest[clef.message.staff, self.starts[clef.measure] + onset] = clef.message
        for staff in range(1, part.staff_count + 1):
            if (staff, Fraction(0)) not in latest:
                lower = staff > 1 and staff == part.staff_count
                sign = measure_pb2.CLEF_SIGN_F if lower else measure_pb2.CLEF_SIGN_G
                latest[staff, Fraction(0)] = measure_pb2.Clef(staff=staff, sign=sign, line=4 if lower else 2)
        for clef_message in latest.values():
            clef_message.part_id = self.part_ids[part.id]
            clef_message.confidence = 1.0
            self.score.clefs.append(clef_message)

    def _add_event(self, part: RawPart, event: RawEvent, octave_lines: list[RawSpanner]) -> None:
        onset = self.starts[event.measure] + event.onset
        message = self.score.events.add(
            part_id=self.part_ids[part.id],
            measure_index=event.measure,
            staff=event.home_staff,
            voice=event.voice_number,
            onset_ticks=self.ticks(onset),
            duration_ticks=self.ticks(event.duration),
            type=event.type,
            dots=event.dots,
            tuplet_ratios=[event_pb2.TupletRatio(actual=a, normal=n) for a, n in event.ratios],
            grace=event.grace,
            rest=event.rest,
            stem=event.stem,
            tremolo_strokes=event.tremolo_strokes,
            arpeggio=event.arpeggio,
            confidence=1.0,
        )
        for note in event.notes:
            lines = [
                spanner.message.octave_line.octaves
                for spanner in octave_lines
                if spanner.message.staff == note.staff and spanner.start <= onset < spanner.end
            ]
            message.notes.append(self._note(note, sum(lines)))
        message.notes.sort(key=note_key)
        if message.notes:
            message.event_id = self.ids.derived(f"e-{message.notes[0].note_id}")
        else:
            message.event_id = event.id or self.ids.new("r")
        self.event_ids[id(event)] = message.event_id
        for mark in sorted(event.marks, key=_mark_order):
            direction = self.score.directions.add()
            direction.CopyFrom(mark)
            direction.part_id = message.part_id
            direction.staff = event.home_staff
            direction.measure_index = event.measure
            direction.onset_ticks = message.onset_ticks
            direction.confidence = 1.0
            if direction.WhichOneof("kind") != "dynamic":
                direction.event_id = message.event_id
                direction.direction_id = self.ids.new(f"d-{message.event_id}-")

    def _note(self, note: RawNote, octaves: int) -> event_pb2.Note:
        self.note_ids[id(note)] = note.id or self.ids.new("n")
        return event_pb2.Note(
            note_id=self.note_ids[id(note)],
            pitch=pitch_pb2.WrittenPitch(step=note.step, alter=note.alter, octave=note.octave - octaves),
            midi_pitch=min(max(sounding_key(note), 0), 127),
            accidental=note.accidental,
            staff=note.staff,
            fingering=note.fingering,
            notehead=note.notehead,
            confidence=1.0,
        )

    def _add_spanner(self, part: RawPart, spanner: RawSpanner) -> None:
        message = self.score.spanners.add()
        message.CopyFrom(spanner.message)
        message.part_id = self.part_ids[part.id]
        message.staff = min(message.staff, part.staff_count)
        message.event_ids.extend(self.event_ids[id(event)] for event in spanner.events)
        first, last = spanner.notes
        message.start_note_id = self.note_ids[id(first)] if first else ""
        message.end_note_id = self.note_ids[id(last)] if last else ""
        message.start_ticks = self.ticks(spanner.start)
        message.end_ticks = self.ticks(min(spanner.end, self.starts[-1]))
        if spanner.changes:
            message.pedal.change_ticks.extend(self.ticks(change) for change in spanner.changes)
        message.confidence = 1.0

    def _add_directions(self, part: RawPart) -> None:
        for direction in part.directions:
            message = self.score.directions.add()
            message.CopyFrom(direction.message)
            length = self.lengths[direction.measure]
            onset = length if direction.onset < 0 else min(direction.onset, length)
            message.part_id = self.part_ids[part.id]
            message.staff = min(message.staff, part.staff_count)
            message.measure_index = direction.measure
            message.onset_ticks = self.ticks(self.starts[direction.measure] + onset)
            message.confidence = 1.0

    def finish(self, open_ends: list[tuple[str, OpenEnd]]) -> score_pb2.Score:
        """Order, remaining ids, hidden rests, doubts."""
        score = self.score
        sort_score(score)
        score.spanners.sort(key=_spanner_order)
        positions = part_positions(score)
        score.directions.sort(
            key=lambda mark: (mark.onset_ticks, positions[mark.part_id], mark.staff, *_mark_order(mark))
        )
        score.clefs.sort(key=lambda clef: clef_key(clef, positions))
        for clef in score.clefs:
            clef.clef_id = self.ids.new("clef")
        for spanner in score.spanners:
            spanner.spanner_id = self.ids.new((spanner.WhichOneof("kind") or "").replace("_", "-"))
        for direction in score.directions:
            direction.direction_id = direction.direction_id or self.ids.new("d")
        fill_with_hidden_rests(score)
        self._add_doubts(open_ends)
        return normalize_divisions(score)

    def _add_doubts(self, open_ends: list[tuple[str, OpenEnd]]) -> None:
        score = self.score
        named = {part.part_id: f", {part.name or part.part_id}" for part in score.parts} if len(score.parts) > 1 else {}
        for (part_id, end), number in Counter(open_ends).items():
            times = f"{number} {end.kind}s" if number > 1 else f"a {end.kind}"
            name = measure_name(score.measures, end.measure)
            score.doubts.add(
                kind=provenance_pb2.DOUBT_KIND_OPEN_SPANNER,
                measure_index=end.measure,
                message=f"Measure {name}{named.get(part_id, '')}: {times} with one end only.",
            )
        tremolo = {
            event_id
            for spanner in score.spanners
            if spanner.WhichOneof("kind") == "tremolo_between"
            for event_id in spanner.event_ids
        }
        for event in score.events:
            if event.HasField("grace") or not event.type or event.rest.whole_measure:
                continue
            written = written_quarters(event.type, event.dots, event.tuplet_ratios)
            lasts = Fraction(event.duration_ticks, score.divisions)
            if lasts != written and not (event.event_id in tremolo and lasts == written / 2):
                name = measure_name(score.measures, event.measure_index)
                score.doubts.add(
                    kind=provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE,
                    measure_index=event.measure_index,
                    ids=[event.event_id],
                    message=f"Measure {name}, staff {event.staff}: a note is written as {written} quarters "
                    f"and lasts {lasts}.",
                )


def _spanner_order(spanner: spanner_pb2.Spanner) -> tuple[int, str, int, int, str, str, str, int]:
    """An order that does not depend on the order within the file."""
    return (
        spanner.start_ticks,
        spanner.WhichOneof("kind") or "",
        spanner.staff,
        spanner.end_ticks,
        spanner.start_note_id,
        " ".join(spanner.event_ids),
        spanner.part_id,
        spanner.placement,
    )


def _mark_order(mark: direction_pb2.Direction) -> tuple[str, bytes]:
    """An order that does not depend on the order within the file nor on ids."""
    bare = direction_pb2.Direction()
    bare.CopyFrom(mark)
    bare.ClearField("direction_id")
    return mark.WhichOneof("kind") or "", bare.SerializeToString(deterministic=True)


def _times(parts: list[RawPart], lengths: list[Fraction]) -> list[Fraction]:
    times = list(lengths)
    for part in parts:
        for event in part.events:
            times += (event.onset, event.duration)
        for direction in part.directions:
            times.append(min(direction.onset, lengths[direction.measure]))
        for line in part.lines:
            line.onset = min(line.onset, lengths[line.measure])
            times.append(line.onset)
        for clef in part.clefs:
            times.append(min(clef.onset, lengths[clef.measure]))
    return times

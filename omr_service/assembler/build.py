"""Writes a joined piece as a Score."""

from __future__ import annotations

import math
from fractions import Fraction

from etude.notation.measures import fill_with_hidden_rests
from etude.score.v1 import event_pb2, measure_pb2, page_pb2, pitch_pb2, provenance_pb2, score_pb2, spanner_pb2
from omr_service.assembler.build_marks import MarkWriter, region
from omr_service.assembler.draft import KEYBOARD, JoinedMeasure, Key, Place, ScoreDraft, TieReading
from omr_service.assembler.geometry import Barline
from omr_service.assembler.grace_notes import grace_target
from omr_service.assembler.measure_order import expected_length
from omr_service.assembler.music import Element, NoteSign
from omr_service.assembler.octave_ranges import StaffNote, range_of
from omr_service.assembler.piece_rhythm import DOUBTFUL
from omr_service.assembler.repair import add_missing_clefs, set_sounding
from omr_service.symbols import Box

SCHEMA_VERSION = "1.0.0"
NOTE_TYPES = {
    -4: event_pb2.NOTE_TYPE_LONG,
    -3: event_pb2.NOTE_TYPE_BREVE,
    -2: event_pb2.NOTE_TYPE_WHOLE,
    -1: event_pb2.NOTE_TYPE_HALF,
    0: event_pb2.NOTE_TYPE_QUARTER,
    1: event_pb2.NOTE_TYPE_EIGHTH,
    2: event_pb2.NOTE_TYPE_16TH,
    3: event_pb2.NOTE_TYPE_32ND,
    4: event_pb2.NOTE_TYPE_64TH,
    5: event_pb2.NOTE_TYPE_128TH,
    6: event_pb2.NOTE_TYPE_256TH,
}
STEPS = {letter: pitch_pb2.Step.Value(f"STEP_{letter}") for letter in "CDEFGAB"}
ACCIDENTALS = {
    "accidentalSharp": pitch_pb2.ACCIDENTAL_KIND_SHARP,
    "accidentalFlat": pitch_pb2.ACCIDENTAL_KIND_FLAT,
    "accidentalNatural": pitch_pb2.ACCIDENTAL_KIND_NATURAL,
    "accidentalDoubleSharp": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP,
    "accidentalDoubleFlat": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_FLAT,
    "accidentalNaturalSharp": pitch_pb2.ACCIDENTAL_KIND_NATURAL_SHARP,
    "accidentalNaturalFlat": pitch_pb2.ACCIDENTAL_KIND_NATURAL_FLAT,
    "accidentalSharpSharp": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP,
}
CLEFS = {"g": measure_pb2.CLEF_SIGN_G, "f": measure_pb2.CLEF_SIGN_F, "c": measure_pb2.CLEF_SIGN_C}
BAR_STYLES = {
    "L": measure_pb2.BARLINE_STYLE_REGULAR,
    "LL": measure_pb2.BARLINE_STYLE_LIGHT_LIGHT,
    "LH": measure_pb2.BARLINE_STYLE_LIGHT_HEAVY,
    "HL": measure_pb2.BARLINE_STYLE_HEAVY_LIGHT,
    "H": measure_pb2.BARLINE_STYLE_HEAVY,
    "HH": measure_pb2.BARLINE_STYLE_HEAVY_HEAVY,
    "LHL": measure_pb2.BARLINE_STYLE_LIGHT_HEAVY,
    "LHHL": measure_pb2.BARLINE_STYLE_LIGHT_HEAVY,
}
STEMS = {
    None: event_pb2.STEM_DIRECTION_UNSPECIFIED,
    True: event_pb2.STEM_DIRECTION_UP,
    False: event_pb2.STEM_DIRECTION_DOWN,
}


class ScoreWriter:
    """Writes one Score; ids are given at the end, in the order of the Score."""

    def __init__(self, draft: ScoreDraft) -> None:
        """Prepares for writing `draft`."""
        self.draft = draft
        self.score = score_pb2.Score(schema_version=SCHEMA_VERSION)
        self.events: dict[Key, event_pb2.Event] = {}
        self.notes: dict[Key, list[event_pb2.Note]] = {}
        self.note_events: dict[str, event_pb2.Event] = {}
        self.lost_ties: list[tuple[int, TieReading]] = []
        self.divisions = self._divisions()

    def write(self) -> score_pb2.Score:
        """The Score."""
        self.score.divisions = self.divisions
        self._parts()
        for i, measure in enumerate(self.draft.measures):
            self._measure(i, measure)
            self._events(i, measure)
        self._octave_lines()
        self._clefs()
        add_missing_clefs(self.score)
        self._ties()
        self._slurs()
        for measure in self.draft.measures:
            self._tuplets(measure)
            self._beams(measure)
            self._tremolos(measure)
        MarkWriter(self.draft, self.score, self.events, self._note_index()).write()
        self._metadata()
        self._pages()
        fill_with_hidden_rests(self.score)
        self._ids()
        self._doubts()
        return self.score

    def _metadata(self) -> None:
        """Title, composer and part names, from the first page that has them."""
        for page in self.draft.pages[:1]:
            titles = page.titles
            meta = self.score.metadata
            meta.title, meta.subtitle = titles.title, titles.subtitle
            meta.composer, meta.rights = titles.composer, titles.rights
            probe = self.draft.measures[0] if self.draft.measures else None
            for position, name in titles.part_names:
                if probe is None:
                    continue
                part_id, _ = self.draft.place(probe, position)
                part = next(p for p in self.score.parts if p.part_id == part_id)
                part.name = part.name or name.strip("[]")

    def _divisions(self) -> int:
        denominators = {1}
        for measure in self.draft.measures:
            denominators.add(measure.onset.denominator)
            denominators.add(measure.rhythm.length.denominator)
            for timing in measure.rhythm.timings.values():
                denominators.add(timing.onset.denominator)
                denominators.add(timing.duration.denominator)
        return math.lcm(*denominators)

    def ticks(self, quarters: Fraction) -> int:
        """Quarters as ticks."""
        return int(quarters * self.divisions)

    def _parts(self) -> None:
        for n in range(self.draft.other_parts):
            self.score.parts.add(part_id=f"P{n + 2}", role=score_pb2.PART_ROLE_OTHER, staff_count=1)
        self.score.parts.add(
            part_id=KEYBOARD, role=score_pb2.PART_ROLE_KEYBOARD, staff_count=self.draft.keyboard_staves
        )

    def _measure(self, index: int, joined: JoinedMeasure) -> None:
        out = self.score.measures.add()
        length = joined.rhythm.length
        out.onset_ticks = self.ticks(joined.onset)
        out.length_ticks = self.ticks(length)
        if joined.meter is not None:
            out.time_signature.beats.extend(joined.meter.beats)
            out.time_signature.beat_type = joined.meter.beat_type
            if joined.meter.symbol:
                out.time_signature.symbol = (
                    measure_pb2.TIME_SYMBOL_CUT if joined.meter.symbol == "cut" else measure_pb2.TIME_SYMBOL_COMMON
                )
        else:
            out.time_signature.beats.append(max(1, int(length)))
            out.time_signature.beat_type = 4
            out.time_signature.symbol = measure_pb2.TIME_SYMBOL_NONE
        out.time_signature_printed = joined.meter_printed
        out.key_signatures.add(fifths=joined.fifths)
        out.key_signature_printed = joined.key_printed
        expected = expected_length(joined.meter)
        out.implicit = expected is not None and length < expected and self._is_split(index)
        out.starts_system = joined.first_in_system and index > 0
        out.starts_page = joined.first_in_page and index > 0
        page = joined.page.page_number
        staves = [joined.system.system.staves[i] for i in joined.system.system.keyboard]
        box = Box(joined.signs.x0, staves[0].tops[0], joined.signs.x1, staves[-1].tops[-1])
        out.region.CopyFrom(region(page, box))
        fit = joined.rhythm
        out.confidence = 1.0 if fit.fits and fit.expected else max(0.2, 1.0 / (1.0 + fit.cost / 4))
        if joined.signs.left is not None:
            mark = joined.signs.left
            if mark.dots_right or mark.strokes.startswith("H"):
                self._barline(out.left_barline, mark, page, left=True)
        if joined.signs.right is not None:
            self._barline(out.right_barline, joined.signs.right, page, left=False)

    def _is_split(self, index: int) -> bool:
        """True for a pickup, and for the second part of a measure that a repeat splits."""
        if index == 0:
            return True
        measures = self.draft.measures
        this, before = measures[index], measures[index - 1]
        expected = expected_length(this.meter)
        return not (expected is None or before.rhythm.length + this.rhythm.length != expected)

    def _barline(self, out: measure_pb2.Barline, mark: Barline, page: int, left: bool) -> None:
        if mark.dashed:
            out.style = measure_pb2.BARLINE_STYLE_DASHED
        elif left:
            out.style = measure_pb2.BARLINE_STYLE_HEAVY_LIGHT
        elif mark.dots_right and not mark.dots_left:
            out.style = measure_pb2.BARLINE_STYLE_REGULAR
        else:
            out.style = BAR_STYLES.get(mark.strokes, measure_pb2.BARLINE_STYLE_REGULAR)
        if left and mark.dots_right:
            out.repeat = measure_pb2.REPEAT_DIRECTION_FORWARD
        if not left and mark.dots_left:
            out.repeat = measure_pb2.REPEAT_DIRECTION_BACKWARD
        out.region.CopyFrom(region(page, Box(mark.x0, mark.top, mark.x1, mark.bottom)))

    def _events(self, index: int, joined: JoinedMeasure) -> None:
        order: dict[tuple[int, int, bool], int] = {}
        for element in joined.signs.elements:
            timing = joined.rhythm.timings.get(element.index)
            event = event_pb2.Event(measure_index=index, confidence=element.confidence)
            if timing is not None:
                part, staff = self.draft.place(joined, timing.home)
                event.part_id, event.staff = part, staff
                event.voice = self._voice(part, staff, timing.voice)
                event.onset_ticks = self.ticks(joined.onset + timing.onset)
                event.duration_ticks = self.ticks(timing.duration)
                if timing.duration <= 0:
                    continue
                if not timing.whole_bar:
                    event.type = NOTE_TYPES[min(timing.level, 6)]
                    event.dots = timing.dots
                for actual, normal in timing.ratios:
                    event.tuplet_ratios.add(actual=actual, normal=normal)
            else:
                self._grace(event, joined, element, order)
            event.stem = STEMS[element.up]
            event.tremolo_strokes = element.tremolo
            if not element.copied:
                event.region.CopyFrom(region(joined.page.page_number, element.box))
            if element.is_rest:
                event.rest.whole_measure = timing is not None and timing.whole_bar
            for note in element.notes:
                self._note(event, joined, note, element.copied)
            self.events[joined.key(element.index)] = self._add(event)

    def _add(self, event: event_pb2.Event) -> event_pb2.Event:
        """Appends an event; the id is provisional."""
        added = self.score.events.add()
        added.CopyFrom(event)
        added.event_id = f"e{len(self.score.events)}"
        return added

    def _grace(
        self, event: event_pb2.Event, joined: JoinedMeasure, element: Element, order: dict[tuple[int, int, bool], int]
    ) -> None:
        target, after = grace_target(joined, element)
        event.type = NOTE_TYPES[max(min(element.level, 6), -2)]
        event.dots = element.dots
        event.grace.slash = element.slash
        event.grace.after = after
        if target is None:
            event.part_id, event.staff = self.draft.place(joined, element.staff)
            event.voice = self._voice(event.part_id, event.staff, 1)
            event.onset_ticks = self.ticks(joined.onset)
            target_index = -1
        else:
            timing = joined.rhythm.timings[target.index]
            event.part_id, event.staff = self.draft.place(joined, timing.home)
            event.voice = self._voice(event.part_id, event.staff, timing.voice)
            event.onset_ticks = self.ticks(joined.onset + timing.onset)
            target_index = target.index
        key = (target_index, event.voice, after)
        event.grace.order = order.get(key, 0)
        order[key] = event.grace.order + 1

    def _voice(self, part: str, staff: int, voice: int) -> int:
        """Number of a voice within its part: four to a staff, more than that above those of all staves."""
        if part != KEYBOARD:
            return voice
        block, within = divmod(voice - 1, 4)
        return 4 * self.draft.keyboard_staves * block + 4 * (staff - 1) + within + 1

    def _doubts(self) -> None:
        """Says which measures did not add up."""
        for index, (joined, measure) in enumerate(zip(self.draft.measures, self.score.measures, strict=True)):
            fit = joined.rhythm
            ordinary = joined.rhythm.expected or measure.implicit or index in (0, len(self.draft.measures) - 1)
            if fit.fits and ordinary and fit.cost < DOUBTFUL:
                continue
            if fit.cost < DOUBTFUL and fit.expected:
                continue  # a voice whose rests are left out
            what = "its voices do not add up" if not fit.fits else "it is not as long as its meter says"
            self.score.doubts.add(
                kind=provenance_pb2.DOUBT_KIND_MEASURE_LENGTH
                if not fit.fits or not fit.expected
                else provenance_pb2.DOUBT_KIND_ALIGNMENT,
                message=f"Measure {measure.number}: {what}.",
                measure_index=index,
                region=measure.region,
            )

        for index, tie in self.lost_ties:
            page, curve = tie.curve
            self.score.doubts.add(
                kind=provenance_pb2.DOUBT_KIND_OPEN_SPANNER,
                message=f"Measure {self.score.measures[index].number}: a tie was left out, "
                "for the notes at its ends are not of one pitch.",
                measure_index=index,
                region=region(page, curve.box),
            )

    def _note(self, event: event_pb2.Event, joined: JoinedMeasure, sign: NoteSign, copied: bool) -> None:
        key = joined.key(sign.head)
        pitch = self.draft.pitches[key]
        note = event.notes.add()
        note.pitch.step = STEPS[pitch.letter]
        note.pitch.alter = pitch.alter
        note.pitch.octave = pitch.octave
        if sign.accidental is not None:
            note.accidental.kind = ACCIDENTALS[sign.accidental.name]
            note.accidental.parenthesized = sign.accidental.parenthesized
        note.staff = self.draft.place(joined, sign.staff)[1]
        if "Diamond" in sign.name:
            note.notehead = event_pb2.NOTEHEAD_DIAMOND
        elif sign.name.startswith("noteheadX"):
            note.notehead = event_pb2.NOTEHEAD_X
        elif "Slash" in sign.name:
            note.notehead = event_pb2.NOTEHEAD_SLASH
        elif "Triangle" in sign.name:
            note.notehead = event_pb2.NOTEHEAD_TRIANGLE
        if not copied:
            note.region.CopyFrom(region(joined.page.page_number, sign.box))
        note.confidence = sign.confidence
        # provisional id, unique for a head that two voices share
        note.note_id = f"{joined.page.page_number}/{sign.head}/{len(self.score.events)}"

    def _clefs(self) -> None:
        for change in self.draft.clefs:
            measure = self.draft.measures[change.measure]
            clef = self.score.clefs.add()
            clef.part_id, clef.staff = change.place
            clef.measure_index = change.measure
            clef.onset_ticks = self.ticks(measure.onset + change.onset)
            clef.sign = CLEFS[change.sign.sign]
            clef.line = change.sign.line
            clef.octave_change = change.sign.octave
            clef.region.CopyFrom(region(change.page, change.sign.box))
            clef.confidence = change.sign.confidence

    def _note_index(self) -> dict[Key, list[tuple[event_pb2.Event, event_pb2.Note]]]:
        result: dict[Key, list[tuple[event_pb2.Event, event_pb2.Note]]] = {}
        for event in self.score.events:
            for note in event.notes:
                page, head, _ = note.note_id.split("/")
                result.setdefault((int(page), int(head)), []).append((event, note))
        return result

    def _ties(self) -> None:
        index = self._note_index()
        for tie in self.draft.ties:
            starts = index.get(tie.start, []) if tie.start else []
            ends = index.get(tie.end, []) if tie.end else []
            pairs = [
                (s, e)
                for s in starts
                for e in ends
                if s[0].onset_ticks + s[0].duration_ticks == e[0].onset_ticks or s[0].HasField("grace")
            ] or [(s, e) for s in starts[:1] for e in ends[:1]]
            pairs.sort(key=lambda p: (p[0][0].voice != p[1][0].voice, p[0][0].duration_ticks))
            for (event, note), (other, end) in pairs[:1]:
                if note.midi_pitch != end.midi_pitch:
                    self.lost_ties.append((event.measure_index, tie))
                    continue
                spanner = self._spanner(event, event.onset_ticks, other.onset_ticks, [tie.curve])
                spanner.tie.SetInParent()
                spanner.start_note_id, spanner.end_note_id = note.note_id, end.note_id

    def _spanner(
        self, event: event_pb2.Event, start: int, end: int, curves: list[tuple[int, object]]
    ) -> spanner_pb2.Spanner:
        spanner = self.score.spanners.add()
        spanner.part_id, spanner.staff = event.part_id, event.staff
        spanner.start_ticks, spanner.end_ticks = start, max(start, end)
        spanner.confidence = 1.0
        for page, curve in curves:
            box = getattr(curve, "box")  # noqa: B009
            spanner.regions.append(region(page, box))
            spanner.placement = spanner_pb2.PLACEMENT_ABOVE if curve.above else spanner_pb2.PLACEMENT_BELOW  # type: ignore[attr-defined]
        return spanner

    def _slurs(self) -> None:
        for slur in self.draft.slurs:
            start, end = self.events.get(slur.start), self.events.get(slur.end)
            if start is None or end is None:
                continue
            if end.onset_ticks < start.onset_ticks:
                start, end = end, start
            spanner = self._spanner(start, start.onset_ticks, end.onset_ticks, list(slur.curves))
            spanner.slur.SetInParent()
            spanner.event_ids.extend([start.event_id, end.event_id])

    def _tuplets(self, joined: JoinedMeasure) -> None:
        for tuplet, run_index in zip(joined.tuplets, joined.rhythm.runs, strict=False):
            if run_index < 0:
                continue
            run = tuplet.options[run_index]
            members = [self.events[joined.key(m)] for m in run if joined.key(m) in self.events]
            if not members:
                continue
            timing = joined.rhythm.timings[run[0]]
            pair = next((r for r in timing.ratios if r[0] == tuplet.number), (tuplet.number, 2))
            spanner = self._members(members)
            spanner.tuplet.ratio.actual, spanner.tuplet.ratio.normal = pair
            spanner.tuplet.number_printed = True
            spanner.tuplet.bracket_printed = tuplet.bracket
            spanner.tuplet.depth = timing.ratios.index(pair) if pair in timing.ratios else 0
            spanner.regions.append(region(joined.page.page_number, tuplet.box))
        for run, pair in joined.rhythm.unmarked:
            members = [self.events[joined.key(m)] for m in run if joined.key(m) in self.events]
            if members:
                spanner = self._members(members)
                spanner.tuplet.ratio.actual, spanner.tuplet.ratio.normal = pair
                spanner.confidence = 0.7

    def _octave_lines(self) -> None:
        """Octave lines over the time of the notes they reach, and with them the keys that all notes sound at."""
        notes: dict[tuple[int, int, int], list[StaffNote]] = {}
        places: dict[tuple[int, int, int], Place] = {}
        for joined in self.draft.measures:
            for element in joined.signs.elements:
                event = self.events.get(joined.key(element.index))
                if event is None:
                    continue
                for n in element.notes:
                    staff = (joined.page.page_number, joined.system.system.index, n.staff)
                    places[staff] = self.draft.place(joined, n.staff)
                    note = StaffNote((n.box.x0 + n.box.x1) / 2, event.onset_ticks, event.duration_ticks)
                    notes.setdefault(staff, []).append(note)
        for page in self.draft.pages:
            spaces = {s.system.index: s.system.space for s in page.systems}
            for sign in page.octaves:
                staff = (page.page_number, sign.system, sign.staff)
                held = range_of(sign, notes.get(staff, []), spaces[sign.system])
                if held is None:
                    continue
                spanner = self.score.spanners.add(confidence=1.0)
                spanner.part_id, spanner.staff = places[staff]
                spanner.start_ticks, spanner.end_ticks = held
                spanner.octave_line.octaves = sign.octaves
                spanner.placement = spanner_pb2.PLACEMENT_ABOVE if sign.octaves > 0 else spanner_pb2.PLACEMENT_BELOW
                spanner.regions.append(region(page.page_number, sign.box))
        set_sounding(self.score)

    def _members(self, members: list[event_pb2.Event]) -> spanner_pb2.Spanner:
        members = sorted(members, key=lambda e: (e.onset_ticks, e.event_id))
        end = max(e.onset_ticks + e.duration_ticks for e in members)
        spanner = self._spanner(members[0], members[0].onset_ticks, end, [])
        spanner.event_ids.extend(e.event_id for e in members)
        return spanner

    def _beams(self, joined: JoinedMeasure) -> None:
        groups: dict[int, list[Element]] = {}
        for element in joined.signs.elements:
            if element.beam >= 0:
                groups.setdefault(element.beam, []).append(element)
        for group in groups.values():
            keys = [joined.key(e.index) for e in sorted(group, key=lambda e: e.x)]
            members = [self.events[k] for k in keys if k in self.events]
            if len(members) < 2:
                continue
            end = max(e.onset_ticks + e.duration_ticks for e in members)
            spanner = self._spanner(members[0], members[0].onset_ticks, end, [])
            spanner.event_ids.extend(e.event_id for e in members)
            spanner.beam_group.SetInParent()

    def _tremolos(self, joined: JoinedMeasure) -> None:
        """Tremolos between two chords."""
        for element in joined.signs.elements:
            first, last = self.events.get(joined.key(element.index)), self.events.get(joined.key(element.partner))
            if first is None or last is None or first.onset_ticks >= last.onset_ticks:
                continue
            spanner = self._spanner(first, first.onset_ticks, last.onset_ticks + last.duration_ticks, [])
            spanner.event_ids.extend([first.event_id, last.event_id])
            spanner.tremolo_between.strokes = element.between

    def _pages(self) -> None:
        first = 0
        for page in self.draft.pages:
            out = self.score.pages.add(
                page_number=page.page_number,
                width=page.width,
                height=page.height,
                rotation=page.rotation,
                status=page_pb2.PAGE_STATUS_READ,
            )
            for signs in page.systems:
                if not signs.measures:
                    continue  # staves without a barline or a note between them: no measure says whose they are
                system = out.systems.add(first_measure_index=first, measure_count=len(signs.measures))
                first += len(signs.measures)
                staves = signs.system.staves
                box = Box(signs.system.x0, staves[0].tops[0], signs.system.x1, staves[-1].tops[-1])
                system.region.CopyFrom(region(page.page_number, box))
                probe = next((m for m in self.draft.measures if m.system is signs), None)
                for position, staff in enumerate(staves):
                    entry = system.staves.add(staff_space=staff.space)
                    if probe is not None:
                        entry.part_id, entry.staff = self.draft.place(probe, position)
                    extent = Box(staff.x0, staff.tops[0], staff.x1, staff.tops[-1])
                    entry.region.CopyFrom(region(page.page_number, extent))
        # the document's order, which need not be the one in which they are played
        self.score.pages.sort(key=lambda page: page.page_number)

    def _ids(self) -> None:
        """Gives ids in the order of the Score and rewrites references."""
        events: dict[str, str] = {}
        notes: dict[str, str] = {}
        for n, event in enumerate(self.score.events):
            events[event.event_id] = f"e{n + 1}"
            event.event_id = f"e{n + 1}"
            for note in event.notes:
                notes[note.note_id] = f"n{len(notes) + 1}"
                note.note_id = notes[note.note_id]
        for n, measure in enumerate(self.score.measures):
            measure.measure_id = f"m{n + 1}"
        for n, clef in enumerate(self.score.clefs):
            clef.clef_id = f"c{n + 1}"
        for n, spanner in enumerate(self.score.spanners):
            spanner.spanner_id = f"s{n + 1}"
            members = [events[i] for i in spanner.event_ids]
            del spanner.event_ids[:]
            spanner.event_ids.extend(members)
            if spanner.start_note_id:
                spanner.start_note_id = notes[spanner.start_note_id]
            if spanner.end_note_id:
                spanner.end_note_id = notes[spanner.end_note_id]
        for n, direction in enumerate(self.score.directions):
            direction.direction_id = f"d{n + 1}"
            if direction.event_id:
                direction.event_id = events[direction.event_id]
            if direction.note_id:
                direction.note_id = notes[direction.note_id]
        number = 0 if self.score.measures and self.score.measures[0].implicit else 1
        for measure in self.score.measures:
            if measure.implicit and measure is not self.score.measures[0]:
                measure.number = f"X{number}"
                continue
            measure.number = str(number)
            number += 1


def write_score(draft: ScoreDraft) -> score_pb2.Score:
    """The Score of a joined piece."""
    return ScoreWriter(draft).write()

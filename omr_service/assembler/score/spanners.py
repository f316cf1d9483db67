"""Writes what reaches over several notes into the Score of a piece: octave lines, ties, slurs, tuplets, beams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etude.score.v1 import event_pb2, score_pb2, spanner_pb2
from omr_service.assembler.music import CurveSign, Element
from omr_service.assembler.piece.draft import JoinedMeasure, Key, Place, ScoreDraft, TieReading
from omr_service.assembler.piece.octave_ranges import StaffNote, range_of
from omr_service.assembler.score.places import NoteIndex, region
from omr_service.assembler.score.repair import set_sounding


class SpannerWriter:
    """Writes spanners into a Score whose events are there already.

    Attributes:
        lost_ties: Ties left out, for their ends are not of one pitch, with the index of the measure they begin in.
    """

    def __init__(
        self, draft: ScoreDraft, score: score_pb2.Score, events: Mapping[Key, event_pb2.Event], notes: NoteIndex
    ) -> None:
        """Prepares for writing.

        Args:
            draft: The joined piece.
            score: Its Score so far.
            events: Events by page number and element.
            notes: Notes with their events by page number and head.
        """
        self.draft, self.score, self.events, self.notes = draft, score, events, notes
        self.lost_ties: list[tuple[int, TieReading]] = []

    def write(self) -> None:
        """Writes all spanners but octave lines: ties depend on the pitches that those change."""
        self._ties()
        self._slurs()
        for measure in self.draft.measures:
            self._tuplets(measure)
            self._beams(measure)
            self._tremolos(measure)

    def write_octave_lines(self) -> None:
        """Octave lines over the time of the notes they reach, and with them the keys that all notes sound at."""
        notes: dict[tuple[int, int, int], list[StaffNote]] = {}
        rests: dict[tuple[int, int, int], list[StaffNote]] = {}
        places: dict[tuple[int, int, int], Place] = {}
        for joined in self.draft.measures:
            for element in joined.signs.elements:
                event = self.events.get(joined.key(element.index))
                if event is None:
                    continue
                if not element.notes and not event.rest.hidden:
                    x = (element.x + element.x1) / 2
                    staff = (joined.page.page_number, joined.system.system.index, element.staff)
                    rests.setdefault(staff, []).append(StaffNote(x, event.onset_ticks, event.duration_ticks))
                for n in element.notes:
                    staff = (joined.page.page_number, joined.system.system.index, n.staff)
                    places[staff] = self.draft.place(joined, n.staff)
                    note = StaffNote((n.box.x0 + n.box.x1) / 2, event.onset_ticks, event.duration_ticks)
                    notes.setdefault(staff, []).append(note)
        lines: dict[tuple[Place, int], spanner_pb2.Spanner] = {}
        onsets = [measure.onset_ticks for measure in self.score.measures]
        breaks = {onset for onset, joined in zip(onsets, self.draft.measures, strict=True) if joined.first_in_system}
        for page in self.draft.pages:
            spaces = {s.system.index: s.system.space for s in page.systems}
            for sign in page.octaves:
                staff = (page.page_number, sign.system, sign.staff)
                held = range_of(sign, notes.get(staff, []), rests.get(staff, []), spaces[sign.system])
                if held is None:
                    continue
                before = lines.get((places[staff], sign.octaves))
                if before is not None and held[0] == before.end_ticks and held[0] in breaks:
                    # what goes on where a system begins is the line of the system before
                    before.end_ticks = held[1]
                    before.regions.append(region(page.page_number, sign.box))
                    continue
                spanner = self.score.spanners.add(confidence=1.0)
                lines[places[staff], sign.octaves] = spanner
                spanner.part_id, spanner.staff = places[staff]
                spanner.start_ticks, spanner.end_ticks = held
                spanner.octave_line.octaves = sign.octaves
                spanner.placement = spanner_pb2.PLACEMENT_ABOVE if sign.octaves > 0 else spanner_pb2.PLACEMENT_BELOW
                spanner.regions.append(region(page.page_number, sign.box))
        set_sounding(self.score)

    def _ties(self) -> None:
        index = self.notes
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
            # of those the number may span, some may have turned out to sound at no time of their own
            run = tuple(m for m in tuplet.options[run_index] if m in joined.rhythm.timings)
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

    def _members(self, members: list[event_pb2.Event]) -> spanner_pb2.Spanner:
        members = sorted(members, key=lambda e: (e.onset_ticks, e.event_id))
        end = max(e.onset_ticks + e.duration_ticks for e in members)
        spanner = self._spanner(members[0], members[0].onset_ticks, end, [])
        spanner.event_ids.extend(e.event_id for e in members)
        return spanner

    def _spanner(
        self, event: event_pb2.Event, start: int, end: int, curves: Sequence[tuple[int, CurveSign]]
    ) -> spanner_pb2.Spanner:
        spanner = self.score.spanners.add()
        spanner.part_id, spanner.staff = event.part_id, event.staff
        spanner.start_ticks, spanner.end_ticks = start, max(start, end)
        spanner.confidence = 1.0
        for page, curve in curves:
            spanner.regions.append(region(page, curve.box))
            spanner.placement = spanner_pb2.PLACEMENT_ABOVE if curve.above else spanner_pb2.PLACEMENT_BELOW
        return spanner

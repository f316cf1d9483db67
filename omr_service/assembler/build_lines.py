"""Writes what is drawn as a line over some time into a Score: hairpins, pedals, long trills, glissandi; and notes that
are left to ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etude.score.v1 import event_pb2, score_pb2, spanner_pb2
from omr_service.assembler.build_places import NoteIndex, region
from omr_service.assembler.build_times import Times
from omr_service.assembler.draft import Key
from omr_service.assembler.music import CurveSign, MarkSign, PageMusic
from omr_service.symbols import Box

LINES = ("hairpin", "pedal", "trill_line", "glissando")
"""Kinds of marks that `LineWriter` writes."""
PLACEMENTS = {True: spanner_pb2.PLACEMENT_ABOVE, False: spanner_pb2.PLACEMENT_BELOW}
AT_EDGE = 0.15
"""Spaces from the right edge of a note up to which a hairpin ends there."""
MOST_AT_EDGES = 0.5
"""Share of a piece's hairpins that end so from which on that is how they are drawn (LilyPond), and no chance."""
_Drawn = tuple[int, MarkSign, spanner_pb2.Spanner]
"""A line that may go on: the page and the mark of its last part, and its spanner."""


class LineWriter:
    """Writes lines, in the order of the page, into a Score whose events are there already."""

    def __init__(
        self, score: score_pb2.Score, events: Mapping[Key, event_pb2.Event], notes: NoteIndex, times: Times
    ) -> None:
        """Prepares for writing.

        Args:
            score: The Score so far.
            events: Events by page number and element.
            notes: Notes with their events by page number and head.
            times: Its moments.
        """
        self.score, self.events, self.notes, self.times = score, events, notes, times
        self.hairpins: dict[tuple[str, str, int], _Drawn] = {}
        self.trills: dict[tuple[str, int], tuple[_Drawn, int]] = {}
        self.pedal: spanner_pb2.Spanner | None = None
        self.centred = self.star_under = self.at_edges = False

    def look_at(self, pages: Sequence[PageMusic]) -> None:
        """Finds out what differs between engravers.

        Signs for the pedal begin at their notes, as most have it, or stand centred under them; stars stand so, or end
        before the next note; hairpins end with the note at whose right edge they end, or at its onset.
        """
        left, middle = 0.0, 0.0
        before, under = 0.0, 0.0
        at_edges = hairpins = 0
        for page in pages:
            for mark in page.marks:
                moments = self.times.moments.get((page.page_number, mark.system), [])
                if mark.kind not in ("pedal", "hairpin") or not moments:
                    continue
                space = self.times.space(page.page_number, mark.system)
                if mark.kind == "pedal" and mark.name == "down" and not mark.detail:
                    left += min(abs(m.x - 0.6 * space - mark.x0) for m in moments)
                    middle += min(abs(m.x - (mark.x0 + mark.x1) / 2) for m in moments)
                elif mark.kind == "pedal" and mark.name == "up" and not mark.detail:
                    before += min(abs(m.x - 0.6 * space - mark.x1) for m in moments)
                    under += min(abs(m.x - (mark.x0 + mark.x1) / 2) for m in moments)
                elif mark.kind == "hairpin" and not self.times.ends_at_barline(page.page_number, mark):
                    hairpins += 1
                    at_edges += any(abs(m.x1 - mark.x1) < AT_EDGE * space for m in moments)
        self.centred, self.star_under = middle < left, under < before
        self.at_edges = at_edges > MOST_AT_EDGES * hairpins

    def write(self, page: int, mark: MarkSign) -> None:
        """Writes one mark of the kinds in `LINES`."""
        if mark.kind == "hairpin":
            self._hairpin(page, mark)
        elif mark.kind == "pedal":
            self._pedal(page, mark)
        elif mark.kind == "trill_line":
            self._trill(page, mark)
        else:
            self._glissando(page, mark)

    def write_ringing(self, page: int, curve: CurveSign) -> None:
        """Writes a note that a curve leaves to ring."""
        for event, note in self.notes.get((page, curve.ringing), [])[:1]:
            self._ring(page, event, note, curve.box, curve.above)

    def write_ringing_sign(self, page: int, mark: MarkSign) -> None:
        """Writes the notes of a chord that a sign leaves to ring."""
        event = self.events.get((page, mark.element))
        if event is not None:
            for note in event.notes:
                self._ring(page, event, note, mark.box, mark.above)

    def _ring(self, page: int, event: event_pb2.Event, note: event_pb2.Note, box: Box, above: bool) -> None:
        end = event.onset_ticks + event.duration_ticks
        spanner = self._spanner(event.part_id, note.staff, event.onset_ticks, end, page, box, above)
        spanner.tie.laissez_vibrer = True
        spanner.start_note_id = note.note_id

    def _spanner(
        self, part: str, staff: int, start: int, end: int, page: int, box: Box, above: bool
    ) -> spanner_pb2.Spanner:
        spanner = self.score.spanners.add(part_id=part, staff=max(staff, 1), start_ticks=start, end_ticks=end)
        spanner.placement = PLACEMENTS[above]
        spanner.regions.append(region(page, box))
        spanner.confidence = 1.0
        return spanner

    def _hairpin(self, page: int, mark: MarkSign) -> None:
        _, start = self.times.moment(page, mark.system, mark.x0 + 0.5)
        end = self.times.end_moment(page, mark.system, mark.x1)
        if self.at_edges:
            slack = AT_EDGE * self.times.space(page, mark.system)
            moments = self.times.moments.get((page, mark.system), [])
            at = [m.start for m in moments if abs(m.x1 - mark.x1) < slack and m.start > start]
            end = min(at, default=end)
        if end <= start:
            return
        part, staff = self.times.place(page, mark)
        before = self.hairpins.get((mark.name, part, staff))
        # a crescendo's rest does not begin in a point, nor does a diminuendo end in one that is not its last part
        pointed = before is not None and "open" not in (mark if mark.name == "crescendo" else before[1]).detail
        if before is not None and not pointed and self._goes_on(before, page, mark):
            before[2].end_ticks = end
            before[2].regions.append(region(page, mark.box))
            self.hairpins[mark.name, part, staff] = page, mark, before[2]
            return
        spanner = self._spanner(part, staff, start, end, page, mark.box, mark.above)
        self.hairpins[mark.name, part, staff] = page, mark, spanner
        rising = mark.name == "crescendo"
        spanner.hairpin.kind = spanner_pb2.HAIRPIN_KIND_CRESCENDO if rising else spanner_pb2.HAIRPIN_KIND_DIMINUENDO

    def _goes_on(self, drawn: _Drawn, page: int, rest: MarkSign) -> bool:
        """Whether a line that reaches to the end of a system goes on before the first note of the next."""
        last_page, mark, spanner = drawn
        if not self.times.follow(last_page, mark.system, page, rest.system):
            return False
        first = min((m.x for m in self.times.moments.get((page, rest.system), [])), default=0.0)
        last = self.score.measures[self.times.measures[last_page, mark.system][-1][0]]
        reaches = spanner.end_ticks >= last.onset_ticks + last.length_ticks
        return reaches and rest.x0 < first + self.times.space(page, rest.system)

    def _pedal(self, page: int, mark: MarkSign) -> None:
        """Presses the pedal at a sign or line for down, releases it at the next for up, notes changes in a line."""
        down = (mark.x0 + mark.x1) / 2 if self.centred else mark.x0
        up = (mark.x0 + mark.x1) / 2 if self.star_under else mark.x1
        _, at = self.times.moment(page, mark.system, up if mark.name == "up" else down)
        before = self.pedal
        if mark.name == "change" and before is not None:
            before.pedal.change_ticks.append(at)
            return
        if before is not None:
            if mark.name == "up" and (mark.detail or at <= before.start_ticks):  # a line; or under one long note, say
                at = self.times.end_moment(page, mark.system, mark.x1)
            before.end_ticks = max(at, before.start_ticks)
            before.pedal.open_ended = False
            if mark.name == "up":
                before.regions.append(region(page, mark.box))
        self.pedal = None
        if mark.name == "up":
            return
        part, staff = self.times.place(page, mark)
        end = self.score.measures[-1].onset_ticks + self.score.measures[-1].length_ticks
        self.pedal = self._spanner(part, staff, at, end, page, mark.box, False)
        self.pedal.pedal.open_ended = True
        self.pedal.pedal.line = bool(mark.detail)

    def _trill(self, page: int, mark: MarkSign) -> None:
        part, staff = self.times.place(page, mark)
        here = [m for m in self.times.moments.get((page, mark.system), []) if m.event.part_id == part]
        covered = [m for m in here if m.event.notes and m.event.notes[0].staff == staff and m.x < mark.x1]
        event = self.events.get((page, mark.element))
        before = self.trills.get((part, staff))
        if event is None and before is not None and self._goes_on(before[0], page, mark):
            (_, _, spanner), voice = before
            own = [m.event for m in covered if m.event.voice == voice]
            if own:
                del spanner.event_ids[1:]
                spanner.event_ids.append(own[-1].event_id)
                spanner.end_ticks = own[-1].onset_ticks + own[-1].duration_ticks
            spanner.regions.append(region(page, mark.box))
            return
        if event is None:
            near = [m for m in covered if m.x > mark.x0 - 2 * self.times.space(page, mark.system)]
            if not near:
                return
            event = near[0].event
        own = [m.event for m in covered if m.event.voice == event.voice and m.event.onset_ticks >= event.onset_ticks]
        last = own[-1] if own else event
        end = last.onset_ticks + last.duration_ticks
        spanner = self._spanner(event.part_id, staff, event.onset_ticks, end, page, mark.box, mark.above)
        spanner.trill_line.SetInParent()
        spanner.event_ids.extend(dict.fromkeys((event.event_id, last.event_id)))
        self.trills[part, staff] = (page, mark, spanner), event.voice

    def _glissando(self, page: int, mark: MarkSign) -> None:
        first, last = self.events.get((page, mark.element)), self.events.get((page, int(mark.detail)))
        if first is None or last is None or first.onset_ticks > last.onset_ticks:
            return
        end = last.onset_ticks + last.duration_ticks
        spanner = self._spanner(first.part_id, first.staff, first.onset_ticks, end, page, mark.box, False)
        spanner.glissando.wavy = mark.name == "wavy"
        spanner.event_ids.extend((first.event_id, last.event_id))

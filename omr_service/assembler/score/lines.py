"""Writes what is drawn as a line over some time into a Score: hairpins, pedals, long trills, glissandi; and notes that
are left to ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etude.score.v1 import event_pb2, score_pb2, spanner_pb2
from omr_service.assembler.geometry import center
from omr_service.assembler.music import CurveSign, MarkSign, PageMusic
from omr_service.assembler.piece.draft import Key
from omr_service.assembler.score.places import NoteIndex, region
from omr_service.assembler.score.times import Times
from omr_service.symbols import Box

LINES = ("hairpin", "pedal", "trill_line", "glissando")
"""Kinds of marks that `LineWriter` writes."""
PLACEMENTS = {True: spanner_pb2.PLACEMENT_ABOVE, False: spanner_pb2.PLACEMENT_BELOW}
AT_EDGE = 0.15
"""Spaces from the right edge of a note up to which a hairpin ends there."""
EXACT = 0.05
"""The same where it is counted how a piece's hairpins end; half of them end so where that is how they are drawn
(LilyPond), and no chance."""
AT_DYNAMIC = 0.75
"""Spaces at most from a hairpin to the dynamic before which it ends."""
PUSHED = (0.55, 1.2)
"""Spaces at most from a dynamic to a hairpin that makes room for it, and to one that begins at no note."""
AT_HEAD = (0.5, 0.8)
"""Spaces from the left end of a hairpin that begins at a note to the middle of its head."""
AT_STAR, AT_BARLINE = 0.6, 0.4
"""Spaces from the right end of a star to the middle of the note, or to the barline, that it stands before."""
REACHED = 0.15
"""Spaces by which a hairpin may fall short of the middle of a note that it holds for."""
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
        self.hairpins: dict[tuple[str, str, int], list[_Drawn]] = {}
        self.trills: dict[tuple[str, int], tuple[_Drawn, int]] = {}
        self.pedal: spanner_pb2.Spanner | None = None
        self.changed: Box | None = None
        self.dynamics: dict[tuple[int, int], list[Box]] = {}
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
                if mark.kind == "dynamic":
                    self.dynamics.setdefault((page.page_number, mark.system), []).append(mark.box)
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
                elif mark.kind == "hairpin" and not self._ends_at_sign(page.page_number, mark):
                    hairpins += 1
                    at_edges += any(abs(m.x1 - mark.x1) < EXACT * space for m in moments)
        self.centred, self.star_under = middle < left, under < before
        self.at_edges = 2 * at_edges >= hairpins > 0

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
        start, end = self._held(page, mark)
        if end <= start:
            return
        part, staff = self.times.place(page, mark)
        rising = mark.name == "crescendo"
        drawn = self.hairpins.setdefault((mark.name, part, staff), [])
        for before in reversed(drawn):
            # a crescendo's rest does not begin in a point, nor does a diminuendo end in one that is not its last part
            pointed = "open" not in (mark if rising else before[1]).detail
            if not pointed and self._goes_on(before, page, mark):
                before[2].end_ticks = end
                before[2].regions.append(region(page, mark.box))
                drawn.remove(before)
                drawn.append((page, mark, before[2]))
                return
        lower = self._is_of_lower_staff(page, mark, end)
        spanner = self._spanner(part, staff + lower, start, end, page, mark.box, mark.above or lower)
        drawn.append((page, mark, spanner))
        spanner.hairpin.kind = spanner_pb2.HAIRPIN_KIND_CRESCENDO if rising else spanner_pb2.HAIRPIN_KIND_DIMINUENDO

    def _held(self, page: int, mark: MarkSign) -> tuple[int, int]:
        """Ticks at which a hairpin begins and ends, which is when a dynamic begins that takes its place."""
        space = self.times.space(page, mark.system)
        moments = self.times.moments.get((page, mark.system), [])
        pushing = self._dynamic_before(page, mark)
        _, start = self.times.moment(page, mark.system, center(pushing)[0] if pushing else mark.x0 + 0.5)
        following = self._dynamic_after(page, mark)
        if following is not None:
            _, end = self.times.moment(page, mark.system, center(following)[0])
            if end > start:
                return start, end
        end = self.times.end_moment(page, mark.system, mark.x1 + REACHED * space)
        if self.at_edges:
            at = [m.start for m in moments if abs(m.x1 - mark.x1) < AT_EDGE * space and m.start > start]
            end = min(at, default=end)
        return start, end

    def _row(self, page: int, mark: MarkSign) -> list[Box]:
        """The dynamics on the level of a hairpin."""
        level, space = center(mark.box)[1], self.times.space(page, mark.system)
        return [box for box in self.dynamics.get((page, mark.system), []) if abs(center(box)[1] - level) < space]

    def _dynamic_before(self, page: int, mark: MarkSign) -> Box | None:
        """The dynamic that stands where a hairpin would begin."""
        space = self.times.space(page, mark.system)
        low, high = (edge * space for edge in AT_HEAD)
        at_head = any(low < m.x - mark.x0 < high for m in self.times.moments.get((page, mark.system), []))
        reach = PUSHED[0 if at_head else 1] * space
        return max((b for b in self._row(page, mark) if abs(mark.x0 - b.x1) < reach), key=lambda b: b.x1, default=None)

    def _dynamic_after(self, page: int, mark: MarkSign) -> Box | None:
        """The dynamic that a hairpin leads to."""
        reach = AT_DYNAMIC * self.times.space(page, mark.system)
        return min((b for b in self._row(page, mark) if abs(b.x0 - mark.x1) < reach), key=lambda b: b.x0, default=None)

    def _ends_at_sign(self, page: int, mark: MarkSign) -> bool:
        """Whether a barline or a dynamic decides where a hairpin ends."""
        return self.times.ends_at_barline(page, mark) or self._dynamic_after(page, mark) is not None

    def _is_of_lower_staff(self, page: int, mark: MarkSign, end: int) -> bool:
        """Whether a hairpin between the staves of the keyboard ends with a note of the lower staff and none of the
        upper; there are programs in which a hairpin must end with a note of its staff."""
        own = self.times.measures[page, mark.system][0][1].system.system
        if mark.above or mark.staff not in own.keyboard[:-1]:
            return False
        staff = own.keyboard.index(mark.staff) + 1
        ending = {m.event.staff for m in self.times.moments[page, mark.system] if m.end == end}
        return staff not in ending and staff + 1 in ending

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
        if mark.name == "up" and not mark.detail:
            if self.changed is not None and self.changed.x0 <= (mark.x0 + mark.x1) / 2 <= self.changed.x1:
                return  # the star of a pedal that is pressed again, behind the sign for that
            if not self.star_under:
                at = self._released(page, mark, at)
        if mark.name == "change" and before is not None:
            before.pedal.change_ticks.append(at)
            return
        if before is not None and mark.name == "down" and at == before.start_ticks:
            return  # told under either staff
        if before is not None:
            if mark.name == "up" and (mark.detail or at <= before.start_ticks):  # a line; or under one long note, say
                at = self.times.end_moment(page, mark.system, mark.x1)
            before.end_ticks = max(at, before.start_ticks)
            before.pedal.open_ended = False
            if mark.name == "up":
                before.regions.append(region(page, mark.box))
        self.pedal = None
        self.changed = mark.box if before is not None and mark.name == "down" else None
        if mark.name == "up":
            return
        part, staff = self.times.place(page, mark)
        end = self.score.measures[-1].onset_ticks + self.score.measures[-1].length_ticks
        self.pedal = self._spanner(part, staff, at, end, page, mark.box, False)
        self.pedal.pedal.open_ended = True
        self.pedal.pedal.line = bool(mark.detail)

    def _released(self, page: int, star: MarkSign, at: int) -> int:
        """When a star ends a pedal: `at`, with the note before which it stands, or with the measure at whose end."""
        space = self.times.space(page, star.system)
        moments = self.times.moments.get((page, star.system), [])
        note = min((abs(m.x - AT_STAR * space - star.x1) for m in moments), default=0.0)
        index, joined = min(self.times.measures[page, star.system], key=lambda m: abs(m[1].signs.x1 - star.x1))
        if abs(joined.signs.x1 - AT_BARLINE * space - star.x1) >= note:
            return at
        measure = self.score.measures[index]
        return measure.onset_ticks + measure.length_ticks

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

"""When things of a joined piece happen that stand on a page over, under or between its notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from etude.score.v1 import event_pb2, score_pb2
from omr_service.assembler.music import MarkSign
from omr_service.assembler.piece.draft import JoinedMeasure, Key, Place, ScoreDraft

CLEAR = 0.8
"""Spaces from the last note of a measure to words that stand at the barline after it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in time of a system: middle and right edge of a chord or rest, its event, when that starts and ends."""

    x: float
    x1: float
    start: int
    end: int
    measure: int
    event: event_pb2.Event


class Times:
    """The moments of a piece by page number and system.

    Attributes:
        moments: Moments by x, grace notes and rests of a whole measure left out.
        measures: Measures with their index in the Score.
    """

    def __init__(self, draft: ScoreDraft, score: score_pb2.Score, events: Mapping[Key, event_pb2.Event]) -> None:
        """Collects the moments.

        Args:
            draft: The joined piece.
            score: Its Score so far.
            events: Events by page number and element.
        """
        self.draft, self.score = draft, score
        self.moments: dict[tuple[int, int], list[Moment]] = {}
        self.measures: dict[tuple[int, int], list[tuple[int, JoinedMeasure]]] = {}
        for index, joined in enumerate(draft.measures):
            place = joined.page.page_number, joined.system.system.index
            self.measures.setdefault(place, []).append((index, joined))
            moments = self.moments.setdefault(place, [])
            for element in joined.signs.elements:
                event = events.get(joined.key(element.index))
                if event is None or event.HasField("grace") or event.rest.whole_measure:
                    continue
                x, end = (element.x + element.x1) / 2, event.onset_ticks + event.duration_ticks
                moments.append(Moment(x, element.x1, event.onset_ticks, end, event.measure_index, event))
        for moments in self.moments.values():
            moments.sort(key=lambda m: m.x)

    def moment(self, page: int, system: int, x: float) -> tuple[int, int]:
        """Measure and tick of what stands nearest to x; the measure's start where nothing does."""
        own = self.measures[page, system]
        index = next((i for i, joined in own if x < joined.signs.x1), own[-1][0])
        inside = [m for m in self.moments.get((page, system), []) if m.measure == index]
        if inside:
            best = min(inside, key=lambda m: (abs(m.x - x), m.start))
            return index, best.start
        return index, self.score.measures[index].onset_ticks

    def follows_last(self, page: int, system: int, x: float) -> bool:
        """Whether what begins at x stands clear of all that sounds in its measure, at the barline."""
        own = self.measures[page, system]
        index = next((i for i, joined in own if x < joined.signs.x1), own[-1][0])
        inside = [m.x1 for m in self.moments.get((page, system), []) if m.measure == index]
        return bool(inside) and x > max(inside) + CLEAR * self.space(page, system)

    def measure_end(self, page: int, system: int, x: float) -> tuple[int, int]:
        """The measure whose right barline stands nearest to x, and the tick at which it ends."""
        index, _ = min(self.measures[page, system], key=lambda m: abs(m[1].signs.x1 - x))
        measure = self.score.measures[index]
        return index, measure.onset_ticks + measure.length_ticks

    def ends_at_barline(self, page: int, mark: MarkSign) -> bool:
        """True for a mark that ends at a barline or just before one."""
        space = self.space(page, mark.system)
        return any(-0.3 < (m.signs.x1 - mark.x1) / space < 1.5 for _, m in self.measures[page, mark.system])

    def end_moment(self, page: int, system: int, x: float) -> int:
        """Tick at which something that reaches to x ends: where the next thing starts, or the end of the last.

        It holds for a note whose middle it reaches: engravers end it before the note at which it is over.
        """
        moments = self.moments.get((page, system), [])
        after = [m.start for m in moments if m.x > x]
        if after:
            return min(after)
        return max((m.end for m in moments), default=0)

    def place(self, page: int, mark: MarkSign) -> Place:
        """Part and staff of a mark; the staff is 0 for one of the whole system."""
        _, joined = self.measures[page, mark.system][0]
        position = mark.staff if mark.staff >= 0 else joined.system.system.keyboard[0]
        part, staff = self.draft.place(joined, position)
        return part, staff if mark.staff >= 0 else 0

    def space(self, page: int, system: int) -> float:
        """Staff space of a system, in points."""
        return self.measures[page, system][0][1].system.system.space

    def follow(self, page: int, system: int, next_page: int, next_system: int) -> bool:
        """True when a system is the one after another."""
        return self.measures[next_page, next_system][0][0] == self.measures[page, system][-1][0] + 1

"""The ways to place one more item of a bar, with what is odd about each."""

from __future__ import annotations

from omr_service.assembler.rhythm.bar_model import Item
from omr_service.assembler.rhythm.bar_problem import BarProblem, Option
from omr_service.assembler.rhythm.bar_voices import NO_TUPLET, RESTING, WHOLE_BAR, Column, Trail, Tuplet, Voice
from omr_service.assembler.rhythm.spacing import BETWEEN_STAVES, apart_cost, same_cost

Move = tuple[float, int, Column, tuple[Voice, ...], int, Trail]
"""A partial solution one item on: (cost, time, column, voices, chains so far, trail)."""


class Moves:
    """The moves of one bar."""

    def __init__(self, problem: BarProblem) -> None:
        """Takes from a problem what its moves depend on."""
        self.items, self.costs, self.unit = problem.items, problem.costs, problem.unit
        self.ticks, self.readings, self.shortest = problem.ticks, problem.readings, problem.shortest
        self.expected, self.after, self.before = problem.expected, problem.after, problem.before
        self.onsets = problem.onsets

    def placing(
        self,
        i: int,
        cost: float,
        time: int,
        column: Column,
        voices: tuple[Voice, ...],
        chains: int,
        trail: Trail,
        limit: float,
    ) -> list[Move]:
        """Partial solutions with item i that cost less than a limit."""
        item = self.items[i]
        dx = item.x - column[0]
        times: list[tuple[int, float]] = []
        if dx < 3.2:
            times.append((time, same_cost(item.x - column[1])))
        apart = apart_cost(dx if self._on_staff_of(i, column) else BETWEEN_STAVES * dx)
        if i:
            later = sorted({v[0] for v in voices if v[0] > time})
            # going past the end of a voice means that it stops there
            times.extend((t, apart) for t in later[:4])
            times.extend((t, apart + self.costs.gap) for t in self._between(i, time, later))
            if not later:
                # nothing sounds any more: a gap that only a hidden rest explains, or a column wider than usual
                times.append((time + max(self.ticks[i][0], 1), apart + 2.0))
                if dx >= 3.2:
                    times.append((time, 2 * self.costs.overfull))
        known = self.onsets[i]
        if known >= 0:
            # what is known needs no evidence of columns but that of its own place
            times = [t for t in times if t[0] == known] or [(known, apart)] * (known > time)
        result: list[Move] = []
        for at, extra in times:
            base = cost + extra
            if self.expected and time < self.expected <= at:
                # longer than the meter says, whatever comes
                base += self.costs.longer
            if base >= limit:
                continue
            new_column = (column[0], item.x) if at == time else (item.x, item.x)
            open_voices = voices
            if at != time:
                gone = [v for v in voices if 0 <= v[0] < at]
                if gone:
                    base += self._stopped(gone, voices, at)
                    open_voices = tuple(
                        (RESTING, v[1], v[2], v[3], NO_TUPLET, v[5], v[6]) if 0 <= v[0] < at else v for v in voices
                    )
            for slot in range(-1, len(open_voices)):
                if slot >= 0 and open_voices[slot][0] not in (at, RESTING):
                    continue
                self._place(result, i, item, base, at, new_column, open_voices, slot, chains, trail, limit)
        return result

    def _on_staff_of(self, i: int, column: Column) -> bool:
        """True when something of the present column stands on the staff of item i."""
        for j in range(i - 1, -1, -1):
            if self.items[j].x < column[0]:
                break
            if self.items[j].staff == self.items[i].staff:
                return True
        return False

    def _between(self, i: int, time: int, later: list[int]) -> list[int]:
        """Times before the next end of a voice at which an item may begin after a hidden rest.

        It begins one note value after the present column, its own or the shortest of the bar, or so that it ends with
        a voice that sounds.
        """
        if not later:
            return []
        own = self.ticks[i][0]
        if own <= 0:
            return []
        times = {time + self.shortest, time + own, *(end - own for end in later[:3])}
        return sorted(t for t in times if time < t < later[0])

    def _stopped(self, gone: list[Voice], voices: tuple[Voice, ...], at: int) -> float:
        """What it costs that voices stop where others go on, at a time after their ends; one that has paused between
        notes of a beam (hands that take turns) does so again."""
        total = 0.0
        for voice in gone:
            if voice[6]:
                total += self.costs.pause_again
                continue
            others = any(v is not voice and v[1] == voice[1] and (v[0] >= at or v[0] == WHOLE_BAR) for v in voices)
            total += self.costs.pause + (0.0 if others else self.costs.pause_only)
            if voice[3] >= 0:
                total += self.costs.pause_in_beam
            if not voice[4][3]:
                total += self.costs.open_tuplet
        return total

    def _place(
        self,
        result: list[Move],
        i: int,
        item: Item,
        cost: float,
        at: int,
        column: Column,
        voices: tuple[Voice, ...],
        slot: int,
        chains: int,
        trail: Trail,
        limit: float,
    ) -> None:
        """Puts item i at a time into the voice at `slot`, or into a new one for slot -1; once per reading."""
        costs = self.costs
        before = self.before[i]
        open_tuplet = NO_TUPLET
        if slot < 0:
            on_staff = [v for v in voices if v[1] == item.staff and v[0] != RESTING]
            if at > 0:
                cost += costs.start_late
            if len(on_staff) >= 2:
                cost += costs.extra_voice * (len(on_staff) - 1)
            if before >= 0:
                cost += costs.broken_beam
            # the higher of two voices that start together has its stem up
            if item.stem:
                cost += 0.05 * sum(1 for v in on_staff if v[2] == item.stem)
            chain, pending, stem, paused = chains, -1, 0, 0
            home, rest = item.staff, voices
            chains += 1
        else:
            end, home, stem, pending, open_tuplet, chain, paused = voices[slot]
            beamed = before >= 0 and before == pending
            if end == RESTING:
                cost += costs.pause_again if paused else costs.resume
                paused = int(paused or beamed)
            if home != item.staff and not beamed:
                cost += costs.other_staff
            if item.stem and stem and item.stem != stem and not beamed:
                cost += costs.stem_changes
            if not item.is_rest and before != pending:
                cost += costs.broken_beam
            # a voice that wanders to the other staff along a beam comes back by itself: it keeps its home staff
            rest = voices[:slot] + voices[slot + 1 :]
        if cost >= limit:
            return
        if not item.is_rest:
            pending = i if self.after[i] >= 0 else -1
        stem = item.stem or stem
        for option in self.readings[i]:
            if cost + 0.2 * option.cost >= limit:
                break
            ticks = option.ticks
            tuplet, extra = self._in_tuplet(i, option, open_tuplet, voices)
            total = cost + extra
            if ticks == 0:
                if at != 0 or slot >= 0:
                    continue
                end = WHOLE_BAR
            else:
                end = at + ticks
                if self.expected and end > self.expected and at < self.expected:
                    total += 0.3  # paid in full at the end; a hint to look at other ways first
            if total < limit:
                voice: Voice = (end, home, stem, pending, tuplet, chain, paused)
                result.append((total, at, column, (*rest, voice), chains, (trail, at, end, chain, option.position)))

    def _in_tuplet(self, i: int, option: Option, before: Tuplet, voices: tuple[Voice, ...]) -> tuple[Tuplet, float]:
        """The tuplet a voice is in after a reading, and what that costs.

        A tuplet without a number has at least two members and is as long as a plain value times its ratio's actual
        number; it is paid for once.
        """
        _, ticks, cost, top, bottom = option
        if top == bottom:
            if not before[3]:
                cost += self.costs.open_tuplet
            if before[2] and self.before[i] >= 0:
                cost += self.costs.within_beam * (before[1] - 2) + (0.0 if before[4] else self.costs.uneven)
            return (*NO_TUPLET[:4], before[4] if before[:2] == (1, 1) else before[1]), cost
        written = ticks * bottom // top
        same = before[0] == top and before[1] == bottom
        if not same or before[3]:
            # another one after one of the same kind, or below one, is hardly news
            follows = same and before[2] > 0
            if follows or (before[:2] == (1, 1) and before[4] == bottom):
                cost *= 0.2
            elif any(v[4][0] == top and v[4][1] == bottom and v[4][2] for v in voices):
                cost *= 0.4
            if not follows and self.before[i] >= 0:
                cost += self.costs.within_beam * (bottom - 2)
            if not before[3]:
                cost += self.costs.open_tuplet
            return (top, bottom, written, 0, written), cost
        each = written if written == before[4] else 0
        written += before[2]
        whole, left = divmod(written, bottom)
        plain = not left and self._is_plain(whole)
        # another beam begins in its midst
        across = self.costs.within_beam * (bottom - 2) if self.before[i] < 0 <= self.after[i] else 0.0
        return (top, bottom, written, int(plain), each), across

    def _is_plain(self, ticks: int) -> bool:
        """True for the length of a note without dots."""
        longer, shorter = divmod(ticks, self.unit), divmod(self.unit, ticks)
        return any(not left and whole & (whole - 1) == 0 for whole, left in (longer, shorter) if whole)

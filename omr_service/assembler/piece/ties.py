"""Which curves of a piece are ties: between notes of one pitch that follow each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from omr_service.assembler.music import CurveSign, Element, NoteSign
from omr_service.assembler.piece.draft import Key, Place, ScoreDraft, TieReading
from omr_service.assembler.piece.grace_notes import grace_onset
from omr_service.assembler.piece.slurs import join_slurs
from omr_service.assembler.piece.stretches_off import DOUBTFUL

STACCATO = "articStaccat"
TIE_LIMIT = 2.9
"""Greatest cost, in staff spaces off the ideal place, of a curve read as a tie."""

HELD_LIMIT = 1.2
"""The same of a tie over other notes of its voice: its tips lie at the heads, where a slur's lie over or under them."""

DETACHED = 1.5
"""What it costs more that a note is said to be held which has a staccato dot of its own: such notes are struck again
under a slur."""

ALTERED = 1.5
"""What it costs more that the accidental of the second note makes it another pitch than the first one."""

SURE = 2.2
"""Cost up to which the tie of one note of a chord tells of the others: one curve over a chord is most often a slur."""

HALF = 0.3
"""What it costs more to read a curve as half a tie."""


@dataclass(slots=True)
class _Where:
    """A note in time; it reaches to the end of its measure where nothing of its voice follows in that."""

    measure: int
    element: Element
    note: NoteSign
    onset: Fraction
    end: Fraction
    reach: Fraction
    place: Place
    grace: bool


def note_table(draft: ScoreDraft) -> dict[Key, _Where]:
    """All notes in time by key; grace notes stand at the onset of what follows them."""
    table: dict[Key, _Where] = {}
    for i, measure in enumerate(draft.measures):
        last: dict[tuple[int, int], Fraction] = {}
        for each in measure.rhythm.timings.values():
            voice = (each.home, each.voice)
            last[voice] = max(each.onset, last.get(voice, each.onset))
        for element in measure.signs.elements:
            timing = measure.rhythm.timings.get(element.index)
            if timing is None:
                onset = measure.onset + grace_onset(measure, element)
                end = reach = onset
            else:
                onset = measure.onset + timing.onset
                end = reach = onset + timing.duration
                if last[timing.home, timing.voice] == timing.onset:
                    reach = max(end, measure.onset + measure.rhythm.length)
            for note in element.notes:
                place = draft.place(measure, note.staff)
                table[measure.key(note.head)] = _Where(i, element, note, onset, end, reach, place, timing is None)
    return table


def find_ties(draft: ScoreDraft, diatonics: dict[Key, int]) -> list[tuple[TieReading, float]]:
    """Which curves are ties: between notes of one pitch that follow each other, nearest first."""
    table = note_table(draft)
    by_place: dict[tuple[Place, int, Fraction], list[Key]] = {}
    for key, where in table.items():
        by_place.setdefault((where.place, diatonics[key], where.onset), []).append(key)
    options: list[tuple[float, int, Key | None, Key | None]] = []
    curves = [(page.page_number, curve) for page in draft.pages for curve in page.curves]
    held_grace = _held_grace_notes(curves, table)
    detached = {
        (page.page_number, mark.element)
        for page in draft.pages
        for mark in page.marks
        if mark.name.startswith(STACCATO)
    }
    for c, (page, curve) in enumerate(curves):
        for (a, b), cost in zip(curve.tie_pairs, curve.tie_costs, strict=True):
            start = (page, a) if a >= 0 else None
            end = (page, b) if b >= 0 else None
            if start is not None and end is not None:
                if start not in table or end not in table or diatonics[start] != diatonics[end]:
                    continue
                first, second = table[start], table[end]
                if first.place[0] != second.place[0]:
                    continue
                if first.grace and held_grace[page, second.element.index] < 2:
                    continue  # a slur from a grace note, be it to the same note
                if (page, second.element.index) in detached:
                    cost += DETACHED
                if second.note.accidental is not None and draft.pitches[start].alter != draft.pitches[end].alter:
                    cost += ALTERED
                follows = second.onset in (first.end, first.reach) or (first.grace and first.onset <= second.onset)
                if not follows:
                    # a tie skips nothing, but the rhythm may have been read wrong, or a note be held into a later chord
                    doubtful = cost <= HELD_LIMIT or any(
                        draft.measures[w.measure].rhythm.cost > DOUBTFUL for w in (first, second)
                    )
                    between = _between(table, draft, first, second, diatonics[start], diatonics)
                    if not doubtful or between or first.onset >= second.onset:
                        continue
                    cost += 1.2
                options.append((cost, c, start, end))
            elif start is not None and start in table:
                options.append((cost + HALF, c, start, None))
            elif end is not None and end in table:
                options.append((cost + HALF, c, None, end))
    options.sort(key=lambda o: (o[0], o[1]))
    whole = [(cost, c, start, end) for cost, c, start, end in options if start is not None and end is not None]
    chosen = matched_ties([option for option in whole if option[0] <= TIE_LIMIT])
    result = [(TieReading(start, end, curves[c]), cost) for c, (cost, start, end) in chosen.items()]
    done = set(chosen)
    starts = {start for _, start, _ in chosen.values()}
    ends = {end for _, _, end in chosen.values()}
    half_starts = [(s, c, cost) for cost, c, s, e in options if s is not None and e is None and cost <= TIE_LIMIT]
    half_ends = [(e, c, cost) for cost, c, s, e in options if e is not None and s is None and cost <= TIE_LIMIT]
    for start, c, cost in sorted(half_starts, key=lambda h: h[2]):
        if c in done or start in starts:
            continue
        where = table[start]
        bar = draft.measures[where.measure]
        follow = by_place.get((where.place, diatonics[start], where.reach), [])
        held = by_place.get((where.place, diatonics[start], bar.onset + bar.rhythm.length), [])
        for end in (*follow, *(e for e in held if e not in follow)):
            if end in ends or table[end].grace or not _next_system(draft, where.measure, table[end].measure):
                continue
            half = next((h for h in half_ends if h[0] == end and h[1] not in done), None)
            # half a tie at the end of a system is one without its other half when it is close enough to its head
            if half is None and cost > 2.2:
                continue
            # one over other notes of its voice has both halves at their heads
            if end not in follow and (half is None or max(cost, half[2]) > HELD_LIMIT + HALF):
                continue
            result.append((TieReading(start, end, curves[c]), cost))
            starts.add(start)
            ends.add(end)
            done.add(c)
            if half is not None:
                done.add(half[1])
            break
    join_slurs(draft, curves, done)
    pictured = {page.page_number for page in draft.pages if page.pictured}
    return result + _ties_of_equal_chords([tie for tie in result if _is_on(tie[0], pictured)], table, diatonics)


def _is_on(tie: TieReading, pages: Collection[int]) -> bool:
    """True for a tie both ends of which stand on some of these pages."""
    return all(key is not None and key[0] in pages for key in (tie.start, tie.end))


def _ties_of_equal_chords(
    ties: Sequence[tuple[TieReading, float]], table: dict[Key, _Where], diatonics: dict[Key, int]
) -> list[tuple[TieReading, float]]:
    """The ties of the other notes of chords one of whose notes is tied to the same chord again.

    Curves between the heads of a chord are short and thin, run into heads and lines, and are the first to be lost in a
    picture; of chords that come again as they are, almost always all notes are held or none.

    Args:
        ties: Ties that were seen, with their cost.
        table: The notes of the piece.
        diatonics: Their positions in the scale.
    """
    starts, ends = {tie.start for tie, _ in ties}, {tie.end for tie, _ in ties}
    found: list[tuple[TieReading, float]] = []
    for tie, cost in ties:
        assert tie.start is not None and tie.end is not None
        first, second = table[tie.start], table[tie.end]
        if first.grace or second.onset not in (first.end, first.reach) or cost > SURE:
            continue
        own = {diatonics[tie.start[0], note.head]: note for note in first.element.notes}
        again = {diatonics[tie.end[0], note.head]: note for note in second.element.notes}
        if own.keys() != again.keys():
            continue
        for diatonic, note in own.items():
            start, end = (tie.start[0], note.head), (tie.end[0], again[diatonic].head)
            if start in starts or end in ends or again[diatonic].accidental is not None:
                continue
            found.append((TieReading(start, end, tie.curve), cost))
            starts.add(start)
            ends.add(end)
    return found


def _held_grace_notes(curves: Sequence[tuple[int, CurveSign]], table: dict[Key, _Where]) -> Counter[tuple[int, int]]:
    """How many curves may hold grace notes into a chord, by page and the chord's number."""
    found: Counter[tuple[int, int]] = Counter()
    for page, curve in curves:
        pairs = [(table.get((page, a)), table.get((page, b))) for a, b in curve.tie_pairs]
        found.update({(page, b.element.index) for a, b in pairs if a is not None and b is not None and a.grace})
    return found


def matched_ties(options: list[tuple[float, int, Key, Key]]) -> dict[int, tuple[float, Key, Key]]:
    """By curve, (cost, start, end) of the tie it is: the cheapest first, but a curve gives way to one that can be no
    other tie where it can be another itself.

    Args:
        options: (cost, curve, start, end), the cheapest first.
    """
    chosen: dict[int, tuple[float, Key, Key]] = {}
    at_start: dict[Key, int] = {}
    at_end: dict[Key, int] = {}
    of_curve: dict[int, list[tuple[float, Key, Key]]] = {}

    def put(c: int, tie: tuple[float, Key, Key]) -> None:
        chosen[c], at_start[tie[1]], at_end[tie[2]] = tie, c, c

    def take_out(c: int) -> tuple[float, Key, Key]:
        tie = chosen.pop(c)
        del at_start[tie[1]], at_end[tie[2]]
        return tie

    for cost, c, start, end in options:
        of_curve.setdefault(c, []).append((cost, start, end))
        if c not in chosen and start not in at_start and end not in at_end:
            put(c, (cost, start, end))
    for cost, c, start, end in options:
        rivals = {at_start.get(start), at_end.get(end)} - {None}
        if c in chosen or len(rivals) != 1:
            continue
        other = next(r for r in rivals if r is not None)
        before = take_out(other)
        put(c, (cost, start, end))
        way = next((t for t in of_curve[other] if t[1] not in at_start and t[2] not in at_end), None)
        if way is None:
            take_out(c)
        put(other, way or before)
    return chosen


def _next_system(draft: ScoreDraft, start: int, end: int) -> bool:
    """True when a measure begins the system after that of another."""
    return start < end and draft.measures[end].first_in_system


def _between(
    table: dict[Key, _Where],
    draft: ScoreDraft,
    first: _Where,
    second: _Where,
    diatonic: int,
    diatonics: dict[Key, int],
) -> bool:
    """True when a note of the same pitch lies between two others."""
    for i in range(first.measure, min(second.measure, first.measure + 1) + 1):
        measure = draft.measures[i]
        for element in measure.signs.elements:
            for note in element.notes:
                key = measure.key(note.head)
                where = table[key]
                if (
                    diatonics[key] == diatonic
                    and where.place == first.place
                    and first.onset < where.onset < second.onset
                ):
                    return True
    return False

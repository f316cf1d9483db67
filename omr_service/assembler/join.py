"""Pages joined: measures in order with clef, key and meter in force, their rhythm, and the pitches of their notes."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from omr_service.assembler.accidentals import LETTERS, AccidentalState
from omr_service.assembler.music import (
    CurveSign,
    Element,
    MeasureSigns,
    NoteSign,
    PageMusic,
    SystemSigns,
    TupletSign,
)
from omr_service.assembler.octave_ranges import is_under
from omr_service.assembler.rhythm import solve_measure, usual_normal
from omr_service.assembler.signatures import ClefSign, MeterSign
from omr_service.assembler.timing import MeasureTiming

Key = tuple[int, int]
"""An element or head: page number and number on the page."""
Place = tuple[str, int]
"""A staff: part id and staff number within the part."""
KEYBOARD = "P1"
TIE_LIMIT = 2.9
"""Greatest cost, in staff spaces off the ideal place, of a curve read as a tie."""
_LOOK_BACK = 3
"""Measures before a measure whose tuplets are remembered in it."""
DOUBTFUL = 3.0
"""Cost of a measure's rhythm from which on a person should look at it."""


@dataclass(frozen=True, slots=True)
class PitchReading:
    """The pitch of a note as written: letter, alteration, octave."""

    letter: str
    alter: int
    octave: int


@dataclass(slots=True)
class JoinedMeasure:
    """A measure of the piece.

    Attributes:
        page: Its page.
        system: Its system.
        signs: What stands in it.
        tuplets: Tuplets in it.
        first_in_system, first_in_page: Where it stands.
        meter: Meter in force.
        meter_printed: True where a meter is printed in it.
        fifths: Key in force.
        key_printed: True where the key changes; at the start, where it has sharps or flats.
        timing: Its rhythm, once solved.
        onset: Quarters from the start of the piece.
    """

    page: PageMusic
    system: SystemSigns
    signs: MeasureSigns
    tuplets: tuple[TupletSign, ...]
    first_in_system: bool
    first_in_page: bool
    meter: MeterSign | None = None
    meter_printed: bool = False
    fifths: int = 0
    key_printed: bool = False
    timing: MeasureTiming | None = None
    onset: Fraction = Fraction(0)

    @property
    def rhythm(self) -> MeasureTiming:
        """Its rhythm."""
        assert self.timing is not None
        return self.timing

    def key(self, number: int) -> Key:
        """The key of an element or head of its page."""
        return self.page.page_number, number


@dataclass(frozen=True, slots=True)
class ClefChange:
    """A clef that takes effect: where, when (measure and quarters into it), and what was printed."""

    place: Place
    measure: int
    onset: Fraction
    sign: ClefSign
    page: int


@dataclass(frozen=True, slots=True)
class TieReading:
    """A tie between two notes; one of them is None where the other end was not found."""

    start: Key | None
    end: Key | None
    curve: tuple[int, CurveSign]


@dataclass(frozen=True, slots=True)
class SlurReading:
    """A slur from one element to another, with the curves (page number, curve) it is drawn with."""

    start: Key
    end: Key
    curves: tuple[tuple[int, CurveSign], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Which rhythm a measure has: everything the answer depends on, given the page.

    Attributes:
        page: Number of its page.
        element: Number of its first element on the page; -1 for a measure without any.
        count: How many elements it has: some may have been found to be something else.
        expected: Length to be expected, in quarters.
        irregular_is_usual: True where another length is no surprise.
        recent: Ratios of tuplets in the measures before.
        compound: True where beats may be dotted.
    """

    page: int
    element: int
    count: int
    expected: Fraction | None
    irregular_is_usual: bool
    recent: frozenset[Fraction]
    compound: bool


Rhythms = Mapping[Question, MeasureTiming]
"""Rhythms that were worked out."""


@dataclass(slots=True)
class ScoreDraft:
    """A piece while it is put together; each step fills in what it finds.

    `known` holds rhythms that were worked out elsewhere, `answers` all that were needed.
    """

    pages: list[PageMusic]
    known: Rhythms = field(default_factory=dict)
    answers: dict[Question, MeasureTiming] = field(default_factory=dict)
    measures: list[JoinedMeasure] = field(default_factory=list)
    clefs: list[ClefChange] = field(default_factory=list)
    pitches: dict[Key, PitchReading] = field(default_factory=dict)
    ties: list[TieReading] = field(default_factory=list)
    slurs: list[SlurReading] = field(default_factory=list)
    open_slurs: list[tuple[int, CurveSign]] = field(default_factory=list)
    other_parts: int = 0
    keyboard_staves: int = 2

    def place(self, measure: JoinedMeasure, position: int) -> Place:
        """Part and staff of a staff position of a measure's system."""
        keyboard = measure.system.system.keyboard
        if position in keyboard:
            return KEYBOARD, keyboard.index(position) + 1
        others = [i for i in range(len(measure.system.system.staves)) if i not in keyboard]
        return f"P{others.index(position) + 2}", 1


def step_measures(draft: ScoreDraft) -> None:
    """All measures in order, with meter and key in force."""
    meter: MeterSign | None = None
    fifths: int | None = None
    for page in draft.pages:
        for s, system in enumerate(page.systems):
            others = len(system.system.staves) - len(system.system.keyboard)
            draft.other_parts = max(draft.other_parts, others)
            draft.keyboard_staves = max(draft.keyboard_staves, len(system.system.keyboard))
            for m, signs in enumerate(system.measures):
                own = {e.index for e in signs.elements}
                tuplets = tuple(t for t in system.tuplets if own.issuperset(t.options[0]))
                joined = JoinedMeasure(page, system, signs, tuplets, m == 0, m == 0 and s == 0)
                if signs.meter is not None:
                    joined.meter_printed = True
                    meter = signs.meter
                if signs.key is not None:
                    joined.key_printed = signs.key.fifths != (fifths or 0)
                    fifths = signs.key.fifths
                joined.meter, joined.fifths = meter, fifths or 0
                draft.measures.append(joined)


def expected_length(meter: MeterSign | None) -> Fraction | None:
    """Length of a measure by its meter, in quarters."""
    return None if meter is None else Fraction(4 * sum(meter.beats), meter.beat_type)


def step_rhythm(draft: ScoreDraft) -> None:
    """Onsets, durations and voices, measure by measure."""
    _solve_all(draft, {})
    usual = _usual_lengths(draft)
    if usual:
        _solve_all(draft, usual)
    onset = Fraction(0)
    for measure in draft.measures:
        measure.onset = onset
        onset += measure.rhythm.length


def _solve_all(draft: ScoreDraft, usual: dict[int, Fraction], start: int = 0) -> None:
    """Solves all measures from one on, or those named in `usual`, for which it tells the length to be expected."""
    recent: list[frozenset[Fraction]] = []
    last = len(draft.measures) - 1
    for i, measure in enumerate(draft.measures[start:], start):
        signs = measure.signs
        if not usual or i in usual:
            edges = [b for b in (signs.left, signs.right) if b is not None]
            special = i in (0, last) or any("H" in b.strokes or len(b.strokes) > 1 or b.dots_left for b in edges)
            question = Question(
                page=measure.page.page_number,
                element=signs.elements[0].index if signs.elements else -1,
                count=len(signs.elements),
                expected=usual.get(i, expected_length(measure.meter)),
                irregular_is_usual=special or signs.right is None,
                recent=frozenset().union(*recent[-_LOOK_BACK:]) if recent else frozenset(),
                compound=measure.meter is None or (measure.meter.beat_type >= 8 and sum(measure.meter.beats) % 3 == 0),
            )
            measure.timing = _solved(draft, measure, question)
        rhythm = measure.rhythm
        if rhythm.dropped:
            kept = tuple(e for e in signs.elements if e.index not in rhythm.dropped)
            measure.signs = replace(signs, elements=kept)
        printed = {Fraction(t.normal or usual_normal(t.number), t.number) for t in measure.tuplets if t.certain}
        sure = rhythm.timings.values() if rhythm.fits and rhythm.expected else ()
        ratios = printed | {Fraction(b, a) for t in sure for a, b in t.ratios}
        recent.append(frozenset(ratios))


def _solved(draft: ScoreDraft, measure: JoinedMeasure, question: Question) -> MeasureTiming:
    """A measure's rhythm: as it was worked out before under the same circumstances, or now."""
    known = draft.known.get(question) or solve_measure(
        measure.signs.elements,
        measure.tuplets,
        question.expected,
        measure.system.system.space,
        question.irregular_is_usual,
        question.recent,
        question.compound,
    )
    if question.element >= 0:
        draft.answers[question] = known
    return known


def work_out(pages: Sequence[PageMusic], numbers: Container[int]) -> dict[Question, MeasureTiming]:
    """The rhythm of the measures on some pages, as far as it can be told from these pages of a piece alone.

    Joining all pages asks the same questions again. Where what is not here matters after all, it asks others, and what
    is said here is not used: the Score is the same with it and without.

    Args:
        pages: Pages of one piece, in order: those wanted, and such before them as tell what holds there.
        numbers: The pages wanted.
    """
    draft = ScoreDraft(list(pages))
    step_measures(draft)
    first = next((i for i, m in enumerate(draft.measures) if m.page.page_number in numbers), None)
    if first is None:
        return {}
    _solve_all(draft, {}, max(0, first - _LOOK_BACK))
    return {question: answer for question, answer in draft.answers.items() if question.page in numbers}


def _usual_lengths(draft: ScoreDraft) -> dict[int, Fraction]:
    """For measures without a meter that differ from their neighbours, the length most of those have."""
    result: dict[int, Fraction] = {}
    free = [i for i, m in enumerate(draft.measures) if m.meter is None]
    counts: dict[Fraction, int] = {}
    for i in free:
        length = draft.measures[i].rhythm.length
        counts[length] = counts.get(length, 0) + 1
    if not counts:
        return result
    usual = max(counts, key=lambda n: (counts[n], -n))
    if counts[usual] * 2 > len(free):
        result = {i: usual for i in free if draft.measures[i].rhythm.length != usual}
    return result


def step_pitches(draft: ScoreDraft) -> None:
    """Clefs, ties and pitches together: a clef tells a position's letter, an accidental or a tie its alteration."""
    clefs: dict[Place, ClefSign] = {}
    diatonics: dict[Key, int] = {}
    for i, measure in enumerate(draft.measures):
        _clef_changes(draft, i, measure, clefs)
        _letters(draft, measure, clefs, diatonics)
        for c in measure.signs.clefs:
            clefs[draft.place(measure, c.staff)] = c
    ties = find_ties(draft, diatonics)
    draft.ties = [t for t, _ in ties]
    tied_to = {t.end: t.start for t, _ in ties if t.end is not None and t.start is not None}
    for measure in draft.measures:
        _alterations(draft, measure, diatonics, tied_to)


def _clef_changes(draft: ScoreDraft, index: int, measure: JoinedMeasure, clefs: dict[Place, ClefSign]) -> None:
    """Records clefs that differ from the one in force."""
    current = dict(clefs)
    timings = measure.rhythm.timings
    for clef in measure.signs.clefs:
        place = draft.place(measure, clef.staff)
        before = current.get(place)
        if before is not None and (before.sign, before.line, before.octave) == (clef.sign, clef.line, clef.octave):
            continue
        current[place] = clef
        after = [
            timings[e.index].onset
            for e in measure.signs.elements
            if e.index in timings and e.staff == clef.staff and e.x > clef.x0 and not timings[e.index].whole_bar
        ]
        whole = any(
            e.index in timings and e.staff == clef.staff and timings[e.index].whole_bar for e in measure.signs.elements
        )
        onset = min(after, default=Fraction(0) if before is None else measure.rhythm.length)
        if whole and not after:
            early = clef.x0 < (measure.signs.x0 + measure.signs.x1) / 2
            onset = Fraction(0) if early else measure.rhythm.length
        if before is None:
            onset = Fraction(0)
        target = index
        if onset >= measure.rhythm.length and index + 1 < len(draft.measures):
            target, onset = index + 1, Fraction(0)
        draft.clefs.append(ClefChange(place, target, onset, clef, measure.page.page_number))


DEFAULT_CLEFS = (("g", 2), ("f", 4))


def _letters(
    draft: ScoreDraft, measure: JoinedMeasure, clefs: dict[Place, ClefSign], diatonics: dict[Key, int]
) -> None:
    """Diatonic numbers of all notes of a measure."""
    for element in measure.signs.elements:
        for note in element.notes:
            place = draft.place(measure, note.staff)
            clef = clefs.get(place)
            for change in measure.signs.clefs:
                if draft.place(measure, change.staff) == place and change.x0 < (note.box.x0 + note.box.x1) / 2:
                    clef = change
            if clef is None:
                sign, line = DEFAULT_CLEFS[min(place[1], 2) - 1 if place[0] == KEYBOARD else 0]
                clef = ClefSign(note.staff, 0, 0, sign, line, 0, note.box)
            diatonics[measure.key(note.head)] = clef.diatonic(note.step)


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


def grace_target(measure: JoinedMeasure, grace: Element) -> tuple[Element | None, bool]:
    """The element a grace note belongs to, and True when it comes after it."""
    timings = measure.rhythm.timings
    own = [e for e in measure.signs.elements if e.index in timings and e.staff == grace.staff]
    following = [e for e in own if e.x > grace.x and not timings[e.index].whole_bar]
    step = sum(n.step for n in grace.notes) / len(grace.notes)
    if following:
        onset = min(timings[e.index].onset for e in following)
        here = [e for e in following if timings[e.index].onset == onset and e.notes]
        if here:
            return min(here, key=lambda e: min(abs(n.step - step) for n in e.notes)), False
    preceding = [e for e in own if e.x < grace.x and e.notes]
    if preceding:
        latest = max(timings[e.index].onset for e in preceding)
        here = [e for e in preceding if timings[e.index].onset == latest]
        return min(here, key=lambda e: min(abs(n.step - step) for n in e.notes)), True
    return None, False


def grace_onset(measure: JoinedMeasure, grace: Element) -> Fraction:
    """Quarters into the measure at which a grace note is thought to stand."""
    target, after = grace_target(measure, grace)
    if target is None:
        return Fraction(0)
    timing = measure.rhythm.timings[target.index]
    return timing.onset + (timing.duration if after else 0)


def find_ties(draft: ScoreDraft, diatonics: dict[Key, int]) -> list[tuple[TieReading, float]]:
    """Which curves are ties: between notes of one pitch that follow each other, nearest first."""
    table = note_table(draft)
    by_place: dict[tuple[Place, int, Fraction], list[Key]] = {}
    for key, where in table.items():
        by_place.setdefault((where.place, diatonics[key], where.onset), []).append(key)
    options: list[tuple[float, int, Key | None, Key | None]] = []
    curves = [(page.page_number, curve) for page in draft.pages for curve in page.curves]
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
                follows = second.onset in (first.end, first.reach) or (first.grace and first.onset <= second.onset)
                if not follows:
                    # a tie skips nothing, but the rhythm may have been read wrong
                    doubtful = any(draft.measures[w.measure].rhythm.cost > DOUBTFUL for w in (first, second))
                    between = _between(table, draft, first, second, diatonics[start], diatonics)
                    if not doubtful or between or first.onset >= second.onset:
                        continue
                    cost += 1.2
                options.append((cost, c, start, end))
            elif start is not None and start in table:
                options.append((cost + 0.3, c, start, None))
            elif end is not None and end in table:
                options.append((cost + 0.3, c, None, end))
    options.sort(key=lambda o: (o[0], o[1]))
    whole = [(cost, c, start, end) for cost, c, start, end in options if start is not None and end is not None]
    chosen = matched_ties([option for option in whole if option[0] <= TIE_LIMIT])
    result = [(TieReading(start, end, curves[c]), cost) for c, (cost, start, end) in chosen.items()]
    done = set(chosen)
    starts = {start for _, start, _ in chosen.values()}
    ends = {end for _, _, end in chosen.values()}
    half_starts = [(s, c, cost) for cost, c, s, e in options if s is not None and e is None and cost <= TIE_LIMIT]
    half_ends = [(e, c) for cost, c, s, e in options if e is not None and s is None and cost <= TIE_LIMIT]
    for start, c, cost in sorted(half_starts, key=lambda h: h[2]):
        if c in done or start in starts:
            continue
        where = table[start]
        for end in by_place.get((where.place, diatonics[start], where.reach), ()):
            if end in ends or table[end].grace or not _next_system(draft, where.measure, table[end].measure):
                continue
            half = next((h for h in half_ends if h[0] == end and h[1] not in done), None)
            # half a tie at the end of a system is one without its other half when it is close enough to its head
            if half is None and cost > 2.2:
                continue
            result.append((TieReading(start, end, curves[c]), cost))
            starts.add(start)
            ends.add(end)
            done.add(c)
            if half is not None:
                done.add(half[1])
            break
    _slurs(draft, table, curves, done)
    return result


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


def _slurs(draft: ScoreDraft, table: dict[Key, _Where], curves: list[tuple[int, CurveSign]], ties: set[int]) -> None:
    """What is not a tie is a slur; halves at the ends of systems are joined in order."""
    order = {
        (p.page_number, s.system.index): k for k, (p, s) in enumerate((p, s) for p in draft.pages for s in p.systems)
    }
    halves: list[tuple[int, int, CurveSign]] = []
    for c, (page, curve) in enumerate(curves):
        if c in ties:
            continue
        if curve.open_left or curve.open_right:
            halves.append((order[page, curve.system], page, curve))
        elif curve.first >= 0 and curve.last >= 0 and curve.first != curve.last:
            draft.slurs.append(SlurReading((page, curve.first), (page, curve.last), ((page, curve),)))
        else:
            draft.open_slurs.append((page, curve))
    used: set[int] = set()
    for h, (system, page, curve) in enumerate(halves):
        if h in used or curve.open_left or curve.first < 0:
            continue
        chain = [(page, curve)]
        at, last = system, curve
        used.add(h)
        while last.open_right:
            nexts = [k for k, (s, _, other) in enumerate(halves) if k not in used and s == at + 1 and other.open_left]
            if not nexts:
                break
            k = min(
                nexts, key=lambda n: (halves[n][2].above != last.above, abs(_rank_in(halves, n) - _rank_in(halves, h)))
            )
            used.add(k)
            at, _, last = halves[k]
            chain.append((halves[k][1], last))
        if last.last >= 0 and not last.open_right:
            draft.slurs.append(SlurReading((page, curve.first), (chain[-1][0], last.last), tuple(chain)))
        else:
            draft.open_slurs.append((page, curve))


def _rank_in(halves: list[tuple[int, int, CurveSign]], k: int) -> int:
    """How many of the halves in the same system lie above."""
    system, _, curve = halves[k]
    return sum(s == system and c.box.y0 < curve.box.y0 for s, _, c in halves)


def _alterations(draft: ScoreDraft, measure: JoinedMeasure, diatonics: dict[Key, int], tied_to: dict[Key, Key]) -> None:
    """Written pitches of a measure's notes."""
    states: dict[Place, AccidentalState] = {}
    rows: list[tuple[tuple[Fraction, int, float, bool], Key, NoteSign, Place]] = []
    for element in measure.signs.elements:
        timing = measure.rhythm.timings.get(element.index)
        onset = timing.onset if timing else grace_onset(measure, element)
        for note in element.notes:
            place = draft.place(measure, note.staff)
            order = (onset, 0 if timing is None else 1, element.x if timing is None else 0.0, note.accidental is None)
            rows.append((order, measure.key(note.head), note, place))
    rows.sort(key=lambda r: (r[0], r[1]))
    lines = [line for line in measure.page.octaves if line.system == measure.system.system.index]
    for _, key, note, place in rows:
        state = states.setdefault(place, AccidentalState(measure.fifths))
        octave, letter = diatonics[key] // 7, LETTERS[diatonics[key] % 7]
        printed = note.accidental.name if note.accidental else None
        moved = sum(line.octaves for line in lines if is_under(line, note, measure.system.system.space))
        alter = state.alter(letter, octave + moved, printed)
        start = tied_to.get(key)
        if printed is None and start is not None and start in draft.pitches:
            alter = draft.pitches[start].alter
        draft.pitches[key] = PitchReading(letter, alter, octave)

"""One page from symbols to measures: the steps that need no other page."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from omr_service.assembler.geometry import Sorted, Staff, System, center
from omr_service.assembler.music import (
    CurveSign,
    Element,
    MarkSign,
    MeasureSigns,
    OctaveSign,
    PageMusic,
    PageTitles,
    SystemSigns,
    TupletSign,
)
from omr_service.assembler.page import accidentals as acc
from omr_service.assembler.page import dynamics_words as dw
from omr_service.assembler.page import marks as mk
from omr_service.assembler.page.bar_numbers import find_bar_number
from omr_service.assembler.page.barlines import find_barlines
from omr_service.assembler.page.beams_flags import Beaming, find_beams, read_beaming
from omr_service.assembler.page.broken_stems import each_once, mend_stems
from omr_service.assembler.page.chord_symbols import find_chord_symbols, harmony_mark
from omr_service.assembler.page.elements import build_elements, slashed_chords
from omr_service.assembler.page.fingers import find_fingers, finger_styles, style_of
from omr_service.assembler.page.heads_stems import HEAD_KINDS, Chord, Head, find_chords, find_heads, ledger_lines
from omr_service.assembler.page.lyrics import DOWNWARD, find_lyrics, is_of_upper
from omr_service.assembler.page.measures import build_measures
from omr_service.assembler.page.meters import MeterSign, find_meters, starts_of_measures, without_alternatives
from omr_service.assembler.page.octave_lines import find_octave_lines
from omr_service.assembler.page.ossias import find_ossias, without_ossias
from omr_service.assembler.page.pedals import find_pedals, pedal_texts
from omr_service.assembler.page.repeats import find_repeats, slashes
from omr_service.assembler.page.rests_dots import Dots, RestSign, find_dots, find_rests
from omr_service.assembler.page.signatures import ClefSign, KeySign, find_clefs, find_keys
from omr_service.assembler.page.stacks import stacked_texts
from omr_service.assembler.page.staves import find_staves
from omr_service.assembler.page.systems import group_systems, vertical_runs
from omr_service.assembler.page.ties_slurs import read_curves
from omr_service.assembler.page.titles import is_heading, margin_numbers, read_titles
from omr_service.assembler.page.tremolos import find_between
from omr_service.assembler.page.tuplets import find_tuplets
from omr_service.assembler.page.wavy_lines import find_wavy_lines
from omr_service.assembler.page.words import find_words
from omr_service.assembler.pieces import begins_piece, heading_over, titles_of
from omr_service.symbols import PICTURE, Box, Glyph, Line, PageSymbols, Text

Mark = TypeVar("Mark", Glyph, Text, dw.Wedge)


@dataclass(slots=True)
class PageDraft:
    """A page while it is put together; each step fills in what it finds."""

    symbols: PageSymbols
    space: float = 1.0
    staves: list[Staff] = field(default_factory=list)
    systems: list[System] = field(default_factory=list)
    runs: list[Line] = field(default_factory=list)
    ledgers: Sorted[Line] = field(default_factory=lambda: Sorted([], key=lambda line: line.y0))
    heads: list[Head] = field(default_factory=list)
    chords: list[Chord] = field(default_factory=list)
    rests: list[RestSign] = field(default_factory=list)
    beaming: Beaming = field(default_factory=lambda: Beaming({}, (), (), {}))
    dots: Dots = field(default_factory=lambda: Dots({}, {}, frozenset()))
    clefs: dict[int, list[ClefSign]] = field(default_factory=dict)
    keys: dict[int, list[KeySign]] = field(default_factory=dict)
    meters: dict[int, list[MeterSign]] = field(default_factory=dict)
    accidentals: dict[int, acc.AccidentalSign] = field(default_factory=dict)
    elements: dict[int, list[Element]] = field(default_factory=dict)
    signs: list[SystemSigns] = field(default_factory=list)
    curves: list[CurveSign] = field(default_factory=list)
    octaves: list[OctaveSign] = field(default_factory=list)
    marks: list[MarkSign] = field(default_factory=list)
    titles: PageTitles = field(default_factory=PageTitles)
    starts: list[tuple[int, PageTitles]] = field(default_factory=list)

    def place(self) -> dict[int, tuple[int, int]]:
        """By staff index on the page, its system and its position there."""
        return {s.index: (system.index, k) for system in self.systems for k, s in enumerate(system.staves)}

    def band(self, system: System) -> tuple[float, float]:
        """The heights between which things are taken to belong to a system: halfway to its neighbours."""
        top, bottom = system.staves[0].tops[0], system.staves[-1].tops[-1]
        over, under = 0.0, self.symbols.height
        if system.index > 0:
            over = (self.systems[system.index - 1].staves[-1].tops[-1] + top) / 2
        if system.index + 1 < len(self.systems):
            under = (self.systems[system.index + 1].staves[0].tops[0] + bottom) / 2
        return over, under

    def glyphs_of(self, system: System) -> list[Glyph]:
        """Glyphs in a system's band."""
        over, under = self.band(system)
        return [g for g in self.symbols.glyphs if over <= center(g.box)[1] < under]

    def texts_of(self, system: System) -> list[Text]:
        """Text in a system's band."""
        over, under = self.band(system)
        return [t for t in self.symbols.texts if over <= center(t.box)[1] < under]

    def music(self) -> PageMusic:
        """The finished page."""
        symbols = self.symbols
        page = PageMusic(
            symbols.page_number,
            symbols.width,
            symbols.height,
            symbols.rotation,
            tuple(self.signs),
            tuple(self.curves),
            tuple(self.octaves),
            tuple(self.marks),
            self.titles,
            tuple(self.starts),
            (*symbols.numbers, *margin_numbers(symbols.texts, self.systems)),
            symbols.image_share > PICTURE,
        )
        return without_ossias(page)

    def under(self, system: System) -> tuple[float, float]:
        """The heights between which what is printed under staves belongs to a system: down to the next one."""
        last = system.index + 1 == len(self.systems)
        end = self.symbols.height if last else self.systems[system.index + 1].staves[0].tops[0]
        return system.staves[0].tops[0], end

    def lines_of(self, system: System) -> list[Line]:
        """Lines in a system's band."""
        over, under = self.band(system)
        return [v for v in self.symbols.lines if over <= (v.y0 + v.y1) / 2 < under]


def step_staves(page: PageDraft) -> None:
    """Five long parallel lines at even distances are a staff."""
    symbols = page.symbols
    page.staves = find_staves(symbols.lines, symbols.width, symbols.height)
    if page.staves:
        page.space = sorted(s.space for s in page.staves)[len(page.staves) // 2]


def step_systems(page: PageDraft) -> None:
    """Staves that one line joins are a system."""
    page.systems = group_systems(page.staves, page.symbols.lines, page.symbols.glyphs)
    page.runs = vertical_runs(page.symbols.lines, page.space)


def step_barlines(page: PageDraft) -> None:
    """Lines over all staves of the keyboard part are barlines; where they stand tells what is an ossia."""
    heads = Sorted((g for g in page.symbols.glyphs if g.name in HEAD_KINDS), key=lambda g: g.box.x0)
    page.systems = find_ossias([find_barlines(s, page.runs, page.glyphs_of(s), heads) for s in page.systems])


def step_heads(page: PageDraft) -> None:
    """Noteheads are on the staff whose ledger lines lead to them."""
    page.ledgers = ledger_lines(page.symbols.lines, page.space)
    page.heads = find_heads(page.symbols.glyphs, page.staves, page.ledgers)


def step_chords(page: PageDraft) -> None:
    """Heads at one stem, or in one column, are a chord."""
    bars = [(b.x0, b.x1, b.top, b.bottom) for s in page.systems for b in s.barlines]
    starts = [(s.x0 - s.space, s.x0 + 0.3 * s.space, s.staves[0].tops[0], s.staves[-1].tops[-1]) for s in page.systems]
    stems = []
    for v in page.symbols.lines:
        tall = v.y1 - v.y0 if v.y1 > v.y0 else v.y0 - v.y1
        if tall < 1.0 * page.space or abs(v.x1 - v.x0) * 12 > tall or v.thickness > 0.45 * page.space:
            continue
        line = v if v.y1 > v.y0 else Line(v.x1, v.y1, v.x0, v.y0, v.thickness, v.dashed)
        x, y = (line.x0 + line.x1) / 2, (line.y0 + line.y1) / 2
        if not any(x0 - 0.05 <= x <= x1 + 0.05 and top - 1 <= y <= bottom + 1 for x0, x1, top, bottom in bars + starts):
            stems.append(line)
    stems = mend_stems(
        page.heads, each_once(stems, page.heads, page.space), find_beams(page.symbols.lines, page.space), page.staves
    )
    accidentals = [g.box for g in acc.accidental_glyphs(page.symbols.glyphs)]
    page.chords = find_chords(page.heads, stems, page.staves, accidentals)


def step_beams(page: PageDraft) -> None:
    """Beams and flags halve, tremolo strokes repeat."""
    page.beaming = read_beaming(
        page.chords, find_beams(page.symbols.lines, page.space), page.symbols.glyphs, page.staves
    )


def step_rests(page: PageDraft) -> None:
    """Rests, and dots at rests and notes."""
    page.rests = find_rests(page.symbols.glyphs, page.staves)
    bars = [b for s in page.systems for b in s.barlines]
    page.dots = find_dots(page.symbols.glyphs, page.heads, page.chords, page.rests, page.staves, bars)


def step_signatures(page: PageDraft) -> None:
    """Clefs, keys and meters; what accidentals are left belongs to notes."""
    used: set[Glyph] = set()
    place = page.place()
    heads_of: dict[int, list[Head]] = {}
    for head in page.heads:
        heads_of.setdefault(place[head.staff][0], []).append(head)
    rests_of: dict[int, list[RestSign]] = {}
    for rest in page.rests:
        rests_of.setdefault(place[rest.staff][0], []).append(rest)
    current: dict[int, ClefSign] = {}
    at_meters: set[int] = set()
    for system in list(page.systems):
        glyphs = page.glyphs_of(system)
        meters, system = without_alternatives(find_meters(glyphs, system), system)
        page.systems[system.index], page.meters[system.index] = system, meters
        heads = heads_of.get(system.index, [])
        events = [(h.glyph.box, h.small) for h in heads]
        events += [(r.glyph.box, False) for r in rests_of.get(system.index, [])]
        events.sort(key=lambda e: e[0].x0)
        in_picture = page.symbols.image_share > PICTURE
        clefs = find_clefs(glyphs, page.texts_of(system), system, in_picture)
        page.clefs[system.index] = clefs
        lefts = [system.x0, *(b.x1 for b in system.barlines)]
        accidentals = acc.accidental_glyphs(glyphs)
        spans = starts_of_measures(lefts, events, meters, accidentals, system)
        keys = find_keys(accidentals, clefs, heads, spans, system, current, in_picture)
        page.keys[system.index] = keys
        used.update(g for key in keys for g in key.glyphs)
        at_meters.update(r.index for r in rests_of.get(system.index, []) if _is_under(r, meters))
        for clef in clefs:
            current[clef.staff] = clef
    page.rests = [rest for rest in page.rests if rest.index not in at_meters]
    free = [g for g in acc.accidental_glyphs(page.symbols.glyphs) if g not in used]
    rests = [rest.glyph.box for rest in page.rests]
    page.accidentals = acc.attach_accidentals(free, page.symbols.glyphs, page.heads, rests, page.staves)


def _is_under(rest: RestSign, meters: Sequence[MeterSign]) -> bool:
    """True for a rest in the column of a time signature: it is that sign on its own staff, misread."""
    return any(meter.x0 < center(rest.glyph.box)[0] < meter.x1 for meter in meters)


def _own(page: PageDraft, marks: Sequence[Mark], system: System, downward: float) -> list[Mark]:
    """Marks of a system: those within it, and of those over and under it the ones nearer to its notes than to those of
    the neighbour; `downward` is the `bias` of `is_of_upper`."""
    i = system.index
    top, bottom = system.staves[0].tops[0], system.staves[-1].tops[-1]
    over = page.systems[i - 1] if i > 0 else None
    under = page.systems[i + 1] if i + 1 < len(page.systems) else None
    found: list[Mark] = []
    for mark in marks:
        y = center(mark.box)[1]
        if y < top:
            own = over is None or (
                y > over.staves[-1].tops[-1] and not is_of_upper(mark, over, system, page.elements, downward)
            )
        elif y > bottom:
            own = under is None or (
                y < under.staves[0].tops[0] and is_of_upper(mark, system, under, page.elements, downward)
            )
        else:
            own = True
        if own:
            found.append(mark)
    return found


def step_measures(page: PageDraft) -> None:
    """Chords and rests, measure by measure, and the tuplets over them."""
    slashed = slashed_chords(page.chords, page.symbols.glyphs, page.symbols.lines)
    page.elements = build_elements(
        page.heads,
        page.chords,
        page.rests,
        page.beaming,
        page.dots,
        page.accidentals,
        slashed,
        find_between(page.chords, page.heads, page.beaming, page.staves),
        page.place(),
    )
    measures: list[tuple[MeasureSigns, ...]] = []
    for system in page.systems:
        i = system.index
        elements = page.elements.get(i, [])
        count = sum(len(own) for own in page.elements.values())
        signs = [*page.glyphs_of(system), *slashes(page.lines_of(system), system)]
        elements = sorted([*elements, *find_repeats(system, signs, elements, count)], key=lambda e: (e.x, e.staff))
        page.elements[i] = elements
        measures.append(build_measures(system, elements, page.clefs[i], page.keys[i], page.meters[i]))
    tuplets = _tuplets_by_system(page, measures)
    page.signs = [
        SystemSigns(s, m, t, any(m and key.x0 >= m[-1].x1 for key in page.keys[s.index]))
        for s, m, t in zip(page.systems, measures, tuplets, strict=True)
    ]


def _tuplets_by_system(page: PageDraft, measures: Sequence[tuple[MeasureSigns, ...]]) -> list[tuple[TupletSign, ...]]:
    """The tuplets of each system; a number between two systems is of the one it fits better."""
    fingers = finger_styles(page.symbols.texts)
    best: dict[Box, tuple[float, int, TupletSign]] = {}
    for system in page.systems:
        i = system.index
        over = page.systems[i - 1].staves[-1].tops[-1] if i > 0 else 0.0
        under = page.systems[i + 1].staves[0].tops[0] if i + 1 < len(page.systems) else page.symbols.height
        glyphs = [g for g in page.symbols.glyphs if over < center(g.box)[1] < under]
        texts = [t for t in page.symbols.texts if over < center(t.box)[1] < under]
        lines = [v for v in page.symbols.lines if over < (v.y0 + v.y1) / 2 < under]
        for cost, sign in find_tuplets(system, measures[i], glyphs, texts, lines, fingers):
            if sign.box not in best or cost < best[sign.box][0]:
                best[sign.box] = (cost, i, sign)
    return [
        tuple(sorted((sign for _, of, sign in best.values() if of == system.index), key=lambda t: t.box.x0))
        for system in page.systems
    ]


def step_curves(page: PageDraft) -> None:
    """Curves are ties or slurs; which is decided when pitches are known."""
    for system in page.systems:
        over, under = page.band(system)
        own = [c for c in page.symbols.curves if over <= (c.y0 + c.y1) / 2 < under]
        elements = page.elements.get(system.index, [])
        page.curves.extend(read_curves(own, system, elements, page.symbols.image_share > PICTURE))


def step_octave_lines(page: PageDraft) -> None:
    """Octave lines move the sound of the notes under them."""
    symbols = page.symbols
    page.octaves = find_octave_lines(symbols.glyphs, symbols.texts, symbols.lines, page.systems, page.elements)


def _endings_over(page: PageDraft, system: System, headings: Collection[Text]) -> list[MarkSign]:
    """First and second endings of a system: a bracket is the next system's under it, however close it is to the one
    before."""
    since = page.systems[system.index - 1].staves[-1].tops[-1] if system.index > 0 else 0.0
    until = system.staves[-1].tops[-1]
    texts = [t for t in page.symbols.texts if since < t.box.y0 and t.box.y1 < until and t not in headings]
    lines = [v for v in page.symbols.lines if since < min(v.y0, v.y1) < until]
    return dw.find_endings(texts, lines, system)


def _pedals(page: PageDraft, system: System) -> list[MarkSign]:
    """The pedals of a system, which may be close to the next one's staves."""
    over, under = page.under(system)
    glyphs = [g for g in page.symbols.glyphs if over < center(g.box)[1] < under]
    texts = pedal_texts([t for t in page.symbols.texts if over < center(t.box)[1] < under], glyphs, system)
    lines = [v for v in page.symbols.lines if over < (v.y0 + v.y1) / 2 < under]
    tuplets = [t for s in page.signs for t in s.tuplets]
    return find_pedals(glyphs, texts, lines, tuplets, page.elements.get(system.index, []), system)


def _texts(
    page: PageDraft, system: System, headings: Collection[Text], stacked: Mapping[Text, int]
) -> tuple[list[Text], list[Text]]:
    """Texts of a system, and those in its band that are headings of the page."""
    texts = [t for t in page.texts_of(system) if t not in headings and t not in stacked]
    around = [t for t in texts if is_heading(t, page.systems, page.symbols.height)]
    own = [t for t, owner in stacked.items() if owner == system.index and t not in headings]
    return [*(t for t in texts if t not in around), *own], around


def step_marks(page: PageDraft) -> None:
    """Articulations, ornaments, fingers, dynamics, words; and the headings around the music."""
    symbols = page.symbols
    stacked = stacked_texts(symbols.texts, page.systems, symbols.height)
    page.titles = read_titles([t for t in symbols.texts if t not in stacked], page.systems, symbols.height)
    headings: set[Text] = set()
    for before, after in itertools.pairwise(page.signs):
        heading = heading_over(symbols.texts, before.system, after.system) if begins_piece(before, after) else []
        if heading:
            headings.update(heading)
            page.starts.append((after.system.index, titles_of(heading)))
    barlines = [b for s in page.systems for b in s.barlines]
    dots = mk.free_dots(symbols.glyphs, page.dots.used, page.staves, barlines)
    endings = [ending for system in page.systems for ending in _endings_over(page, system, headings)]
    page.marks += endings
    unnumbered: list[Text] = []
    fingers = finger_styles(symbols.texts)
    harmony = find_chord_symbols(symbols.texts, page.systems)
    wedges = dw.find_wedges(symbols.lines, page.space)
    dynamics = [g for g in symbols.glyphs if g.name.startswith("dynamic")]
    free = [g for n, g in enumerate(symbols.glyphs) if n not in page.dots.used]
    attached = [g for g in [*free, *dots] if mk.ATTACHED.match(g.name)]
    texts_of = {s.index: _texts(page, s, headings, stacked) for s in page.systems}
    sung = find_lyrics({index: texts for index, (texts, _) in texts_of.items()}, page.elements, page.systems)
    for system in page.systems:
        elements = page.elements.get(system.index, [])
        glyphs, lines = page.glyphs_of(system), page.lines_of(system)
        texts, around = texts_of[system.index]
        # fingers may reach out of the page's first and last system; the number of a movement is set in another style
        digits = [*texts, *(t for t in around if style_of(t) in fingers)]
        unnumbered += [t for t in digits if not dw.is_ending_number(t, endings)]
        no_words = {*sung, *harmony, *pedal_texts(texts, glyphs, system)}
        texts = [t for t in texts if t not in no_words]
        inside = [t for t in texts if t.box.x1 > system.x0]
        over, under = page.band(system)
        wiggles = [w for w in symbols.wiggles if over <= center(w)[1] < under]
        on_chords = mk.find_marks(_own(page, attached, system, 0.0), elements, system)
        page.marks += on_chords
        page.marks += mk.find_arpeggios(glyphs, wiggles, elements, system)
        page.marks += dw.find_dynamics(_own(page, dynamics, system, DOWNWARD), system)
        page.marks += dw.hairpins_of(_own(page, wedges, system, DOWNWARD), system)
        page.marks += _pedals(page, system)
        page.marks += find_wavy_lines(glyphs, wiggles, lines, on_chords, elements, system)
        page.marks += dw.find_signs(glyphs, system)
        page.marks += find_words(inside, glyphs, lines, elements, system, not dynamics)
        page.marks += find_bar_number(page.texts_of(system), system)
        page.marks += [harmony_mark(t, system) for t, owner in harmony.items() if owner == system.index]
    page.marks += find_fingers(symbols.glyphs, unnumbered, page.elements, page.systems)

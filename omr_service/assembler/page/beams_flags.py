"""Beams and flags: how often the value of a chord is halved, and which chords one beam joins."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from omr_service.assembler.doubts import other_levels
from omr_service.assembler.geometry import Sorted, Staff, is_vertical, y_at
from omr_service.assembler.page.heads_stems import Chord
from omr_service.assembler.page.passing_stems import members_of_beams, stem_x, under_longer
from omr_service.symbols import Glyph, Line

FLAG = re.compile(r"flag(8|16|32|64|128|256)(?:th|nd)(Up|Down)")
FLAG_COUNT = {"8": 1, "16": 2, "32": 3, "64": 4, "128": 5, "256": 6}


@dataclass(frozen=True, slots=True)
class Beaming:
    """What beams and flags say.

    Attributes:
        levels: By chord index, number of beams or flags on its stem.
        groups: Chords joined by a beam, left to right, by index.
        breaks: By group, positions in it before which beams beyond the first stop.
        tremolos: By chord index, number of tremolo strokes.
        loose: Beams that meet no stem.
        flagged: Chords with flags, by index.
        doubts: By chord index, other numbers of flags that the reader saw, each with what it costs to read it.
    """

    levels: dict[int, int]
    groups: tuple[tuple[int, ...], ...]
    breaks: tuple[tuple[int, ...], ...]
    tremolos: dict[int, int]
    loose: tuple[Line, ...] = ()
    flagged: frozenset[int] = frozenset()
    doubts: dict[int, tuple[tuple[int, float], ...]] = field(default_factory=dict)


APART, APART_OPPOSED = 1.0, 1.4
"""Distance, in staff spaces, below which stems under one beam belong to notes that sound together: of stems of one
direction, and of two that point at each other; the latter not where both end at the beam under heads further apart."""
ASIDE, LEVEL, COLUMN = 1.75, 0.6, 0.3
"""Staff spaces by which a note was moved aside at most because it is as high as one that it sounds with, up to which
they are as high, and up to which notes stand in one column."""
BEAMS_HEIGHT = 2.5
"""Height of the beams, in staff spaces, that such stems end at from both sides."""
THIN = 0.38
"""Thickness, in staff spaces, below which a beam joins grace notes."""


def find_beams(lines: list[Line], space: float) -> list[Line]:
    """Lines thick enough to be beams."""
    return [
        v
        for v in lines
        if not is_vertical(v) and 0.28 * space < v.thickness < 1.1 * space and v.x1 - v.x0 > 0.4 * space
    ]


def read_beaming(chords: list[Chord], beams: list[Line], glyphs: list[Glyph], staves: list[Staff]) -> Beaming:
    """Counts beams and flags at every stem."""
    stemmed = [c for c in chords if c.stem is not None]
    order = Sorted(stemmed, key=stem_x)
    contacts = _contacts(beams, order, staves)
    touched: dict[int, list[Line]] = {c.index: [] for c in stemmed}
    tremolos: dict[int, int] = {}
    members_of: list[list[Chord]] = []
    for beam, members in contacts:
        if len(members) == 1 and _is_tremolo(members[0], beam, staves):
            tremolos[members[0].index] = tremolos.get(members[0].index, 0) + 1
            continue
        if members:
            members_of.append(members)
            for chord in members:
                touched[chord.index].append(beam)
    levels = {i: len(_distinct(own, chords[i], staves)) for i, own in touched.items() if own}
    flags: dict[int, int] = {}
    doubts = _read_flags(stemmed, order, glyphs, staves, flags, tremolos)
    levels |= {i: max(count, levels.get(i, 0)) for i, count in flags.items()}
    space = max((s.space for s in staves), default=1.0)
    groups, breaks, strangers = _groups(members_of, levels, flags, space, _moved_aside(order, space))
    grouped = {i for group in groups for i in group}
    levels |= {i: flags.get(i, 0) for i in strangers - grouped}
    loose = tuple(beam for beam, members in contacts if not members)
    doubts = {i: others for i, others in doubts.items() if levels[i] == flags[i]}
    return Beaming(levels, groups, breaks, tremolos, loose, frozenset(flags), doubts)


def _contacts(beams: list[Line], order: Sorted[Chord], staves: list[Staff]) -> list[tuple[Line, list[Chord]]]:
    """For each beam the chords whose stem meets it.

    Some engravers end a stem at the inner beam: a beam beyond the tip counts when it is next to one the stem meets.
    """
    firm: dict[int, list[float]] = {}
    reached: set[int] = set()  # chords whose stem runs into some beam
    gaps: list[tuple[Line, list[tuple[Chord, float, float]]]] = []
    for beam in beams:
        members: list[tuple[Chord, float, float]] = []
        for chord in order.between(beam.x0 - 3.0 * beam.thickness, beam.x1 + 3.0 * beam.thickness):
            space = staves[chord.staff].space
            x = stem_x(chord)
            assert chord.stem is not None
            if not beam.x0 - 0.25 * space <= x <= beam.x1 + 0.25 * space:
                continue
            y = y_at(beam, x)
            beyond = max(chord.stem.y0 - y, y - chord.stem.y1)
            at_tip = abs(y - chord.tip) <= beyond + 1e-6
            if beyond > (0.95 if at_tip else 0.35) * space + beam.thickness / 2 or not _on_free_side(chord, y, space):
                continue
            gap = (beyond - beam.thickness / 2) / space
            if gap <= 0.0:
                reached.add(chord.index)
            members.append((chord, y, gap))
        gaps.append((beam, members))
    found: list[tuple[Line, list[tuple[Chord, float, bool]]]] = []
    for beam, members in gaps:
        # what lies off the end of a stem that runs into a beam may be a beam of other stems
        entries = [(c, y, gap <= (0.2 if c.index in reached else 0.35)) for c, y, gap in members]
        for chord, y, meets in entries:
            if meets:
                firm.setdefault(chord.index, []).append(y)
        found.append((beam, entries))
    grace = {
        c.index
        for beam, entries in found
        for c, _, meets in entries
        if meets and c.small and beam.thickness < THIN * staves[c.staff].space
    }
    found = [(beam, _one_size(beam, entries, staves, grace)) for beam, entries in found]
    joined = [{c.index for c, _, meets in entries if meets} for _, entries in found]
    beams_of: dict[int, set[int]] = {}
    for k, own in enumerate(joined):
        for index in own:
            beams_of.setdefault(index, set()).add(k)
    short = under_longer(found, staves)
    grown = True
    while grown:  # one stem after the other, starting from those that meet both beams
        grown = False
        for k, (_, entries) in enumerate(found):
            for chord, y, meets in entries:
                if meets or chord.index in joined[k] or chord.index in short:
                    continue
                near = any(abs(y - other) < 1.1 * staves[chord.staff].space for other in firm.get(chord.index, []))
                if near and any(joined[k] & joined[other] for other in beams_of.get(chord.index, ())):
                    joined[k].add(chord.index)
                    beams_of.setdefault(chord.index, set()).add(k)
                    grown = True
    return members_of_beams(beams, found, joined, beams_of, staves)


def _one_size(
    beam: Line, entries: list[tuple[Chord, float, bool]], staves: list[Staff], grace: set[int]
) -> list[tuple[Chord, float, bool]]:
    """A beam joins grace notes or others, that of grace notes is thinner.

    A full one may join small notes that are played in time: most of its notes are small then, none has a thin beam of
    its own, and one of its ends is at a full note.
    """
    small = [entry for entry in entries if entry[0].small]
    full = [entry for entry in entries if not entry[0].small]
    if not small or not full:
        return entries
    space = staves[entries[0][0].staff].space
    if beam.thickness < THIN * space:
        return small
    at_end = any(min(abs(stem_x(c) - beam.x0), abs(stem_x(c) - beam.x1)) < 0.3 * space for c, _, _ in full)
    in_time = len(small) > 2 and at_end and not any(c.index in grace for c, _, _ in small)
    return entries if in_time else full


def _on_free_side(chord: Chord, y: float, space: float) -> bool:
    """True when a beam at height y is nearer to the stem's tip than to its root, or beyond the tip."""
    assert chord.stem is not None
    length = chord.stem.y1 - chord.stem.y0
    return abs(y - chord.tip) < max(0.75 * length, 0.8 * space)


def _is_tremolo(chord: Chord, beam: Line, staves: list[Staff]) -> bool:
    """True for a short stroke through the middle of one stem."""
    space = staves[chord.staff].space
    x = stem_x(chord)
    left, right = x - beam.x0, beam.x1 - x
    return min(left, right) > 0.25 * (beam.x1 - beam.x0) and beam.x1 - beam.x0 < 2.2 * space


def _distinct(beams: list[Line], chord: Chord, staves: list[Staff]) -> list[float]:
    """Heights at the stem, those of one beam drawn in pieces counted once."""
    gap = 0.35 * staves[chord.staff].space * (0.6 if chord.small else 1.0)
    result: list[float] = []
    for y in sorted(y_at(b, stem_x(chord)) for b in beams):
        if not result or y - result[-1] > gap:
            result.append(y)
    return result


def _read_flags(
    stemmed: list[Chord],
    order: Sorted[Chord],
    glyphs: list[Glyph],
    staves: list[Staff],
    flags: dict[int, int],
    tremolos: dict[int, int],
) -> dict[int, tuple[tuple[int, float], ...]]:
    """Adds flags to `flags` and tremolo glyphs to `tremolos`; returns what else the flags may be."""
    doubts: dict[int, tuple[tuple[int, float], ...]] = {}
    for glyph in glyphs:
        match = FLAG.match(glyph.name)
        stroke = re.match(r"tremolo([1-5])", glyph.name)
        if not match and not stroke:
            continue
        best: tuple[float, Chord] | None = None
        reach = glyph.size / 2
        cy = (glyph.box.y0 + glyph.box.y1) / 2
        for chord in order.between(glyph.box.x0 - reach, glyph.box.x1 + reach):
            space = staves[chord.staff].space
            x = stem_x(chord)
            if match:
                cost = abs(glyph.box.x0 - x) + 0.7 * abs(glyph.y - chord.tip)
                if chord.up != (match[2] == "Up"):
                    cost += 2 * space
                if cost > 3.0 * space:
                    continue
            else:
                assert chord.stem is not None
                cost = abs((glyph.box.x0 + glyph.box.x1) / 2 - x)
                if cost > 0.8 * space or not chord.stem.y0 - space < cy < chord.stem.y1 + space:
                    continue
            if best is None or cost < best[0]:
                best = (cost, chord)
        if best is None:
            continue
        if match:
            count = FLAG_COUNT[match[1]]
            if count > flags.get(best[1].index, 0):
                flags[best[1].index] = count
                seen = [(FLAG.match(name), p) for name, p in glyph.alternatives]
                others = [(FLAG_COUNT[m[1]], p) for m, p in seen if m]
                doubts[best[1].index] = other_levels(glyph.confidence, others, count)
        elif stroke:
            tremolos[best[1].index] = int(stroke[1])
    return doubts


def _moved_aside(order: Sorted[Chord], space: float) -> dict[int, float]:
    """By chord index, where the column is from which a chord may have been moved to the right: that of a chord as high
    as it whose stem points the other way."""
    found: dict[int, float] = {}
    for chord in order.things:
        x = stem_x(chord)
        for other in order.between(x - (ASIDE + 2 * APART_OPPOSED) * space, x + APART_OPPOSED * space):
            opposed = other.staff == chord.staff and other.up != chord.up
            beside = APART * space < chord.x - other.x < ASIDE * space
            if opposed and beside and abs(_root(chord) - _root(other)) < LEVEL * space:
                found[chord.index] = other.x
    return found


def _one_at_a_time(
    group: list[Chord], levels: dict[int, int], flags: Container[int], space: float, aside: Mapping[int, float]
) -> tuple[list[Chord], set[int]]:
    """The group without stems that stand so close to another member that both sound together: those of another voice
    that run into the beam. The one with more beams is the member; if they have equally many, the one that stands and
    points as most of the others do, else the one whose stem starts nearest to where its neighbours' do, else the left
    one. The others that are of another staff or point the other way are told by index.

    The stems of notes on two sides of a beam stand a head's width further apart, or closer, than their heads.
    """
    alike = Counter((c.staff, c.up) for c in group)
    kept: list[Chord] = []
    strangers: set[int] = set()
    for chord in group:
        opposed = bool(kept) and chord.up != kept[-1].up
        reach = (APART_OPPOSED if opposed else APART) * space
        close = bool(kept) and stem_x(chord) - stem_x(kept[-1]) < reach
        if close and opposed and chord.index not in flags and kept[-1].index not in flags:
            at_beams = abs(chord.tip - kept[-1].tip) < BEAMS_HEIGHT * space
            close = abs(chord.x - kept[-1].x) < reach or not at_beams
        # on either side of a beam the stems of a column may be further apart
        close = close or (opposed and abs(aside.get(chord.index, math.inf) - kept[-1].x) < COLUMN * space)
        if close:
            ranks = [(levels.get(c.index, 0), alike[c.staff, c.up], -_leap(c, group, reach)) for c in (kept[-1], chord)]
            other = chord
            if ranks[1] > ranks[0]:
                other, kept[-1] = kept[-1], chord
            if (other.staff, other.up) != (kept[-1].staff, kept[-1].up):
                strangers.add(other.index)
        else:
            kept.append(chord)
    return kept, strangers


def _leap(chord: Chord, group: list[Chord], apart: float) -> float:
    """How far a stem's root is, in points, from the nearest of those of the neighbours under its beam."""
    x = stem_x(chord)
    others = sorted((abs(stem_x(c) - x), abs(_root(c) - _root(chord))) for c in group if abs(stem_x(c) - x) >= apart)
    return round(min((leap for _, leap in others[:2]), default=0.0), 3)


def _root(chord: Chord) -> float:
    """Height of the end of the stem at which its heads are."""
    assert chord.stem is not None
    return chord.stem.y1 if chord.up else chord.stem.y0


def _groups(
    members_of: list[list[Chord]],
    levels: dict[int, int],
    flags: Container[int],
    space: float,
    aside: Mapping[int, float],
) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...], set[int]]:
    """Chords joined by any chain of beams, where only the first beam goes on, and chords whose stems merely run into a
    beam."""
    parent: dict[int, int] = {}

    def find(i: int) -> int:
        while parent.setdefault(i, i) != i:
            i = parent[i]
        return i

    links: dict[tuple[int, int], int] = {}
    all_of: dict[int, Chord] = {}
    for members in members_of:
        ordered = sorted(members, key=stem_x)
        for chord in ordered:
            all_of[chord.index] = chord
            find(chord.index)
        for a, b in itertools.pairwise(ordered):
            parent[find(a.index)] = find(b.index)
            links[a.index, b.index] = links.get((a.index, b.index), 0) + 1
    by_root: dict[int, list[Chord]] = {}
    for index, chord in all_of.items():
        by_root.setdefault(find(index), []).append(chord)
    groups: list[tuple[int, ...]] = []
    breaks: list[tuple[int, ...]] = []
    strangers: set[int] = set()
    for met in sorted(by_root.values(), key=lambda g: min(stem_x(c) for c in g)):
        kept, others = _one_at_a_time(sorted(met, key=stem_x), levels, flags, space, aside)
        # a note with a flag of its own between those of a beam is of another voice
        flagged = {c.index for c in kept[1:-1] if c.index in flags}
        kept = [c for c in kept if c.index not in flagged]
        if len(kept) < 2:
            continue
        strangers |= others | flagged
        group = [c.index for c in kept]
        inner = [links.get((a, b), 0) for a, b in itertools.pairwise(group)]
        deepest = max(inner)
        cut = tuple(k + 1 for k, n in enumerate(inner) if n == 1 and deepest > 1)
        groups.append(tuple(group))
        breaks.append(cut)
    return tuple(groups), tuple(breaks), strangers

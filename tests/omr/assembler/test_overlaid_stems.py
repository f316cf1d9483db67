"""Stems of several voices that lie on each other or come near each other's beams: which notes a beam joins."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from omr_service.assembler.page.steps import PageDraft
from omr_service.assembler.rhythm.measure_rhythm import solve_measure
from omr_service.pipeline import assemble_page
from omr_service.symbols import Line
from tests.omr.assembler.test_page_steps import SPACE, Sheet
from tests.omr.assembler.test_rhythm import chord, times

Q = Fraction


def framed():
    sheet = Sheet()
    sheet.bar(50)
    sheet.bar(450)
    sheet.clefs()
    return sheet


def steps_under_beams(draft: PageDraft) -> list[list[int]]:
    """By beam, the positions of the lowest heads it joins."""
    return [[draft.heads[draft.chords[c].heads[0]].step for c in group] for group in draft.beaming.groups]


@pytest.mark.parametrize(("second", "joined"), [(2, [1, 2]), (6, [5, 6])])
def test_of_two_stems_on_each_other_the_beam_joins_the_one_nearer_to_its_neighbour(second, joined):
    sheet = framed()
    for step in (1, 5):
        x, _ = sheet.note(0, 100, step, tip=12 - step)
    right, _ = sheet.note(0, 140, second, tip=12 - second)
    sheet.beam((x, sheet.y(0, 12)), (right, sheet.y(0, 12)))
    assert steps_under_beams(sheet.draft()) == [joined]


def test_a_stem_that_passes_the_end_of_a_beam_on_its_way_to_its_own_is_not_joined_by_it():
    """A dotted note ends the upper beam; a note of the lower voice on the same stem begins the lower one."""
    sheet = framed()
    left, _ = sheet.note(0, 100, 8, up=False, tip=9)
    upper, _ = sheet.note(0, 140, 8, up=False, tip=9)
    sheet.beam((left, sheet.y(0, -1)), (upper, sheet.y(0, -1)))
    lower, _ = sheet.note(0, 140, 7, up=False, tip=12)
    right, _ = sheet.note(0, 180, 5, up=False, tip=10)
    sheet.beam((lower, sheet.y(0, -5)), (right, sheet.y(0, -5)))
    draft = sheet.draft()
    assert steps_under_beams(draft) == [[8, 8], [7, 5]]
    assert set(draft.beaming.levels.values()) == {1}


def test_a_beam_of_the_other_staff_just_off_the_end_of_a_stem_does_not_count_for_it():
    sheet = framed()
    downs = [sheet.note(0, x, 2, up=False, tip=7) for x in (100, 140)]
    height = sheet.y(0, -5)
    sheet.beam((downs[0][0], height), (downs[1][0], height))
    ups = []
    for x in (100, 140):
        stem = x + 6.0
        sheet.glyph("noteheadBlack", 1, x, 4)
        sheet.page.lines.append(Line(stem, height + 3.0, stem, sheet.y(1, 4), 0.6))
        ups.append(stem)
    sheet.beam((ups[0], height + 4.0), (ups[1], height + 4.0))  # its ink is a third of a space from the other beam's
    assert sorted(steps_under_beams(sheet.draft())) == [[2, 2], [4, 4]]


def test_beams_of_two_staves_that_cross_each_join_their_own_stems():
    sheet = framed()
    downs = [sheet.note(0, x, 2, up=False, tip=7) for x in (100, 124, 148)]
    height = sheet.y(0, -5)
    sheet.beam((downs[0][0], height), (downs[2][0], height))
    left, right = (112.0, height + 6.0), (160.0, height - 3.0)
    for x in (106.0, 130.0, 154.0):
        stem = x + 6.0
        tip = left[1] + (right[1] - left[1]) * (stem - left[0]) / (right[0] - left[0])
        sheet.glyph("noteheadBlack", 1, x, 4)
        sheet.page.lines.append(Line(stem, tip, stem, sheet.y(1, 4), 0.6))
    sheet.beam(left, right)
    assert sorted(steps_under_beams(sheet.draft())) == [[2, 2, 2], [4, 4, 4]]


@pytest.mark.parametrize(("x", "level"), [(107.0, -1), (140.0, 1)], ids=["beside a short note", "alone"])
def test_a_half_note_beside_a_short_one_is_none_of_its_beam(x, level):
    """Its stem runs into the beam; alone there, its head stands for a short note of another voice, too."""
    sheet = framed()
    stems = [sheet.note(0, at, 6, up=False, tip=8)[0] for at in (100, 180)]
    sheet.beam((stems[0], sheet.y(0, -2)), (stems[1], sheet.y(0, -2)))
    sheet.note(0, x, 5, up=False, name="noteheadHalf", tip=7)
    elements = assemble_page(sheet.page).systems[0].measures[0].elements
    (half,) = [e for e in elements if e.notes[0].name == "noteheadHalf"]
    assert half.level == level and (half.beam >= 0) == (level == 1)


def test_a_tuplet_number_between_two_systems_is_of_the_nearer_notes():
    sheet = Sheet(tops=(100.0, 160.0, 236.0, 296.0))
    for top, bottom in ((100.0, 180.0), (236.0, 316.0)):
        for x in (50, 450):
            sheet.page.lines.append(Line(x, top, x, bottom, 0.8))
    for staff, step, up in ((1, 2, True), (2, 11, True)):
        stems = [sheet.note(staff, x, step, up=up) for x in (100, 130, 160)]
        sheet.beam(stems[0], stems[2])
    y = stems[0][1] - 4
    assert abs(y - 180.0) < abs(y - 236.0)  # nearer to the upper system's staff, yet at the lower one's beam
    sheet.glyph("tuplet3", 2, 131, round((sheet.y(2, 0) - y) / (SPACE / 2)), height=4)
    first, second = assemble_page(sheet.page).systems
    assert not first.tuplets and [t.number for t in second.tuplets] == [3]


def test_a_triplet_without_a_number_may_be_dotted_where_its_beam_is_three_notes_long():
    group = [chord(0, 0, 1, beam=1), chord(1, 4, 1, dots=1, beam=1), chord(2, 9, 2, beam=1)]
    pulse = [chord(9, 0, 0, staff=1)]
    assert times([*group, *pulse], 1) == {0: (0, Q(1, 3)), 1: (Q(1, 3), Q(1, 2)), 2: (Q(5, 6), Q(1, 6)), 9: (0, 1)}


def test_notes_with_flags_of_their_own_are_no_triplet_without_a_number():
    """The bar is longer than its meter, and there were triplets before."""
    flags = [chord(k, 4.0 * k, 1) for k in range(7)]
    pulse = [chord(10 + k, 8.0 * k, 0, staff=1) for k in range(3)] + [chord(13, 24.0, 1, staff=1)]
    timing = solve_measure([*flags, *pulse], (), Q(3), 1.0, recent=frozenset({Q(2, 3)}))
    assert [timing.timings[k].onset for k in range(7)] == [Q(k, 2) for k in range(7)]


def test_of_a_half_note_and_a_short_one_on_each_other_each_has_a_stem_of_its_own():
    """Both stems touch both heads; the dot beside them is either's."""
    sheet = framed()
    stems = [sheet.note(0, 100, 4), sheet.note(0, 130, 5, tip=6)]
    sheet.beam(stems[0], stems[1])
    sheet.note(0, 100, 4, up=False, name="noteheadHalf")
    elements = assemble_page(sheet.page).systems[0].measures[0].elements
    found = [(e.notes[0].name, e.up, e.level) for e in elements]
    assert sorted(found) == [("noteheadBlack", True, 1), ("noteheadBlack", True, 1), ("noteheadHalf", False, -1)]


def test_one_dot_beside_two_notes_on_each_other_may_be_the_shorter_ones():
    """A dotted eighth with its sixteenth over a quarter of a lower voice, all on one head."""
    upper = [chord(0, 0, 1, beam=1), chord(1, 5, 2, beam=1), chord(2, 8, 0)]
    lower = [chord(3, 0, 0, dots=1, up=False), chord(4, 8, 0, step=0, up=False)]
    bass = [chord(5, 0, 0, staff=1), chord(6, 8, 0, staff=1)]
    found = times([*upper, *lower, *bass], 2)
    assert [found[k] for k in (0, 1, 3)] == [(0, Q(3, 4)), (Q(3, 4), Q(1, 4)), (0, 1)]


def test_a_dot_beside_a_rest_that_is_printed_on_a_chord_may_be_the_rests():
    """A dotted eighth rest of the upper voice stands within the lower voice's chord."""
    rest = replace(chord(0, 0, 1), notes=(), up=None)
    upper = [rest, chord(1, 6, 2, step=8), chord(2, 9, 0, step=8), chord(3, 15, 0, step=8)]
    lower = [chord(4, 0, 0, dots=1, up=False)]
    bass = [chord(5 + k, x, 0, staff=1) for k, x in enumerate((0, 9, 15))]
    found = times([*upper, *lower, *bass], 3)
    assert found[0] == (0, Q(3, 4)) and found[1] == (Q(3, 4), Q(1, 4)) and found[2] == (1, 1)


@pytest.mark.parametrize("staff", [0, 1], ids=["on its staff", "on the other"])
def test_a_triplet_number_stands_over_the_rest_within_its_beam(staff):
    """Two voices with a rest each in one column; a beam may end on the other staff."""
    sheet = framed()
    ups = [sheet.note(0, x, 5) for x in (100, 130)]
    last = sheet.y(staff, 6)
    sheet.glyph("noteheadBlack", staff, 190, 6)
    sheet.page.lines.append(Line(196.0, ups[0][1], 196.0, last, 0.6))
    sheet.beam(ups[0], (196.0, ups[0][1]))
    sheet.beam((190.0, ups[0][1] + 3.5), (196.0, ups[0][1] + 3.5))  # a stub: the last is a sixteenth
    for step in (5, 0):
        sheet.glyph("rest16th", 0, 160, step)
    sheet.glyph("tuplet3", 0, 146, 15, height=4)
    (system,) = assemble_page(sheet.page).systems
    elements = {e.index: e for e in system.measures[0].elements}
    (tuplet,) = system.tuplets
    under = [elements[i] for i in tuplet.options[0]]
    assert [e.is_rest for e in under] == [False, False, True, False]
    assert under[2].rest_step == max(e.rest_step for e in elements.values() if e.is_rest)


def test_two_runs_of_five_without_a_number_take_the_same_time():
    """Two beats of five sixteenths in both hands, at a repeat: not five and three quarters."""
    hands = [[chord(20 * s + k, 3.0 * k, 2, staff=s, beam=2 * s + k // 5) for k in range(10)] for s in range(2)]
    notes = [e for hand in hands for e in hand]
    timing = solve_measure(notes, (), Q(2), 1.0, irregular_is_usual=True, compound=False)
    assert timing.length == 2 and {t.ratios for t in timing.timings.values()} == {((5, 4),)}


@pytest.mark.parametrize(("height", "stems"), [(14.0, 1), (4.0, 2)])
def test_the_stroke_of_an_accidental_beside_a_head_is_no_stem_of_it(height, stems):
    """A flat stands close to the right of a head under whose own stem a beam goes on."""
    sheet = framed()
    sheet.note(0, 100, 4, up=False)
    y = sheet.y(0, 4)
    sheet.page.lines.append(Line(106, y - 12, 106, y + 1, 0.6))
    sheet.glyph("accidentalFlat", 0, 107, 5, height=height)
    sheet.note(0, 114, 5, up=False)
    draft = sheet.draft()
    assert sum(0 in chord.heads for chord in draft.chords) == stems


@pytest.mark.parametrize(("step", "level"), [(2, 0), (5, 1)], ids=["beside a head as high", "alone at its height"])
def test_a_note_moved_aside_whose_stem_runs_into_the_beam_of_its_column_is_none_of_its_notes(step, level):
    """Three voices: sixteenths that hang from a beam, under it a short note, right of that a quarter as high."""
    sheet = framed()
    hanging = [sheet.note(0, x, 10, up=False, tip=6) for x in (100, 140)]
    sheet.beam(hanging[0], hanging[1])
    deep = [sheet.note(0, x, -step, up=False, tip=7) for x in (100, 140)]
    sheet.beam(deep[0], deep[1])
    sheet.note(0, 108, -2, tip=6)
    elements = assemble_page(sheet.page).systems[0].measures[0].elements
    (aside,) = [e for e in elements if e.up]
    assert (aside.level, aside.beam >= 0) == (level, level > 0)


def test_a_whole_note_in_the_column_of_a_triplets_first_note_is_none_of_its_notes():
    sheet = framed()
    for x, step in ((100, 4), (130, 5), (160, 4)):
        sheet.note(0, x, step)
        sheet.note(0, x, step - 3, up=False)
    sheet.glyph("noteheadWhole", 0, 101, -1)
    y = sheet.y(0, 14)
    for x0, x1 in ((100, 128), (140, 166)):
        sheet.page.lines.append(Line(x0, y, x1, y, 0.5))
    sheet.glyph("tuplet3", 0, 131, 14, height=4)
    (system,) = assemble_page(sheet.page).systems
    elements = {e.index: e for e in system.measures[0].elements}
    (sign,) = system.tuplets
    assert [(elements[i].level, elements[i].up) for i in sign.options[0]] == [(0, True)] * 3


@pytest.mark.parametrize(("length", "heads"), [(3.5, [(-8, -1), (-6, -3)]), (6.0, [(-8, -6, -1), (-6, -3)])])
def test_a_stem_passes_the_notes_of_another_voice_whose_own_ends_after_them(length, heads):
    """An octave with its stem up around a third with its stem down, as long from its lower note as a stem is, or so
    long that nothing tells whose that note is."""
    sheet = framed()
    for step in (-1, -3, -6, -8):
        sheet.glyph("noteheadBlack", 0, 100, step)
    sheet.page.lines.append(Line(106, sheet.y(0, 6), 106, sheet.y(0, -8), 0.6))
    sheet.page.lines.append(Line(100, sheet.y(0, -3), 100, sheet.y(0, -6) + 5 * length, 0.6))
    (system,) = assemble_page(sheet.page).systems
    chords = sorted(tuple(n.step for n in e.notes) for e in system.measures[0].elements)
    assert chords == heads


@pytest.mark.parametrize("lower", [(), (2,)])
def test_a_quarter_and_a_half_note_printed_on_each_other_are_two_notes(lower):
    """The half note's voice may have a second note under it."""
    sheet = framed()
    for name in ("noteheadBlack", "noteheadHalf"):
        sheet.note(0, 100, 5, name=name)
    for step in lower:
        sheet.glyph("noteheadHalf", 0, 100, step)
    sheet.page.lines.append(Line(100, sheet.y(0, 5), 100, sheet.y(0, -4), 0.6))
    (system,) = assemble_page(sheet.page).systems
    found = sorted((e.level, e.up, tuple(n.step for n in e.notes)) for e in system.measures[0].elements)
    assert found == [(-1, False, (*lower, 5)), (0, True, (5,))]

"""Words, dynamics, lyrics and rehearsal marks of pages drawn by hand."""

from __future__ import annotations

import pytest

from omr_service.assembler.page.words import find_words
from omr_service.pdf.refine import join_dynamics
from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Box, Glyph, Line, Text
from tests.omr.assembler.test_page_steps import SPACE, Sheet

XS = (100, 160, 220, 280, 340)


def text(words, x, y, *, italic=False, bold=False, size=10.0, font="Serif"):
    width = 0.5 * size * len(words)
    return Text(words, x, y, Box(x, y - 0.8 * size, x + width, y + 0.2 * size), size, font, bold, italic)


def sheet_of_notes():
    sheet = Sheet()
    sheet.clefs()
    for x in (100, 160, 220, 280, 340):
        sheet.note(0, x, 4)
        sheet.note(1, x, 4)
    sheet.bar(450)
    return sheet


def marks(sheet, *kinds):
    return [(m.kind, m.name) for m in sheet.draft().marks if m.kind in kinds]


def words(*texts, glyphs=(), lines=()):
    draft = sheet_of_notes().draft()
    found = find_words(list(texts), list(glyphs), list(lines), draft.elements[0], draft.systems[0])
    return [(m.kind, m.name, m.detail) for m in found]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("f con fuoco", [("dynamic", "f"), ("words", "con fuoco")]),
        ("più p", [("words", "più"), ("dynamic", "p")]),
        ("sfz", [("dynamic", "sfz")]),
        ("dolce", [("words", "dolce")]),
        ("pp subito", [("dynamic", "pp"), ("words", "subito")]),
        ("forte", [("words", "forte")]),
        ("mf.", [("dynamic", "mf")]),
    ],
)
def test_dynamics_in_italic_words_are_dynamics(said, found):
    assert [(kind, name) for kind, name, _ in words(text(said, 200, 135, italic=True))] == found


def test_upright_letters_are_dynamics_where_the_page_has_none_of_a_music_font():
    sheet = sheet_of_notes()
    sheet.page.texts.extend([text("f", 100, 150), text("mp", 220, 150)])
    assert marks(sheet, "dynamic", "words") == [("dynamic", "f"), ("dynamic", "mp")]
    sheet.glyph("dynamicForte", 0, 340, -3)
    assert marks(sheet, "dynamic", "words") == [("dynamic", "f"), ("words", "f"), ("words", "mp")]


def test_dynamics_in_a_row_under_notes_are_not_sung():
    sheet = sheet_of_notes()
    sheet.page.texts.extend(text(said, x, 150) for said, x in zip("pfpfp", XS, strict=True))
    assert [name for _, name in marks(sheet, "dynamic")] == ["p", "f", "p", "f", "p"]


def test_a_letter_in_a_frame_over_the_system_is_a_rehearsal_mark():
    frame = [
        Line(98, 60, 98, 80, 0.5),
        Line(112, 60, 112, 80, 0.5),
        Line(98, 60, 112, 60, 0.5),
        Line(98, 80, 112, 80, 0.5),
    ]
    assert words(text("A", 101, 74), lines=frame) == [("rehearsal", "A", "")]
    assert words(text("12", 101, 74), lines=frame) == [("rehearsal", "12", "")]
    assert words(text("A", 101, 74), lines=frame[:3]) == [("words", "A", "")]
    assert words(text("12", 101, 74)) == []


def test_a_metronome_mark_may_be_written_in_words():
    assert words(text("Andante (\N{QUARTER NOTE} = 66)", 100, 80, bold=True)) == [("tempo", "Andante", "Quarter 0 66")]


def test_syllables_under_notes_are_no_words():
    sheet = sheet_of_notes()
    for x, syllable in zip((100, 160, 220, 280, 340), ("Am", "Brun", "nen", "vor", "dem"), strict=True):
        sheet.page.texts.append(text(syllable, x - 2, 140, size=8.0))
    sheet.page.texts.append(text("dolce", 100, 150, italic=True))
    assert marks(sheet, "words") == [("words", "dolce")]


@pytest.mark.parametrize(
    ("syllables", "y", "said"),
    [(["gus"], 300, 0), (["gus"], 310, 1), (["gus", "tin"], 310, 0), (["poco", "rit."], 310, 2)],
    ids=["on the line of the others", "on another line", "two on another line", "words that begin at their notes"],
)
def test_few_syllables_in_the_style_of_many_are_sung(syllables, y, said):
    sung = [text(word, x - 1, 140, size=8.0) for x, word in zip(XS, ("O", "du", "lie", "ber", "Au"), strict=True)]
    shift = 0 if said == 2 else -3
    last = [text(word, x + shift, y, size=8.0) for x, word in zip(XS, syllables, strict=False)]
    draft = two_systems(*sung, *last).draft()
    assert len([m for m in draft.marks if m.kind == "words"]) == said


@pytest.mark.parametrize(
    ("said", "italic", "found"),
    [("A ri men la ve Ky sol A mi ri", False, 0), ("A ri men la ve Ky sol A mi ri", True, 1), ("A ri men", False, 1)],
    ids=["a syllable for each note", "in the style of directions", "few words"],
)
def test_syllables_close_to_each_other_are_sung(said, italic, found):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for k in range(10):
        sheet.note(0, 100 + 20 * k, 4)
    sheet.bar(450)
    line = Text(said, 98, 140, Box(98, 132, 68 + 20 * len(said.split()) + 30, 142), 8.0, "Serif", False, italic)
    sheet.page.texts.append(line)
    assert len(marks(sheet, "words")) == found


def test_three_words_on_one_line_are_no_lyrics():
    sheet = sheet_of_notes()
    for x, word in ((100, "poco"), (160, "a"), (220, "poco")):
        sheet.page.texts.append(text(word, x, 140, size=8.0))
    assert len(marks(sheet, "words")) == 3


def test_syllables_and_the_hyphens_between_them_are_sung():
    sheet = sheet_of_notes()
    for x, word in ((95, "Ec"), (130, "-"), (155, "ce"), (190, "-"), (218, "sa"), (250, "-"), (276, "cer")):
        sheet.page.texts.append(text(word, x, 140, size=8.0))
    assert marks(sheet, "words") == []


def dynamic(name, x, width, y=135.0):
    return Glyph(name, x, y, Box(x, y - 4, x + width, y + 2), 4 * SPACE)


def test_letters_of_a_dynamic_are_joined_and_those_of_two_voices_are_not():
    sheet = sheet_of_notes()
    sheet.page.glyphs.extend([dynamic("dynamicSforzando", 100, 4), dynamic("dynamicForte", 101, 10)])
    sheet.page.glyphs.extend([dynamic("dynamicPP", 200, 16), dynamic("dynamicPiano", 205, 8)])
    found = marks(sheet, "dynamic")
    assert sorted(name for _, name in found) == ["p", "pp", "sf"]
    joined = join_dynamics([dynamic("dynamicForte", 100, 10), dynamic("dynamicPiano", 101, 9)])
    assert [glyph.name for glyph in joined] == ["dynamicForte", "dynamicPiano"]


def test_two_dynamics_that_nearly_touch_are_two():
    sheet = sheet_of_notes()
    sheet.page.glyphs.extend([dynamic("dynamicPP", 200, 16), dynamic("dynamicFortePiano", 217, 14)])
    letters = [("Piano", 100, 8), ("Piano", 106, 8), ("Forte", 115.5, 9), ("Piano", 120.5, 8)]
    sheet.page.glyphs.extend(dynamic(f"dynamic{name}", x, width) for name, x, width in letters)
    assert sorted(name for _, name in marks(sheet, "dynamic")) == ["fp", "fp", "pp", "pp"]


def test_letters_at_an_even_pace_are_one_dynamic_though_none_that_is_known():
    sheet = sheet_of_notes()
    letters = [("Sforzando", 100, 5), ("Forte", 104, 9), ("Forte", 109, 9), ("Forte", 114, 9), ("Z", 121, 7)]
    sheet.page.glyphs.extend(dynamic(f"dynamic{name}", x, width) for name, x, width in letters)
    assert [name for _, name in marks(sheet, "dynamic")] == ["sfffz"]


def test_letters_that_reach_far_over_each_other_are_one_dynamic():
    """An f of a text font is two thirds as wide again as it advances."""
    joined = join_dynamics([dynamic("dynamicForte", 100 + 5.3 * k, 11.3) for k in range(3)])
    assert [glyph.name for glyph in joined] == ["dynamicFFF"]


def test_a_dynamic_under_low_notes_of_a_system_is_its_own():
    sheet = Sheet(tops=(100.0, 160.0, 300.0, 360.0))
    for staff, clef in enumerate(("gClef", "fClef", "gClef", "fClef")):
        sheet.glyph(clef, staff, 55, 2, height=20)
    for top in (100.0, 300.0):
        for x in (50.0, 450.0):
            sheet.page.lines.append(Line(x, top, x, top + 80, 0.8))
    # Far under the second staff, and nearer to the third than to it.
    for k in range(1, 7):
        y = sheet.y(1, -2 * k)
        sheet.page.lines.append(Line(97, y, 109, y, 0.5))
    sheet.note(1, 100, -12, up=False)
    for staff in (0, 2, 3):
        sheet.note(staff, 100, 4)
    sheet.page.glyphs.append(dynamic("dynamicMF", 98, 10, y=258.0))
    draft = sheet.draft()
    assert [s.index for s in draft.systems] == [0, 1]
    assert [(m.name, m.system) for m in draft.marks if m.kind == "dynamic"] == [("mf", 0)]


def test_syllables_that_come_again_under_every_note_are_sung():
    sheet = sheet_of_notes()
    for x in (100, 160, 220, 280, 340):
        sheet.page.texts.append(text("la", x - 2, 140, size=8.0))
    assert marks(sheet, "words") == []


def test_a_word_that_comes_again_under_some_notes_is_not_sung():
    sheet = sheet_of_notes()
    for k in range(5):
        sheet.note(0, 110 + 60 * k, 5)
        sheet.note(0, 130 + 60 * k, 5)
    for x in (100, 160, 220, 280):
        sheet.page.texts.append(text("rit", x - 2, 140, size=8.0))
    assert len(marks(sheet, "words")) == 4


@pytest.mark.parametrize(
    ("symbols", "left"),
    [
        (("C", "Dm7", "G/B", "Am"), 0),
        (("B♭maj7", "F#", "E+"), 0),
        (("A", "B", "C"), 3),  # letters of rehearsal
        (("C", "Dm7"), 2),  # too few
        (("Adagio", "Dm7", "G7", "C"), 1),
    ],
)
def test_chord_symbols_over_the_staves_are_no_words(symbols, left):
    sheet = sheet_of_notes()
    for k, symbol in enumerate(symbols):
        sheet.page.texts.append(text(symbol, 100 + 60 * k, 80))
    assert len(marks(sheet, "words", "tempo", "rehearsal")) == left


def test_chord_symbols_name_harmony_from_their_note_on():
    sheet = sheet_of_notes()
    for k, symbol in enumerate(("C", "B7", "H7/F#", "Am")):
        sheet.page.texts.append(text(symbol, 100 + 60 * k, 80))
    (score,) = write_scores([assemble_page(sheet.page)], Source("sheet.pdf", "sha256:0"))
    found = [d for d in score.directions if d.HasField("harmony")]
    assert [d.harmony.text for d in found] == ["C", "B7", "H7/F#", "Am"]
    assert [d.harmony.root_alter for d in found] == [0, -1, 0, 0]  # where there is an H, a B is flat
    starts = sorted({e.onset_ticks for e in score.events if e.notes})
    assert [d.onset_ticks for d in found] == starts[:4]


def two_systems(*texts):
    sheet = Sheet(tops=(100.0, 160.0, 260.0, 320.0))
    for staff, clef in enumerate(("gClef", "fClef", "gClef", "fClef")):
        sheet.glyph(clef, staff, 55, 2, height=20)
        for x in (100, 160, 220, 280, 340):
            sheet.note(staff, x, 4)
    for top in (100.0, 260.0):
        for x in (50.0, 450.0):
            sheet.page.lines.append(Line(x, top, x, top + 80, 0.8))
    sheet.page.texts.extend(texts)
    return sheet


def test_chord_symbols_name_the_harmony_of_the_system_they_are_over():
    symbols = [text(symbol, 100 + 60 * k, 216) for k, symbol in enumerate(("C", "Dm7", "G7"))]
    draft = two_systems(*symbols, text("legato", 100, 200, italic=True)).draft()
    assert [(m.kind, m.system) for m in draft.marks] == [("words", 0), *[("harmony", 1)] * 3]


def test_words_that_are_pushed_over_each_other_are_of_one_system():
    """However near the last of them come to the system over it, or to the title."""
    stair = [text("con molto fuoco", 160 + 60 * k, 250 - 12 * k, bold=True) for k in range(8)]
    draft = two_systems(*stair).draft()
    assert [(m.name, m.system) for m in draft.marks] == [("con molto fuoco", 1)] * 8
    stair = [text("con molto fuoco", 100 + 60 * k, 90 - 12 * k, bold=True) for k in range(4)]
    draft = two_systems(*stair, text("Etude", 220, 20, size=20, bold=True)).draft()
    assert [(m.name, m.system) for m in draft.marks] == [("con molto fuoco", 0)] * 4
    assert draft.titles.title == "Etude"


def test_a_name_over_plain_words_is_a_name():
    names = [text("after an old song", 220, 88), text("by nobody at all", 210, 76)]
    draft = two_systems(*names).draft()
    assert [m.name for m in draft.marks] == ["after an old song"]


@pytest.mark.parametrize("left", [160.0, 160.0 - 55.0 / 2 + 3.0], ids=["beginning at its note", "centered at it"])
def test_a_dynamic_with_words_stands_at_its_note(left):
    sheet = sheet_of_notes()
    sheet.page.texts.append(text("f con fuoco", left, 135, italic=True))
    (score,) = write_scores([assemble_page(sheet.page)], Source("sheet.pdf", "sha256:0"))
    onsets = {d.WhichOneof("kind"): d.onset_ticks for d in score.directions}
    starts = sorted({e.onset_ticks for e in score.events if e.notes})
    assert onsets == {"dynamic": starts[1], "words": starts[1]}


def test_words_between_the_last_note_and_the_barline_stand_at_the_end_of_the_measure():
    sheet = sheet_of_notes()
    sheet.page.texts.extend([text("rit.", 340, 135, italic=True), text("attacca", 400, 135, italic=True)])
    (score,) = write_scores([assemble_page(sheet.page)], Source("sheet.pdf", "sha256:0"))
    last = max(e.onset_ticks for e in score.events if e.notes)
    end = score.measures[0].onset_ticks + score.measures[0].length_ticks
    assert [(d.words.text, d.onset_ticks) for d in score.directions] == [("rit.", last), ("attacca", end)]


def test_a_number_in_a_circle_is_no_finger_and_no_word():
    sheet = sheet_of_notes()
    sheet.page.texts.append(text("\N{CIRCLED DIGIT THREE}", 101, 92))
    assert marks(sheet, "words", "finger", "rehearsal") == []


@pytest.mark.parametrize(
    ("said", "ends", "composer"),
    [
        ("Stefani, Józef", 450, "Stefani, Józef"),
        ("Ludwig van Beethoven", 450, "Ludwig van Beethoven"),
        ("Stefani, Józef", 430, ""),
        ("poco ritardando", 450, ""),
        ("D.C. al Fine", 450, ""),
        ("Tempo Primo", 450, ""),
    ],
)
def test_a_name_at_the_right_end_close_over_the_first_system_is_the_composer(said, ends, composer):
    sheet = sheet_of_notes()
    width = 5.0 * len(said)
    y = sheet.y(0, 8) - 1.5 * SPACE
    title = text("Mazur", 240, 60, size=20.0)
    sheet.page.texts.extend([title, text(said, ends - width, y)])
    draft = sheet.draft()
    assert (draft.titles.title, draft.titles.composer) == ("Mazur", composer)
    assert bool(draft.marks) == (composer == "")

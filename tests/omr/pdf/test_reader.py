import collections
import csv
import io
import math
import os
from pathlib import Path

import pikepdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from omr_service.pdf import refine
from omr_service.pdf.compose import DrawnOutline, join_wiggles, without_words
from omr_service.pdf.document import open_document
from omr_service.pdf.reader import has_vector_music, read_page_symbols
from omr_service.pdf.staves import find_staff_lines
from omr_service.symbols import Box, Glyph, Line, PageSymbols
from tests.omr.pdf.build import STAFF, as_bytes, helvetica, one_page, type3_font

DATA = Path(__file__).parent / "data"
SHARED = Path(os.environ.get("ETUDE_SHARED_DATA", Path(__file__).parents[3].parent / "shared" / "data"))
# data/features.musicxml, less what stands on a system of its own in one engraver or is drawn in another manner.
IN_EVERY_ENGRAVING = {
    "noteheadBlack": 31,
    "fClef": 1,
    "accidentalSharp": 1,
    "accidentalDoubleSharp": 1,
    "accidentalDoubleFlat": 1,
    "timeSig4": 4,
    "restWhole": 1,
    "restHalf": 1,
    "restQuarter": 1,
    "rest8th": 1,
    "rest16th": 1,
    "rest32nd": 2,
    "dynamicPiano": 1,
    "dynamicFF": 1,
    "ornamentTrill": 1,
    "ornamentTurn": 1,
    "ornamentMordent": 1,
    "fermataAbove": 1,
    "articAccentAbove": 1,
    "keyboardPedalPed": 1,
    "keyboardPedalUp": 1,
    "segno": 1,
    "coda": 1,
    "ottava": 1,
    "metNoteQuarterUp": 1,
}


def counts(page: PageSymbols) -> collections.Counter[str]:
    return collections.Counter(glyph.name for glyph in page.glyphs)


@pytest.mark.parametrize("engraver", ["musescore3", "musescore4", "gs-musescore4", "verovio"])
def test_every_symbol_of_a_page_is_found(engraver: str):
    page = read_page_symbols((DATA / f"{engraver}-features.pdf").read_bytes(), 1)
    found = counts(page)
    assert {name: found[name] for name in IN_EVERY_ENGRAVING} == IN_EVERY_ENGRAVING
    assert found["brace"] >= 1
    # Two slurs or ties, and nothing else that is curved.
    assert len(page.curves) == 2
    assert "Feature page" in [text.text for text in page.texts]
    assert [text.text for text in page.texts if "=" in text.text] == ["= 120"]


def test_symbols_of_lilypond_are_found_by_their_names():
    page = read_page_symbols((DATA / "lilypond-features.pdf").read_bytes(), 1)
    found = counts(page)
    wanted = {
        "noteheadBlack": 121,
        "noteheadHalf": 8,
        "noteheadWhole": 4,
        "noteheadDoubleWhole": 1,
        "brace": 3,
        "cClef": 1,
        "timeSigCutCommon": 2,
        "timeSig6": 2,
        "metNoteQuarterUp": 1,
        "dynamicSforzato": 1,
        "dynamicMF": 1,
        "dynamicRinforzando2": 1,
        "graceNoteSlashStemUp": 1,
        "fermataAbove": 2,
        "ornamentTremblement": 1,
        "rest64th": 2,
    }
    assert {name: found[name] for name in wanted} == wanted
    assert sum(found[f"fingering{finger}"] for finger in range(1, 6)) == 10
    texts = [text.text for text in page.texts]
    # Numbers of endings are set in the font of the fingerings, and are none.
    assert "1." in texts
    assert "2." in texts
    assert "Étude" in texts


@pytest.mark.parametrize("engraver", ["musescore3", "gs-musescore4", "lilypond", "verovio"])
def test_noteheads_lie_on_staff_steps(engraver: str):
    page = read_page_symbols((DATA / f"{engraver}-features.pdf").read_bytes(), 1)
    staff_lines = find_staff_lines(page.lines)
    assert staff_lines is not None
    checked = 0
    for glyph in page.glyphs:
        distance = staff_lines.distance(glyph.x, glyph.y)
        if glyph.name.startswith("notehead") and glyph.size > 3.5 * staff_lines.space and distance != math.inf:
            step = distance / (staff_lines.space / 2)
            assert abs(step - round(step)) < 0.12, glyph
            checked += 1
    assert checked > 20


@pytest.mark.parametrize(
    ("rotation", "size", "turn"),
    [
        (90, (595.0, 420.0), "0 1 -1 0 595 0 cm "),
        (180, (420.0, 595.0), "-1 0 0 -1 420 595 cm "),
        (270, (595.0, 420.0), "0 -1 1 0 0 420 cm "),
    ],
)
def test_a_rotated_page_is_read_as_displayed(rotation: int, size: tuple[float, float], turn: str):
    plain = read_page_symbols(one_page(STAFF), 1)
    # Turned one way by its content and back by its entry, the page looks the same.
    page = read_page_symbols(one_page(turn + STAFF, page_entries={"Rotate": rotation}, size=size), 1)
    assert (page.width, page.height, page.rotation) == (420.0, 595.0, rotation)
    assert as_numbers(page) == as_numbers(plain)


def as_numbers(page: PageSymbols) -> list[tuple[float, ...]]:
    return sorted(
        tuple(round(value, 3) + 0.0 for value in (line.x0, line.y0, line.x1, line.y1, line.thickness))
        for line in page.lines
    )


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_that_lies_on_its_side_or_upside_down_is_set_upright(turn: int):
    upright = read_page_symbols((DATA / "musescore4-features.pdf").read_bytes(), 1)
    page = read_page_symbols(turned(DATA / "musescore4-features.pdf", turn), 1)
    assert (page.rotation, page.width, page.height) == (0, upright.width, upright.height)
    assert counts(page) == counts(upright)


def test_a_page_of_outlines_alone_that_lies_on_its_side_is_set_upright():
    with pikepdf.open(DATA / "verovio-features.pdf") as pdf:
        page = pdf.pages[0]
        kept = [i for i in pikepdf.parse_content_stream(page) if str(i.operator) not in ("Tj", "TJ")]
        page.contents_coalesce()
        page.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))
        upright = read_page_symbols(as_bytes(pdf), 1)
        page.rotate(90, relative=True)
        on_its_side = read_page_symbols(as_bytes(pdf), 1)
    assert upright.texts == [] and counts(upright)["noteheadBlack"] >= 31
    assert on_its_side.rotation == 0
    assert counts(on_its_side) == counts(upright)


def turned(file: Path, degrees: int) -> bytes:
    with pikepdf.open(file) as pdf:
        pdf.pages[0].rotate(degrees, relative=True)
        return as_bytes(pdf)


def test_crop_box_and_user_unit_set_origin_and_scale():
    data = one_page(STAFF, page_entries={"CropBox": [40, 400, 400, 560], "UserUnit": 2})
    page = read_page_symbols(data, 1)
    assert (page.width, page.height) == (720.0, 320.0)
    top = min(page.lines, key=lambda line: line.y0)
    assert (top.x0, top.y0, top.thickness) == pytest.approx((20.0, 120.0, 1.2))


def test_forms_are_run_in_place_and_never_for_ever():
    pdf = pikepdf.new()
    form = pdf.make_stream(("/Self Do " + STAFF).encode())
    form.update({"/Type": pikepdf.Name.XObject, "/Subtype": pikepdf.Name.Form, "/BBox": [0, 0, 420, 595]})
    form["/Matrix"] = [1, 0, 0, 1, 0, -100]
    form["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Self=form))
    page = read_page_symbols(one_page("/F Do", resources={"XObject": pikepdf.Dictionary(F=form)}, pdf=pdf), 1)
    assert min(line.y0 for line in page.lines) == pytest.approx(195.0)


def test_what_leaves_no_ink_is_left_out():
    pdf = pikepdf.new()
    resources = {
        "Font": pikepdf.Dictionary(F=helvetica(pdf)),
        "ExtGState": pikepdf.Dictionary(Clear=pikepdf.Dictionary(ca=0, CA=0)),
    }
    content = (
        "1 1 1 RG 10 10 m 90 10 l S 0 G /Clear gs 10 20 m 90 20 l S Q "
        "BT /F 12 Tf 3 Tr 50 50 Td (hidden) Tj ET 0 0 10 10 re W n 50 90 m 90 90 l S"
    )
    page = read_page_symbols(one_page("q " + content, resources=resources, pdf=pdf), 1)
    assert page.lines == []
    assert page.texts == []


def test_text_is_joined_to_lines():
    pdf = pikepdf.new()
    content = (
        "BT /F 10 Tf 1 0 0 1 50 100 Tm [(Al) 20 (le) -300 (gro)] TJ 100 0 Td (\\251 con) Tj ( brio) Tj "
        "0 -20 Td (2) Tj ET"
    )
    page = read_page_symbols(one_page(content, resources={"Font": pikepdf.Dictionary(F=helvetica(pdf))}, pdf=pdf), 1)
    assert [text.text for text in page.texts] == ["Alle gro", "© con brio", "2"]
    first = page.texts[0]
    assert (first.x, first.y, first.size, first.bold, first.italic) == (50.0, 495.0, 10.0, True, True)


def test_strokes_bars_and_curves_are_told_apart():
    content = (
        "2 w 50 100 m 50 160 l S "  # a stem
        "50 160 m 110 170 l 110 166 l 50 156 l h f "  # a beam
        "200 50 4 60 re f "  # a heavy barline
        "[3 3] 0 d 0.5 w 50 300 m 150 300 l S [] 0 d "  # an octave line
        "50 200 m 80 215 120 215 150 200 c 120 218 80 218 50 200 c h f "  # a slur
        "1 w 50 400 m 80 390 120 390 150 400 c S"  # a curved stroke
    )
    page = read_page_symbols(one_page(content), 1)
    lines = {(round(line.x0), round(line.y0), round(line.x1), round(line.y1)): line for line in page.lines}
    assert lines[50, 435, 50, 495].thickness == pytest.approx(2.0)
    assert lines[50, 437, 110, 427].thickness == pytest.approx(4.0)
    assert lines[202, 485, 202, 545].thickness == pytest.approx(4.0)
    assert lines[50, 295, 150, 295].dashed
    assert len(page.lines) == 4
    slur, stroke = sorted(page.curves, key=lambda curve: -curve.y0)
    assert (slur.x0, slur.y0, slur.x1, slur.y1) == pytest.approx((50.0, 395.0, 150.0, 395.0), abs=0.1)
    assert slur.mid_y < 385.0
    assert stroke.mid_y > 195.0 + 5.0


@pytest.mark.parametrize(("sides", "curves"), [((3.9, 4.6), 1), ((0.1, 0.8), 0)], ids=["a flat tie", "a rounded bar"])
def test_a_tie_through_a_long_bar_is_flat_yet_a_curve(sides, curves):
    """It is 400 points long and rises 3; what does not bend further than it is thick is no curve."""
    inner, outer = sides
    content = f"50 200 m 60 {200 + outer} 440 {200 + outer} 450 200 c 440 {200 + inner} 60 {200 + inner} 50 200 c h f"
    assert len(read_page_symbols(one_page(content), 1).curves) == curves


def test_a_bar_filled_and_then_framed_is_one_line():
    page = read_page_symbols(one_page("0.4 w 100 100 0.4 50 re S 100 100 0.4 50 re f"), 1)
    assert len(page.lines) == 1


@pytest.mark.parametrize(("operator", "lines"), [("B", 1), ("S", 1), ("f", 0)])
def test_a_path_between_two_points_is_a_line_whether_it_is_filled_or_not(operator, lines):
    page = read_page_symbols(one_page(f"0.5 w 100 100 m 106 106 l {operator}"), 1)
    assert len(page.lines) == lines


def oval(half_width: float, half_height: float, tilt: float) -> bytes:
    """A tilted ellipse as four curves, its left end at x = 0, in the content of a Type 3 glyph."""
    k = 0.5523
    points = [
        (1, 0),
        (1, k),
        (k, 1),
        (0, 1),
        (-k, 1),
        (-1, k),
        (-1, 0),
        (-1, -k),
        (-k, -1),
        (0, -1),
        (k, -1),
        (1, -k),
        (1, 0),
    ]
    cos, sin = math.cos(tilt), math.sin(tilt)
    turned = [
        (
            150 + x * half_width * cos - y * half_height * sin,
            x * half_width * sin + y * half_height * cos,
        )
        for x, y in points
    ]
    words = [f"{x:.1f} {y:.1f}" for x, y in turned]
    curves = " ".join(f"{words[i]} {words[i + 1]} {words[i + 2]} c" for i in range(1, 13, 3))
    return f"300 0 d0 {words[0]} m {curves} f".encode()


def test_a_type_3_font_is_read_by_outline():
    head = oval(half_width=165, half_height=100, tilt=math.radians(28))
    pdf = pikepdf.new()
    font = type3_font(pdf, {65: ("a", head)}, [295])
    size = 24
    content = STAFF + f" BT /M {size} Tf 1 0 0 1 100 494 Tm (A) Tj 40 3 Td (A) Tj ET"
    page = read_page_symbols(one_page(content, resources={"Font": pikepdf.Dictionary(M=font)}, pdf=pdf), 1)
    assert [glyph.name for glyph in page.glyphs] == ["noteheadBlack", "noteheadBlack"]
    assert page.glyphs[0].y == pytest.approx(101.0, abs=0.3)
    assert page.glyphs[0].confidence > 0.6


def test_broken_operands_are_skipped():
    page = read_page_symbols(one_page("(a) w /x m 1 l 1 2 3 c Q Q [ 1 ( ] TJ BT (x) Tj ET 10 10 m 90 10 l S"), 1)
    assert [(line.x0, line.x1) for line in page.lines] in ([(10.0, 90.0)], [])


@pytest.mark.skipif(not (SHARED / "omr_engraved_dev").is_dir(), reason="ETUDE_SHARED_DATA holds no omr_engraved_dev")
def test_noteheads_of_the_development_pages_are_all_found():
    with (SHARED / "omr_engraved_dev" / "manifest.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        found = 0
        with open_document((SHARED / "omr_engraved_dev" / row["pdf"]).read_bytes()) as document:
            for number in range(1, document.page_count + 1):
                page = document.read_page(number)
                assert has_vector_music(page)
                found += sum(glyph.name.startswith("notehead") for glyph in page.glyphs)
        # Two voices in unison may share a head.
        assert 0.995 * int(row["notes"]) <= found <= int(row["notes"]), row["pdf"]


def test_the_same_page_saved_otherwise_is_read_the_same():
    data = (DATA / "musescore4-features.pdf").read_bytes()
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.save(buffer, compress_streams=False, linearize=True)
    assert counts(read_page_symbols(buffer.getvalue(), 1)) == counts(read_page_symbols(data, 1))


def symbol_font() -> bytes:
    """A TrueType font with one glyph, a notehead, on a symbol code as fonts from before SMuFL have it."""
    pen = TTGlyphPen(None)
    turn = math.radians(28)
    points = [
        (
            round(150 + 165 * math.cos(a) * math.cos(turn) - 100 * math.sin(a) * math.sin(turn)),
            round(165 * math.cos(a) * math.sin(turn) + 100 * math.sin(a) * math.cos(turn)),
        )
        for a in (math.tau * i / 32 for i in range(32))
    ]
    pen.moveTo(points[0])
    for point in points[1:]:
        pen.lineTo(point)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "head"])
    builder.setupCharacterMap({0xF0CF: "head"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "head": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (0, 0), "head": (300, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupOS2()
    builder.setupPost()
    tables = builder.font["cmap"].tables
    del tables[1:]
    tables[0].platformID, tables[0].platEncID = 3, 0
    buffer = io.BytesIO()
    builder.save(buffer)
    return buffer.getvalue()


def test_a_music_font_from_before_smufl_is_read_by_outline():
    pdf = pikepdf.new()
    descriptor = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor,
        FontName=pikepdf.Name("/ABCDEF+Opus"),
        Flags=4,
        FontFile2=pdf.make_stream(symbol_font()),
    )
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.TrueType,
        BaseFont=pikepdf.Name("/ABCDEF+Opus"),
        FirstChar=207,
        LastChar=207,
        Widths=[300],
        FontDescriptor=pdf.make_indirect(descriptor),
        Encoding=pikepdf.Name.MacRomanEncoding,
    )
    content = STAFF + " BT /M 24 Tf 1 0 0 1 100 494 Tm (\\317) Tj ET"
    page = read_page_symbols(one_page(content, resources={"Font": pikepdf.Dictionary(M=font)}, pdf=pdf), 1)
    assert [glyph.name for glyph in page.glyphs] == ["noteheadBlack"]
    assert page.texts == []


def test_letters_drawn_as_outlines_are_no_symbols():
    plain = read_page_symbols((DATA / "verovio-features.pdf").read_bytes(), 1)
    with pikepdf.open(DATA / "verovio-features.pdf") as pdf:
        # The same page with a word of hand-drawn letters below the music.
        bar, ring = "{x} 850 3 12 re f ", "{x} 855 m {x} 862 {y} 862 {y} 855 c {y} 848 {x} 848 {x} 855 c f "
        word = "".join(
            shape.format(x=300 + 9 * i, y=306 + 9 * i) for i, shape in enumerate([bar, bar, ring, ring, ring, bar])
        )
        page = pdf.pages[0]
        page.contents_add(pdf.make_stream(b"Q " * 4 + b"q 1 0 0 -1 0 891 cm " + word.encode() + b" Q"))
        buffer = io.BytesIO()
        pdf.save(buffer)
    assert counts(read_page_symbols(buffer.getvalue(), 1)) == counts(plain)


def test_fingers_over_neighbouring_notes_are_not_one_number():
    pdf = pikepdf.new()
    content = "BT /F 8 Tf 1 0 0 1 50 100 Tm (4) Tj 8.5 0 Td (5) Tj 40 0 Td (1) Tj 4.6 0 Td (2) Tj ET"
    page = read_page_symbols(one_page(content, resources={"Font": pikepdf.Dictionary(F=helvetica(pdf))}, pdf=pdf), 1)
    assert [text.text for text in page.texts] == ["4", "5", "12"]


def fonts_without_programs(pdf, **names):
    """Simple fonts by resource name, each with the descriptor entries given."""
    made = {}
    for key, (name, entries) in names.items():
        descriptor = pikepdf.Dictionary(Type=pikepdf.Name.FontDescriptor, FontName=pikepdf.Name("/" + name), **entries)
        made["/" + key] = pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.TrueType,
            BaseFont=pikepdf.Name("/" + name),
            FirstChar=32,
            LastChar=126,
            Widths=[500] * 95,
            FontDescriptor=pdf.make_indirect(descriptor),
            Encoding=pikepdf.Name.MacRomanEncoding,
        )
    return {"Font": pikepdf.Dictionary(made)}


def test_a_font_for_text_has_notes_for_tempo_and_letters_of_dynamics():
    pdf = pikepdf.new()
    fonts = fonts_without_programs(pdf, M=("OpusTextStd", {}), T=("PlantinMTStd", {}))
    content = STAFF + (
        " BT /M 12 Tf 1 0 0 1 60 520 Tm (q.) Tj ET BT /T 12 Tf 1 0 0 1 75 520 Tm (= 66 queer) Tj ET"
        " BT /M 12 Tf 1 0 0 1 90 460 Tm (mf) Tj ET"
    )
    page = read_page_symbols(one_page(content, resources=fonts, pdf=pdf), 1)
    assert sorted(g.name for g in page.glyphs) == ["dynamicMF", "metAugmentationDot", "metNoteQuarterUp"]
    assert [t.text for t in page.texts] == ["= 66 queer"]


def test_the_height_of_letters_is_not_believed_where_it_is_in_other_units():
    pdf = pikepdf.new()
    fonts = fonts_without_programs(
        pdf, A=("Serif", {"Ascent": 53.5, "Descent": 23.5}), B=("Serif", {"Ascent": 700, "Descent": -250})
    )
    content = STAFF + " BT /A 10 Tf 1 0 0 1 60 520 Tm (Andante) Tj ET BT /B 10 Tf 1 0 0 1 60 540 Tm (Lento) Tj ET"
    texts = {t.text: t for t in read_page_symbols(one_page(content, resources=fonts, pdf=pdf), 1).texts}
    assert texts["Andante"].box.y1 - texts["Andante"].box.y0 == pytest.approx(10.0)
    assert texts["Lento"].box.y1 - texts["Lento"].box.y0 == pytest.approx(9.5)


def test_clefs_painted_twice_in_place_are_one_and_heads_are_as_many_as_voices():
    pdf = pikepdf.new()
    fonts = fonts_without_programs(pdf, M=("Maestro", {}))
    shown = " BT /M 24 Tf 1 0 0 1 60 482 Tm (&) Tj ET BT /M 24 Tf 1 0 0 1 100 488 Tm (\317) Tj ET"
    page = read_page_symbols(one_page(STAFF + 2 * shown, resources=fonts, pdf=pdf), 1)
    assert sorted(g.name for g in page.glyphs) == ["gClef", "noteheadBlack", "noteheadBlack"]


def test_strokes_of_a_thin_pen_side_by_side_are_one_thick_line():
    beam = " ".join(f"100 {300 + 0.12 * i:.2f} m 160 {312 + 0.12 * i:.2f} l S" for i in range(25))
    stem = " ".join(f"{100 + 0.06 * i:.2f} 250 m {100 + 0.06 * i:.2f} 300 l S" for i in range(9))
    apart = "0.12 w 200 200 m 260 200 l S 200 201 m 260 201 l S"
    page = read_page_symbols(one_page(f"0.12 w {beam} 0.06 w {stem} {apart}"), 1)
    lines = sorted((round(line.x0, 1), round(line.thickness, 1)) for line in page.lines)
    assert lines == [(100.0, 3.0), (100.2, 0.5), (200.0, 0.1), (200.0, 0.1)]


def test_links_of_a_wavy_line_are_of_a_trill_or_an_arpeggio_as_they_run():
    level, upright = Box(100, 50, 105, 52), Box(200, 50, 202, 55)
    found = refine.set_wiggles_upright([Glyph("wiggleTrill", b.x0, b.y1, b, 20.0) for b in (level, upright)])
    assert [glyph.name for glyph in found] == ["wiggleTrill", "wiggleArpeggiatoUp"]


@pytest.mark.parametrize(
    ("dashed", "y", "name"), [(True, 52.0, "ottava"), (False, 52.0, "tuplet8"), (True, 70.0, "tuplet8")]
)
def test_a_figure_that_a_dashed_line_goes_on_from_is_of_an_octave_line(dashed, y, name):
    eight = Glyph("tuplet8", 100, 56, Box(100, 50, 104, 56), 20.0, 0.7, (("ottava", 0.3),))
    (found,) = refine.name_octave_signs([eight], [Line(112, y, 180, y, 0.5, dashed)])
    assert found.name == name


CIRCLE = (
    "1 w 110 300 m 110 305.5 105.5 310 100 310 c 94.5 310 90 305.5 90 300 c "
    "90 294.5 94.5 290 100 290 c 105.5 290 110 294.5 110 300 c h S "
)


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (CIRCLE + "BT /F1 14 Tf 96.1 295 Td (3) Tj ET", "\N{CIRCLED DIGIT THREE}"),
        (CIRCLE + "BT /F1 14 Tf 136.1 295 Td (3) Tj ET", "3"),
        (CIRCLE + "BT /F1 3 Tf 99.1 299 Td (3) Tj ET", "3"),  # much larger than what is in it
        ("BT /F1 14 Tf 96.1 295 Td (3) Tj ET", "3"),
    ],
)
def test_a_digit_in_a_circle_is_another_text(drawn: str, text: str):
    pdf = pikepdf.new()
    fonts = {"Font": pikepdf.Dictionary(F1=helvetica(pdf))}
    page = read_page_symbols(one_page(drawn, resources=fonts, pdf=pdf), 1)
    assert [t.text for t in page.texts] == [text]


def test_a_symbol_for_a_digit_in_a_circle_becomes_a_text():
    three, ring = Glyph("fingering3", 98, 56, Box(98, 50, 102, 56), 20.0), Box(95, 48, 105, 58)
    glyphs, texts = refine.circle_numbers([three], [], [ring])
    assert (glyphs, [t.text for t in texts]) == ([], ["\N{CIRCLED DIGIT THREE}"])


def test_a_line_that_is_filled_and_stroked_is_a_line():
    page = read_page_symbols(one_page("0.5 w 100 300 m 200 303 l B 100 280 m 200 277 l b"), 1)
    assert len(page.lines) == 2


@pytest.mark.parametrize("up", [True, False])
def test_an_upright_wavy_line_may_end_in_an_arrow(up: bool):
    links = [DrawnOutline(b"link", Box(100, 50 + 4 * k, 102, 54.2 + 4 * k), None, 9.0) for k in range(4)]
    y = 44.0 if up else 66.1
    arrow = DrawnOutline(b"arrow", Box(99, y, 103, y + 6), None, 9.0)
    far = DrawnOutline(b"other", Box(109, y, 113, y + 6), None, 9.0)
    staff_lines = find_staff_lines([Line(50, 100 + 5 * k, 400, 100 + 5 * k, 0.5) for k in range(5)])
    assert staff_lines is not None
    wiggles, glyphs = join_wiggles([*links, arrow, far], staff_lines)
    assert len(wiggles) == 1
    assert [g.name for g in glyphs] == ["wiggleArpeggiatoUpArrow" if up else "wiggleArpeggiatoDownArrow"]


def test_an_arpeggio_may_be_one_link_and_its_arrow():
    link_box = Box(100, 50, 102, 55.2)
    link = DrawnOutline(b"link", link_box, Glyph("wiggleArpeggiatoUp", 100, 55.2, link_box, 20.0), 0.0)
    # arrows reach over the ends of their lines
    arrow = DrawnOutline(b"arrow", Box(99, 53.3, 103, 62), None, 9.0)
    staff_lines = find_staff_lines([Line(50, 100 + 5 * k, 400, 100 + 5 * k, 0.5) for k in range(5)])
    assert staff_lines is not None
    wiggles, glyphs = join_wiggles([link, arrow], staff_lines)
    assert wiggles == []
    assert [g.name for g in glyphs] == ["wiggleArpeggiatoUp", "wiggleArpeggiatoDownArrow"]


def near_symbols(dot: float, apart: int, others: float) -> list[str]:
    """What is left of heads of a known font, a clef and a sharp, and two dots over each other."""

    def drawn(name: str, x: float, y: float, distance: float) -> DrawnOutline:
        box = Box(x, y, x + 2, y + 2)
        return DrawnOutline(name.encode(), box, Glyph(name, x, y, box, 20.0), distance)

    heads = [drawn("noteheadBlack", 60 + 20 * k, 104, 0.0) for k in range(8)]
    signs = [drawn("gClef", 40, 104, others), drawn("accidentalSharp", 50, 104, others)]
    dots = [drawn("augmentationDot", 300, 106.5 + apart * k, dot) for k in range(2)]
    staff_lines = find_staff_lines([Line(50, 100 + 5 * k, 400, 100 + 5 * k, 0.5) for k in range(5)])
    assert staff_lines is not None
    return [o.glyph.name for o in without_words([*heads, *signs, *dots], staff_lines) if o.glyph is not None]


@pytest.mark.parametrize(("apart", "kept"), [(5, 2), (10, 0)])
def test_dots_of_a_repetition_may_have_another_shape_than_other_dots(apart: int, kept: int):
    assert near_symbols(0.21, apart, 0.0)[10:] == ["augmentationDot"] * kept


def test_heads_alone_do_not_tell_a_known_font():
    assert near_symbols(0.21, 10, 0.2)[10:] == ["augmentationDot"] * 2


def test_dashes_with_round_ends_drawn_as_outlines_are_a_dashed_line():
    def pill(x: float, y: float = 300.0) -> str:
        return (
            f"{x} {y} m {x + 6} {y} l {x + 6.3} {y} {x + 6.5} {y + 0.2} {x + 6.5} {y + 0.5} c "
            f"{x + 6.5} {y + 0.8} {x + 6.3} {y + 1} {x + 6} {y + 1} c {x} {y + 1} l "
            f"{x - 0.3} {y + 1} {x - 0.5} {y + 0.8} {x - 0.5} {y + 0.5} c "
            f"{x - 0.5} {y + 0.2} {x - 0.3} {y} {x} {y} c h "
        )

    page = read_page_symbols(one_page("".join(pill(100 + 10 * k) for k in range(5)) + "f"), 1)
    assert page.lines
    assert all(line.dashed and abs(line.thickness - 1) < 0.1 for line in page.lines)
    assert (round(page.lines[0].x0, 1), round(page.lines[-1].x1, 1)) == (99.5, 146.5)
    # over each other they are something else
    assert read_page_symbols(one_page(pill(100) + pill(100, 304.0) + "f"), 1).lines == []

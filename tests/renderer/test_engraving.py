"""SVG pages and the PDF of them."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET

import pikepdf
import pypdfium2
import pytest

from etude.score.v1 import direction_pb2, fingering_pb2
from renderer_service.engraving import EngravingError, engraved_pages, pages, pdf_bytes, svg_pages
from renderer_service.fingers import LIKE_FINGER, PINNED_COLOR, PREDICTED_COLOR, shown_fingers
from renderer_service.musicxml import musicxml_bytes
from tests.renderer.pieces import everything, plain
from tests.support.score_builder import ScoreBuilder

SVG = "{http://www.w3.org/2000/svg}"


def pages_of(score):
    return engraved_pages(score, 1)


def groups(page, name):
    return [g for g in ET.fromstring(page).iter(f"{SVG}g") if name in (g.get("class") or "").split()]


def test_note_and_rest_ids_are_element_ids():
    score = everything()
    ids = {e.get("id") for page in pages_of(score) for e in ET.fromstring(page).iter()}
    assert {n.note_id for e in score.events for n in e.notes} <= ids
    assert {e.event_id for e in score.events if not e.notes and not e.rest.hidden} <= ids


def test_the_same_score_gives_the_same_pages_whatever_was_engraved_before():
    first = pages_of(everything())
    pages_of(plain())
    assert pages_of(everything()) == first


def test_a_long_piece_has_several_pages():
    pages = pages_of(plain(120))
    assert len(pages) > 1
    assert all(ET.fromstring(page).tag == f"{SVG}svg" for page in pages)


def test_fingers_stand_on_both_staves_and_name_their_notes():
    score = plain()
    (page,) = pages_of(score)
    digits = {g.get("data-startid").lstrip("#"): "".join(g.itertext()).strip() for g in groups(page, "fing")}
    assert digits == {note.note_id: shown.text for note, shown in shown_fingers(score, 1)}
    staff_of = {n.note_id: n.staff for e in score.events for n in e.notes}
    assert {staff_of[note_id] for note_id in digits} == {1, 2}


def test_fingers_have_the_colour_of_their_source_and_substitutions_one_text():
    (page,) = pages_of(everything())
    by_note = {g.get("data-startid"): g for g in groups(page, "fing")}
    assert by_note["#n14"].get("fill") == PREDICTED_COLOR
    assert by_note["#n15"].get("fill") is None
    assert by_note["#n16"].get("fill") == PINNED_COLOR
    assert "".join(by_note["#n8"].itertext()).strip() == "4-5"


def test_an_ornament_has_the_fingers_of_its_keys_and_a_printed_finger_stays():
    b = ScoreBuilder()
    b.measure()
    trill, printed, chord = b.voice(1, 1, "c5=2/4 c5=2/4 c5=1+e5=2/2")
    b.voice(2, 2, "R")
    printed.notes[0].fingering.source = fingering_pb2.FINGERING_SOURCE_PRINTED
    turn = direction_pb2.ORNAMENT_KIND_TURN
    for event, above, below in ((trill, 74, 71), (printed, 74, 71), (chord, 77, 74)):
        keys = [direction_pb2.AuxiliaryKey(midi_pitch=midi, finger=f) for midi, f in ((above, 3), (below, 1))]
        b.direction(event.onset_ticks, 1, event, ornament=direction_pb2.Ornament(kind=turn, auxiliaries=keys))
    for reading in range(2):  # the second time, pages that are laid out already
        (page,) = pages_of(b.score())
        texts = {g.get("data-startid"): "".join(g.itertext()).strip() for g in groups(page, "fing")}
        assert texts == {"#n1": "3212", "#n2": "2", "#n3": "1", "#n4": "3212"}, reading


def refingered(score, number):
    """The Score with another finger, set by a user, on the note of that number among those that show one."""
    note = [note for note, _ in shown_fingers(score, 1)][number]
    note.fingering.finger = note.fingering.finger % 5 + 1
    note.fingering.source = fingering_pb2.FINGERING_SOURCE_PINNED
    return score


@pytest.fixture
def laid_out(monkeypatch):
    """Counts how often pages are laid out, by a process that has laid out none yet."""
    calls = []
    monkeypatch.setattr(pages, "_LAID_OUT", pages._LaidOut(1 << 22))
    monkeypatch.setattr(pages, "svg_pages", lambda *music: calls.append(music) or svg_pages(*music))
    return calls


def test_another_finger_is_written_into_pages_that_are_laid_out_already(laid_out, monkeypatch):
    before, after = pages_of(plain(120)), pages_of(refingered(plain(120), 3))
    assert len(laid_out) == 1
    assert [one == other for one, other in zip(before, after, strict=True)] == [False] + [True] * (len(before) - 1)
    digits = [{g.get("data-startid"): g for g in groups(page, "fing")} for page in (before[0], after[0])]
    note, shown = list(shown_fingers(refingered(plain(120), 3), 1))[3]
    changed = digits[1][f"#{note.note_id}"]
    assert ("".join(changed.itertext()), changed.get("fill")) == (shown.text, PINNED_COLOR)
    assert "".join(digits[0][f"#{note.note_id}"].itertext()) != shown.text
    monkeypatch.setattr(pages, "_LAID_OUT", pages._LaidOut(1 << 22))
    assert pages_of(refingered(plain(120), 3)) == after  # as by a process that has never seen the piece
    assert len(laid_out) == 2


def test_what_moves_digits_is_laid_out_anew(laid_out):
    pages_of(plain())
    longer = plain()
    next(shown_fingers(longer, 1))[0].fingering.substitution = 2
    pages_of(longer)
    fewer = plain()
    next(shown_fingers(fewer, 1))[0].ClearField("fingering")
    pages_of(fewer)
    higher = plain()
    higher.events[0].notes[0].midi_pitch += 12
    higher.events[0].notes[0].pitch.octave += 1
    pages_of(higher)
    engraved_pages(plain(), 1, fallback_title="Another title")
    assert len(laid_out) == 5


def test_no_more_laid_out_pages_are_kept_than_are_meant_to_be(laid_out, monkeypatch):
    length = sum(map(len, pages_of(plain())))
    monkeypatch.setattr(pages, "_LAID_OUT", pages._LaidOut(int(1.5 * length)))
    for score in (plain(), plain(9), plain(9), plain()):
        pages_of(score)
    assert len(laid_out) == 4  # each once, the first one again


def test_a_note_whose_id_xml_does_not_allow_has_its_finger():
    score = plain()
    note, shown = next(shown_fingers(score, 1))
    assert shown.finger != LIKE_FINGER
    note.note_id = "été"
    (page,) = pages_of(score)
    by_note = {g.get("data-startid"): g for g in groups(page, "fing")}
    assert "".join(by_note["#__t_"].itertext()) == shown.text


def test_the_page_names_piece_composer_and_rights():
    (page,) = pages_of(everything())
    text = "".join(ET.fromstring(page).itertext())
    assert "Everything & more" in text and "A. Nonymous" in text and "Public domain" in text


def test_nothing_is_written_to_the_terminal(capfd):
    pages_of(everything())
    broken = musicxml_bytes(everything()).replace(b"<step>A</step>", b"<step>Q</step>")
    svg_pages(broken)
    with pytest.raises(EngravingError):
        svg_pages(b"<score-partwise")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_pdf_is_vectors_with_embedded_fonts_and_the_same_each_time():
    pages = pages_of(plain(120))
    data = pdf_bytes(pages, 'A "title" \\ with #typst', "Ćomposer\x07")
    assert data == pdf_bytes(pages, 'A "title" \\ with #typst', "Ćomposer\x07")
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert len(pdf.pages) == len(pages)
        assert str(pdf.docinfo["/Title"]) == 'A "title" \\ with #typst'
        images = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
        assert not images
        fonts = [o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/FontDescriptor"]
        assert fonts and all(any(f"/FontFile{n}" in font for n in ("", 2, 3)) for font in fonts)


def test_pdf_has_the_digits_and_the_metronome_mark():
    document = pypdfium2.PdfDocument(pdf_bytes(pages_of(everything()), "T"))
    text = document[0].get_textpage().get_text_range()
    assert "Everything & more" in text and "Allegro" in text and "96" in text
    assert re.search(r"4-5", text)
    with pikepdf.open(io.BytesIO(pdf_bytes(pages_of(everything())))) as pdf:
        names = {str(o["/FontName"]) for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and "/FontName" in o}
    assert any(name.endswith("+Leipzig") for name in names)


def digit_places(page):
    """(x, baseline) of each finger's text by the note it names."""
    texts = {g.get("data-startid").lstrip("#"): g.find(f"{SVG}text") for g in groups(page, "fing")}
    return {note_id: (int(text.get("x")), int(text.get("y"))) for note_id, text in texts.items()}


def fingered(upper, lower):
    b = ScoreBuilder(divisions=72, title="Fingers")
    b.measure("4/4")
    b.voice(1, 1, upper)
    b.voice(2, 5, lower)
    return b.score()


def test_the_digits_of_a_chord_with_a_second_stand_in_one_column_in_the_order_of_its_notes():
    score = fingered("d5=1+e5=2+g5=4/4 r/4 r/2", "r/2 a3=4+b3=2+c4=1/2")
    assert [len(event.notes) for event in score.events if event.notes] == [3, 3]
    (page,) = pages_of(score)
    places = digit_places(page)
    for event in score.events:
        if event.notes:
            columns, heights = zip(*(places[note.note_id] for note in event.notes), strict=True)
            assert len(set(columns)) == 1
            assert list(heights) == sorted(set(heights), reverse=True)


def test_no_digit_touches_a_stem():
    (page,) = pages_of(fingered("c5=3/4 a4=2/4 f4=1/4 g4=2/4", "c3=5/4 e3=3/4 d4=2+g4=1/4 g3=2/4"))
    stems = [
        tuple(int(number) for number in re.findall(r"\d+", g.find(f"{SVG}path").get("d"))) for g in groups(page, "stem")
    ]
    beside = 0
    for x, base in digit_places(page).values():
        for stem, start, _, end in stems:
            if min(start, end) < base and max(start, end) > base - 200 and abs(stem - x) < 300:
                beside += 1
                assert abs(stem - x) > 110
    assert beside >= 2

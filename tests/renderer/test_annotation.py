"""Digits on the user's own pages."""

from __future__ import annotations

import io
import re
from itertools import combinations, pairwise

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, score_pb2
from etude.stage.v1 import fingering_service_pb2
from renderer_service.annotation import AnnotationError, annotate_pdf, document
from renderer_service.annotation import ink as ink_module
from renderer_service.annotation.ink import InkMap, _bright, ink_of_page, paper_of
from renderer_service.annotation.overlay import _state_operators
from renderer_service.annotation.pictures import pdf_of_pictures
from renderer_service.annotation.placing import DIGIT_WIDTH, place_page
from renderer_service.annotation.stacks import Box, StaffPlace, box_of, collect_stacks
from renderer_service.fingers import PINNED_COLOR, PREDICTED_COLOR, shown_fingers
from tests.renderer.pages import A4_HEIGHT, A4_WIDTH, printed
from tests.renderer.pieces import everything, plain
from tests.support.score_builder import ScoreBuilder

ALL = fingering_service_pb2.FINGERING_DENSITY_ALL
ESSENTIAL = fingering_service_pb2.FINGERING_DENSITY_ESSENTIAL


@pytest.fixture(scope="module")
def page():
    """An engraved page and its Score."""
    return printed(plain(12))


@pytest.fixture(scope="module")
def annotated(page):
    return annotate_pdf(page[0], [page[1]])


def add_page(data):
    """The document with its first page twice."""
    with opened(data) as pdf:
        pdf.pages.append(pdf.pages[0])
        return saved(pdf)


def on_page_two(score):
    """The same music, as if it stood on the second page."""
    other = score_pb2.Score()
    other.CopyFrom(score)
    for each in other.pages:
        each.page_number = 2
    for note in notes_of(other).values():
        note.region.page_number = 2
    return other


def opened(data):
    return pikepdf.open(io.BytesIO(data))


def image(data, number=0, scale=1.5):
    with pypdfium2.PdfDocument(data) as document:
        return np.asarray(document[number].render(scale=scale).to_numpy()[:, :, :3]).astype(int)


def digits_of(result):
    return {digit.note_id: digit for p in result.pages for digit in p.digits}


def notes_of(score):
    return {note.note_id: note for event in score.events for note in event.notes}


def overlap(one: Box, other: Box) -> bool:
    return one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1


def test_every_finger_is_on_the_page_once(page, annotated):
    _, score = page
    assert set(digits_of(annotated)) == {note.note_id for note, _ in shown_fingers(score, ALL)}
    assert sum(len(p.digits) for p in annotated.pages) == len(digits_of(annotated))
    assert annotated.remarks == ()


def test_digits_are_text_where_they_were_placed(annotated):
    """What a viewer finds as text is where the placing wanted it."""
    found = []
    with pypdfium2.PdfDocument(annotated.data) as document:
        text_page = document[0].get_textpage()
        for index in range(text_page.count_chars()):
            left, bottom, right, top = text_page.get_charbox(index)
            found.append((text_page.get_text_range(index, 1), left, A4_HEIGHT - top, right, A4_HEIGHT - bottom))
    for digit in digits_of(annotated).values():
        assert any(
            text == digit.finger.text[0]
            and digit.box.x0 - 1 < left
            and right < digit.box.x1 + 1
            and digit.box.y0 - 1 < top
            and bottom < digit.box.y1 + 1
            for text, left, top, right, bottom in found
        ), digit


def test_no_digit_touches_another_or_a_notehead(page, annotated):
    _, score = page
    boxes = [digit.box for digit in digits_of(annotated).values()]
    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
    heads = [box_of(note.region) for note in notes_of(score).values()]
    assert not any(overlap(box, head) for box in boxes for head in heads)


def test_no_digit_covers_ink(page, annotated):
    """Under each digit the original is blank, but for staff lines, and there is none of those here either."""
    original = image(page[0], scale=3)
    for digit in digits_of(annotated).values():
        box = digit.box
        under = original[int(box.y0 * 3) + 1 : int(box.y1 * 3), int(box.x0 * 3) + 1 : int(box.x1 * 3)]
        assert under.min() > 150, digit


def test_right_hand_is_above_its_notes_and_left_hand_below(page, annotated):
    _, score = page
    notes = notes_of(score)
    space = score.pages[0].systems[0].staves[0].staff_space
    for note_id, digit in digits_of(annotated).items():
        head = box_of(notes[note_id].region)
        if notes[note_id].staff == 1:
            assert digit.box.y1 < head.y1
        else:
            assert digit.box.y0 > head.y0
        assert abs(digit.box.center_x - head.center_x) < 1.5 * space
        assert max(head.y0 - digit.box.y1, digit.box.y0 - head.y1) < 9 * space


def test_chords_are_stacked_in_the_order_of_their_notes(page, annotated):
    _, score = page
    digits = digits_of(annotated)
    chords = [e for e in score.events if len(e.notes) > 1]
    assert chords
    for chord in chords:
        boxes = [digits[note.note_id].box for note in chord.notes if note.note_id in digits]
        tops = [box.y0 for box in boxes]
        assert tops == sorted(tops, reverse=True)  # lowest note first, lowest on the page
        assert max(box.center_x for box in boxes) - min(box.center_x for box in boxes) < 0.01
        assert all(lower.y0 > upper.y1 for lower, upper in pairwise(boxes))


def test_two_voices_have_their_digits_on_their_own_sides():
    b = ScoreBuilder()
    b.measure()
    upper = b.voice(1, 1, "e5=4/4 f5=5/4 e5=4/4 d5=3/4")
    lower = b.voice(1, 2, "g4=1/2 f4=1/2")
    for events, stem in ((upper, event_pb2.STEM_DIRECTION_UP), (lower, event_pb2.STEM_DIRECTION_DOWN)):
        for event in events:
            event.stem = stem
    b.voice(2, 3, "c3=5/1")
    pdf, score = printed(b.score())
    digits, notes = digits_of(annotate_pdf(pdf, [score])), notes_of(score)
    staff = score.pages[0].systems[0].staves[0].region
    top, bottom = staff.y, staff.y + staff.height
    for note_id in ("n1", "n2", "n3", "n4"):
        assert digits[note_id].box.y1 <= min(top, notes[note_id].region.y)
    for note_id in ("n5", "n6"):
        assert digits[note_id].box.y0 >= bottom


def test_digits_of_graces_are_smaller():
    b = ScoreBuilder()
    b.measure()
    b.voice(1, 1, "d5=3/16G c5=2/1")
    b.voice(2, 2, "R")
    pdf, score = printed(b.score())
    digits = digits_of(annotate_pdf(pdf, [score]))
    assert digits["n1"].size < 0.8 * digits["n2"].size


def test_printed_fingers_are_not_printed_again_and_sources_have_their_colours():
    pdf, score = printed(everything())
    result = annotate_pdf(pdf, [score])
    digits = digits_of(result)
    assert "n15" not in digits and "n13" not in digits  # printed; held by a tie
    assert digits["n16"].finger.color == PINNED_COLOR and digits["n14"].finger.color == PREDICTED_COLOR
    assert digits["n8"].finger.text == "4-5"
    assert digits["n8"].box.x1 - digits["n8"].box.x0 > 2 * DIGIT_WIDTH * digits["n8"].size
    rendered = image(result.data, scale=4)
    for note_id, color in (("n16", PINNED_COLOR), ("n14", PREDICTED_COLOR)):
        box = digits[note_id].box
        area = rendered[int(box.y0 * 4) : int(box.y1 * 4) + 1, int(box.x0 * 4) : int(box.x1 * 4) + 1]
        blue_green_red = [int(color[i : i + 2], 16) for i in (5, 3, 1)]
        assert (np.abs(area - blue_green_red).max(axis=2) < 12).any()


@pytest.mark.parametrize(
    ("kind", "neighbours", "text"),
    [
        (direction_pb2.ORNAMENT_KIND_TRILL, {74: 3}, "23"),
        (direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT, {74: 3}, "232"),
        (direction_pb2.ORNAMENT_KIND_MORDENT, {71: 1}, "212"),
        (direction_pb2.ORNAMENT_KIND_TURN, {74: 3, 71: 1}, "3212"),
        (direction_pb2.ORNAMENT_KIND_DELAYED_TURN, {74: 3, 71: 1}, "23212"),
        (direction_pb2.ORNAMENT_KIND_INVERTED_TURN, {74: 3, 71: 1}, "1232"),
        (direction_pb2.ORNAMENT_KIND_OTHER, {74: 3}, "23"),
        (direction_pb2.ORNAMENT_KIND_OTHER, {74: 3, 71: 1}, "3212"),
        (direction_pb2.ORNAMENT_KIND_TURN, {74: 3, 71: 0}, "2"),  # one of its keys has no finger
        (direction_pb2.ORNAMENT_KIND_SCHLEIFER, {}, "2"),
    ],
)
def test_an_ornament_shows_the_fingers_of_its_keys_as_they_are_played(kind, neighbours, text):
    b = ScoreBuilder()
    b.measure()
    (event,) = b.voice(1, 1, "c5=2/1")
    b.voice(2, 2, "R")
    keys = [direction_pb2.AuxiliaryKey(midi_pitch=midi, finger=finger) for midi, finger in neighbours.items()]
    b.direction(0, 1, event, ornament=direction_pb2.Ornament(kind=kind, auxiliaries=keys))
    pdf, score = printed(b.score())
    digit = digits_of(annotate_pdf(pdf, [score]))["n1"]
    assert digit.finger.text == text
    assert digit.box.x1 - digit.box.x0 == pytest.approx(len(text) * DIGIT_WIDTH * digit.size)


def test_sparse_annotation_has_the_essential_fingers_only(page):
    pdf, score = page
    sparse = score_pb2.Score()
    sparse.CopyFrom(score)
    for event in sparse.events:
        for note in event.notes:
            note.fingering.essential = event.measure_index == 0
    shown = set(digits_of(annotate_pdf(pdf, [sparse], density=ESSENTIAL)))
    first = {n.note_id for e in sparse.events if e.measure_index == 0 for n in e.notes if n.fingering.finger}
    assert shown == first


def test_the_original_is_untouched(page, annotated):
    """Every object of the original is in the result byte for byte; the pages have new streams before and after."""
    with opened(page[0]) as before, opened(annotated.data) as after:
        streams = {bytes(o.read_raw_bytes()) for o in after.objects if isinstance(o, pikepdf.Stream)}
        for stream in (o for o in before.objects if isinstance(o, pikepdf.Stream)):
            if stream.get("/Type") not in ("/XRef", "/ObjStm"):
                assert bytes(stream.read_raw_bytes()) in streams
        old, new = before.pages[0], after.pages[0]
        contents = list(new.Contents)
        assert bytes(contents[1].read_raw_bytes()) == bytes(old.Contents.read_raw_bytes())
        for category, members in old.Resources.items():
            if isinstance(members, Dictionary):
                assert set(members.keys()) <= set(new.Resources[category].keys())
        assert list(new.MediaBox) == list(old.MediaBox)


def test_the_same_call_gives_the_same_bytes(page, annotated):
    assert annotate_pdf(page[0], [page[1]]).data == annotated.data


def test_after_a_correction_only_its_page_is_placed_anew_and_nothing_differs(page, monkeypatch):
    placed = []

    def place(stacks, ink):
        placed.append(stacks.page_number)
        return place_page(stacks, ink)

    monkeypatch.setattr(document, "place_page", place)
    monkeypatch.setattr(document, "_PLACED", document._PlacedPages())
    pdf, score = page
    two = add_page(pdf)
    first = annotate_pdf(two, [score, on_page_two(score)])
    assert placed == [1, 2]
    corrected = score_pb2.Score()
    corrected.CopyFrom(score)
    note = next(note for event in corrected.events for note in event.notes if note.fingering.finger)
    note.fingering.finger = note.fingering.finger % 5 + 1
    again = annotate_pdf(two, [corrected, on_page_two(score)])
    assert placed == [1, 2, 1]
    assert again.pages[1] == first.pages[1]
    monkeypatch.setattr(document, "_PLACED", document._PlacedPages())
    assert annotate_pdf(two, [corrected, on_page_two(score)]).data == again.data


def test_the_paper_is_as_bright_as_nine_in_ten_squares_of_each_block():
    band = np.random.default_rng(7).integers(0, 256, (32, 100)).astype(np.uint8)
    edges = np.array([0, 33, 66, 100])  # blocks of two widths
    expected = [np.percentile(band[:, left:right], 90) for left, right in pairwise(edges)]
    assert _bright(band, edges).tolist() == pytest.approx(expected)


def test_the_digits_are_a_layer_of_their_own(annotated):
    with opened(annotated.data) as pdf:
        (group,) = pdf.Root.OCProperties.OCGs
        assert str(group.Name) == "Fingering"
        assert group in list(pdf.Root.OCProperties.D.Order)
        content = bytes(list(pdf.pages[0].Contents)[-1].read_bytes())
        assert b"BDC" in content and content.rstrip().endswith(b"EMC")


def turned(data: bytes, rotation: int) -> bytes:
    """The page drawn turned, with a /Rotate that turns it back: displayed as before."""
    width, height = A4_WIDTH, A4_HEIGHT
    matrix, box = {
        90: (f"0 1 -1 0 {height} 0", [0, 0, height, width]),
        180: (f"-1 0 0 -1 {width} {height}", [0, 0, width, height]),
        270: (f"0 -1 1 0 0 {width}", [0, 0, height, width]),
    }[rotation]
    with opened(data) as pdf:
        p = pdf.pages[0]
        p.Contents = Array([pdf.make_stream(f"q {matrix} cm\n".encode()), p.Contents, pdf.make_stream(b"\nQ")])
        p.MediaBox, p.Rotate = Array(box), rotation
        return saved(pdf)


def saved(pdf):
    buffer = io.BytesIO()
    pdf.save(buffer, deterministic_id=True)
    return buffer.getvalue()


def cropped(data: bytes) -> bytes:
    with opened(data) as pdf:
        p = pdf.pages[0]
        p.MediaBox = Array([-40, -70, A4_WIDTH + 25, A4_HEIGHT + 60])
        p.CropBox = Array([A4_WIDTH, A4_HEIGHT, 0, 0])  # any two opposite corners will do
        return saved(pdf)


def inherited(data: bytes) -> bytes:
    """Boxes, resources and rotation on the page tree's root and not on the page."""
    with opened(data) as pdf:
        p = pdf.pages[0].obj
        for key in ("/MediaBox", "/Resources"):
            pdf.Root.Pages[key] = p[key]
            del p[key]
        return saved(pdf)


def in_user_units(data: bytes) -> bytes:
    with opened(data) as pdf:
        p = pdf.pages[0]
        p.Contents = Array([pdf.make_stream(b"q 0.5 0 0 0.5 0 0 cm\n"), p.Contents, pdf.make_stream(b"\nQ")])
        p.MediaBox, p.UserUnit = Array([0, 0, A4_WIDTH / 2, A4_HEIGHT / 2]), 2
        return saved(pdf)


def left_open(data: bytes) -> bytes:
    """Content that moves the origin and does not restore it, and saves states it does not restore either."""
    with opened(data) as pdf:
        p = pdf.pages[0]
        p.Contents = Array([p.Contents, pdf.make_stream(b"\nq q 3 0 0 3 100 100 cm 1 0 0 rg")])
        return saved(pdf)


@pytest.mark.parametrize(
    "change",
    [lambda d: turned(d, 90), lambda d: turned(d, 180), lambda d: turned(d, 270), cropped, inherited, left_open],
    ids=["90", "180", "270", "cropped", "inherited", "left_open"],
)
def test_however_the_page_is_described_the_digits_are_displayed_alike(change, page, annotated):
    pdf, score = page
    changed = change(pdf)
    upright = image(annotated.data)
    assert np.abs(image(changed) - image(pdf)).mean() < 1  # the test's own page is displayed as the original is
    shown = image(annotate_pdf(changed, [read_from(changed, score)]).data)
    assert np.abs(upright - image(pdf)).max() > 100  # there is something to be seen
    assert shown.shape == upright.shape
    # the turned page is rasterised at slightly other places, so single squares differ; no digit may
    blurred = np.abs(_blurred(shown) - _blurred(upright))
    assert blurred.max() < 60


@pytest.mark.parametrize(
    "content",
    [
        b"q 1 0 0 1 0 0 cm Q Q q",
        b"q% q Q\nq(q Q \\) q \\\\)Tj[(q)]q <</q /Q>>BDC q/Q gs Q<41>q EMC(\\(q)Tj",
        b"q (a (q Q) Q q) Tj q",
        b"q BI /W 3 /H 1 /BPC 8 /CS /G ID q Q EI q Q",
        b"qq Qq q",
        b"",
    ],
)
def test_what_a_page_leaves_open_is_found_as_by_parsing_it(content):
    pdf = pikepdf.new()
    page = pdf.add_blank_page()
    page.Contents = Array([pdf.make_stream(content), pdf.make_stream(b"q")])
    parsed = [str(step.operator).encode() for step in pikepdf.parse_content_stream(page)]
    assert list(_state_operators(page)) == [operator for operator in parsed if operator in (b"q", b"Q")]


def read_from(pdf, score):
    """The Score with the rotation it would have been read with from a PDF."""
    copy = type(score)()
    copy.CopyFrom(score)
    with opened(pdf) as file:
        copy.pages[0].rotation = int(file.pages[0].get("/Rotate", 0))
    return copy


def test_a_page_whose_music_lies_on_its_side_is_shown_upright_with_its_digits(page, annotated):
    pdf, score = page
    with opened(pdf) as file:
        file.pages[0].rotate(90, relative=True)
        on_its_side = saved(file)
    shown = image(annotate_pdf(on_its_side, [score]).data)
    upright = image(annotated.data)
    assert shown.shape == upright.shape
    assert np.abs(_blurred(shown) - _blurred(upright)).max() < 60


def _blurred(pixels):
    grey = pixels.mean(axis=2)
    padded = np.pad(grey, 2, mode="edge")
    return sum(padded[i : i + grey.shape[0], j : j + grey.shape[1]] for i in range(5) for j in range(5)) / 25


def test_user_units_are_respected(page, annotated):
    pdf, score = page
    scaled = annotate_pdf(in_user_units(pdf), [score])
    # pdfium shows user units at half the size, so twice the scale gives the same picture
    shown = image(scaled.data, scale=3)
    assert np.abs(_blurred(shown) - _blurred(image(annotated.data, scale=1.5))).max() < 60


def test_names_that_the_page_uses_already_are_not_taken(page):
    pdf, score = page
    with opened(pdf) as document:
        document.pages[0].Resources.Font["/EtudeFingering"] = Dictionary(
            Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/Courier")
        )
        clash = saved(document)
    with opened(annotate_pdf(clash, [score]).data) as document:
        fonts = document.pages[0].Resources.Font
        assert str(fonts["/EtudeFingering"].BaseFont) == "/Courier"
        assert str(fonts["/EtudeFingering2"].BaseFont) == "/Helvetica-Bold"
        content = bytes(list(document.pages[0].Contents)[-1].read_bytes())
        assert b"/EtudeFingering2 " in content and b"/EtudeFingering " not in content


def test_resources_shared_by_pages_stay_shared_by_those_that_get_no_digit():
    b = ScoreBuilder()
    for _ in range(150):
        b.measure()
        b.voice(1, 1, "c5/16 d5/16 e5/16 f5/16 c5/16 d5/16 e5/16 f5/16 c5/16 d5/16 e5/16 f5/16 g5/4")
        b.voice(2, 2, "R")
    b.raw.events[0].notes[0].fingering.finger = 3
    b.raw.events[0].notes[0].fingering.source = fingering_pb2.FINGERING_SOURCE_PREDICTED
    pdf, score = printed(b.score())
    result = annotate_pdf(pdf, [score])
    assert [len(p.digits) for p in result.pages] == [1]
    with opened(pdf) as before, opened(result.data) as after:
        assert len(after.pages) == len(before.pages) > 1
        assert "/EtudeFingering" not in after.pages[1].Resources.get("/Font", {})
        assert not isinstance(after.pages[1].Contents, Array)


def test_scores_of_several_movements_share_the_file(page):
    pdf, score = page
    halves = []
    for half in range(2):
        part = score_pb2.Score()
        part.CopyFrom(score)
        keep = [e for e in score.events if (e.measure_index < 6) == (half == 0)]
        del part.events[:]
        part.events.extend(keep)
        halves.append(part)
    together = digits_of(annotate_pdf(pdf, halves))
    assert set(together) == {note.note_id for note, _ in shown_fingers(score, ALL)}
    assert not any(overlap(a.box, b.box) for a, b in combinations(together.values(), 2))


def test_a_finger_whose_note_has_no_place_is_named(page):
    pdf, score = page
    lost = score_pb2.Score()
    lost.CopyFrom(score)
    lost.events[0].notes[0].ClearField("region")
    result = annotate_pdf(pdf, [lost])
    assert lost.events[0].notes[0].note_id not in digits_of(result)
    assert any(re.search(r"1 finger .*not known where", remark) for remark in result.remarks)


def test_a_finger_without_room_is_smaller_and_at_last_stands_on_print_and_is_named():
    """A staff in a sheet of ink: nothing is free, and nothing is dropped."""
    b = ScoreBuilder()
    b.measure()
    b.voice(1, 1, "c5=1/2 d5=2/2")
    b.voice(2, 2, "R")
    _, score = printed(b.score())
    (stacks,) = collect_stacks([score], ALL).pages
    black = InkMap(np.ones((1200, 850), dtype=bool), A4_WIDTH, A4_HEIGHT, stacks.staves)
    placed = place_page(stacks, black)
    assert len(placed.digits) == 2 and placed.crowded == ("1",)
    white = place_page(stacks, InkMap(np.zeros((1200, 850), dtype=bool), A4_WIDTH, A4_HEIGHT, stacks.staves))
    assert white.crowded == () and len({digit.size for digit in white.digits}) == 1


def test_paper_is_paper_in_any_light(page):
    """Digits on a grey, shaded picture find the room they find on white."""
    pdf, score = page
    (stacks,) = collect_stacks([score], ALL).pages
    with pypdfium2.PdfDocument(pdf) as document:
        white = ink_of_page(document[0], A4_WIDTH, A4_HEIGHT, stacks.staves).ink
        grey = document[0].render(scale=300 / 72, grayscale=True).to_numpy().squeeze()
    shade = np.linspace(0.75, 0.4, grey.shape[1])[None, :] * np.linspace(1.0, 0.8, grey.shape[0])[:, None]
    buffer = io.BytesIO()
    Image.fromarray((grey * shade).astype(np.uint8)).save(buffer, "PNG", dpi=(300, 300))
    with pypdfium2.PdfDocument(pdf_of_pictures(buffer.getvalue())) as document:
        shaded = ink_of_page(document[0], A4_WIDTH, A4_HEIGHT, stacks.staves).ink
    assert (shaded[:-8, :-8] != white[: shaded.shape[0] - 8, : shaded.shape[1] - 8]).mean() < 0.02
    assert 0.5 < shaded.mean() / white.mean() < 1.5


@pytest.mark.parametrize("size", [(400, 300), (37, 64), (20, 20), (1000, 31)])
def test_plain_paper_is_as_bright_as_where_it_is_looked_for_in_every_block(size, monkeypatch):
    random = np.random.default_rng(sum(size))
    plain_page = np.where(random.random(size) < 0.05, random.integers(0, 250, size), 250).astype(np.uint8)
    inked = plain_page.copy()
    inked[:40, :40] = 120
    quick = [paper_of(grey) for grey in (plain_page, inked)]
    assert quick[0].shape == (1, 1)
    assert quick[1].shape == ((1, 1) if max(size) < 40 else size)
    monkeypatch.setattr(ink_module, "_even", lambda *of: False)
    for grey, paper in zip((plain_page, inked), quick, strict=True):
        assert np.allclose(paper_of(grey), paper)


def test_ink_map_forgets_staff_lines_and_keeps_what_stands_on_them(page):
    pdf, score = page
    (stacks,) = collect_stacks([score], ALL).pages
    with pypdfium2.PdfDocument(pdf) as document:
        ink = ink_of_page(document[0], A4_WIDTH, A4_HEIGHT, stacks.staves)
    staff = stacks.staves[0]
    middle = (staff.box.y0 + staff.box.y1) / 2
    row = ink.ink[ink.rows(middle) - 1 : ink.rows(middle) + 2, ink.columns(staff.box.x0) : ink.columns(staff.box.x1)]
    assert 0.02 < row.any(axis=0).mean() < 0.6
    heads = [box_of(n.region) for n in notes_of(score).values()]
    assert all(ink.ink[ink.rows((h.y0 + h.y1) / 2), ink.columns(h.center_x)] for h in heads)


def test_stem_ends_are_found():
    dark = np.zeros((400, 300), dtype=bool)
    dark[100:200, 150] = True  # a stem above a head at 195..205
    dark[95:103, 120:190] = True  # its beam
    dark[195:205, 138:151] = True
    ink = InkMap(dark, 300, 400, [StaffPlace(Box(0, 160, 300, 200), 10)])
    head = Box(138, 195, 150, 205)
    assert ink.stem_end(head, 10, up=True) == pytest.approx(95, abs=2)
    assert ink.stem_end(head, 10, up=False) is None


@pytest.mark.parametrize(
    ("original", "reason"),
    [
        (b"", "INVALID_REQUEST"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "CORRUPT_FILE"),
        (b"GIF89a", "UNSUPPORTED_MEDIA_TYPE"),
        (b"%PDF-1.7\nnothing of the kind", "CORRUPT_FILE"),
    ],
)
def test_what_has_no_pages_is_told_so(original, reason, page):
    with pytest.raises(AnnotationError) as caught:
        annotate_pdf(original, [page[1]])
    assert caught.value.reason == reason


def test_music_that_was_not_read_from_pages_cannot_be_annotated(page):
    with pytest.raises(AnnotationError, match="not read from pages") as caught:
        annotate_pdf(page[0], [plain()])
    assert caught.value.reason == "INVALID_REQUEST"


def test_protected_files_are_told_so(page):
    pdf, score = page
    with opened(pdf) as document:
        buffer = io.BytesIO()
        document.save(buffer, encryption=pikepdf.Encryption(owner="o", user="u"))
    with pytest.raises(AnnotationError, match="password") as caught:
        annotate_pdf(buffer.getvalue(), [score])
    assert caught.value.reason == "ENCRYPTED_FILE"


def test_a_page_that_the_file_does_not_have_is_named(page):
    pdf, score = page
    moved = score_pb2.Score()
    moved.CopyFrom(score)
    for event in moved.events:
        for note in event.notes:
            note.region.page_number = 2 if event.measure_index == 11 else 1
    result = annotate_pdf(pdf, [moved])
    assert any("fewer pages" in remark for remark in result.remarks)

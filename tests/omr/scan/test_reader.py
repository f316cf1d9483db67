from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from etude.mesh.errors import EtudeError
from etude.score.v1 import page_pb2
from omr_service.files import open_file
from omr_service.pipeline import Source, write_scores
from omr_service.routing import Reader, read_page_of
from omr_service.scan import reader
from omr_service.scan.images import image_of_file
from omr_service.scan.normal_page import normal_page
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.tablature import is_tablature

PIECE = Path(__file__).parents[1] / "data" / "preambulum-lilypond.pdf"


def _picture(turned: int = 0) -> bytes:
    """The engraved piece painted at 200 dpi, as a PNG."""
    with open_file(PIECE.read_bytes()) as file:
        grey = file.picture(1).grey
    image = Image.fromarray(grey).resize(
        (round(grey.shape[1] * 2 / 3), round(grey.shape[0] * 2 / 3)), Image.Resampling.BOX
    )
    out = io.BytesIO()
    image.rotate(turned, expand=True, fillcolor=255).save(out, "PNG", dpi=(200, 200))
    return out.getvalue()


def _read(data: bytes, reader: Reader):
    with open_file(data) as file:
        outcome = read_page_of(file, 1, reader)
    assert outcome.music is not None, outcome.entry().message
    placements = {1: outcome.placement} if outcome.placement is not None else {}
    (score,) = write_scores([outcome.music], Source("piece", "sha256:00"), placements)
    return outcome.entry(), score


def _sung(score) -> Counter:
    return Counter((e.onset_ticks / score.divisions, n.midi_pitch) for e in score.events for n in e.notes)


@pytest.fixture(scope="module")
def engraved():
    return _read(PIECE.read_bytes(), Reader.AUTO)


def test_vector_music_is_read_by_the_engraved_reader(engraved):
    assert engraved[0].reader == page_pb2.PAGE_READER_ENGRAVED


@pytest.mark.parametrize("turned", [0, 90, 180])
def test_a_picture_gives_the_notes_of_the_engraving_where_they_stand(engraved, turned):
    entry, score = _read(_picture(turned), Reader.AUTO)
    assert entry.reader == page_pb2.PAGE_READER_SCAN
    truth, seen = _sung(engraved[1]), _sung(score)
    assert 2 * (truth & seen).total() / (truth.total() + seen.total()) > 0.9
    middles = np.array(
        [(n.region.x + n.region.width / 2, n.region.y + n.region.height / 2) for e in score.events for n in e.notes]
    )
    # its places are those of the page set upright, which is how it is shown
    assert entry.rotation == turned and (round(entry.width), round(entry.height)) == (595, 842)
    near = 0
    for event in engraved[1].events:
        for note in event.notes:
            middle = np.array([note.region.x + note.region.width / 2, note.region.y + note.region.height / 2])
            near += np.abs(middles - middle).max(1).min() < 1.5
    assert near > 0.9 * truth.total()


def test_the_engraved_reader_alone_refuses_a_picture():
    with open_file(_picture()) as file:
        outcome = read_page_of(file, 1, Reader.ENGRAVED)
    assert (outcome.music, outcome.entry().reason) == (None, "NO_VECTOR_MUSIC")


def _told(grey) -> str:
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG")
    with open_file(out.getvalue()) as file:
        outcome = read_page_of(file, 1)
    assert outcome.entry().status == page_pb2.PAGE_STATUS_NO_MUSIC
    return outcome.entry().message


def _written(size: int) -> np.ndarray:
    image = Image.new("L", (2480, 3508), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for row in range(300, 3200, round(1.4 * size)):
        draw.text((240, row), "the tempo of the slow movement is a matter of some debate" * 2, font=font, fill=0)
    return np.asarray(image)[:, :2300]


def _tablature(notes: bool = False) -> np.ndarray:
    """Guitar tablature: six lines, numbers of frets on them, stems below; and staves of notes over it, set smaller."""
    image = Image.new("L", (2480, 2400), 255)
    draw, font, rng = ImageDraw.Draw(image), ImageFont.load_default(34), np.random.default_rng(1)
    for top in range(360, 2000, 380):
        for line in range(6):
            draw.line((200, top + 32 * line, 2280, top + 32 * line), fill=0, width=3)
        for x in range(330, 2240, 62):
            y = top + 32 * int(rng.integers(0, 6))
            draw.rectangle((x - 2, y - 14, x + 24, y + 14), fill=255)
            draw.text((x, y - 20), str(rng.integers(0, 13)), font=font, fill=0)
            draw.line((x + 10, top + 192, x + 10, top + 256), fill=0, width=3)
        for line in range(5) if notes else ():
            draw.line((200, top - 150 + 22 * line, 2280, top - 150 + 22 * line), fill=0, width=2)
        for x in range(330, 2240, 62) if notes else ():
            y = top - 150 + 11 * int(rng.integers(0, 9))
            draw.ellipse((x, y - 10, x + 27, y + 10), fill=0)
            draw.line((x + 26, y, x + 26, y - 72), fill=0, width=3)
    return np.asarray(image)


def _chant() -> np.ndarray:
    """Square notes on staves of four lines."""
    image = Image.new("L", (2480, 2400), 255)
    draw, rng = ImageDraw.Draw(image), np.random.default_rng(1)
    for top in range(360, 2000, 300):
        for line in range(4):
            draw.line((200, top + 32 * line, 2280, top + 32 * line), fill=0, width=3)
        for x in range(330, 2240, 80):
            y = top + 16 * int(rng.integers(-1, 7))
            draw.rectangle((x - 14, y - 14, x + 14, y + 14), fill=0)
    return np.asarray(image)


@pytest.mark.parametrize(
    ("grey", "why"),
    [
        (np.full((1600, 1200), 250, np.uint8), "Page 1 is blank"),
        (np.zeros((1600, 1200), np.uint8), "black all over"),
        (_written(46), "seems to hold text"),
        (_written(30), "seems to hold text"),
        (_tablature(), "holds tablature"),
        (_tablature(notes=True), "without the tablature"),
        (_chant(), "chant"),
        (_written(46)[::6, ::6], "384 x 585 pixels"),
    ],
)
def test_a_picture_without_music_says_why(grey, why):
    assert why in _told(np.ascontiguousarray(grey))


def test_long_trills_along_staves_with_clefs_make_no_tablature(monkeypatch):
    """The ink of lines a space over every staff, as wavy lines have them in a page full of trills."""
    with open_file(_picture()) as file:
        picture = file.picture(1)
    page = normal_page(picture)
    assert page is not None
    pixels = page.pixels.copy()
    for staff in page.staves:
        row = round(staff.middle - 3 * SPACE)
        pixels[row - 3 : row - 1, round(staff.x0) : round(staff.x1)] = 255
        pixels[row : row + 2, round(staff.x0) : round(staff.x1)] = 0
    along = replace(page, pixels=pixels)
    assert is_tablature(along)
    monkeypatch.setattr(reader, "normal_page", lambda *_: along)
    read = reader.read_scan(picture, 1)
    assert read is not None
    assert sum(glyph.name.endswith("Clef") for glyph in read.symbols.glyphs) == len(page.staves)


def test_a_page_too_coarse_to_read_is_not_guessed_at():
    image = Image.open(io.BytesIO(_picture()))
    small = image.resize((round(image.width / 4), round(image.height / 4)), Image.Resampling.BOX)
    assert "pixels" in _told(np.asarray(small))


def test_a_tiff_of_two_black_and_white_pages_has_two_pages():
    pages = [Image.new("1", (1000, 1400), 1), Image.new("1", (1400, 1000), 1)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:], compression="group4", dpi=(150, 150))
    with open_file(out.getvalue()) as file:
        assert [(round(w), round(h)) for w, h in file.page_sizes] == [(480, 672), (672, 480)]
        assert file.picture(2).grey.shape == (1000, 1400)
        assert file.picture(2).grey.min() == 255


def test_a_transparent_picture_lies_on_white_paper_all_the_way_down():
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (700, 200, 4)).astype(np.uint8), "RGBA")
    out = io.BytesIO()
    image.save(out, "PNG")
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L")
    assert (image_of_file(out.getvalue(), 1).grey == np.asarray(white)).all()


def test_a_picture_of_sixteen_bits_is_as_bright_as_its_brightest_row_makes_it():
    deep = (np.arange(700)[:, None] * 10 * np.ones((1, 200))).astype(np.uint16)
    out = io.BytesIO()
    Image.fromarray(deep).save(out, "PNG")
    grey = image_of_file(out.getvalue(), 1).grey
    assert grey[-1].min() == 255
    assert abs(int(grey[350].max()) - 127) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_a_picture_may_have_is_set_upright(orientation):
    image = Image.fromarray(np.arange(120 * 150).reshape(120, 150).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, "PNG", exif=exif)
    with Image.open(io.BytesIO(out.getvalue())) as saved:
        upright = np.asarray(ImageOps.exif_transpose(saved))
    assert (image_of_file(out.getvalue(), 1).grey == upright).all()


def test_a_photograph_is_turned_as_it_says():
    image = Image.new("RGB", (300, 200), "white")
    image.paste((0, 0, 0), (0, 0, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=95)
    seen = image_of_file(out.getvalue(), 1)
    assert seen.grey.shape == (300, 200)
    assert seen.grey[5, 195] < 40 and seen.grey[5, 5] > 200


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\nnothing", "CORRUPT_FILE"),
        (b"\xff\xd8\xff\xe0 cut short", "CORRUPT_FILE"),
        (b"GIF89a", "UNSUPPORTED_MEDIA_TYPE"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "UNSUPPORTED_MEDIA_TYPE"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "UNSUPPORTED_MEDIA_TYPE"),
        (_picture()[:20_000], "CORRUPT_FILE"),
    ],
)
def test_a_broken_picture_is_refused_with_its_reason(data, reason):
    with pytest.raises(EtudeError) as caught, open_file(data):
        pass
    assert caught.value.reason == reason

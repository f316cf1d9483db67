import io

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageChops

from bench.disguise.embedding import raster_of
from omr_service.pdf.bitmaps import inline_entries, inline_mask, trace
from omr_service.pdf.lexer import tokens
from omr_service.pdf.reader import read_page_symbols
from omr_service.pdf.shapes import Shape
from tests.omr.pdf.build import STAFF, one_page, type3_font
from tests.omr.pdf.test_outlines import ellipse


def mask_of(rows: list[str]) -> np.ndarray:
    return np.array([[dot == "#" for dot in row] for row in rows])


def area(contour: np.ndarray) -> float:
    x, y = contour[:, 0], contour[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_outer_contours_run_counter_clockwise_and_holes_clockwise():
    shape = trace(mask_of(["####", "#..#", "####"]))
    assert shape is not None
    outer, hole = sorted(shape.polygons, key=lambda contour: -abs(area(contour)))
    assert area(outer) == pytest.approx(1.0)
    assert area(hole) == pytest.approx(-2 / 12)
    assert len(outer) == len(hole) == 4


def test_ink_that_touches_at_corners_is_traced_in_full():
    shape = trace(mask_of(["#.#", ".#.", "#.#"]))
    assert shape is not None
    assert sum(area(contour) for contour in shape.polygons) == pytest.approx(5 / 9)


def test_a_mask_without_ink_has_no_outline():
    assert trace(np.zeros((3, 4), dtype=bool)) is None


def test_large_masks_are_traced_coarsely():
    shape = trace(np.pad(np.ones((500, 500), dtype=bool), 250))
    assert shape is not None
    assert shape.box == pytest.approx((0.25, 0.25, 0.75, 0.75), abs=0.01)


def head_bits(width: int, height: int) -> tuple[Image.Image, Shape]:
    points = ellipse(0.165, 0.1, 0.49, x=0.15)
    shape = Shape(b"m" + b"l" * (len(points) - 1) + b"h", points)
    image, _, _ = raster_of(shape, 100)
    return image.resize((width, height)), shape


@pytest.mark.parametrize("encoding", ["plain", "hex", "fax"])
def test_a_type_3_font_of_bitmaps_is_read(encoding: str):
    width, height = 40, 30
    ink, _ = head_bits(width, height)
    # 1 is painted, for want of /D.
    stencil = ink.point(lambda value: 0 if value > 127 else 255).convert("1")
    data, entries = stencil.tobytes(), ""
    if encoding == "hex":
        data, entries = data.hex().encode() + b">", "/F /AHx"
    if encoding == "fax":
        data, entries = group_4(stencil), f"/F /CCF /DP <</K -1 /Columns {width}>>"
    glyph = (
        f"300 0 0 -100 300 130 d1 300 0 0 230 0 -115 cm "
        f"BI /W {width} /H {height} /IM true /BPC 1 {entries} ID ".encode()
        + data
        + b"\nEI"
    )

    pdf = pikepdf.new()
    font = type3_font(pdf, {65: ("a", glyph)}, [295])
    content = STAFF + " BT /M 24 Tf 1 0 0 1 100 494 Tm (A) Tj 40 3 Td (A) Tj ET"
    page = read_page_symbols(one_page(content, resources={"Font": pikepdf.Dictionary(M=font)}, pdf=pdf), 1)
    assert [symbol.name for symbol in page.glyphs] == ["noteheadBlack", "noteheadBlack"]
    assert page.glyphs[0].y == pytest.approx(101.0, abs=0.5)


def group_4(image: Image.Image) -> bytes:
    """Fax data of a picture, 0 for black, out of the TIFF that Pillow writes: there the ones are black."""
    buffer = io.BytesIO()
    ImageChops.invert(image).save(buffer, "TIFF", compression="group4")
    with Image.open(io.BytesIO(buffer.getvalue())) as tiff:
        offset, length = tiff.tag_v2[273][0], tiff.tag_v2[279][0]  # type: ignore[attr-defined]
        assert tiff.tag_v2[262] == 1  # type: ignore[attr-defined]
    return buffer.getvalue()[offset : offset + length]


def test_symbols_painted_as_image_masks_are_read():

    ink, _ = head_bits(40, 30)
    pdf = pikepdf.new()
    mask = pdf.make_stream(ink.point(lambda value: 0 if value > 127 else 255).convert("1").tobytes())
    mask.update(
        {"/Type": pikepdf.Name.XObject, "/Subtype": pikepdf.Name.Image, "/ImageMask": True, "/Width": 40, "/Height": 30}
    )
    content = STAFF + " q 7.2 0 0 5.5 100 491.2 cm /I Do Q q 300 0 0 300 0 0 cm /I Do Q"
    page = read_page_symbols(one_page(content, resources={"XObject": pikepdf.Dictionary(I=mask)}, pdf=pdf), 1)
    assert [symbol.name for symbol in page.glyphs] == ["noteheadBlack"]
    # The large one is a picture.
    assert page.image_share == pytest.approx(300 * 300 / (420 * 595), rel=0.01)


@pytest.mark.parametrize(
    "image",
    [
        b"BI /W 99999999 /H 99999999 /IM true ID x\nEI",
        b"BI /W 8 /H 8 /IM true ID x\nEI",
        b"BI /W /H /IM true ID x\nEI",
        b"BI /W 8 /H 1 /IM false ID x\nEI",
        b"BI /W 8 /H 1 /IM true /F /JPX ID x\nEI",
    ],
)
def test_what_is_no_mask_or_broken_is_none(image: bytes):
    *entries, data, end = tokens(image)
    assert end == "EI" and isinstance(data, bytes)
    assert inline_mask(inline_entries(entries), data) is None

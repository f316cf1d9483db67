"""Pictures become PDFs that show what the picture shows, whatever its colours and however the camera was held."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from omr_service.scan.images import image_of_file
from renderer_service.annotation import annotate_pdf
from renderer_service.annotation.pictures import PictureError, pdf_of_pictures
from tests.renderer.pages import printed
from tests.renderer.pieces import plain


def _page() -> Image.Image:
    """Unlike itself however it is turned or mirrored."""
    grey = np.full((280, 200), 255, np.uint8)
    grey[10:60, 10:90] = 0
    grey[100:110, 20:180] = 90
    return Image.fromarray(grey)


def _bytes(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _oriented(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _bytes(_page(), "JPEG", exif=exif, quality=95)


def _clear() -> Image.Image:
    grey = _page()
    return Image.merge("LA", [Image.new("L", grey.size, 0), grey.point(lambda value: 255 - value)])


@pytest.mark.parametrize(
    "data",
    [
        _bytes(_page(), "PNG"),
        _bytes(_page().convert("1"), "TIFF", compression="group4"),
        _bytes(_page().convert("RGB").quantize(16), "PNG"),
        _bytes(_page().convert("RGB"), "JPEG", quality=95),
        _bytes(_page().convert("CMYK"), "JPEG", quality=95),
        _bytes(_clear(), "PNG"),
        _bytes(Image.fromarray(np.asarray(_page()).astype(np.uint16) * 257), "PNG"),
        *(_oriented(orientation) for orientation in range(1, 9)),
    ],
)
def test_the_page_shows_what_the_reader_sees(data):
    seen = image_of_file(data, 1)
    with pypdfium2.PdfDocument(pdf_of_pictures(data)) as document:
        page = document[0]
        assert page.get_size() == pytest.approx((seen.width, seen.height), abs=0.01)
        scale = (seen.grey.shape[1] - 0.01) / seen.width
        shown = page.render(scale=scale, grayscale=True).to_numpy().squeeze()
    assert shown.shape == seen.grey.shape
    assert np.abs(shown.astype(int) - seen.grey).mean() < 4


def test_a_jpeg_goes_in_as_it_is():
    data = _bytes(_page(), "JPEG")
    assert data in pdf_of_pictures(data)


def test_a_tiff_of_three_pages_becomes_three_pages():
    pages = [_page(), _page().rotate(90, expand=True), _page()]
    data = _bytes(pages[0], "TIFF", save_all=True, append_images=pages[1:], dpi=(150, 150))
    with pypdfium2.PdfDocument(pdf_of_pictures(data)) as document:
        assert [tuple(map(round, page.get_size())) for page in document] == [(96, 134), (134, 96), (96, 134)]


def test_a_damaged_picture_is_told_so():
    with pytest.raises(PictureError):
        pdf_of_pictures(_bytes(_page(), "PNG")[:60])


def test_fingers_are_printed_on_a_picture_of_a_page_and_on_one_that_was_read_upside_down():
    pdf, score = printed(plain(4))
    with pypdfium2.PdfDocument(pdf) as document:
        grey = document[0].render(scale=150 / 72, grayscale=True).to_numpy().squeeze()
    upright = annotate_pdf(_bytes(Image.fromarray(grey), "PNG", dpi=(150, 150)), [score])
    score.pages[0].rotation = 180
    turned = annotate_pdf(_bytes(Image.fromarray(grey[::-1, ::-1].copy()), "PNG", dpi=(150, 150)), [score])
    shown = []
    for annotated in (upright, turned):
        assert annotated.pages[0].digits
        with pypdfium2.PdfDocument(annotated.data) as document:
            shown.append(document[0].render(scale=1.0, grayscale=True).to_numpy().astype(int))
    assert np.abs(shown[0] - shown[1]).mean() < 2

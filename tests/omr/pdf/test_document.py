from pathlib import Path

import pikepdf
import pytest

from etude.mesh.errors import EtudeError
from omr_service.pdf.document import DocumentLimits, open_document
from omr_service.pdf.reader import has_vector_music, read_page_symbols, why_no_vector_music
from tests.omr.pdf.build import STAFF, as_bytes, one_page

FEATURES = (Path(__file__).parent / "data" / "musescore3-features.pdf").read_bytes()


def reason_of(data: bytes, limits: DocumentLimits | None = None) -> str:
    with pytest.raises(EtudeError) as caught, open_document(data, limits):
        pass
    assert caught.value.message.endswith(".")
    return caught.value.reason


def test_each_way_a_file_can_be_bad_has_its_reason():
    assert reason_of(b"") == "EMPTY_FILE"
    assert reason_of(b"Dear Sir, this is not a PDF.") == "UNSUPPORTED_MEDIA_TYPE"
    assert reason_of(b"\x89PNG\r\n\x1a\n" + b"\0" * 50) == "UNSUPPORTED_MEDIA_TYPE"
    assert reason_of(b"%PDF-1.4\nnothing of a PDF follows") == "CORRUPT_FILE"
    assert reason_of(as_bytes(pikepdf.new())) == "NO_PAGES"
    assert reason_of(FEATURES, DocumentLimits(bytes=1000)) == "FILE_TOO_LARGE"
    assert reason_of(one_page("", size=(20_000, 500))) == "PAGE_SIZE"
    assert reason_of(one_page("", size=(10, 10))) == "PAGE_SIZE"
    assert reason_of(one_page("", page_entries={"UserUnit": 100})) == "PAGE_SIZE"


def test_a_thousand_pages_are_too_many():
    pdf = pikepdf.new()
    for _ in range(1000):
        pdf.add_blank_page(page_size=(200, 200))
    assert reason_of(as_bytes(pdf)) == "TOO_MANY_PAGES"


def test_a_password_to_open_is_refused_and_a_password_to_change_is_not():
    locked = one_page(STAFF, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert reason_of(locked) == "ENCRYPTED_FILE"
    open_to_read = one_page(STAFF, encryption=pikepdf.Encryption(owner="o", user=""))
    assert len(read_page_symbols(open_to_read, 1).lines) == 6


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7])
def test_a_file_cut_short_is_never_taken_for_whole(share: float):
    data = FEATURES[: int(len(FEATURES) * share)]
    try:
        with open_document(data) as document, pytest.raises(EtudeError) as caught:
            document.read_page(1)
        assert caught.value.reason == "UNREADABLE"
    except EtudeError as error:
        assert error.reason == "CORRUPT_FILE"


def test_a_page_that_is_not_there_is_out_of_range():
    with open_document(FEATURES) as document, pytest.raises(EtudeError) as caught:
        document.read_page(7)
    assert caught.value.reason == "OUT_OF_RANGE"


def test_a_scan_is_told_from_text_and_from_music():
    pdf = pikepdf.new()
    image = pdf.make_stream(bytes(100))
    image.update({"/Type": pikepdf.Name.XObject, "/Subtype": pikepdf.Name.Image, "/Width": 10, "/Height": 10})
    image["/ColorSpace"], image["/BitsPerComponent"] = pikepdf.Name.DeviceGray, 8
    scan = one_page("q 420 0 0 595 0 0 cm /I Do Q", resources={"XObject": pikepdf.Dictionary(I=image)}, pdf=pdf)
    page = read_page_symbols(scan, 1)
    assert page.image_share == pytest.approx(1.0)
    assert not has_vector_music(page)
    assert "scan" in why_no_vector_music(page)
    assert not has_vector_music(read_page_symbols(one_page(STAFF), 1))
    assert has_vector_music(read_page_symbols(FEATURES, 1))


def test_a_page_of_endless_drawing_is_refused():
    with pytest.raises(EtudeError) as caught:
        read_page_symbols(one_page(b"0 0 m 9 9 l S " * 110_000, compress_streams=True), 1)
    assert caught.value.reason == "UNREADABLE"


def test_a_decompression_bomb_is_refused():
    with pytest.raises(EtudeError) as caught:
        read_page_symbols(one_page(b" " * 100_000_000, compress_streams=True, recompress_flate=True), 1)
    assert caught.value.reason == "UNREADABLE"

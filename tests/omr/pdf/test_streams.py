import base64
import zlib

import pikepdf
import pytest

from omr_service.pdf.fonts import load_font
from omr_service.pdf.streams import StreamDecodeError, StreamTooLargeError, decode, is_whole, name_text

# A stream lives as long as its file does.
PDF = pikepdf.new()


def stream(data: bytes, filters: list[str], parameters: object = None) -> pikepdf.Stream:
    made = pikepdf.Stream(PDF, b"")
    made.write(data, filter=pikepdf.Array([pikepdf.Name(f) for f in filters]), decode_parms=parameters)
    return made


def test_filters_are_undone_in_order():
    data = base64.a85encode(zlib.compress(b"0 0 m")) + b"~>"
    assert decode(stream(data, ["/ASCII85Decode", "/FlateDecode"])) == b"0 0 m"
    assert decode(stream(b"30 20 6d>", ["/ASCIIHexDecode"])) == b"0 m"
    assert decode(stream(bytes([2]) + b"abc" + bytes([254]) + b"z" + bytes([128]), ["/RunLengthDecode"])) == b"abczzz"


def test_lzw_is_undone():
    # The example of the PDF specification, 7.4.4.2.
    encoded = bytes([0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01])
    assert decode(stream(encoded, ["/LZWDecode"])) == bytes([45, 45, 45, 45, 45, 65, 45, 45, 45, 66])


def test_png_prediction_is_undone():
    rows = bytes([2, 1, 2, 3]) + bytes([2, 1, 1, 1]) + bytes([1, 5, 1, 1])
    parameters = pikepdf.Dictionary(Predictor=15, Columns=3)
    assert decode(stream(zlib.compress(rows), ["/FlateDecode"], parameters)) == bytes([1, 2, 3, 2, 3, 4, 5, 6, 7])


def test_a_bomb_is_stopped_at_the_limit():
    bomb = zlib.compress(b"\0" * 50_000_000, 9)
    with pytest.raises(StreamTooLargeError):
        decode(stream(bomb, ["/FlateDecode"]), limit=1_000_000)
    twice = zlib.compress(bomb, 9)
    with pytest.raises(StreamTooLargeError):
        decode(stream(twice, ["/FlateDecode", "/FlateDecode"]), limit=1_000_000)


def test_a_deflate_stream_cut_short_gives_what_is_there_and_is_not_whole():
    text = b" ".join(b"%d %d m" % (i, i * i % 997) for i in range(3000))
    cut = zlib.compress(text)[:2000]
    assert text.startswith(decode(stream(cut, ["/FlateDecode"])))
    assert not is_whole(stream(cut, ["/FlateDecode"]))
    assert is_whole(stream(zlib.compress(text), ["/FlateDecode"]))


def test_image_filters_are_refused():
    with pytest.raises(StreamDecodeError):
        decode(stream(b"\xff\xd8", ["/DCTDecode"]))


def test_a_name_that_is_no_utf_8_is_read_as_latin_1():
    odd = pikepdf.Object.parse(b"<< /Filter [/Fl\xe9] /BaseFont /ABCDEF+Caf#e9 /Subtype /Type1 >>")
    assert name_text(odd["/BaseFont"]) == "/ABCDEF+Caf\xe9"
    broken = pikepdf.Stream(PDF, b"0 m")
    broken["/Filter"] = odd["/Filter"]
    assert is_whole(broken)
    with pytest.raises(StreamDecodeError):
        decode(broken)
    assert load_font(odd).name == "Caf\xe9"

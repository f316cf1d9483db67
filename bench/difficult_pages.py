"""Files as they come through the door, made from engraved pages: blank, turned, two-up, coloured, damaged, oddly coded.

A case is a function from a `Source` to the bytes of a file; `CASES` names them all, `bench.omr_difficult` reads them.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import pikepdf
import pypdfium2 as pdfium
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench import other_pages
from bench.ensembles import ENSEMBLES, engraved
from bench.photographs import View, photographed

Grey = NDArray[np.uint8]
DPI = 300


@dataclass(frozen=True, slots=True)
class Source:
    """What the cases are made of.

    Attributes:
        pdf: An engraved PDF.
        pages: Its pages, grey at 300 dpi.
    """

    pdf: bytes
    pages: tuple[Grey, ...]

    @property
    def page(self) -> Grey:
        """The first page."""
        return self.pages[0]


@dataclass(frozen=True, slots=True)
class Case:
    """A case.

    Attributes:
        suffix: Of the file.
        make: Its bytes.
        holds: Pages of the source that are to be read from it, in order; none where there is nothing to read.
        ensemble: The kind of `bench.ensembles` that is to be read from it instead of the source, or "".
    """

    suffix: str
    make: Callable[[Source], bytes]
    holds: int = 1
    ensemble: str = ""


def _file(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **{"dpi": (DPI, DPI), **options})
    return buffer.getvalue()


def png(grey: Grey, **options: object) -> bytes:
    """A PNG of a grey page."""
    return _file(Image.fromarray(grey), "PNG", **options)


def pdf_of(pictures: Sequence[tuple[bytes, str, int, int, str, int]], dpi: float = DPI, extra: bytes = b"") -> bytes:
    """A PDF of a picture a page.

    Args:
        pictures: Data, filter, columns, rows, colour space and bits of each.
        dpi: Resolution.
        extra: Content after the picture.
    """
    document = pikepdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    for data, coding, columns, rows, space, bits in pictures:
        stream = pikepdf.Stream(document, data)
        stream.Type, stream.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
        stream.Width, stream.Height, stream.BitsPerComponent = columns, rows, bits
        stream.ColorSpace = pikepdf.Name(space)
        stream.Filter = pikepdf.Name(coding)
        if coding == "/CCITTFaxDecode":
            stream.DecodeParms = pikepdf.Dictionary(K=-1, Columns=columns, Rows=rows, BlackIs1=False)
        page = document.add_blank_page(page_size=(columns * 72 / dpi, rows * 72 / dpi))
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=stream), Font=pikepdf.Dictionary(F=font))
        place = f"q {columns * 72 / dpi:.3f} 0 0 {rows * 72 / dpi:.3f} 0 0 cm /Im Do Q\n".encode()
        page.Contents = pikepdf.Stream(document, place + extra)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _pdf_picture(grey: Grey, data: bytes, coding: str, bits: int) -> bytes:
    return pdf_of([(data, coding, grey.shape[1], grey.shape[0], "/DeviceGray", bits)])


def _jpeg_page(grey: Grey) -> tuple[bytes, str, int, int, str, int]:
    return (
        _file(Image.fromarray(grey), "JPEG", quality=85),
        "/DCTDecode",
        grey.shape[1],
        grey.shape[0],
        "/DeviceGray",
        8,
    )


def group4(grey: Grey) -> bytes:
    """A page coded as T.6 (CCITT group 4), ink as ones, taken out of a TIFF of one strip, where ones are light."""
    image = Image.fromarray(255 - grey).convert("1", dither=Image.Dither.NONE)
    data = _file(image, "TIFF", compression="group4", tiffinfo={278: grey.shape[0]})
    tags = Image.open(io.BytesIO(data)).tag_v2  # type: ignore[attr-defined]
    (start,), (length,) = tags[273], tags[279]
    return data[start : start + length]


def _jbig2(grey: Grey) -> bytes:
    """A page as JBIG2 for a PDF: one generic region, coded by MMR, which is T.6."""
    rows, columns = grey.shape
    coded = group4(grey)

    def segment(number: int, kind: int, data: bytes) -> bytes:
        return struct.pack(">IBBBI", number, kind, 0, 1, len(data)) + data

    page = segment(0, 48, struct.pack(">IIIIBH", columns, rows, 0, 0, 0, 0))
    region = struct.pack(">IIIIB", columns, rows, 0, 0, 0) + b"\x01" + coded
    return page + segment(1, 38, region)


def _rgb(grey: Grey, paper: tuple[int, int, int], ink: tuple[int, int, int]) -> Image.Image:
    share = (grey.astype(np.float32) / 255)[:, :, None]
    return Image.fromarray((share * paper + (1 - share) * ink).astype(np.uint8))


def _spread(source: Source, gutter: float = 0.0) -> Grey:
    left, right = source.pages[0], source.pages[min(1, len(source.pages) - 1)]
    both = np.concatenate([left, right], axis=1).astype(np.float32)
    across = np.abs(np.arange(both.shape[1]) - both.shape[1] / 2) / both.shape[1]
    return (both * (1 - gutter * np.exp(-across / 0.02))[None, :]).astype(np.uint8)


def _text(size: tuple[int, ...]) -> Grey:
    image = Image.new("L", (size[1], size[0]), 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(46)
    words = "The tempo of the slow movement is a matter of much debate among those who edit these pieces. " * 3
    for row in range(300, size[0] - 300, 66):
        draw.text((240, row), words[row % 70 :][: 60 + row % 30], font=font, fill=0)
    return np.asarray(image)


def _tablature(size: tuple[int, ...]) -> Grey:
    """Guitar tablature: six lines, numbers of frets on them, bars."""
    image = Image.new("L", (size[1], size[0]), 255)
    draw, font, rng = ImageDraw.Draw(image), ImageFont.load_default(34), np.random.default_rng(1)
    left, right, space = 200, size[1] - 200, 32
    for top in range(360, size[0] - 500, 380):
        for line in range(6):
            draw.line((left, top + line * space, right, top + line * space), fill=0, width=3)
        for at, letter in enumerate("TAB"):
            draw.text((left + 24, top + 14 + at * 46), letter, font=ImageFont.load_default(46), fill=0)
        for bar in np.linspace(left, right, 5):
            draw.line((bar, top, bar, top + 5 * space), fill=0, width=4)
        for x in range(left + 130, right - 40, 62):
            y = top + int(rng.integers(0, 6)) * space
            draw.rectangle((x - 2, y - 14, x + 24, y + 14), fill=255)
            draw.text((x, y - 20), str(rng.integers(0, 13)), font=font, fill=0)
            draw.line((x + 10, top + 6 * space, x + 10, top + 8 * space), fill=0, width=3)
    return np.asarray(image)


def _by_hand(grey: Grey) -> Grey:
    """As if drawn by hand: every stroke wavers by up to half a staff space."""
    rng = np.random.default_rng(1)
    rows, columns = grey.shape
    fields = []
    for size in (40, 40):
        small = rng.standard_normal((rows // size + 2, columns // size + 2)).astype(np.float32)
        fields.append(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC) * 3.0)
    ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
    wavy = cv2.remap(grey, xs + fields[0], ys + fields[1], cv2.INTER_LINEAR, borderValue=255)
    return cv2.erode(np.asarray(wavy, np.uint8), np.ones((3, 3), np.uint8)).astype(np.uint8)


def _resized(grey: Grey, factor: float) -> Grey:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(grey, None, fx=factor, fy=factor, interpolation=how).astype(np.uint8)


def _exif(grey: Grey, orientation: int) -> bytes:
    """A JPEG whose rows lie as a camera held otherwise writes them, with the tag that says so."""
    turns = {3: 2, 6: 1, 8: 3}[orientation]
    image = Image.fromarray(np.ascontiguousarray(np.rot90(grey, turns)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return _file(image, "JPEG", quality=90, exif=exif)


def _sixteen(grey: Grey) -> Image.Image:
    return Image.fromarray((grey.astype(np.uint16) * 200 + 3000).astype(np.uint16))


def _tiff(images: Sequence[Image.Image]) -> bytes:
    return _file(images[0], "TIFF", save_all=True, append_images=list(images[1:]), compression="tiff_lzw")


def _transparent(grey: Grey) -> Image.Image:
    """Black ink on nothing."""
    return Image.merge("LA", [Image.fromarray(np.zeros_like(grey)), Image.fromarray(255 - grey)])


def _hidden_text(source: Source) -> bytes:
    rows = b"".join(
        b"BT 3 Tr /F 9 Tf 60 %d Td (~ \\\\ J- --- -J J ~= r r r .. Allegro 2 3 1) Tj ET\n" % y
        for y in range(80, 760, 12)
    )
    return pdf_of([_jpeg_page(page) for page in source.pages[:1]], extra=rows)


def _stamped(source: Source) -> bytes:
    stamp = (
        b"q 1 0 0 RG 2 w 430 740 120 50 re S 2 w 440 765 m 540 765 l S 440 755 m 540 755 l S "
        b"BT /F 12 Tf 445 772 Td (LIBRARY) Tj ET Q\n"
        b"q 0.5 w 40 30 m 555 30 l S BT /F 8 Tf 60 20 Td (Downloaded from the library on 1 May) Tj ET Q\n"
    )
    return pdf_of([_jpeg_page(source.page)], extra=stamp)


def _mixed(source: Source) -> bytes:
    """An engraved page, the same page scanned, a blank one and one of text."""
    scans = pdf_of(
        [_jpeg_page(source.page), _jpeg_page(np.full_like(source.page, 255)), _jpeg_page(_text(source.page.shape))]
    )
    with pikepdf.open(io.BytesIO(source.pdf)) as document, pikepdf.open(io.BytesIO(scans)) as others:
        del document.pages[1:]
        document.pages.extend(others.pages)
        buffer = io.BytesIO()
        document.save(buffer)
    return buffer.getvalue()


def _rotated_pdf(source: Source, degrees: int) -> bytes:
    with pikepdf.open(io.BytesIO(pdf_of([_jpeg_page(source.page)]))) as document:
        document.pages[0].rotate(degrees, relative=False)
        buffer = io.BytesIO()
        document.save(buffer)
    return buffer.getvalue()


def _turned(quarters: int) -> Callable[[Source], bytes]:
    return lambda s: png(np.ascontiguousarray(np.rot90(s.page, quarters)))


def _at(dpi: float) -> Callable[[Source], bytes]:
    return lambda s: png(_resized(s.page, dpi / DPI), dpi=(dpi, dpi))


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def _scanned_ensemble(kind: str) -> Case:
    """The first page of an ensemble's music, painted."""
    return Case(".png", lambda s: png(first_page(engraved(kind))), 0, kind)


def first_page(pdf: bytes) -> Grey:
    """The first page of a PDF, grey."""
    document = pdfium.PdfDocument(pdf)
    try:
        return np.array(document[0].render(scale=DPI / 72, grayscale=True).to_numpy(), np.uint8).squeeze()
    finally:
        document.close()


def _engraved_ensemble(kind: str, source: Source) -> bytes:
    """The PDF itself."""
    return engraved(kind)


def _photographed_spread(source: Source) -> bytes:
    """An open book on a table, photographed with the telephone held across."""
    view = View(tilt=(9.0, 4.0), turn=2.0, curl=0.05, light=0.3)
    upright = photographed(_spread(source, 0.6), view, np.random.default_rng(1), 4000, 16 / 10)
    return _file(Image.fromarray(cv2.cvtColor(upright, cv2.COLOR_BGR2RGB)), "JPEG", quality=88)


CASES: dict[str, Case] = {
    "plain": Case(".png", lambda s: png(s.page)),
    "blank": Case(".png", lambda s: png(np.full_like(s.page, 255)), 0),
    "black": Case(".png", lambda s: png(np.zeros_like(s.page)), 0),
    "noise": Case(".png", lambda s: png(np.random.default_rng(1).integers(0, 256, (1200, 900)).astype(np.uint8)), 0),
    "text": Case(".png", lambda s: png(_text(s.page.shape)), 0),
    "tablature": Case(".png", lambda s: png(_tablature(s.page.shape)), 0),
    "by-hand": Case(".png", lambda s: png(_by_hand(s.page))),
    "ruled-paper": Case(".png", lambda s: png(other_pages.ruled_paper()), 0),
    "table": Case(".png", lambda s: png(other_pages.table()), 0),
    "music-paper": Case(".png", lambda s: png(other_pages.music_paper()), 0),
    "chant": Case(".png", lambda s: png(other_pages.chant()), 0),
    "keyboard": Case(".png", lambda s: png(other_pages.keyboard()), 0),
    "blinds": Case(".png", lambda s: png(other_pages.blinds()), 0),
    "staff-and-tablature": Case(".png", lambda s: png(other_pages.staff_and_tablature(s.page)), 0),
    **{kind: _scanned_ensemble(kind) for kind in ENSEMBLES},
    **{f"{kind}-pdf": Case(".pdf", partial(_engraved_ensemble, kind), 0) for kind in ENSEMBLES},
    "screenshot": Case(".png", lambda s: png(other_pages.screenshot(s.page))),
    "photo-spread": Case(".jpg", _photographed_spread, 2),
    "upside-down": Case(".png", _turned(2)),
    "on-its-left": Case(".png", _turned(1)),
    "on-its-right": Case(".png", _turned(3)),
    "upside-down-pdf": Case(".pdf", lambda s: pdf_of([_jpeg_page(np.ascontiguousarray(s.page[::-1, ::-1]))])),
    "rotate-key-pdf": Case(".pdf", lambda s: _rotated_pdf(s, 90)),
    "spread": Case(".png", lambda s: png(_spread(s)), 2),
    "spread-gutter": Case(".jpg", lambda s: _file(Image.fromarray(_spread(s, 0.8)), "JPEG"), 2),
    "yellow": Case(".jpg", lambda s: _file(_rgb(s.page, (240, 220, 150), (60, 40, 20)), "JPEG")),
    "blue": Case(".jpg", lambda s: _file(_rgb(s.page, (110, 140, 230), (10, 10, 60)), "JPEG")),
    "red-ink": Case(".png", lambda s: _file(_rgb(s.page, (255, 255, 255), (220, 40, 40)), "PNG")),
    "pale": Case(".png", lambda s: png((s.page // 5 + 200).astype(np.uint8))),
    "inverted": Case(".png", lambda s: png(255 - s.page)),
    "inverted-1bit": Case(".png", lambda s: _file(Image.fromarray(255 - s.page).convert("1"), "PNG")),
    "50-dpi": Case(".png", _at(50)),
    "72-dpi": Case(".png", _at(72)),
    "100-dpi": Case(".png", _at(100)),
    "150-dpi": Case(".png", _at(150)),
    "600-dpi": Case(".png", _at(600)),
    "a3-600-dpi": Case(".png", lambda s: png(_resized(s.page, 7016 / s.page.shape[1]), dpi=(600, 600))),
    "one-system": Case(".png", lambda s: png(s.page[880:1480]), 0),
    "stamp-sized": Case(".png", lambda s: png(s.page[:40, :40]), 0),
    "cmyk": Case(".jpg", lambda s: _file(_rgb(s.page, (250, 245, 230), (20, 20, 20)).convert("CMYK"), "JPEG")),
    "16-bit": Case(".png", lambda s: _file(_sixteen(s.page), "PNG")),
    "16-bit-tiff": Case(".tif", lambda s: _file(_sixteen(s.page), "TIFF")),
    "palette": Case(".png", lambda s: _file(Image.fromarray(s.page).convert("RGB").quantize(8), "PNG")),
    "alpha": Case(".png", lambda s: _file(_transparent(s.page), "PNG")),
    "1-bit-tiff": Case(".tif", lambda s: _file(Image.fromarray(s.page).convert("1"), "TIFF", compression="group4")),
    "multi-page-tiff": Case(".tif", lambda s: _tiff([Image.fromarray(p) for p in s.pages[:2]]), 2),
    "exif-3": Case(".jpg", lambda s: _exif(s.page, 3)),
    "exif-6": Case(".jpg", lambda s: _exif(s.page, 6)),
    "exif-8": Case(".jpg", lambda s: _exif(s.page, 8)),
    "no-resolution": Case(".jpg", lambda s: _file(Image.fromarray(s.page), "JPEG", dpi=(0, 0))),
    "jpeg2000-pdf": Case(
        ".pdf", lambda s: _pdf_picture(s.page, _file(Image.fromarray(s.page), "JPEG2000"), "/JPXDecode", 8)
    ),
    "ccitt-pdf": Case(".pdf", lambda s: _pdf_picture(s.page, group4(s.page), "/CCITTFaxDecode", 1)),
    "jbig2-pdf": Case(".pdf", lambda s: _pdf_picture(s.page, _jbig2(s.page), "/JBIG2Decode", 1)),
    "hidden-text-pdf": Case(".pdf", _hidden_text),
    "stamped-pdf": Case(".pdf", _stamped),
    "mixed-pdf": Case(".pdf", _mixed, 2),
    "cut-jpeg": Case(".jpg", lambda s: _cut(_file(Image.fromarray(s.page), "JPEG"), 0.6)),
    "cut-png": Case(".png", lambda s: _cut(png(s.page), 0.6)),
    "cut-tiff": Case(".tif", lambda s: _cut(_file(Image.fromarray(s.page), "TIFF", compression="tiff_lzw"), 0.6), 0),
    "cut-pdf": Case(".pdf", lambda s: _cut(pdf_of([_jpeg_page(s.page)]), 0.6), 0),
    "other-gif": Case(".gif", lambda s: _file(Image.fromarray(s.page), "GIF"), 0),
    "other-webp": Case(".webp", lambda s: _file(Image.fromarray(s.page).convert("RGB"), "WEBP"), 0),
    "other-bmp": Case(".bmp", lambda s: _file(Image.fromarray(s.page), "BMP"), 0),
}
"""All cases by name."""

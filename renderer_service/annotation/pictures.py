"""A picture file as a PDF of its pages, so that a photograph or a scan can be annotated as a PDF is.

The picture is not made worse: a JPEG goes into the PDF as it is, everything else without loss.
"""

from __future__ import annotations

import io
import zlib

import numpy as np
import pikepdf
from PIL import Image, UnidentifiedImageError

from etude.picture_sizes import size_in_points

_ORIENTATION = 0x0112
# From the unit square of the picture to that of the page, by the value of EXIF's orientation.
_MATRICES: dict[int, tuple[int, int, int, int, int, int]] = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


class PictureError(Exception):
    """The file is no picture that can be opened; the message says why."""


def pdf_of_pictures(data: bytes) -> bytes:
    """A PDF with a page for each picture of a PNG, JPEG or TIFF file, turned as its EXIF data say.

    Raises:
        PictureError: The file cannot be opened or decoded.
    """
    document = pikepdf.new()
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF")) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                _add_page(document, image, data)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise PictureError(str(error)) from error
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _add_page(document: pikepdf.Pdf, image: Image.Image, data: bytes) -> None:
    orientation = image.getexif().get(_ORIENTATION, 1)
    matrix = _MATRICES.get(orientation, _MATRICES[1])
    columns, rows = image.size
    shown = (rows, columns) if matrix[0] == 0 else (columns, rows)
    width, height = size_in_points(*shown, image.info.get("dpi"))
    picture = _picture(document, image, data)
    page = document.add_blank_page(page_size=(width, height))
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Page=picture))
    placed = " ".join(f"{value:.4f}" for value in _scaled(matrix, width, height))
    page.Contents = pikepdf.Stream(document, f"q {placed} cm /Page Do Q".encode())


def _scaled(matrix: tuple[int, int, int, int, int, int], width: float, height: float) -> tuple[float, ...]:
    a, b, c, d, e, f = matrix
    return a * width, b * height, c * width, d * height, e * width, f * height


def _picture(document: pikepdf.Pdf, image: Image.Image, data: bytes) -> pikepdf.Stream:
    if image.format == "JPEG" and image.mode in ("L", "RGB"):
        stream, coding, bits = pikepdf.Stream(document, data), pikepdf.Name.DCTDecode, 8
        grey = image.mode == "L"
    else:
        plain = _plain(image)
        stream = pikepdf.Stream(document, zlib.compress(plain.tobytes()))
        coding, bits = pikepdf.Name.FlateDecode, 1 if plain.mode == "1" else 8
        grey = plain.mode != "RGB"
    stream.Type, stream.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    stream.Width, stream.Height = image.size
    stream.ColorSpace = pikepdf.Name.DeviceGray if grey else pikepdf.Name.DeviceRGB
    stream.BitsPerComponent, stream.Filter = bits, coding
    return stream


def _plain(image: Image.Image) -> Image.Image:
    """A picture in black and white, in grey or in colours, on white where it is transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, opaque).convert("RGB")
    if image.mode in ("I", "I;16", "I;16B", "F"):
        values = np.asarray(image, dtype=np.float32)
        return Image.fromarray(np.clip(values * (255.0 / max(float(values.max()), 1.0)), 0, 255).astype(np.uint8))
    return image.copy() if image.mode in ("1", "L", "RGB") else image.convert("RGB")

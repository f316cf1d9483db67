"""Pictures of pages: of a PDF's pages, and of PNG, JPEG and TIFF files, as grey arrays with their place on the page.

Everything here may be a stranger's file: what is wrong with it is said as an `EtudeError`, and nothing is decoded that
is larger than a page of music can be.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image, UnidentifiedImageError

from etude.mesh.errors import EtudeError
from etude.picture_sizes import size_in_points
from omr_service.scan.ink import Grey, as_grey, resized

MOST_PIXELS = 12_000_000
"""Pixels a page is read at, at most: 600 dpi of A4 is brought down to this, which keeps staff lines far over what the
reader needs."""
MOST_SOURCE_PIXELS = 240_000_000
"""Pixels a picture file may have; A3 at 600 dpi has 70 million."""
# what Pillow warns of (damaged EXIF data, many pixels) is looked at here, and told or of no matter to who sent a file
warnings.filterwarnings("ignore", module=r"PIL\.")
USUAL_DPI = 300.0
_LEAST_DPI = 100.0
_STRIP = 256
"""Rows of a picture that are made grey at a time."""
_DEEP = ("I", "I;16", "I;16B", "F")
"""Modes of Pillow with more than eight bits."""


@dataclass(frozen=True, slots=True)
class PageImage:
    """A picture of a page.

    Attributes:
        grey: Brightness, rows by columns, 0 black to 255 white.
        width, height: Size of the page as displayed, in points.
        rotation: Degrees clockwise that the file asks viewers to turn the page by; already applied.
    """

    grey: Grey
    width: float
    height: float
    rotation: int = 0

    @property
    def points_per_pixel(self) -> tuple[float, float]:
        """Points in a pixel, across and down."""
        rows, columns = self.grey.shape
        return self.width / columns, self.height / rows


def open_for_painting(data: bytes) -> pdfium.PdfDocument:
    """Opens a PDF to paint its pages.

    Raises:
        EtudeError: CORRUPT_FILE.
    """
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise EtudeError("CORRUPT_FILE", "The PDF is damaged and its pages cannot be painted.") from error


def image_of_pdf_page(document: pdfium.PdfDocument, page_number: int) -> PageImage:
    """Returns a page of a PDF as displayed, at the resolution of the picture in it or, without one, at 300 dpi.

    Args:
        document: The open PDF.
        page_number: From 1.

    Raises:
        EtudeError: UNREADABLE where the page cannot be painted.
    """
    try:
        page = document[page_number - 1]
        try:
            width, height = page.get_size()
            rotation = page.get_rotation()
            scale = min(_native_scale(page), (MOST_PIXELS / (width * height)) ** 0.5)
            bitmap = page.render(scale=scale, grayscale=True, draw_annots=False)
            grey = np.array(bitmap.to_numpy(), dtype=np.uint8)
            bitmap.close()
        finally:
            page.close()
    except pdfium.PdfiumError as error:
        raise EtudeError("UNREADABLE", f"Page {page_number} is damaged: it cannot be painted.") from error
    return PageImage(grey.reshape(grey.shape[0], -1), width, height, rotation)


def _native_scale(page: pdfium.PdfPage) -> float:
    """Pixels per point of the largest picture of a page; those of 300 dpi where there is none."""
    best, area = USUAL_DPI / 72, 0.0
    for item in page.get_objects(filter=(pdfium_c.FPDF_PAGEOBJ_IMAGE,), max_depth=4):
        left, bottom, right, top = item.get_bounds()
        covered = max(0.0, right - left) * max(0.0, top - bottom)
        columns, rows = item.get_px_size()
        if covered > max(area, 1.0) and columns * rows > 0:
            area = covered
            best = (columns * rows / covered) ** 0.5
    return max(best, _LEAST_DPI / 72)


def _opened(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise EtudeError("CORRUPT_FILE", "The picture is damaged or cut short and cannot be opened.") from error
    except Image.DecompressionBombError as error:
        raise EtudeError("PAGE_SIZE", "The picture has far more pixels than a page of music needs.") from error
    return image


def _seek(image: Image.Image, page_number: int) -> None:
    try:
        image.seek(page_number - 1)
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        raise EtudeError("CORRUPT_FILE", f"Picture {page_number} is damaged or cut short; send it again.") from error


def count_images(data: bytes) -> int:
    """Returns the number of pages of a picture file.

    Raises:
        EtudeError: As `images_of_file`.
    """
    with _opened(data) as image:
        try:
            return int(getattr(image, "n_frames", 1))
        except (OSError, ValueError, SyntaxError, struct.error) as error:
            raise EtudeError("CORRUPT_FILE", "The picture is damaged or cut short; send it again.") from error


def image_size(data: bytes, page_number: int) -> tuple[float, float]:
    """Returns width and height of a page of a picture file, in points, without decoding it.

    Raises:
        EtudeError: As `images_of_file`.
    """
    with _opened(data) as image:
        _seek(image, page_number)
        _check_size(image.size, page_number)
        columns, rows = image.size
        try:
            orientation = image.getexif().get(0x0112, 1)
        except (OSError, ValueError, SyntaxError) as error:  # a PNG may have them at its end, which may be missing
            raise EtudeError("CORRUPT_FILE", f"Picture {page_number} is damaged or cut short.") from error
        if orientation in (5, 6, 7, 8):
            columns, rows = rows, columns
        return size_in_points(columns, rows, image.info.get("dpi"))


def image_of_file(data: bytes, page_number: int) -> PageImage:
    """Returns a page, from 1, of a picture file.

    Raises:
        EtudeError: As `images_of_file`.
    """
    with _opened(data) as image:
        _seek(image, page_number)
        _check_size(image.size, page_number)
        dpi = image.info.get("dpi")
        try:
            image.draft("L", image.size)
            grey = _upright(_grey(image), int(image.getexif().get(0x0112, 1)))
        except (OSError, ValueError, SyntaxError) as error:
            raise EtudeError(
                "CORRUPT_FILE", f"Picture {page_number} is damaged or cut short; send it again."
            ) from error
    rows, columns = grey.shape
    width, height = size_in_points(columns, rows, dpi)
    if grey.size > MOST_PIXELS:
        grey = resized(grey, (MOST_PIXELS / grey.size) ** 0.5)
    return PageImage(grey, width, height)


def _grey(image: Image.Image) -> Grey:
    """Brightness of a picture on white paper; made a few rows at a time, since a copy in colour is large."""
    columns, rows = image.size
    grey = np.empty((rows, columns), np.uint8)
    deepest = float(np.max(image.getextrema())) if image.mode in _DEEP else 255.0
    for top in range(0, rows, _STRIP):
        bottom = min(top + _STRIP, rows)
        grey[top:bottom] = _grey_rows(image.crop((0, top, columns, bottom)), deepest)
    return grey


def _grey_rows(image: Image.Image, deepest: float) -> Grey:
    """Brightness of a few rows of a picture; `deepest` is the greatest value in one of more than eight bits."""
    if image.mode in _DEEP:
        values = np.asarray(image, dtype=np.float32)
        return as_grey(np.clip(values * (255.0 / max(deepest, 1.0)), 0, 255))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", opaque.size, (255, 255, 255, 255)), opaque)
    return np.array(image.convert("L"), dtype=np.uint8)


def _upright(grey: Grey, orientation: int) -> Grey:
    """A picture set upright as its Exif orientation, 1 to 8, says; any other number says nothing."""
    if orientation in (5, 6, 7, 8):
        grey = grey.T
    if orientation in (2, 3, 6, 7):
        grey = grey[:, ::-1]
    if orientation in (3, 4, 7, 8):
        grey = grey[::-1]
    return np.ascontiguousarray(grey)


def _check_size(size: tuple[int, int], page_number: int) -> None:
    columns, rows = size
    if columns * rows > MOST_SOURCE_PIXELS:
        raise EtudeError(
            "PAGE_SIZE",
            f"Picture {page_number} has {columns} x {rows} pixels; at most {MOST_SOURCE_PIXELS // 1_000_000} million "
            "are read. Scan at 300 or 600 dpi.",
        )
    if min(columns, rows) < 100:
        raise EtudeError("PAGE_SIZE", f"Picture {page_number} has {columns} x {rows} pixels: too few to read music in.")

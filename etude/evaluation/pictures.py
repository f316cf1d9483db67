"""Pictures of bars: as they stand on the page, and engraved anew.

pypdfium2 draws pages and Verovio engraves; both come with the services that need them (`etude[omr]`, `etude[renderer]`)
and are not needed for figures.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Collection, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from etude.evaluation.files import is_kern
from etude.notation.musicxml.container import is_zip, unpack
from etude.score.v1 import page_pb2

MARGIN_POINTS = 30.0
"""How much of the page is shown around a bar."""
PIXELS_PER_POINT = 2.0
_MOST_COLORS = 1024
_GREYS, _PALETTE = 16, 32
"""Colours that a page in black and white (those of the frames among them) and one in colours is kept in."""
_OPTIONS = {
    "adjustPageHeight": True,
    "adjustPageWidth": True,
    "footer": "none",
    "header": "none",
    "noJustification": True,
    "pageWidth": 4000,
    "scale": 35,
    "svgFormatRaw": True,
    "svgViewBox": True,
    "xmlIdChecksum": True,
}


class PictureError(Exception):
    """There is no such picture; the message says why."""


class Pages:
    """Pages of documents as pictures; the page used last is kept."""

    def __init__(self) -> None:
        self._key: tuple[Path, int, int | None] | None = None
        self._page: Any = None

    def crop(
        self,
        document: Path,
        region: page_pb2.PageRegion,
        page_width: float,
        frames: Sequence[tuple[page_pb2.PageRegion, str]] = (),
        rotation: int | None = None,
    ) -> tuple[str, bytes]:
        """The media type and the bytes of a picture of a region with the page around it.

        Args:
            document: A PDF or a picture.
            region: In points of the page as it was read.
            page_width: Width of the page in the same points; 0 where it is not known.
            frames: Regions of the same page to be framed, with their colours.
            rotation: Degrees clockwise that set the page upright; None for what the file asks for.

        Raises:
            PictureError: The document cannot be drawn, or what draws it is not installed.
        """
        if find_spec("PIL") is None:
            raise PictureError("Pillow is not installed (etude[omr] brings it)")
        page = self._drawn(document, region.page_number, rotation)
        scale = page.width / page_width if page_width else PIXELS_PER_POINT
        left, top = region.x * scale, region.y * scale
        right, bottom = left + region.width * scale, top + region.height * scale
        margin = MARGIN_POINTS * scale
        box = (
            int(max(0.0, left - margin)),
            int(max(0.0, top - margin)),
            int(min(float(page.width), right + margin)),
            int(min(float(page.height), bottom + margin)),
        )
        if box[0] >= box[2] or box[1] >= box[3]:
            raise PictureError("the bar is told to stand outside of its page")
        picture = page.crop(box)
        if scale > PIXELS_PER_POINT:
            size = [max(1, round(side * PIXELS_PER_POINT / scale)) for side in picture.size]
            picture, scale = picture.resize(size), PIXELS_PER_POINT
        shown = scale * page_width / page.width if page_width else 1.0
        placed = []
        for framed, color in frames:
            x, y = framed.x * scale - box[0] * shown, framed.y * scale - box[1] * shown
            placed.append(((x, y, x + framed.width * scale, y + framed.height * scale), color))
        return _encoded(picture, placed)

    def _drawn(self, document: Path, number: int, rotation: int | None) -> Any:
        key = (document, number, rotation)
        if self._key != key:
            draw = _draw_pdf if _is_pdf(document) else _open_picture
            self._page, self._key = draw(document, number, rotation), key
        return self._page


def _encoded(picture: Any, frames: Sequence[tuple[tuple[float, float, float, float], str]]) -> tuple[str, bytes]:
    """The media type and the bytes of an RGB picture with frames (left, top, right and bottom in pixels, colour)."""
    from PIL import Image, ImageColor, ImageDraw

    buffer = io.BytesIO()
    colors = picture.getcolors(_MOST_COLORS)
    if colors and all(red == green == blue for _, (red, green, blue) in colors):
        inks = list(dict.fromkeys(color for _, color in frames))
        greys = _GREYS - len(inks)
        picture = picture.convert("L").point([round(value * (greys - 1) / 255) for value in range(256)])
        palette = [(round(grey * 255 / (greys - 1)),) * 3 for grey in range(greys)]
        picture.putpalette([value for entry in (*palette, *map(ImageColor.getrgb, inks)) for value in entry])
        for corners, color in frames:
            ImageDraw.Draw(picture).rectangle(corners, outline=greys + inks.index(color), width=2)
        picture.save(buffer, "PNG", bits=4, compress_level=4)
        return "image/png", buffer.getvalue()
    for corners, color in frames:
        ImageDraw.Draw(picture).rectangle(corners, outline=color, width=2)
    if colors:
        picture.quantize(_PALETTE, Image.Quantize.MAXCOVERAGE).save(buffer, "PNG")
        return "image/png", buffer.getvalue()
    picture.save(buffer, "JPEG", quality=80)  # a photograph or a scan: its paper has texture
    return "image/jpeg", buffer.getvalue()


def _is_pdf(document: Path) -> bool:
    with document.open("rb") as file:
        return b"%PDF-" in file.read(1024)


def _draw_pdf(document: Path, number: int, rotation: int | None) -> Any:
    try:
        import pypdfium2
    except ImportError as error:
        raise PictureError("pypdfium2 is not installed (etude[omr] brings it)") from error
    try:
        pdf = pypdfium2.PdfDocument(document)
        try:
            page = pdf[number - 1]
            if rotation is not None:
                page.set_rotation(rotation)
            return page.render(scale=PIXELS_PER_POINT).to_pil().convert("RGB")
        finally:
            pdf.close()
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise PictureError(f"page {number} cannot be drawn: {error}") from error


def _open_picture(document: Path, number: int, rotation: int | None) -> Any:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(document) as picture:
            picture.seek(number - 1)
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return upright.rotate(-rotation, expand=True) if rotation else upright
    except (UnidentifiedImageError, OSError, EOFError) as error:
        raise PictureError(f"page {number} cannot be drawn: {error}") from error


class Engraver:
    """Engraves bars and lines of files; the file used last stays loaded. One at a time: they share a toolkit."""

    def __init__(self) -> None:
        self._loaded: tuple[Path, str] | None = None  # the file, and how it is broken into lines
        self._lines: tuple[Path, list[int]] | None = None  # a file; where its lines begin, and its end

    def line(self, path: Path, first: int, count: int) -> str:
        """An SVG document of some bars that are a line of MusicXML as it is broken, each laid out but once.

        Bars that are no such line are engraved by themselves: that lays out the whole file for each of them.

        Raises:
            PictureError: As `bars`.
        """
        if self._lines is None or self._lines[0] != path:
            self._lines = (path, _line_starts(_text(path)))
        starts = self._lines[1]
        if (first, first + count) in itertools.pairwise(starts):
            toolkit = self._load(path, "encoded")
            drawn = str(toolkit.renderToSVG(starts.index(first) + 1))
            if _bars_drawn(drawn) == count:
                return drawn
        return self.bars(path, first, count)

    def bars(self, path: Path, first: int, count: int = 1) -> str:
        """An SVG document of some bars with their clefs, key and meter.

        Args:
            path: MusicXML, plain or compressed, or `**kern`.
            first: Position of the first of them in the file, from 0.
            count: Number of bars.

        Raises:
            PictureError: Verovio is not installed, or cannot read the file, or finds no such bars.
        """
        toolkit = self._load(path, "none")
        toolkit.select({"measureRange": f"{first + 1}-{first + count}"})
        toolkit.redoLayout()
        drawn = str(toolkit.renderToSVG(1))
        # where there is no such bar, Verovio draws them all
        if _bars_drawn(drawn) != count:
            raise PictureError("Verovio counts the bars of this file in another way")
        return drawn

    def _load(self, path: Path, breaks: str) -> Any:
        """The toolkit with a file in it: all of it one line ("none"), or each of its lines a page ("encoded")."""
        toolkit = _toolkit()
        if self._loaded != (path, breaks):
            self._loaded = None
            toolkit.select({})
            toolkit.setOptions(_OPTIONS | {"breaks": breaks})
            text = _text(path)
            if not toolkit.loadData(text if breaks == "none" else text.replace('new-system="yes"', 'new-page="yes"')):
                raise PictureError("Verovio cannot read the file")
            self._loaded = (path, breaks)
        return toolkit

    @staticmethod
    def colored(svg: str, ids: Collection[str], color: str, bars: Collection[int], bar_color: str) -> str:
        """A drawing of `bars` with the things of these ids in one colour and bars, by position in it, in another."""
        drawn = re.findall(r'<g id="([^"]*)" class="measure[" ]', svg)
        rules = [(drawn[position], bar_color) for position in sorted(bars) if position < len(drawn)]
        rules += [(thing, color) for thing in sorted(ids)]
        # ids of Scores are XML names, which may hold signs that mean something to CSS
        style = "".join(f'[id="{thing}"], [id="{thing}"] * {{ fill: {c}; stroke: {c} }} ' for thing, c in rules)
        style += ".hairpin polyline { fill: none }" if style else ""  # open lines: filled they would be wedges
        return svg.replace(">", f"><style>{style}</style>", 1) if style and svg.startswith("<svg") else svg


@cache
def _toolkit() -> Any:
    """The process's one toolkit: loading its fonts costs more than engraving a bar."""
    try:
        import verovio
    except ImportError as error:
        raise PictureError("Verovio is not installed (etude[renderer] brings it)") from error
    verovio.enableLog(verovio.LOG_OFF)
    return verovio.toolkit()


def _bars_drawn(svg: str) -> int:
    return len(re.findall('class="measure[" ]', svg))


def _line_starts(text: str) -> list[int]:
    """Positions of the bars with which the lines of MusicXML begin, from 0, by its first part; the last is its end."""
    bars = text.partition("</part>")[0].split("<measure ")[1:]
    return [i for i, bar in enumerate(bars) if not i or re.search('new-(system|page)="yes"', bar)] + [len(bars)]


def _text(path: Path) -> str:
    data = path.read_bytes()
    if is_zip(data):
        data = unpack(data)
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not (is_kern(data) or wide or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"):
        raise PictureError("Verovio reads MusicXML and **kern")
    return data.decode("utf-16" if wide else "utf-8-sig", errors="replace")

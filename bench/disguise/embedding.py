"""Fonts made of outlines, embedded in a PDF in the ways that programs of notation and printer drivers do it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pikepdf
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageChops, ImageDraw

from omr_service.pdf.shapes import CLOSE, CURVE, LINE, MOVE, Shape

Kind = Literal["truetype", "cff", "cid", "type3", "bitmap", "missing"]
UNITS = 1000
BITMAP_DOTS_PER_EM = 160
"""Of a bitmap font: what a printer driver makes of 20 point music at 600 dots per inch."""


def draw(shape: Shape, pen: Any, scale: float) -> None:
    """Draws an outline, times a scale, with a pen of fontTools."""
    points = [(float(x) * scale, float(y) * scale) for x, y in shape.points]
    index, is_open = 0, False
    for op in shape.ops:
        if op == MOVE:
            if is_open:
                pen.closePath()
            pen.moveTo(points[index])
            index, is_open = index + 1, True
        elif op == LINE:
            pen.lineTo(points[index])
            index += 1
        elif op == CURVE:
            pen.curveTo(*points[index : index + 3])
            index += 3
        elif op == CLOSE and is_open:
            pen.closePath()
            is_open = False
    if is_open:
        pen.closePath()


def outline_operators(shape: Shape, scale: float = UNITS, digits: int = 2) -> bytes:
    """The content operators that fill an outline."""
    words: list[str] = []
    index = 0
    for op in shape.ops:
        count = {MOVE: 1, LINE: 1, CURVE: 3, CLOSE: 0}[op]
        words += [f"{x * scale:.{digits}f} {y * scale:.{digits}f}" for x, y in shape.points[index : index + count]]
        words.append(chr(op))
        index += count
    return (" ".join(words) + " f").encode()


def _program(
    shapes: Mapping[int, Shape], widths: Mapping[int, float], kind: Kind, name: str, glyph_names: Mapping[int, str]
) -> tuple[str, bytes]:
    """A font program of glyphs in the order of their codes: (the descriptor's key, the bytes)."""
    codes = sorted(shapes)
    called = {code: glyph_names.get(code, f"g{code}") for code in codes}
    order = [".notdef", *called.values()]
    is_truetype = kind == "truetype"
    builder = FontBuilder(UNITS, isTTF=is_truetype)
    builder.setupGlyphOrder(order)
    metrics = {".notdef": (0, 0), **{called[code]: (round(widths[code] * UNITS), 0) for code in codes}}
    glyphs: dict[str, Any] = {}
    for glyph, shape in zip(order, [None, *(shapes[code] for code in codes)], strict=True):
        pen: Any = TTGlyphPen(None) if is_truetype else T2CharStringPen(metrics[glyph][0], None)
        if shape is not None:
            draw(shape, Cu2QuPen(pen, 0.5) if is_truetype else pen, UNITS)
        glyphs[glyph] = pen.glyph() if is_truetype else pen.getCharString()
    # As symbol fonts do: code c at U+F000 + c.
    builder.setupCharacterMap({0xF000 + code: called[code] for code in codes})
    if is_truetype:
        builder.setupGlyf(glyphs)
    else:
        builder.setupCFF(name, {"FullName": name}, glyphs, {})
    builder.setupHorizontalMetrics(metrics)
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupOS2()
    builder.setupPost()
    if is_truetype:
        tables = builder.font["cmap"].tables
        del tables[1:]
        tables[0].platformID, tables[0].platEncID = 3, 0
        buffer = io.BytesIO()
        builder.save(buffer)
        return "/FontFile2", buffer.getvalue()
    return "/FontFile3", bytes(builder.font.getTableData("CFF "))


def _descriptor(pdf: pikepdf.Pdf, name: str, key: str, program: bytes, subtype: str) -> pikepdf.Object:
    descriptor = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor,
        FontName=pikepdf.Name("/" + name),
        Flags=4,
        FontBBox=[-500, -1500, 2500, 2500],
        ItalicAngle=0,
        Ascent=800,
        Descent=-200,
        CapHeight=700,
        StemV=80,
    )
    if program:
        stream = pdf.make_stream(program)
        if subtype:
            stream["/Subtype"] = pikepdf.Name(subtype)
        descriptor[key] = stream
    return pdf.make_indirect(descriptor)


def embed(
    pdf: pikepdf.Pdf,
    kind: Kind,
    name: str,
    shapes: Mapping[int, Shape],
    widths: Mapping[int, float],
    glyph_names: Mapping[int, str],
    texts: Mapping[int, str],
) -> pikepdf.Object:
    """A font dictionary.

    Args:
        pdf: Where it goes.
        kind: How it is embedded. "cid" codes are glyph indices of two bytes, as in a subset written anew; "missing"
            is a font that is named and not embedded.
        name: PostScript name.
        shapes: Outlines in ems by code; one byte codes from 33 on.
        widths: Advances in ems by code.
        glyph_names: What /Differences calls the codes; none for the font's own encoding.
        texts: What /ToUnicode says; none for a font without.
    """
    if kind in ("type3", "bitmap"):
        font = _type3(pdf, kind, shapes, widths, glyph_names)
    elif kind == "cid":
        font = _composite(pdf, name, shapes, widths)
    else:
        font = _simple(pdf, kind, name, shapes, widths, glyph_names)
    if texts:
        codes = {code: index + 1 for index, code in enumerate(sorted(shapes))} if kind == "cid" else None
        font["/ToUnicode"] = pdf.make_stream(_to_unicode(texts, codes))
    return pdf.make_indirect(font)


def _simple(
    pdf: pikepdf.Pdf,
    kind: Kind,
    name: str,
    shapes: Mapping[int, Shape],
    widths: Mapping[int, float],
    glyph_names: Mapping[int, str],
) -> pikepdf.Dictionary:
    key, program = _program(shapes, widths, kind, name, glyph_names) if kind != "missing" else ("", b"")
    first, last = min(shapes), max(shapes)
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.TrueType if kind == "truetype" else pikepdf.Name.Type1,
        BaseFont=pikepdf.Name("/" + name),
        FirstChar=first,
        LastChar=last,
        Widths=[round(widths.get(code, 0.0) * 1000, 3) for code in range(first, last + 1)],
        FontDescriptor=_descriptor(pdf, name, key, program, "/Type1C" if kind == "cff" else ""),
    )
    differences: list[Any] = []
    if kind == "cff" and not glyph_names:
        glyph_names = {code: f"g{code}" for code in shapes}
    for code, glyph_name in sorted(glyph_names.items()):
        differences += [code, pikepdf.Name("/" + glyph_name)]
    if differences:
        font["/Encoding"] = pikepdf.Dictionary(Type=pikepdf.Name.Encoding, Differences=differences)
    elif kind == "missing":
        font["/Encoding"] = pikepdf.Name.MacRomanEncoding
    return font


def _composite(
    pdf: pikepdf.Pdf, name: str, shapes: Mapping[int, Shape], widths: Mapping[int, float]
) -> pikepdf.Dictionary:
    key, program = _program(shapes, widths, "truetype", name, {})
    descendant = pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.CIDFontType2,
        BaseFont=pikepdf.Name("/" + name),
        CIDSystemInfo=pikepdf.Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        CIDToGIDMap=pikepdf.Name.Identity,
        W=[1, [round(widths[code] * 1000, 3) for code in sorted(shapes)]],
        FontDescriptor=_descriptor(pdf, name, key, program, ""),
    )
    return pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type0,
        BaseFont=pikepdf.Name("/" + name),
        Encoding=pikepdf.Name("/Identity-H"),
        DescendantFonts=[pdf.make_indirect(descendant)],
    )


def _type3(
    pdf: pikepdf.Pdf,
    kind: Kind,
    shapes: Mapping[int, Shape],
    widths: Mapping[int, float],
    glyph_names: Mapping[int, str],
) -> pikepdf.Dictionary:
    unit = 1.0 / BITMAP_DOTS_PER_EM if kind == "bitmap" else 1.0 / UNITS
    differences: list[Any] = []
    procs: dict[str, pikepdf.Object] = {}
    for code, shape in sorted(shapes.items()):
        glyph_name = "/" + glyph_names.get(code, f"a{code}")
        differences += [code, pikepdf.Name(glyph_name)]
        advance = widths[code] / unit
        if kind == "bitmap":
            procs[glyph_name] = pdf.make_stream(bitmap_glyph(shape, advance))
        else:
            procs[glyph_name] = pdf.make_stream(f"{advance:.1f} 0 d0 ".encode() + outline_operators(shape))
    first, last = min(shapes), max(shapes)
    return pikepdf.Dictionary(
        Type=pikepdf.Name.Font,
        Subtype=pikepdf.Name.Type3,
        FontBBox=[0, 0, 0, 0],
        FontMatrix=[unit, 0, 0, unit, 0, 0],
        FirstChar=first,
        LastChar=last,
        Widths=[round(widths.get(code, 0.0) / unit, 3) for code in range(first, last + 1)],
        Encoding=pikepdf.Dictionary(Type=pikepdf.Name.Encoding, Differences=differences),
        CharProcs=pikepdf.Dictionary(procs),
        Resources=pikepdf.Dictionary(),
    )


def raster_of(shape: Shape, dots_per_em: float) -> tuple[Image.Image, int, int]:
    """An outline as black dots: (image, 255 where there is ink, row 0 on top; left edge; bottom edge, in dots)."""
    polygons = [polygon * dots_per_em for polygon in shape.polygons]
    every = np.concatenate(polygons)
    left, bottom = (int(value) - 1 for value in np.floor(every.min(axis=0)))
    right, top = (int(value) + 1 for value in np.ceil(every.max(axis=0)))
    size = (right - left, top - bottom)
    winding = np.zeros((size[1], size[0]), dtype=np.int32)
    for polygon in polygons:
        # Four dots a dot and the middle one taken: PIL paints the outline of a polygon, too.
        image = Image.new("1", (size[0] * 4, size[1] * 4))
        corners = [((x - left) * 4, (top - y) * 4) for x, y in polygon.tolist()]
        ImageDraw.Draw(image).polygon(corners, fill=1)
        inside = np.asarray(image)[1::4, 1::4]
        x, y = polygon[:, 0], polygon[:, 1]
        area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
        winding += inside.astype(np.int32) * (1 if area > 0 else -1)
    return Image.fromarray(np.where(winding != 0, 255, 0).astype(np.uint8)), left, bottom


def bitmap_glyph(shape: Shape, advance: float) -> bytes:
    """The content of a glyph of a bitmap font: an image mask, one dot a unit."""
    if not shape.polygons:
        return f"{advance:.2f} 0 0 0 0 0 d1".encode()
    image, left, bottom = raster_of(shape, BITMAP_DOTS_PER_EM)
    width, height = image.size
    # In an image mask 0 is painted.
    data = ImageChops.invert(image).convert("1").tobytes()
    return (
        f"{advance:.2f} 0 {left} {bottom} {left + width} {bottom + height} d1\n"
        f"q {width} 0 0 {height} {left} {bottom} cm\n"
        f"BI /W {width} /H {height} /IM true /BPC 1 /D [0 1] ID ".encode()
        + data
        + b"\nEI Q"
    )


def _to_unicode(texts: Mapping[int, str], indices: Mapping[int, int] | None) -> bytes:
    lines = []
    for code, text in sorted(texts.items()):
        shown = f"<{indices[code]:04X}>" if indices else f"<{code:02X}>"
        lines.append(f"{shown} <{text.encode('utf-16-be').hex().upper()}>")
    digits = 4 if indices else 2
    parts = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Adobe-Identity-UCS def",
        f"1 begincodespacerange <{'0' * digits}> <{'F' * digits}> endcodespacerange",
    ]
    for start in range(0, len(lines), 100):
        some = lines[start : start + 100]
        parts.append(f"{len(some)} beginbfchar\n" + "\n".join(some) + "\nendbfchar")
    parts.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return "\n".join(parts).encode()

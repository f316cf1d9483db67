"""Draws what the engraved reader finds over a page, to be looked at.

    python tools/overlay_symbols.py FILE.pdf PAGE OUT.png [--dpi 150] [--crop X0 Y0 X1 Y1]

Boxes and names of glyphs are red, text blue, lines green, curves and wavy lines magenta; crop is in page points.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pypdfium2
from PIL import Image, ImageDraw, ImageFont

from omr_service.pdf.reader import read_page_symbols


def main() -> int:
    """Draws the overlay; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("page", type=int)
    parser.add_argument("output", type=Path)
    parser.add_argument("--dpi", type=float, default=150.0)
    parser.add_argument("--crop", type=float, nargs=4)
    arguments = parser.parse_args()
    scale = arguments.dpi / 72.0
    data = arguments.file.read_bytes()
    page = read_page_symbols(data, arguments.page)
    document = pypdfium2.PdfDocument(data)
    image = document[arguments.page - 1].render(scale=scale).to_pil().convert("L").convert("RGB")
    image = Image.blend(image, Image.new("RGB", image.size, "white"), 0.45)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=max(8, round(5 * scale)))
    for line in page.lines:
        draw.line([line.x0 * scale, line.y0 * scale, line.x1 * scale, line.y1 * scale], fill=(0, 150, 0))
        if line.thickness > 1.2:
            half = line.thickness / 2 * scale
            level = abs(line.x1 - line.x0) >= abs(line.y1 - line.y0)
            for shift in (-half, half):
                dx, dy = (0.0, shift) if level else (shift, 0.0)
                ends = [line.x0 * scale + dx, line.y0 * scale + dy, line.x1 * scale + dx, line.y1 * scale + dy]
                draw.line(ends, fill=(0, 200, 120))
    for curve in page.curves:
        middle = (curve.x0 + curve.x1) / 2 * scale
        tips = (curve.x0 * scale, curve.y0 * scale), (curve.x1 * scale, curve.y1 * scale)
        points = [tips[0], (middle, curve.mid_y * scale), tips[1]]
        draw.line(points, fill=(220, 0, 220), width=2)
    for wiggle in page.wiggles:
        corners = [wiggle.x0 * scale, wiggle.y0 * scale, wiggle.x1 * scale, wiggle.y1 * scale]
        draw.rectangle(corners, outline=(220, 0, 220))
    for text in page.texts:
        box = text.box
        draw.rectangle([box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale], outline=(0, 0, 255))
        draw.text((box.x0 * scale, box.y1 * scale), text.text, fill=(0, 0, 255), font=font)
    for glyph in page.glyphs:
        box = glyph.box
        color = (255, 0, 0) if glyph.confidence > 0.5 else (255, 140, 0)
        draw.rectangle([box.x0 * scale, box.y0 * scale, box.x1 * scale, box.y1 * scale], outline=color)
        x, y = glyph.x * scale, glyph.y * scale
        draw.line([x - 3, y, x + 3, y], fill=(0, 0, 0))
        draw.line([x, y - 3, x, y + 3], fill=(0, 0, 0))
        if glyph.name != "noteheadBlack":
            draw.text((box.x0 * scale, box.y0 * scale - 5 * scale), glyph.name, fill=color, font=font)
    if arguments.crop:
        image = image.crop(tuple(round(value * scale) for value in arguments.crop))
    image.save(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())

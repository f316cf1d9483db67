"""Whether an engraved PDF holds music that its paper does not."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

WORD = re.compile(r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">([^<]*)<')
MUSIC = re.compile("[\x01-\x1f\ue000-\uf8ff]")
"""What poppler takes a music glyph for: a code of the SMuFL fonts, or none, as LilyPond's have."""


def beyond_the_page(pdf: Path) -> bool:
    """True where music glyphs stand left or right of a page's box, as poppler places them on a wider one."""
    import pikepdf

    with tempfile.TemporaryDirectory() as folder, pikepdf.open(pdf) as document:
        widths = []
        for page in document.pages:
            left, bottom, right, top = (float(edge) for edge in page.mediabox)
            widths.append(right - left)
            page.mediabox = [left - (right - left), bottom, right + 4 * (right - left), top]
            if "/CropBox" in page:
                del page["/CropBox"]
        wide = Path(folder) / "wide.pdf"
        document.save(wide)
        command = ["pdftotext", "-bbox", str(wide), "-"]
        text = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout
    pages = text.split("<page ")[1:]
    return any(
        (float(found[1]) < width or float(found[3]) > 2 * width) and MUSIC.search(found[5])
        for page, width in zip(pages, widths, strict=True)
        for found in WORD.finditer(page)
    )

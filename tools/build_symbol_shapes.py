r"""Builds omr_service/pdf/symbol_shapes.npz: what the symbols of piano music look like in the open music fonts.

Reads the glyph outlines that the verovio package ships (Bravura, Gootville, Leipzig, Leland, Petaluma), OpenType
fonts named on the command line as FAMILY=FILE (LilyPond's Emmentaler, MuseScore's MScore and MuseJazz), and music fonts
embedded in PDFs named as FAMILY=FILE.pdf (their characters must have SMuFL code points: FinaleMaestro and
FinaleBroadway as MuseScore 4 embeds them), and keeps of each symbol its box in ems and its coverage on a small grid.
All of these fonts are under the SIL Open Font License 1.1. Families that are neither verovio's nor named keep the
shapes they have in the file already.

    python tools/build_symbol_shapes.py Emmentaler=/usr/share/lilypond/2.24.1/fonts/otf/emmentaler-20.otf \
        MScore=mscore.ttf MuseJazz=MuseJazz.otf FinaleMaestro=maestro.pdf FinaleBroadway=broadway.pdf
"""

from __future__ import annotations

import argparse
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pikepdf
import verovio
from fontTools.svgLib.path import parse_path
from fontTools.ttLib import TTFont

from omr_service.pdf import emmentaler, smufl
from omr_service.pdf.fontprograms import ShapePen
from omr_service.pdf.fonts import load_font
from omr_service.pdf.raster import coverage
from omr_service.pdf.shapes import Shape

OUTPUT = Path(__file__).parent.parent / "omr_service" / "pdf" / "symbol_shapes.npz"
VEROVIO_FAMILIES = ("Bravura", "Gootville", "Leipzig", "Leland", "Petaluma")

WANTED = re.compile(
    r"""^(
      notehead(DoubleWholeSquare|DoubleWhole|Whole|Half|Black|XBlack|XHalf|DiamondBlack|DiamondWhite)
    | rest(DoubleWhole|Whole|Half|Quarter|8th|16th|32nd|64th|128th|QuarterOld|QuarterZ)
    | rest(Whole|Half)LegerLine
    | accidental(Flat|Natural|Sharp|DoubleSharp|DoubleFlat|NaturalFlat|NaturalSharp|ParensLeft|ParensRight)
    | [gfc]Clef(8vb|8va|15mb|15ma)?
    | timeSig(\d|Common|CutCommon|Plus)
    | flag(8th|16th|32nd|64th|128th)(Up|Down)
    | augmentationDot
    | dynamic(Piano|Mezzo|Forte|Rinforzando|Sforzando|Z|PPPP|PPP|PP|MP|MF|PF|FF|FFF|FFFF|FortePiano|Forzando
             |Sforzando1|SforzandoPiano|SforzandoPianissimo|Sforzato|SforzatoPiano|SforzatoFF|Rinforzando1|Rinforzando2)
    | artic(Accent|Staccato|Tenuto|Staccatissimo|StaccatissimoWedge|StaccatissimoStroke|Marcato|TenutoStaccato
           |AccentStaccato|MarcatoStaccato|TenutoAccent)Above
    | artic(Staccatissimo|StaccatissimoWedge|StaccatissimoStroke|Marcato|TenutoStaccato
           |AccentStaccato|MarcatoStaccato|TenutoAccent)Below
    | fermata(|Short|Long)(Above|Below)
    | breathMarkComma | caesura
    | ottava(|Alta|Bassa|BassaBa|BassaVb) | quindicesima(|Alta|Bassa|BassaMb)
    | ornament(Trill|Turn|TurnInverted|TurnSlash|ShortTrill|Mordent|Tremblement|PrecompMordentUpperPrefix)
    | keyboardPedal(Ped|Up|Sost|P|E|D)
    | graceNoteSlashStem(Up|Down)
    | segno | coda | brace | bracketTop | bracketBottom
    | tuplet[0-9] | fingering[0-5]
    | metNote(HalfUp|QuarterUp|8thUp)
    | wiggleArpeggiatoUp | wiggleTrill | tremolo[123]
    | repeat1Bar | repeat2Bars | repeatBarSlash | codaSquare
    )$""",
    re.VERBOSE,
)


def from_verovio(family: str) -> Iterator[tuple[str, Shape]]:
    """Yields the symbols of a family that the verovio package ships."""
    data = Path(verovio.__file__).parent / "data"
    for glyph in ElementTree.parse(data / f"{family}.xml").getroot().iter("g"):
        name = glyph.get("n", "")
        source = data / family / f"{glyph.get('c')}.xml"
        if not WANTED.match(name) or not source.exists():
            continue
        path = ElementTree.parse(source).getroot().find("path")
        if path is None:
            continue
        pen = ShapePen(None)
        parse_path(path.get("d", ""), pen)
        yield name, pen.shape(1000.0)


def from_smufl(font: TTFont) -> Iterator[tuple[str, Shape]]:
    """Yields the symbols of an OpenType font with SMuFL code points."""
    glyphs = font.getGlyphSet()
    for code_point, glyph_name in (font.getBestCmap() or {}).items():
        name = smufl.name_of(code_point)
        if name is not None and WANTED.match(name):
            pen = ShapePen(glyphs)
            glyphs[glyph_name].draw(pen)
            yield name, pen.shape(font["head"].unitsPerEm)


def from_font(file: Path) -> Iterator[tuple[str, Shape]]:
    """Yields the symbols of an OpenType font, by glyph names in the manner of Emmentaler or by SMuFL code points."""
    font = TTFont(file)
    if emmentaler.is_family("", frozenset(font.getGlyphOrder())):
        yield from from_emmentaler(font)
    else:
        yield from from_smufl(font)


def from_emmentaler(font: TTFont) -> Iterator[tuple[str, Shape]]:
    """Yields the symbols of a font whose glyph names are in the manner of Emmentaler."""
    glyphs = font.getGlyphSet()
    for glyph_name in font.getGlyphOrder():
        name = emmentaler.smufl_name(glyph_name)
        if name is None or not WANTED.match(name):
            continue
        pen = ShapePen(glyphs)
        glyphs[glyph_name].draw(pen)
        shape = pen.shape(font["head"].unitsPerEm)
        if glyph_name.endswith("_change"):
            shape = Shape(shape.ops, shape.points / emmentaler.CHANGE_CLEF_SCALE)
        if not emmentaler.origin_is_smufl(glyph_name) and shape.box is not None:
            x0, y0, _, y1 = shape.box
            y = (y0 + y1) / 2 if name.startswith("timeSig") else y1 if name.endswith("Below") else y0
            shape = Shape(shape.ops, shape.points - np.array([x0, y]))
        yield name, shape


def from_pdf(file: Path, family: str) -> Iterator[tuple[str, Shape]]:
    """Yields the symbols of a SMuFL font embedded in a PDF."""
    with pikepdf.open(file) as pdf:
        for page in pdf.pages:
            for source in page.obj.Resources.Font.values():
                font = load_font(source)
                if font.name != family:
                    continue
                for code in range(1, 1024):
                    text = font.unicode(code)
                    name = smufl.name_of(ord(text)) if text and len(text) == 1 else None
                    shape = font.shape(code)
                    if name and shape is not None and WANTED.match(name):
                        yield name, shape


def _kept(file: Path, rebuilt: set[str]) -> tuple[list[str], list[str], list[object], list[np.ndarray]]:
    """Returns names, families, boxes and grids of the families in a file that are not built anew."""
    if not file.exists():
        return [], [], [], []
    with np.load(file) as data:
        rows = [k for k, family in enumerate(data["families"]) if str(family) not in rebuilt]
        return (
            [str(data["names"][k]) for k in rows],
            [str(data["families"][k]) for k in rows],
            [tuple(data["boxes"][k].tolist()) for k in rows],
            [data["grids"][k] for k in rows],
        )


def main() -> int:
    """Builds the file; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fonts", nargs="*", metavar="FAMILY=FILE")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[Shape]] = {}
    sources: list[tuple[str, Iterator[tuple[str, Shape]]]] = [(f, from_verovio(f)) for f in VEROVIO_FAMILIES]
    for item in arguments.fonts:
        family, _, name = item.partition("=")
        file = Path(name)
        sources.append((family, from_pdf(file, family) if file.suffix == ".pdf" else from_font(file)))
    for family, shapes in sources:
        for name, shape in shapes:
            found.setdefault((family, name), []).append(shape)
            if name == "wiggleArpeggiatoUp":  # drawn lying in most fonts, and turned on the page
                turned = Shape(shape.ops, shape.points @ np.array([[0.0, 1.0], [-1.0, 0.0]]))
                found[family, name].append(turned)
    names, families, boxes, grids = _kept(arguments.output, {family for family, _ in sources})
    for (family, name), shapes_found in sorted(found.items()):
        seen: list[np.ndarray] = []
        for shape in shapes_found:
            box, grid = shape.box, coverage(shape.polygons) if shape.polygons else None
            if box is None or grid is None or any(np.abs(grid - other).max() < 0.02 for other in seen):
                continue
            seen.append(grid)
            names.append(name)
            families.append(family)
            boxes.append(box)
            grids.append(np.rint(grid * 255).astype(np.uint8))
    np.savez_compressed(
        arguments.output,
        names=np.array(names),
        families=np.array(families),
        boxes=np.array(boxes, dtype=np.float32),
        grids=np.array(grids),
    )
    print(f"{len(names)} shapes of {len(set(names))} symbols in {len(set(families))} fonts: {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The manners in which programs of notation, printer drivers and converters tell the ink of a page."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pikepdf

from bench.disguise.redraw import Manner, redraw

TIMEOUT_S = 120


class MissingProgramError(Exception):
    """A program that is not installed; the message names it."""


def _through(*command: str, made: str = "out.pdf") -> Callable[[bytes], bytes]:
    """A program that takes in.pdf and makes a file."""

    def run(data: bytes) -> bytes:
        if shutil.which(command[0]) is None:
            raise MissingProgramError(command[0])
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "in.pdf").write_bytes(data)
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT_S)
            return (Path(folder) / made).read_bytes()

    return run


def _chromium(data: bytes) -> bytes:
    """Every page as SVG, printed by a browser."""
    for program in ("pdftocairo", "chromium"):
        if shutil.which(program) is None:
            raise MissingProgramError(program)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.pdf").write_bytes(data)
        pages = 0
        while True:
            number = str(pages + 1)
            made = subprocess.run(
                ["pdftocairo", "-svg", "-f", number, "-l", number, "in.pdf", f"{number}.svg"],
                cwd=folder,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            if made.returncode or not (folder / f"{number}.svg").exists():
                break
            pages += 1
        images = "".join(
            f'<img src="{number}.svg" style="width:100%;display:block;break-after:page">'
            for number in range(1, pages + 1)
        )
        (folder / "in.html").write_text(f"<style>@page{{size:A4;margin:0}}body{{margin:0}}</style>{images}")
        subprocess.run(
            [
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={name}/profile",
                "--no-pdf-header-footer",
                "--print-to-pdf=out.pdf",
                "in.html",
            ],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "HOME": name},
        )
        return (folder / "out.pdf").read_bytes()


def _turned(width: float, height: float) -> tuple[tuple[float, ...], float, float]:
    """The page lying on its side, for a page that /Rotate sets upright."""
    return (0.0, 1.0, 1.0, 0.0, 0.0, 0.0), height, width


def _small(width: float, height: float) -> tuple[tuple[float, ...], float, float]:
    """Two thirds of its size in the corner of a larger sheet."""
    return (0.66, 0.0, 0.0, -0.66, 40.0, height - 30.0), width, height


def _two_up(data: bytes) -> bytes:
    """Two pages on each sheet, side by side."""
    with pikepdf.open(io.BytesIO(data)) as source, pikepdf.new() as pdf:
        pages = list(source.pages)
        width, height = (float(side) for side in pages[0].mediabox[2:])
        for first in range(0, len(pages), 2):
            sheet = pdf.add_blank_page(page_size=(height, width))
            for place, page in enumerate(pages[first : first + 2]):
                left = place * height / 2
                sheet.add_overlay(page, pikepdf.Rectangle(left, 0, left + height / 2, width))
        buffer = io.BytesIO()
        pdf.save(buffer)
        return buffer.getvalue()


def _drawn(manner: Manner) -> Callable[[bytes], bytes]:
    return partial(redraw, manner=manner)


MANNERS: Mapping[str, Callable[[bytes], bytes]] = {
    "same": _drawn(Manner(text="cid")),
    "sonata-truetype": _drawn(Manner("truetype", codes="sonata", font_name="Maestro")),
    "sonata-differences": _drawn(Manner("cff", codes="sonata", font_name="Opus", names="letters")),
    "sonata-missing": _drawn(Manner("missing", codes="sonata", font_name="Petrucci", names="letters")),
    "sonata-quartz": _drawn(Manner("truetype", font_name="Maestro", told="mac_roman")),
    "sonata-windows": _drawn(Manner("truetype", codes="sonata", font_name="Maestro", told="cp1252")),
    "sonata-special": _drawn(Manner("cid", font_name="OpusStd", told="mac_roman", special="OpusSpecialStd")),
    "private-codes": _drawn(Manner("cid", font_name="MScore", told="private")),
    "unheard-letters": _drawn(Manner("cff", names="letters")),
    "unheard-numbers": _drawn(Manner("cff", names="numbers")),
    "unheard-truetype": _drawn(Manner("truetype")),
    "unheard-cid": _drawn(Manner("cid", text="cid")),
    "type3": _drawn(Manner("type3", text="type3")),
    "type3-bitmap": _drawn(Manner("bitmap", text="bitmap")),
    "outlines": _drawn(Manner("outlines", text="outlines")),
    "parts": _drawn(Manner("parts")),
    "outlines-rectangles": _drawn(Manner("outlines", text="cff", lines="rectangles")),
    "lines-rectangles": _drawn(Manner(lines="rectangles")),
    "lines-halves": _drawn(Manner(lines="halves", bars="strokes")),
    "lines-hairlines": _drawn(Manner(lines="hairlines")),
    "curves-polygons": _drawn(Manner(curves="polygons")),
    "polygons": _drawn(Manner("outlines", text="outlines", lines="rectangles", curves="polygons")),
    "turned": _drawn(Manner("outlines", frame=_turned, rotate=90)),
    "small": _drawn(Manner("type3", frame=_small)),
    "two-up": _two_up,
    "pdftocairo": _through("pdftocairo", "-pdf", "in.pdf", "out.pdf"),
    "mutool": _through("mutool", "clean", "-gggg", "-z", "in.pdf", "out.pdf"),
    "gs": _through("gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-sOutputFile=out.pdf", "in.pdf"),
    "gs-outlines": _through(
        "gs", "-q", "-dBATCH", "-dNOPAUSE", "-dNoOutputFonts", "-sDEVICE=pdfwrite", "-sOutputFile=out.pdf", "in.pdf"
    ),
    "postscript": _through(
        "sh", "-c", "pdftops -level2 in.pdf a.ps && gs -q -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -o out.pdf a.ps"
    ),
    "chromium": _chromium,
}  # fmt: skip
"""By name, what makes a PDF of the same pages."""

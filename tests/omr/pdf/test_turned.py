"""Links of wavy lines are known however they are turned, and nothing else is taken for one."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import verovio
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path

from omr_service.pdf.shapes import Points, Shape
from omr_service.pdf.turned import turned_link

FONTS = Path(verovio.__file__).parent / "data"
EM = 20.0
LINK, NATURAL, FLAG, STACCATISSIMO = "EAA9", "E261", "E240", "E4A6"


def outline(font: str, code: str, turn: float = 0.0, over: bool = False) -> list[Points]:
    """Contours of a symbol as a font draws it, y up, turned by degrees anticlockwise, and turned over before."""
    path = ET.parse(FONTS / font / f"{code}.xml").getroot().find("path")
    assert path is not None
    pen = RecordingPen()
    parse_path(path.get("d"), pen)
    codes = {"moveTo": b"m", "lineTo": b"l", "curveTo": b"c", "closePath": b"h"}
    ops = b"".join(codes[name] for name, _ in pen.value)
    # Verovio's units are such that an em is 1000 of them
    points = np.array([point for _, points in pen.value for point in points]) / 1000 * EM
    a = math.radians(turn)
    turning = np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    turned = points * np.array([1.0, -1.0 if over else 1.0]) @ turning
    return Shape(ops, turned).polygons


@pytest.mark.parametrize("font", ["Bravura", "Leland", "Petaluma", "Leipzig", "Gootville"])
@pytest.mark.parametrize("turn", [35.0, -50.0, 200.0])
def test_a_slanted_link_is_that_of_a_line(font, turn):
    link = turned_link(outline(font, LINK, turn), EM)
    assert link is not None
    assert link.name == "wiggleTrill"


@pytest.mark.parametrize("font", ["Bravura", "Leland"])
@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("turn", [90.0, 270.0])
def test_an_upright_link_is_that_of_an_arpeggio(font, over, turn):
    link = turned_link(outline(font, LINK, turn, over), EM)
    assert link is not None
    assert link.name == "wiggleArpeggiatoUp"


@pytest.mark.parametrize("code", [NATURAL, FLAG, STACCATISSIMO])
@pytest.mark.parametrize("turn", [0.0, 45.0, 90.0])
def test_other_symbols_are_no_links(code, turn):
    assert turned_link(outline("Bravura", code, turn), EM) is None


def test_a_link_twice_as_large_is_none():
    assert turned_link(outline("Bravura", LINK, 35.0), EM / 2) is None

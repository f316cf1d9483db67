import math

import numpy as np
import pytest

from omr_service.pdf.matcher import OutlineMatcher
from omr_service.pdf.outlines import known_box, likenesses, placed
from omr_service.pdf.raster import GRID, coverage
from omr_service.pdf.shapes import Shape
from omr_service.pdf.smufl import known_names, name_of
from omr_service.symbols import Box
from tools.build_symbol_shapes import from_verovio


def ellipse(half_width: float, half_height: float, tilt: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    angles = np.linspace(0, math.tau, 48, endpoint=False)
    points = np.stack([half_width * np.cos(angles), half_height * np.sin(angles)], axis=1)
    turn = np.array([[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]])
    return points @ turn + np.array([x, y])


def test_coverage_of_a_rectangle_is_full_and_of_a_ring_has_a_hole():
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0]])
    full = coverage([square])
    assert full is not None
    assert full == pytest.approx(1.0)
    inner = np.array([[1.0, 0.5], [1.0, 1.5], [3.0, 1.5], [3.0, 0.5]])
    ring = coverage([square, inner])
    assert ring is not None
    assert ring[GRID // 2, GRID // 2] == 0.0
    assert ring.mean() == pytest.approx(0.75)


def test_a_line_has_no_coverage():
    assert coverage([np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])]) is None


def test_an_oval_is_a_notehead_and_a_small_disc_a_dot():
    em = 24.0
    head = likenesses([ellipse(4.0, 2.5, math.radians(28))], em)
    assert head[0].name == "noteheadBlack"
    assert head[0].probability > 0.9
    dot = likenesses([ellipse(1.2, 1.2, 0.0)], em)
    assert {dot[0].name, dot[1].name} == {"augmentationDot", "articStaccatoAbove"}
    assert placed(dot, Box(0, 0, 2.4, 2.4)).confidence > 0.6


def test_a_notehead_four_times_too_large_is_none():
    large = likenesses([ellipse(16.0, 10.0, math.radians(28))], 24.0)
    assert not large or large[0].name != "noteheadBlack" or large[0].distance > 0.4


def test_the_origin_is_found_from_the_ink():
    glyph = placed(likenesses([ellipse(4.0, 2.5, math.radians(28))], 24.0), Box(100.0, 50.0, 107.3, 56.0))
    assert glyph.x == pytest.approx(100.0, abs=0.2)
    assert glyph.y == pytest.approx(53.0, abs=0.2)


def test_copies_share_one_decision():
    matcher = OutlineMatcher()
    ops = b"m" + b"l" * 47 + b"h"
    decisions = []
    for shift in (0.0, 40.0013):
        points = ellipse(4.0, 2.5, 0.5, x=shift)
        decisions.append(matcher.match(ops, points, Shape(ops, points).polygons, 24.0))
    assert decisions[0] is decisions[1]


def test_smufl_names():
    assert name_of(0xE0A4) == "noteheadBlack"
    assert name_of(0xF4BE) == "noteheadBlack"
    assert name_of(0x41) is None
    assert {"gClef", "fingering5", "keyboardPedalPed"} <= known_names()


@pytest.mark.parametrize("name", ["noteheadDoubleWhole", "noteheadDoubleWholeSquare"])
def test_breves_of_either_form_are_known_by_their_shape(name):
    _, y0, _, y1 = known_box(name)
    assert y0 < 0 < y1 and y1 - y0 > 0.2


@pytest.mark.parametrize(
    "name", ["accidentalNaturalFlat", "accidentalNaturalSharp", "accidentalFlat", "accidentalNatural"]
)
def test_a_natural_before_a_flat_is_neither_alone(name):
    shape = next(shape for found, shape in from_verovio("Leland") if found == name)
    assert likenesses(shape.polygons, 1.0)[0].name == name

"""Names that embedded font programs give their glyphs."""

from __future__ import annotations

import io

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables import _g_l_y_f

from omr_service.pdf.fontprograms import TrueTypeProgram


def program(name, code=0xF000):
    """A subset of one glyph, as programs embed it for one sign of a text."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", name])
    builder.setupCharacterMap({code: name})
    builder.setupGlyf({".notdef": _g_l_y_f.Glyph(), name: _g_l_y_f.Glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), name: (500, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    return TrueTypeProgram(out.getvalue())


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("uni26a0", 0xF000, "uni26A0"),
        ("uni26A0", 0, "uni26A0"),
        ("B", 0xF000, None),  # subsets keep standard names for glyphs of others
        ("uni26A0.alt", 0xF000, None),
    ],
)
def test_a_name_that_says_a_code_point_names_the_code(name, code, said):
    assert program(name, code).name_of_code(0) == said


def test_a_code_without_a_glyph_has_no_name():
    assert program("uni26A0").name_of_code(65) is None

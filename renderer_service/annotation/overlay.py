"""The digits as PDF content, laid over a page that stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from renderer_service.annotation.placing import DIGIT_HEIGHT, PlacedDigit

LEADER_WIDTH = 0.3
"""Thickness of a leader line in points."""
FONT_NAME = "EtudeFingering"
LAYER_NAME = "EtudeFingeringLayer"
_BEFORE, _AFTER = rb"(?<=[\0\t\n\f\r \])>}]%s)", rb"(?![^\0\t\n\f\r \[(<{/%])"
_STATE = re.compile(
    rb"%[^\r\n]*|\((?:[^()\\]|\\.)*\)|\(|"  # comments and strings, in which no letter is an operator
    + b"|".join(operator + _BEFORE % operator + _AFTER for operator in (b"q", b"Q", b"BI")),
    re.DOTALL,
)
"""Operators that save and restore the graphics state, and what has to be parsed: inline images, strings in strings."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How a page is displayed.

    Attributes:
        width, height: As displayed, in user-space units (before UserUnit).
        matrix: From displayed coordinates (origin bottom left, y up) to user space.
    """

    width: float
    height: float
    matrix: tuple[float, float, float, float, float, float]


def frame_of(page: pikepdf.Page) -> Frame:
    """The page's frame, from its crop box (within its media box) and its rotation."""
    media, crop = _rectangle(page.mediabox), _rectangle(page.cropbox)
    x0, y0 = max(media[0], crop[0]), max(media[1], crop[1])
    x1, y1 = min(media[2], crop[2]), min(media[3], crop[3])
    if x1 <= x0 or y1 <= y0:
        x0, y0, x1, y1 = media
    width, height = x1 - x0, y1 - y0
    rotation = int(_inherited(page.obj, "/Rotate", 0)) % 360
    if rotation == 90:
        return Frame(height, width, (0, 1, -1, 0, x1, y0))
    if rotation == 180:
        return Frame(width, height, (-1, 0, 0, -1, x1, y1))
    if rotation == 270:
        return Frame(height, width, (0, -1, 1, 0, x0, y1))
    return Frame(width, height, (1, 0, 0, 1, x0, y0))


def lay_over(
    pdf: pikepdf.Pdf, page: pikepdf.Page, digits: Sequence[PlacedDigit], points_per_unit: float, layer: pikepdf.Object
) -> None:
    """Writes digits over a page, as a layer that a viewer can switch off.

    The page's own content streams and resources are not touched: the streams are framed by new ones that save and
    restore the graphics state, the resources are replaced by a copy with one more font.

    Args:
        pdf: The document.
        page: The page.
        digits: What to write; boxes in points as displayed, origin top left.
        points_per_unit: Points as displayed per unit of user space: the page's UserUnit.
        layer: The optional-content group.
    """
    frame = frame_of(page)
    resources = _copy(_inherited(page.obj, "/Resources", None))
    font = _add_resource(resources, "/Font", FONT_NAME, _font(pdf))
    group = _add_resource(resources, "/Properties", LAYER_NAME, layer)
    open_states = _open_states(page)
    before = pdf.make_stream(b"q\n")
    after = pdf.make_stream(
        b"\n" + b"Q " * (1 + open_states) + b"\n" + _content(digits, frame, points_per_unit, font, group)
    )
    page.obj["/Contents"] = Array([before, *_streams(page), after])
    page.obj["/Resources"] = resources


def add_layer(pdf: pikepdf.Pdf, name: str) -> pikepdf.Object:
    """A new optional-content group of the document, shown unless someone switches it off."""
    group = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=name))
    properties = pdf.Root.get("/OCProperties")
    properties = _copy(properties)
    properties["/OCGs"] = Array([*properties.get("/OCGs", Array()), group])
    default = _copy(properties.get("/D"))
    default["/Order"] = Array([*default.get("/Order", Array()), group])
    if default.get("/BaseState") == Name.OFF:
        default["/ON"] = Array([*default.get("/ON", Array()), group])
    properties["/D"] = default
    pdf.Root["/OCProperties"] = properties
    return group


def _content(digits: Iterable[PlacedDigit], frame: Frame, points_per_unit: float, font: str, group: str) -> bytes:
    matrix = " ".join(_number(value) for value in frame.matrix)
    unit = _number(1 / points_per_unit)
    top = frame.height * points_per_unit
    lines = [f"/OC {group} BDC", "q", f"{matrix} cm", f"{unit} 0 0 {unit} 0 0 cm"]
    color = ""
    for digit in digits:
        if digit.finger.color != color:
            color = digit.finger.color
            red, green, blue = (_number(int(color[i : i + 2], 16) / 255) for i in (1, 3, 5))
            lines.append(f"{red} {green} {blue} rg {red} {green} {blue} RG")
        if digit.leader is not None:
            (x0, y0), (x1, y1) = digit.leader
            ends = [_number(value) for value in (x0, top - y0, x1, top - y1)]
            lines.append(f"{LEADER_WIDTH} w {ends[0]} {ends[1]} m {ends[2]} {ends[3]} l S")
        x, y = _number(digit.box.x0), _number(top - digit.box.y0 - DIGIT_HEIGHT * digit.size)
        lines.append(f"BT {font} {_number(digit.size)} Tf {x} {y} Td ({digit.finger.text}) Tj ET")
    return "\n".join([*lines, "Q", "EMC", ""]).encode("ascii")


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:.2f}".rstrip("0").rstrip(".")


def _font(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """Helvetica Bold, one of the fourteen fonts every viewer has."""
    return pdf.make_indirect(
        Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name("/Helvetica-Bold"), Encoding=Name.WinAnsiEncoding)
    )


def _add_resource(resources: pikepdf.Dictionary, category: str, name: str, value: pikepdf.Object) -> str:
    """Adds to a copy of the category, under a name that is free; returns the name with its slash."""
    members = _copy(resources.get(category))
    free, copy = f"/{name}", 2
    while free in members:
        free, copy = f"/{name}{copy}", copy + 1
    members[free] = value
    resources[category] = members
    return free


def _open_states(page: pikepdf.Page) -> int:
    """How many saved graphics states the page's content leaves open, which ours must not inherit."""
    depth = 0
    try:
        for operator in _state_operators(page):
            depth = depth + 1 if operator == b"q" else max(0, depth - 1)
    except pikepdf.PdfError:  # content that cannot be parsed is still displayed, as far as it goes
        return 0
    return depth


def _state_operators(page: pikepdf.Page) -> Iterable[bytes]:
    """The operators q and Q of a page's content, in order.

    Most content is looked through for them alone, which takes a tenth of the time of parsing it.
    """
    content = b"\n".join([b"", *(stream.read_bytes() for stream in _streams(page))])
    found = _STATE.findall(content)
    if b"(" in found or b"BI" in found:
        found = [str(step.operator).encode() for step in pikepdf.parse_content_stream(page, "q Q")]
    return (token for token in found if token in (b"q", b"Q"))


def _streams(page: pikepdf.Page) -> list[Any]:
    contents = page.obj.get("/Contents", Array())
    return list(contents) if isinstance(contents, Array) else [contents]


def _copy(dictionary: Any) -> Any:
    """A shallow copy of a dictionary, or a new one for None."""
    return Dictionary() if dictionary is None else Dictionary(dictionary)


def _inherited(node: Any, key: str, default: Any) -> Any:
    """An attribute of a page, its own or from the nearest of its parents."""
    for _ in range(64):  # a broken file may have a circle of parents
        if key in node:
            return node[key]
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return default


def _rectangle(box: pikepdf.Object) -> tuple[float, float, float, float]:
    """Left, bottom, right, top: a PDF may give any two opposite corners."""
    x0, y0, x1, y1 = (float(value) for value in box)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

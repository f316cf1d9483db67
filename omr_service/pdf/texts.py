"""Joins shown characters to runs of text on a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import Matrix, image_of_box
from omr_service.symbols import Box, Text

# Gaps along the baseline, in ems: up to the first letters touch; from there to the second there is a space between
# words; beyond it a new run begins.
_SPACE_GAP = 0.18
_RUN_GAP = 1.2
# Fingers over neighbouring notes stand on one baseline too.
_DIGITS_GAP = 0.45


_Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Char:
    """A character of ordinary text: its Unicode text, ems to page points, and advance in ems."""

    text: str
    font: Font
    matrix: Matrix
    advance: float


@dataclass(slots=True)
class _Run:
    first: Char
    text: str
    end_x: float
    end_y: float
    box: tuple[float, float, float, float]


def _ink(char: Char) -> tuple[float, float, float, float]:
    font = char.font
    return image_of_box(char.matrix, 0.0, font.descent, max(char.advance, 0.05), font.ascent)


def _join(a: _Rectangle, b: _Rectangle) -> _Rectangle:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def join_characters(chars: list[Char]) -> list[Text]:
    """Returns runs of text from characters in painting order.

    Characters stay together when they follow each other on one baseline in one font at one size; spaces at the ends of
    a run are dropped.
    """
    runs: list[_Run] = []
    current: _Run | None = None
    for char in chars:
        m = char.matrix
        ink = _ink(char)
        end_x, end_y = m[4] + char.advance * m[0], m[5] + char.advance * m[1]
        if current is not None:
            gap = _gap(current, char)
            both_digits = char.text.isdigit() and current.text[-1:].isdigit()
            if gap is not None and not (both_digits and gap > _DIGITS_GAP):
                if gap > _SPACE_GAP and not current.text.endswith(" ") and not char.text.startswith(" "):
                    current.text += " "
                current.text += char.text
                current.end_x, current.end_y = end_x, end_y
                if not char.text.isspace():
                    current.box = _join(current.box, ink)
                continue
        if char.text.isspace():
            current = None
            continue
        current = _Run(char, char.text, end_x, end_y, ink)
        runs.append(current)
    return [_finish(run) for run in runs]


def _gap(run: _Run, char: Char) -> float | None:
    """Returns the gap in ems between a run's end and a character, or None when they do not belong together."""
    first, m = run.first, char.matrix
    if char.font.name != first.font.name or any(
        abs(p - q) > 1e-3 for p, q in zip(m[:4], first.matrix[:4], strict=True)
    ):
        return None
    em = hypot(m[0], m[1])
    if em <= 0:
        return None
    dx, dy = m[4] - run.end_x, m[5] - run.end_y
    along = (dx * m[0] + dy * m[1]) / em / em
    across = (dx * m[1] - dy * m[0]) / em / em
    if abs(across) > 0.1 or not -0.4 <= along <= _RUN_GAP:
        return None
    return along


def _finish(run: _Run) -> Text:
    m = run.first.matrix
    font = run.first.font
    return Text(
        text=" ".join(run.text.split()),
        x=m[4],
        y=m[5],
        box=Box(*run.box),
        size=hypot(m[2], m[3]),
        font=font.name,
        bold=font.bold,
        italic=font.italic,
    )

"""What HTML reports are made of: one file each, no script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from etude.evaluation.table import percent

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1150px; padding: 0 1rem;
  color: #1c1c1c; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin: .8rem 0 .5rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e4e4e4 }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 2px solid #999; font-weight: 600 }
tr.total td { font-weight: 600; border-top: 2px solid #999 } .scroll { overflow-x: auto }
td.low { background: #fbe3e1 } td.middle { background: #fdf4dc }
svg text { font: 11px system-ui, sans-serif }
"""
_LOW, _MIDDLE = 0.9, 0.99
"""Below these a ratio is shaded."""


def document(title: str, style: str, body: str) -> str:
    """A document that needs nothing else.

    Args:
        title: Its heading, as text.
        style: Style sheet beside the common one.
        body: What stands under the heading, as HTML.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}{style}</style></head><body>'
        f"<h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def strips(charts: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """How ratios lie, from 0 to 1: by title the values of things with these names, a dot for each."""
    # All lines begin at the same tenth: at 90 % where everything is above it.
    least = min(9, math.floor(10 * min(value for values in charts.values() for value in values)))
    drawn = "".join(_strip(title, values, names, least) for title, values in charts.items())
    return f'<div class="scroll">{drawn}</div>'


def _strip(title: str, values: Sequence[float], names: Sequence[str], least: int) -> str:
    """A dot for each ratio on a line that ends at 100 %, those that would hide each other stacked."""
    left, width, step = 110, 900, 9
    stacks: dict[int, int] = {}
    dots = []
    for value, name in sorted(zip(values, names, strict=True)):
        x = left + width * (10 * value - least) / (10 - least)
        row = stacks[round(x / step)] = stacks.get(round(x / step), -1) + 1
        dots.append((x, row, f"{name}: {percent(value)} %"))
    base = (max(stacks.values()) + 1) * step + 12
    circles = "".join(
        f'<circle cx="{x:.1f}" cy="{base - 8 - row * step}" r="4" fill="#1d5a94" fill-opacity=".65">'
        f"<title>{escape(text)}</title></circle>"
        for x, row, text in dots
    )
    ticks = "".join(_tick(left + width * n / 10, base, f"{10 * least + n * (10 - least):g}") for n in range(11))
    return (
        f'<svg width="{left + width + 30}" height="{base + 26}" role="img" aria-label="{escape(title)}">'
        f'<text x="0" y="{base}">{escape(title)}, %</text>'
        f'<line x1="{left}" x2="{left + width}" y1="{base}" y2="{base}" stroke="#888"/>{ticks}{circles}</svg>'
    )


def _tick(x: float, base: int, label: str) -> str:
    line = f'<line x1="{x}" x2="{x}" y1="{base}" y2="{base + 4}" stroke="#888"/>'
    return f'{line}<text x="{x}" y="{base + 17}" text-anchor="middle">{label}</text>'


def ratio_cell(value: float | None) -> str:
    """A ratio in percent, shaded where it is low."""
    shade = "" if value is None or value >= _MIDDLE else "middle" if value >= _LOW else "low"
    return f'<td class="{shade}">{percent(value)}</td>' if shade else cell(percent(value))


def cell(text: str) -> str:
    """A cell of a table."""
    return f"<td>{escape(text)}</td>"


def row(cells: Sequence[str], style: str = "") -> str:
    """A row of cells."""
    return f'<tr class="{style}">{"".join(cells)}</tr>' if style else f"<tr>{''.join(cells)}</tr>"


def table(header: Sequence[str], rows: Sequence[str]) -> str:
    """A table of rows under a header."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'

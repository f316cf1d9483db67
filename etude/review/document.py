"""The review as an HTML document: one file, no script."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path

from etude.evaluation.pictures import Engraver, Pages, PictureError
from etude.review.systems import ReviewedDoubt, ReviewedSystem, systems_of
from etude.score.v1 import page_pb2, score_pb2
from etude.wording import counted

WRONG, DOUBTFUL = "#c81e1e", "#c76a00"
"""Colours of bars that do not add up and of doubtful symbols."""
_STYLE = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1150px; padding: 0 1rem; color: #1c1c1c;
  background: #fff }}
h1 {{ font-size: 1.6rem; margin-bottom: .2rem }} h2 {{ font-size: 1.2rem; margin-top: 2rem }}
.system {{ border: 1px solid #ddd; border-radius: 6px; padding: .8rem 1rem; margin: 1rem 0; break-inside: avoid }}
.system h3 {{ font-size: .9rem; font-weight: 600; margin: 0 0 .4rem; color: #555 }}
.system img {{ display: block; max-width: 100%; max-height: 300px; margin: .3rem 0; background: #fff }}
.doubtful {{ border-left: 5px solid {DOUBTFUL} }} .wrong {{ border-left-color: {WRONG} }}
.bar {{ color: {WRONG} }} .symbol {{ color: {DOUBTFUL} }}
ul {{ margin: .5rem 0 0; padding-left: 1.2rem; font-size: .9rem }}
.none {{ color: #777; font-size: .85rem; padding: .6rem; background: #f6f6f6; margin: .3rem 0 }}
.key {{ font-size: .9rem; color: #555 }} #only:checked ~ .system:not(.doubtful) {{ display: none }}
"""


def review_html(
    document: Path,
    scores: Sequence[score_pb2.Score],
    pages: Sequence[page_pb2.Page],
    musicxml: Sequence[Path],
    title: str = "",
) -> str:
    """The review of what was read from a document.

    Args:
        document: The document, a PDF or a picture.
        scores: What was read.
        pages: What became of each page.
        musicxml: The MusicXML of each Score.
        title: What the review is of; the document's name where that is left out.
    """
    painter, engraver = Pages(), Engraver()
    known = {page.page_number: page for page in pages}
    title = title or document.name
    blocks: list[str] = []
    latest = -1
    for system in systems_of(scores):
        if system.score_index != latest:
            latest = system.score_index
            name = scores[latest].metadata.movement_title or scores[latest].metadata.title
            heading = f"{name} ({latest + 1} of {len(scores)})" if len(scores) > 1 else name
            blocks.append(f"<h2>{escape(heading)}</h2>" if heading else "")
        page = _picture(partial(_page_picture, document, system, known, painter), "the page")
        read = _picture(partial(_engraved, musicxml[system.score_index], system, engraver), "the reading")
        blocks.append(_block(system, page, read))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Review of {escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1>{_summary(scores, pages)}"
        '<input type="checkbox" id="only"><label for="only"> Only systems with something doubtful</label>'
        + "".join(blocks)
        + "</body></html>\n"
    )


def _summary(scores: Sequence[score_pb2.Score], pages: Sequence[page_pb2.Page]) -> str:
    doubts = sum(len(score.doubts) for score in scores)
    bars = sum(len(score.measures) for score in scores)
    doubtful = sum(len({d.measure_index for d in score.doubts if d.measure_index >= 0}) for score in scores)
    told = (
        f"{counted(bars, 'bar')}, {counted(doubts, 'doubt')} in {counted(doubtful, 'bar')}."
        if doubts
        else (f"{counted(bars, 'bar')}, nothing doubtful.")
    )
    unread = [page for page in pages if page.status == page_pb2.PAGE_STATUS_FAILED]
    failed = "".join(f"<li>Page {page.page_number}: {escape(page.message or page.reason)}</li>" for page in unread)
    general = "".join(
        f"<li>{escape(doubt.message)}</li>" for score in scores for doubt in score.doubts if doubt.measure_index < 0
    )
    key = (
        '<p class="key">Above, each system as it stands on the page; below, as it was read. '
        '<span class="bar">Red</span>: bars that do not add up. <span class="symbol">Orange</span>: doubtful signs.</p>'
    )
    return (
        f"<p>{told}</p>"
        + (f"<p>Pages that were not read:</p><ul>{failed}</ul>" if failed else "")
        + (f"<ul>{general}</ul>" if general else "")
        + key
    )


def _block(system: ReviewedSystem, page: str, read: str) -> str:
    style = " ".join(["system", *(["doubtful"] if system.doubts else []), *(["wrong"] if system.wrong_bars else [])])
    names = system.names
    bars = f"bars {names[0]} to {names[-1]}" if len(names) > 1 else f"bar {names[0]}"
    where = f"Page {system.region.page_number}, {bars}" if system.region is not None else bars.capitalize()
    lines = "".join(map(_doubt, system.doubts))
    return f'<div class="{style}"><h3>{escape(where)}</h3>{page}{read}{f"<ul>{lines}</ul>" if lines else ""}</div>'


def _doubt(doubt: ReviewedDoubt) -> str:
    style = "bar" if doubt.whole_bar else "symbol"
    return f'<li class="{style}">Bar {escape(doubt.bar)}: {escape(doubt.text)}</li>'


def _picture(draw: Callable[[], tuple[str, bytes]], what: str) -> str:
    try:
        media_type, content = draw()
    except (PictureError, OSError) as error:
        return f'<div class="none">No picture of {what}: {escape(str(error))}.</div>'
    return f'<img alt="{what}" src="data:{media_type};base64,{base64.b64encode(content).decode()}">'


def _page_picture(
    document: Path, system: ReviewedSystem, known: dict[int, page_pb2.Page], painter: Pages
) -> tuple[str, bytes]:
    if system.region is None or not system.region.page_number:
        raise PictureError("the file has no pages")
    frames = [(region, WRONG) for region in system.bar_regions] + [(r, DOUBTFUL) for r in system.symbol_regions]
    page = known.get(system.region.page_number)
    if page is None:
        return painter.crop(document, system.region, 0.0, frames)
    # only the rotation that the reader found can differ from what the file asks for
    return painter.crop(document, system.region, page.width, frames, page.rotation)


def _engraved(musicxml: Path, system: ReviewedSystem, engraver: Engraver) -> tuple[str, bytes]:
    svg = engraver.line(musicxml, system.first, system.count)
    return "image/svg+xml", engraver.colored(svg, system.ids, DOUBTFUL, system.wrong_bars, WRONG).encode()

"""Makes PDFs of Scores, and tells the Scores where their notes stand on them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from etude.score.v1 import page_pb2, score_pb2
from renderer_service.engraving import pdf_bytes, svg_pages
from renderer_service.fingers import without_fingers
from renderer_service.musicxml import musicxml_bytes

SVG = "{http://www.w3.org/2000/svg}"
A4_WIDTH, A4_HEIGHT = 595.276, 841.89


def printed(score: score_pb2.Score) -> tuple[bytes, score_pb2.Score]:
    """An engraved PDF of the Score without its fingers, and the Score with the places of its notes and staves on it."""
    pages = svg_pages(musicxml_bytes(without_fingers(score)))
    placed = score_pb2.Score()
    placed.CopyFrom(score)
    heads: dict[str, page_pb2.PageRegion] = {}
    index_of = {measure.measure_id: i for i, measure in enumerate(placed.measures)}
    for number, text in enumerate(pages, 1):
        page = placed.pages.add(page_number=number, width=A4_WIDTH, height=A4_HEIGHT)
        page.status = page_pb2.PAGE_STATUS_READ
        root = ET.fromstring(text)
        inner = next(e for e in root.iter(f"{SVG}svg") if e.get("class") == "definition-scale")
        unit = A4_WIDTH / float(inner.get("viewBox", "").split()[2])
        margin = next(e for e in inner.iter(f"{SVG}g") if e.get("class") == "page-margin")
        dx, dy = _numbers(margin.get("transform", ""))[:2]
        for system in _of_class(margin, "system"):
            _read_system(system, page, index_of, placed.parts[0].part_id, unit, dx, dy)
        for note in _of_class(margin, "note"):
            use = next((e for head in _of_class(note, "notehead") for e in head.iter(f"{SVG}use")), None)
            if use is not None:
                x, y = _numbers(use.get("transform", ""))[:2]
                space = page.systems[0].staves[0].staff_space
                x, y = (x + dx) * unit, (y + dy) * unit
                region = page_pb2.PageRegion(page_number=number, x=x, y=y - space / 2, height=space)
                region.width = 1.18 * space
                heads[note.get("id", "")] = region
    for event in placed.events:
        for note in event.notes:
            note.region.CopyFrom(heads[note.note_id])
    return pdf_bytes(pages), placed


def _read_system(
    system: ET.Element, page: page_pb2.Page, index_of: dict[str, int], part_id: str, unit: float, dx: float, dy: float
) -> None:
    measures = list(_of_class(system, "measure"))
    new = page.systems.add(first_measure_index=index_of[measures[0].get("id", "")], measure_count=len(measures))
    boxes: dict[int, list[float]] = {}
    for measure in measures:
        for number, staff in enumerate(_of_class(measure, "staff"), 1):
            lines = [_numbers(p.get("d", "")) for p in staff.findall(f"{SVG}path")][:5]
            left, right = lines[0][0], lines[0][2]
            box = boxes.setdefault(number, [left, lines[0][1], right, lines[4][1]])
            box[0], box[2] = min(box[0], left), max(box[2], right)
    for number, (left, top, right, bottom) in sorted(boxes.items()):
        staff_region = new.staves.add(part_id=part_id, staff=number, staff_space=(bottom - top) / 4 * unit)
        region = staff_region.region
        region.page_number = page.page_number
        region.x, region.y = (left + dx) * unit, (top + dy) * unit
        region.width, region.height = (right - left) * unit, (bottom - top) * unit


def _of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [e for e in root.iter(f"{SVG}g") if name in (e.get("class") or "").split()]


def _numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text)]

"""SVG pages of MusicXML, engraved by Verovio."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from functools import cache
from typing import Any

import verovio

from renderer_service.engraving.digits import MEI, Start, clear_of_stems, in_one_column, named

PAGE_WIDTH, PAGE_HEIGHT = 2100, 2970
"""An A4 page in tenths of a millimetre, the unit of Verovio's layout."""
OPTIONS: dict[str, Any] = {
    "pageWidth": PAGE_WIDTH,
    "pageHeight": PAGE_HEIGHT,
    "pageMarginLeft": 120,
    "pageMarginRight": 100,
    "pageMarginTop": 120,
    "pageMarginBottom": 100,
    "unit": 8.5,
    "breaks": "auto",
    "breaksNoWidow": True,
    "font": "Leipzig",
    "fingeringScale": 0.8,
    "header": "auto",
    "footer": "encoded",
    "svgViewBox": True,
    "svgFormatRaw": True,
    "smuflTextFont": "embedded",
    "xmlIdChecksum": True,
}
"""Everything that is not Verovio's own choice. Ids that Verovio makes itself come from a checksum of the input, so
that the same MusicXML gives the same bytes."""


class EngravingError(Exception):
    """Verovio did not accept the MusicXML or made no page of it."""


@cache
def _toolkit() -> Any:
    """The process's one toolkit: loading its fonts costs more than engraving a page.

    Verovio writes its warnings straight to stderr, where they would break the service's log; they are turned off.
    What it leaves out is what the tests engrave with warnings on for.
    """
    verovio.enableLog(verovio.LOG_OFF)
    return verovio.toolkit()


def svg_pages(musicxml: bytes, several: Mapping[str, str] | None = None) -> list[str]:
    """SVG documents of the pages, A4, with the ids of notes and rests as element ids.

    A finger is a `<g class="fing">` whose `data-startid` names its note. Several that stand for one of the MusicXML,
    as at an ornament, are in `several`, by the id of the note.

    Raises:
        EngravingError: nothing could be engraved.
    """
    toolkit = _toolkit()
    toolkit.resetOptions()
    # The first loading converts to MEI only: laying pages out for it would take twice as long and change nothing.
    toolkit.setOptions(OPTIONS | {"breaks": "none"})
    mei = toolkit.getMEI() if toolkit.loadData(musicxml.decode()) else ""
    toolkit.setOptions(OPTIONS)
    completed, starts = _completed(mei, several or {}) if mei else ("", {})
    if not completed or not toolkit.loadData(completed):
        raise EngravingError("Verovio could not read the MusicXML of this Score, so it has no engraved pages.")
    pages = [str(toolkit.renderToSVG(number)) for number in range(1, toolkit.getPageCount() + 1)]
    if not pages:
        raise EngravingError("Verovio made no page of this Score.")
    return [named(clear_of_stems(page, starts), starts) for page in pages]


def _completed(mei: str, several: Mapping[str, str]) -> tuple[str, dict[str, Start]]:
    """The MEI with what Verovio's import of MusicXML leaves where it does not print it.

    Composer, arranger and copyright line go where its header and footer look for them; a finger and the one that
    takes over from it become one text, and the fingers of an ornament (`several`, by note) take the place of its
    note's; the digits of a chord stand in one column, and where each digit starts, by its id, is the second result.
    The date of the conversion goes, for it would change the checksum.
    """
    ET.register_namespace("", MEI[1:-1])
    root = ET.fromstring(mei)
    for application in root.iter(f"{MEI}application"):
        application.attrib.pop("isodate", None)
    titles = root.find(f".//{MEI}titleStmt")
    for person in list(root.iter(f"{MEI}persName")) if titles is not None else []:
        role = person.get("role")
        if role in ("composer", "arranger") and titles is not None:
            ET.SubElement(titles, f"{MEI}{role}").text = person.text
    rights = root.findtext(f".//{MEI}availability/{MEI}distributor")
    score_def = root.find(f".//{MEI}score/{MEI}scoreDef")
    if rights and score_def is not None:
        footer = ET.Element(f"{MEI}pgFoot", {"func": "first"})
        ET.SubElement(footer, f"{MEI}rend", {"halign": "center", "valign": "bottom", "fontsize": "small"}).text = rights
        score_def.insert(0, footer)
    for measure in root.iter(f"{MEI}measure"):
        first_of: dict[str | None, ET.Element] = {}
        for digit in measure.findall(f"{MEI}fing"):
            first = first_of.setdefault(digit.get("startid"), digit)
            if first is not digit:
                first.text = f"{first.text}-{digit.text}"
                measure.remove(digit)
        for start, digit in first_of.items():
            digit.text = several.get((start or "").removeprefix("#"), digit.text)
    starts = in_one_column(root)
    return ET.tostring(root, encoding="unicode"), starts

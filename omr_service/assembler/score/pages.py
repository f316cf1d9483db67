"""Writes the pages of a joined piece into its Score: their systems and staves, and the titles over the first."""

from __future__ import annotations

from etude.score.v1 import page_pb2, score_pb2
from omr_service.assembler.piece.draft import ScoreDraft
from omr_service.assembler.score.places import region
from omr_service.symbols import Box


def write_metadata(draft: ScoreDraft, score: score_pb2.Score) -> None:
    """Title, composer and part names, from the first page that has them."""
    for page in draft.pages[:1]:
        titles = page.titles
        meta = score.metadata
        meta.title, meta.subtitle = titles.title, titles.subtitle
        meta.composer, meta.rights = titles.composer, titles.rights
        probe = draft.measures[0] if draft.measures else None
        for position, name in titles.part_names:
            if probe is None or position in probe.system.system.ossia:
                continue
            part_id, _ = draft.place(probe, position)
            part = next(p for p in score.parts if p.part_id == part_id)
            part.name = part.name or name.strip("[]")


def write_pages(draft: ScoreDraft, score: score_pb2.Score) -> None:
    """All pages, with the systems, staves and measures on them."""
    first = 0
    for page in draft.pages:
        out = score.pages.add(
            page_number=page.page_number,
            width=page.width,
            height=page.height,
            rotation=page.rotation,
            status=page_pb2.PAGE_STATUS_READ,
        )
        for signs in page.systems:
            if not signs.measures:
                continue  # staves without a barline or a note between them: no measure says whose they are
            system = out.systems.add(first_measure_index=first, measure_count=len(signs.measures))
            first += len(signs.measures)
            staves = signs.system.staves
            box = Box(signs.system.x0, staves[0].tops[0], signs.system.x1, staves[-1].tops[-1])
            system.region.CopyFrom(region(page.page_number, box))
            probe = next((m for m in draft.measures if m.system is signs), None)
            for position, staff in enumerate(staves):
                if position in signs.system.ossia:
                    continue
                entry = system.staves.add(staff_space=staff.space)
                if probe is not None:
                    entry.part_id, entry.staff = draft.place(probe, position)
                extent = Box(staff.x0, staff.tops[0], staff.x1, staff.tops[-1])
                entry.region.CopyFrom(region(page.page_number, extent))
    # the document's order, which need not be the one in which they are played
    score.pages.sort(key=lambda page: page.page_number)

"""Invariants of what the Score says about its source: pages and doubts."""

from __future__ import annotations

from collections.abc import Iterator

from etude.notation.invariants.report import Context, Violation, check_region
from etude.score.v1 import page_pb2, provenance_pb2


def check_pages(context: Context) -> Iterator[Violation]:
    """Pages are numbered in order; their systems name existing measures and staves."""
    previous = 0
    for position, page in enumerate(context.score.pages):
        field = f"pages[{position}]"
        if page.page_number <= previous:
            yield Violation("", f"{field}.page_number", "pages are numbered from 1, in order")
        previous = page.page_number
        if page.rotation not in (0, 90, 180, 270):
            yield Violation("", f"{field}.rotation", f"{page.rotation} is not 0, 90, 180 or 270 degrees")
        for number, system in enumerate(page.systems):
            yield from _check_system(context, system, f"{field}.systems[{number}]")


def _check_system(context: Context, system: page_pb2.System, field: str) -> Iterator[Violation]:
    first, count = system.first_measure_index, system.measure_count
    if first < 0 or count < 0 or first + count > len(context.score.measures):
        message = f"it holds measures {first} to {first + count - 1}, which the Score does not have"
        yield Violation("", f"{field}.first_measure_index", message)
    yield from check_region(context, "", f"{field}.region", system.region)
    for number, staff in enumerate(system.staves):
        path = f"{field}.staves[{number}]"
        if not context.staff_exists(staff.part_id, staff.staff):
            yield Violation("", f"{path}.staff", f"there is no staff {staff.staff} of part {staff.part_id!r}")
        yield from check_region(context, "", f"{path}.region", staff.region)


def check_doubts(context: Context) -> Iterator[Violation]:
    """Doubts say what they are, and what they name exists."""
    index = context.index
    for position, doubt in enumerate(context.score.doubts):
        field = f"doubts[{position}]"
        if doubt.kind == provenance_pb2.DOUBT_KIND_UNSPECIFIED:
            yield Violation("", f"{field}.kind", "a doubt says of what kind it is")
        if doubt.measure_index != -1 and not context.measure_exists(doubt.measure_index):
            message = f"there is no measure of index {doubt.measure_index}; -1 stands for none"
            yield Violation("", f"{field}.measure_index", message)
        for number, thing in enumerate(doubt.ids):
            known = (index.events, index.notes, index.spanners, index.directions, index.measures)
            if not any(thing in kind for kind in known):
                yield Violation(thing, f"{field}.ids[{number}]", f"nothing has the id {thing!r}")
        yield from check_region(context, "", f"{field}.region", doubt.region)

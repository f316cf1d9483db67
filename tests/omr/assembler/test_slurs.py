"""Which staff's chords a slur joins that runs between two staves."""

from __future__ import annotations

import pytest

from omr_service.pipeline import Source, assemble_page, write_scores
from omr_service.symbols import Box, Curve
from tests.omr.assembler.test_across_systems import score_of, two_systems
from tests.omr.assembler.test_page_steps import Sheet


@pytest.mark.parametrize(("bend", "y", "staff"), [(-8, 145, 2), (8, 150, 1)], ids=["an arch", "a bowl"])
def test_a_slur_belongs_to_the_chords_it_bends_away_from_though_others_are_nearer(bend, y, staff):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for x in (100, 180, 260, 340):
        sheet.note(0, x, 2, up=False)  # stems down to 132.5
        sheet.note(1, x, 0)  # stems up to 162.5
    sheet.bar(450)
    sheet.page.curves.append(Curve(103, y, 263, y, y + bend, 1, Box(103, min(y, y + bend), 263, max(y, y + bend))))
    (score,) = write_scores([assemble_page(sheet.page)], Source("drawn.pdf", "sha256:00"))
    (slur,) = (s for s in score.spanners if s.HasField("slur"))
    events = {event.event_id: event for event in score.events}
    ends = [events[slur.event_ids[0]], events[slur.event_ids[-1]]]
    assert [end.staff for end in ends] == [staff, staff]
    assert [end.onset_ticks // score.divisions for end in ends] == [0, 2]


@pytest.mark.parametrize(
    ("inside", "next_to", "tied"),
    [(0.0, 180, False), (-1.0, 180, False), (1.5, 180, True), (0.0, 113, True)],
    ids=["the middles", "past the middles", "inside", "no room inside"],
)
def test_a_curve_from_the_middle_of_a_head_to_that_of_an_equal_one_is_a_slur(inside, next_to, tied):
    sheet = Sheet()
    sheet.clefs()
    sheet.bar(50)
    for x in (100, next_to, 260, 340):
        sheet.note(0, x, 4, up=False)
        sheet.note(1, x, 4)
    sheet.bar(450)
    first, second = (
        next((g.box.x0 + g.box.x1) / 2 for g in sheet.page.glyphs if g.name == "noteheadBlack" and abs(g.x - x) < 3)
        for x in (100, next_to)
    )
    y = next(g.box.y0 for g in sheet.page.glyphs if g.name == "noteheadBlack" and abs(g.x - 100) < 3) - 1.0
    x0, x1 = first + inside, second - inside
    sheet.page.curves.append(Curve(x0, y, x1, y, y - 6, 1, Box(x0, y - 6, x1, y)))
    (score,) = write_scores([assemble_page(sheet.page)], Source("drawn.pdf", "sha256:00"))
    kinds = [s.WhichOneof("kind") for s in score.spanners if s.WhichOneof("kind") in ("tie", "slur")]
    assert kinds == ["tie" if tied else "slur"]


@pytest.mark.parametrize(("left", "spans"), [(95, [(0, 8)]), (103, [(0, 4), (4, 8)])], ids=["goes on", "begins anew"])
def test_a_slur_that_ends_over_the_last_chord_goes_on_where_the_next_system_says_so(left, spans):
    sheet = two_systems()
    for x0, y in ((103, 92), (left, 252)):
        sheet.page.curves.append(Curve(x0, y, 343, y, y - 6, 1, Box(x0, y - 6, 343, y)))
    score = score_of(sheet)
    slurs = [s for s in score.spanners if s.HasField("slur")]
    quarter = {event.event_id: event.onset_ticks / score.divisions for event in score.events}
    ends = [(quarter[s.event_ids[0]], quarter[s.event_ids[-1]] + 1) for s in slurs]
    assert ends == spans
    assert sum(len(s.regions) for s in slurs) == 2

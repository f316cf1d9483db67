"""From the straightened page back to the page as the user has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.message import Message

from etude.score.v1 import page_pb2, score_pb2
from omr_service.scan.normal_page import NormalPage


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a straightened page lies on the page set upright.

    Attributes:
        page: The normal page's staves and grid; its pixels are left out.
        width, height: Size of the page set upright, in points.
        rotation: Degrees clockwise that set it upright, those the file asks for included.
    """

    page: NormalPage
    width: float
    height: float
    rotation: int = 0

    def box(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Where a box of the straightened page lies on the page set upright: (x, y, width, height) of the box around
        its corners, in points, cut to the page."""
        k = self.page.points_per_pixel
        corners = [self.page.place(a / k, b / k) for a in (x, x + width) for b in (y, y + height)]
        xs = [min(max(c[0], 0.0), self.width) for c in corners]
        ys = [min(max(c[1], 0.0), self.height) for c in corners]
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def place_regions(score: score_pb2.Score, placements: Mapping[int, Placement]) -> None:
    """Moves every region of a Score from the straightened page to the page set upright.

    Args:
        score: The Score.
        placements: By page number; regions on other pages stay where they are.
    """
    if not placements:
        return
    for region in _regions(score):
        placement = placements.get(region.page_number)
        if placement is not None:
            placed = placement.box(region.x, region.y, region.width, region.height)
            region.x, region.y, region.width, region.height = placed
    for page in score.pages:
        placement = placements.get(page.page_number)
        if placement is not None:
            page.width, page.height = placement.width, placement.height
            page.rotation = placement.rotation


def _regions(message: Message) -> Iterator[page_pb2.PageRegion]:
    """All regions anywhere in a message."""
    if isinstance(message, page_pb2.PageRegion):
        yield message
        return
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        for item in value if field.is_repeated else (value,):
            if isinstance(item, Message):
                yield from _regions(item)

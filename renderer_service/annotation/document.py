"""The annotated PDF: the user's file, the Scores, and the digits that go between."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pikepdf
import pypdfium2

from etude.media_types import PDF, PICTURES, media_type_of
from etude.score.v1 import score_pb2
from etude.stage.v1 import fingering_service_pb2
from renderer_service.annotation.ink import ink_of_page
from renderer_service.annotation.overlay import add_layer, frame_of, lay_over
from renderer_service.annotation.pictures import PictureError, pdf_of_pictures
from renderer_service.annotation.placing import PlacedPage, place_page
from renderer_service.annotation.stacks import CollectedStacks, PageStacks, collect_stacks
from renderer_service.fingers import Density

LAYER = "Fingering"


class AnnotationError(Exception):
    """The file cannot be annotated; the message says why, for a person. `reason` is the name of an ErrorReason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class AnnotatedPdf:
    """The annotated file.

    Attributes:
        data: The PDF.
        pages: The digits that were written, by page.
        remarks: What did not come out as asked, in sentences for people.
    """

    data: bytes
    pages: tuple[PlacedPage, ...]
    remarks: tuple[str, ...]


def annotate_pdf(
    original: bytes,
    scores: Sequence[score_pb2.Score],
    *,
    density: Density = fingering_service_pb2.FINGERING_DENSITY_ALL,
    on_page: Callable[[int, int], None] = lambda done, total: None,
) -> AnnotatedPdf:
    """The user's pages with the fingers of the Scores printed on them, where they are not printed already.

    Args:
        original: The PDF or picture the Scores were read from.
        scores: Scores with page regions.
        density: Which fingers are written.
        on_page: Called with the pages done and the number of pages to do.

    Raises:
        AnnotationError: neither PDF nor picture, a broken or encrypted one, or Scores that come from no page.
    """
    if not any(score.pages for score in scores):
        raise AnnotationError(
            "INVALID_REQUEST", "this music was not read from pages, so there are none to print fingers on."
        )
    if not original:
        raise AnnotationError("INVALID_REQUEST", "the original was not sent along with the score.")
    media_type = media_type_of(original)
    if media_type in PICTURES:
        try:
            original = pdf_of_pictures(original)
        except PictureError as error:
            raise AnnotationError("CORRUPT_FILE", f"the picture cannot be opened ({error}).") from None
    elif media_type != PDF:
        raise AnnotationError(
            "UNSUPPORTED_MEDIA_TYPE", "the original is neither a PDF nor a picture, so it has no pages to print on."
        )
    collected = collect_stacks(scores, density)
    try:
        with pikepdf.open(io.BytesIO(original)) as pdf:
            placed = _annotate(pdf, original, collected, on_page)
            buffer = io.BytesIO()
            pdf.save(
                buffer,
                deterministic_id=not pdf.is_encrypted,
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
                compress_streams=True,
                fix_metadata_version=False,
            )
    except pikepdf.PasswordError:
        raise AnnotationError("ENCRYPTED_FILE", "the original is protected by a password.") from None
    except (pikepdf.PdfError, pypdfium2.PdfiumError) as error:
        raise AnnotationError("CORRUPT_FILE", f"the original cannot be opened ({error}).") from None
    return AnnotatedPdf(buffer.getvalue(), tuple(placed), tuple(_remarks(collected, placed, len(collected.pages))))


def _annotate(
    pdf: pikepdf.Pdf, original: bytes, collected: CollectedStacks, on_page: Callable[[int, int], None]
) -> list[PlacedPage]:
    placed: list[PlacedPage] = []
    if not collected.pages:
        return placed
    layer = add_layer(pdf, LAYER)
    digest = hashlib.sha256(original).digest()
    viewer = pypdfium2.PdfDocument(original)
    try:
        for done, stacks in enumerate(collected.pages):
            on_page(done, len(collected.pages))
            if not 1 <= stacks.page_number <= len(pdf.pages):
                continue
            page = pdf.pages[stacks.page_number - 1]
            placed.append(_annotate_page(pdf, page, viewer, digest, stacks, layer))
    finally:
        viewer.close()
    return placed


def _annotate_page(
    pdf: pikepdf.Pdf,
    page: pikepdf.Page,
    viewer: pypdfium2.PdfDocument,
    digest: bytes,
    stacks: PageStacks,
    layer: pikepdf.Object,
) -> PlacedPage:
    shown = viewer[stacks.page_number - 1]
    swapped = (stacks.width > stacks.height) != (shown.get_width() > shown.get_height())
    upside_down = stacks.rotation and stacks.rotation == (shown.get_rotation() + 180) % 360
    if stacks.rotation is not None and stacks.width > 0 and (swapped or upside_down):
        # its music lies on its side or upside down: it was read upright and is shown so
        page.rotate(stacks.rotation, relative=False)
        shown.set_rotation(stacks.rotation)
    frame = frame_of(page)
    width, height = stacks.width or frame.width, stacks.height or frame.height
    try:
        digits = _PLACED.of(
            digest, stacks, lambda: place_page(stacks, ink_of_page(shown, width, height, stacks.staves))
        )
    finally:
        shown.close()
    lay_over(pdf, page, digits.digits, width / frame.width, layer)
    return digits


class _PlacedPages:
    """The pages this process placed last: a correction changes the digits of one page of many."""

    def __init__(self, capacity: int = 64) -> None:
        self._capacity = capacity
        self._pages: OrderedDict[tuple[bytes, PageStacks], PlacedPage] = OrderedDict()

    def of(self, digest: bytes, stacks: PageStacks, place: Callable[[], PlacedPage]) -> PlacedPage:
        """What is placed on a page of the document of that SHA-256: the same for the same stacks."""
        placed = self._pages.get((digest, stacks))
        if placed is None:
            placed = self._pages[digest, stacks] = place()
        self._pages.move_to_end((digest, stacks))
        while len(self._pages) > self._capacity:
            self._pages.popitem(last=False)
        return placed


_PLACED = _PlacedPages()


def _remarks(collected: CollectedStacks, placed: Sequence[PlacedPage], wanted: int) -> list[str]:
    remarks = []
    lost = len(collected.without_place)
    if lost:
        fingers = "1 finger is" if lost == 1 else f"{lost} fingers are"
        remarks.append(f"{fingers} not on the annotated pages, for it is not known where their notes are printed.")
    if len(placed) < wanted:
        remarks.append("The original has fewer pages than the music was read from; the others are not annotated.")
    for page in placed:
        if page.crowded:
            bars = ", ".join(page.crowded)
            remarks.append(
                f"Page {page.page_number}: some fingers stand on other print for want of room, in bar {bars}."
            )
    return remarks

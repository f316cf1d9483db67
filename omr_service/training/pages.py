"""Pages with labels as files the training maps into memory: grey images, masks, points.

A page is three files in a folder: NAME.page.npy, uint8 (2 * height, 2 * width), at twice the normal resolution;
NAME.masks.npy, uint16 (height, width); NAME.points.npy, float32 (n, 5), as `PageLabels`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2
from numpy.typing import NDArray

from etude.mesh.errors import EtudeError
from omr_service.pdf.document import open_document
from omr_service.pdf.reader import has_vector_music
from omr_service.training.labels import label_page, page_scale

OVERSAMPLING = 2
"""Stored pixels per normalised pixel, each way: a scan at 300 dpi has about as many."""
LEAST_POINTS = 30
"""A page with fewer symbols teaches little."""


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page in memory-mapped arrays; see the module."""

    name: str
    page: NDArray[np.uint8]
    masks: NDArray[np.uint16]
    points: NDArray[np.float32]


def rasterise(pdf: bytes, page_number: int, scale: float) -> NDArray[np.uint8]:
    """Returns a page of a PDF as grey pixels, both sides a multiple of OVERSAMPLING.

    Args:
        pdf: The file.
        page_number: From 1.
        scale: Pixels of a normalised page per page point.
    """
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    try:
        page = document[page_number - 1]
        bitmap = page.render(scale=OVERSAMPLING * scale, grayscale=True)
        pixels = np.asarray(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width)
    finally:
        document.close()
    height, width = (side // OVERSAMPLING * OVERSAMPLING for side in pixels.shape)
    return np.array(pixels[:height, :width])


def prepare_document(pdf: bytes, name: str, out: Path) -> int:
    """Writes the labelled pages of an engraved PDF to a folder; returns how many.

    Pages that the engraved reader cannot read, or that hold hardly any music, are left out.
    """
    count = 0
    with open_document(pdf) as document:
        for number in range(1, document.page_count + 1):
            try:
                symbols = document.read_page(number)
            except EtudeError:
                continue  # a page the labeller cannot read has no labels; the count returned tells
            scale = page_scale(symbols) if has_vector_music(symbols) else None
            if scale is None:
                continue
            page = rasterise(pdf, number, scale)
            labels = label_page(symbols, page, scale)
            if len(labels.points) < LEAST_POINTS:
                continue
            stem = f"{name}-{number}"
            np.save(out / f"{stem}.page.npy", page)
            np.save(out / f"{stem}.points.npy", labels.points)
            # last, because a page counts as written when its masks are there
            np.save(out / f"{stem}.masks.npy", labels.masks)
            count += 1
    return count


def load_pages(folder: Path) -> Iterator[LabelledPage]:
    """The labelled pages of a folder, in the order of their names."""
    for path in sorted(folder.glob("*.masks.npy")):
        name = path.name.removesuffix(".masks.npy")
        yield LabelledPage(
            name,
            np.load(folder / f"{name}.page.npy", mmap_mode="r"),
            np.load(path, mmap_mode="r"),
            np.load(folder / f"{name}.points.npy"),
        )


def held_out(name: str, share: int = 16) -> bool:
    """True for the pages of one source in `share`, which are kept for measuring.

    Args:
        name: Name of a page or document; what stands before "--" in it (engraver, face, seed) does not count.
    """
    source = name.split("--", 1)[-1].rsplit("-", 1)[0]
    return int(hashlib.sha256(source.encode()).hexdigest(), 16) % share == 0

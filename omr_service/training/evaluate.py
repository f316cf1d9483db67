"""How well a detector finds what is on degraded patches of pages it was not trained on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.detector import Detector, Point, find_points
from omr_service.scan.vocabulary import LINES, MASK_STRIDE, POINTS, STAFF_SPACE
from omr_service.training.canvas import UNKNOWN
from omr_service.training.degrade import Patch
from omr_service.training.feed import Sampler
from omr_service.training.pages import held_out, load_pages

CLOSE = 0.5 * STAFF_SPACE
"""Greatest distance, each way, of a detection from the symbol it finds, in pixels."""
CERTAIN = 0.5
"""Probability from which on a detection counts."""


@dataclass(slots=True)
class Tally:
    """Counts over patches.

    Attributes:
        found, missed, wrong: By point class: symbols found, symbols missed, detections where no such symbol is.
        confused: (what it is, what was said) for symbols found under another name.
        errors: Vertical distances of found noteheads from their place, in staff spaces.
        overlap: By line class, cells that are in both, and cells that are in either.
    """

    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[float] = field(default_factory=list)
    overlap: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, patch: Patch, points: list[Point], masks: NDArray[np.uint8]) -> None:
        """Counts one patch.

        Args:
            patch: What is there.
            points: What was detected.
            masks: As `Detections.masks`.
        """
        certain = [p for p in points if p.probability >= CERTAIN and not _unknown(patch, p.x, p.y)]
        free = set(range(len(certain)))
        rest: list[tuple[str, float, float]] = []
        for kind, x, y, _, _ in patch.points:
            name = POINTS[int(kind)]
            if _unknown(patch, x, y):
                continue
            at = [i for i in free if certain[i].name == name and _close(certain[i], x, y)]
            if at:
                free.discard(at[0])
                self.found[name] += 1
                if name.startswith("notehead"):
                    self.errors.append(abs(certain[at[0]].y - y) / STAFF_SPACE)
            else:
                self.missed[name] += 1
                rest.append((name, x, y))
        for name, x, y in rest:
            for i in free:
                if _close(certain[i], x, y):
                    self.confused[name, certain[i].name] += 1
        self.wrong.update(certain[i].name for i in free)
        k = MASK_STRIDE
        blocks = patch.masks.reshape(patch.masks.shape[0] // k, k, patch.masks.shape[1] // k, k)
        bits = np.bitwise_or.reduce(np.bitwise_or.reduce(blocks, axis=3), axis=1)
        known = (bits >> UNKNOWN) == 0
        for i, line in enumerate(LINES):
            truth, said = ((bits >> i) & 1 > 0) & known, (masks[i] >= 128) & known
            both, either = self.overlap.get(line, (0, 0))
            self.overlap[line] = (both + int((truth & said).sum()), either + int((truth | said).sum()))

    def summary(self) -> dict[str, object]:
        """Recall and precision in percent by class, and over all; overlap (intersection over union) of the masks."""
        names = [n for n in POINTS if self.found[n] + self.missed[n] + self.wrong[n]]
        classes = {}
        for n in names:
            there, said = self.found[n] + self.missed[n], self.found[n] + self.wrong[n]
            classes[n] = {
                "number": there,
                "recall": round(100 * self.found[n] / there, 1) if there else None,
                "precision": round(100 * self.found[n] / said, 1) if said else None,
            }
        found, missed, wrong = (sum(c.values()) for c in (self.found, self.missed, self.wrong))
        return {
            "symbols": found + missed,
            "recall": round(100 * found / max(1, found + missed), 2),
            "precision": round(100 * found / max(1, found + wrong), 2),
            "notehead_height_error_spaces_mean": round(float(np.mean(self.errors)), 4) if self.errors else None,
            "notehead_height_error_over_quarter_space_percent": (
                round(100 * float(np.mean(np.array(self.errors) > 0.25)), 3) if self.errors else None
            ),
            "masks_overlap": {n: round(100 * b / e, 1) for n, (b, e) in self.overlap.items() if e},
            "confused": {f"{a} as {b}": n for (a, b), n in self.confused.most_common(20)},
            "classes": classes,
        }


def _close(point: Point, x: float, y: float) -> bool:
    return abs(point.x - x) <= CLOSE and abs(point.y - y) <= CLOSE


def _unknown(patch: Patch, x: float, y: float) -> bool:
    row = min(max(int(y), 0), patch.masks.shape[0] - 1)
    column = min(max(int(x), 0), patch.masks.shape[1] - 1)
    return bool(patch.masks[row, column] >> UNKNOWN)


def evaluate(detector: Detector, pages: Path, patches: int, seed: int = 7, foreign: bool = False) -> Tally:
    """Counts over degraded patches of the pages that are held out.

    Args:
        detector: What is measured.
        pages: Folder of labelled pages.
        patches: How many patches are cut.
        seed: Of everything random.
        foreign: True where none of the pages was trained on, so that all of them are taken.

    Raises:
        ValueError: No page is held out.
    """
    sampler = Sampler([p for p in load_pages(pages) if foreign or held_out(p.name)], seed)
    tally = Tally()
    for _ in range(patches):
        patch = sampler.patch()
        probabilities, places, masks = detector.run(patch.page)
        tally.add(patch, find_points(probabilities, places, detector.classes), masks)
    return tally

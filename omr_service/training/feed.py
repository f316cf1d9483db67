"""Patches for training, made by processes of their own while the network computes."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Sequence
from multiprocessing.queues import Queue
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.scan.vocabulary import POINTS
from omr_service.training.degrade import HEIGHT, WIDTH, Degrader, Patch
from omr_service.training.pages import LabelledPage, held_out, load_pages
from omr_service.training.targets import Targets, make_targets

RARE = 0.6
"""Share of patches that are cut around a symbol of a class drawn by `_EVENED` of its number, not of its number."""
_EVENED = 0.3


class Example(NamedTuple):
    """A patch with its answers."""

    page: NDArray[np.uint8]
    targets: Targets


class Sampler:
    """Chooses where patches are cut, so that rare symbols come often enough."""

    def __init__(self, pages: Sequence[LabelledPage], seed: int) -> None:
        """Takes pages to cut from.

        Raises:
            ValueError: There are none, or none with symbols.
        """
        self.pages = pages
        self.degrader = Degrader(seed)
        owners = [np.full(len(page.points), i) for i, page in enumerate(pages)]
        if not owners or not sum(map(len, owners)):
            raise ValueError("There are no labelled pages to learn from.")
        self._page = np.concatenate(owners)
        self._row = np.concatenate([np.arange(len(page.points)) for page in pages])
        kinds = np.concatenate([page.points[:, 0] for page in pages]).astype(int)
        counts = np.bincount(kinds, minlength=len(POINTS))
        self._of_kind = [np.flatnonzero(kinds == k) for k in range(len(POINTS))]
        shares = np.where(counts > 0, np.maximum(counts, 1) ** _EVENED, 0.0)
        self._shares = shares / shares.sum()

    def patch(self) -> Patch:
        """A degraded patch from somewhere."""
        rng = self.degrader.rng
        if rng.random() < RARE:
            own = self._of_kind[int(rng.choice(len(POINTS), p=self._shares))]
            index = own[int(rng.integers(len(own)))]
        else:
            index = int(rng.integers(len(self._page)))
        page = self.pages[self._page[index]]
        x, y = page.points[self._row[index], 1:3]
        x += rng.uniform(-0.45, 0.45) * WIDTH
        y += rng.uniform(-0.45, 0.45) * HEIGHT
        other = self.pages[int(rng.integers(len(self.pages)))]
        return self.degrader.patch(page, float(x), float(y), other)

    def example(self) -> Example:
        """A degraded patch and its answers."""
        patch = self.patch()
        return Example(patch.page, make_targets(patch.points, patch.masks))


def _work(folder: Path, seed: int, out: Queue[Example]) -> None:
    cv2.setNumThreads(1)
    sampler = Sampler([p for p in load_pages(folder) if not held_out(p.name)], seed)
    parent = multiprocessing.parent_process()
    example = sampler.example()
    while parent is None or parent.is_alive():  # nobody stops the workers of a training that was killed
        try:
            out.put(example, timeout=5)
        except queue.Full:
            continue
        example = sampler.example()


class Feed:
    """Batches from a pool of patches that processes keep filling; a patch may be seen a few times.

    A context manager: leaving it ends the processes.
    """

    def __init__(self, folder: Path, processes: int, seed: int, pool: int = 384, uses: int = 3) -> None:
        """Prepares to cut from the pages in `folder` that are not held out.

        Args:
            folder: As `load_pages`.
            processes: Processes that make patches.
            seed: Of everything random.
            pool: Patches held at once.
            uses: How often a patch is used at most, on average.
        """
        context = multiprocessing.get_context("spawn")
        self._queue: Queue[Example] = context.Queue(64)
        self._workers = [
            context.Process(target=_work, args=(folder, seed * 1000 + i, self._queue), daemon=True)
            for i in range(processes)
        ]
        self._pool: list[Example] = []
        self._size, self._uses = pool, uses
        self._rng = np.random.default_rng(seed)
        self.made = 0
        """Patches made so far."""

    def __enter__(self) -> Feed:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.join()

    def batch(self, count: int) -> list[Example]:
        """Some patches of the pool, after it has taken in what is new.

        Raises:
            RuntimeError: A process that makes patches has died.
        """
        least = max(1, count // self._uses)
        taken = 0
        while taken < least or len(self._pool) < 4 * count or not self._queue.empty():
            if taken >= count and len(self._pool) >= 4 * count:
                break
            try:
                example = self._queue.get(timeout=120)
            except queue.Empty as error:
                if all(worker.is_alive() for worker in self._workers):
                    continue
                raise RuntimeError("A process that makes patches has ended.") from error
            taken += 1
            self.made += 1
            if len(self._pool) < self._size:
                self._pool.append(example)
            else:
                self._pool[int(self._rng.integers(self._size))] = example
        chosen = self._rng.choice(len(self._pool), count, replace=False)
        return [self._pool[int(i)] for i in chosen]

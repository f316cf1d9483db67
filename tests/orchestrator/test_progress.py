"""Progress is written beside the work, what comes within a moment together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from etude.mesh.errors import EtudeError
from etude.stage.v1.stage_pb2 import Progress
from orchestrator import progress as progress_module
from orchestrator.progress import ProgressRecorder


class Written:
    """What was written, batch by batch."""

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self._seconds = seconds
        self._error = error
        self._news = asyncio.Event()

    async def __call__(self, batch: Sequence[Progress]) -> None:
        await asyncio.sleep(self._seconds)
        if self._error is not None:
            raise self._error
        self.batches.append([each.page for each in batch])
        self._news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.batches) < count:
                self._news.clear()
                await self._news.wait()


def page(number: int) -> Progress:
    return Progress(page=number, fraction=number / 10)


async def test_what_comes_within_a_moment_is_written_together() -> None:
    written = Written()
    recorder = ProgressRecorder("omr", written, 60.0)
    for number in (1, 2, 3):
        await recorder.report(page(number))
    assert written.batches == []
    await written.until(1)
    await recorder.report(page(4))
    await written.until(2)
    assert written.batches == [[1, 2, 3], [4]]
    assert await recorder.finish() == []


async def test_what_comes_while_one_write_runs_goes_into_the_next() -> None:
    written = Written(seconds=0.2)
    recorder = ProgressRecorder("omr", written, 60.0)
    await recorder.report(page(1))
    await asyncio.sleep(2 * progress_module._GATHER_S)
    await recorder.report(page(2))
    await recorder.report(page(3))
    await written.until(2)
    assert written.batches == [[1], [2, 3]]
    assert await recorder.finish() == []


async def test_what_is_left_at_the_end_is_for_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "_GATHER_S", 0.05)
    written = Written()
    recorder = ProgressRecorder("omr", written, 60.0)
    for number in (1, 2, 2):  # the last one is no new page
        await recorder.report(page(number))
    assert [each.page for each in await recorder.finish()] == [1, 2, 2]
    await asyncio.sleep(0.1)
    assert written.batches == []


async def test_a_write_that_fails_is_told_at_the_next_report() -> None:
    recorder = ProgressRecorder("omr", Written(error=EtudeError("STALE_EPOCH", "late")), 60.0)
    await recorder.report(page(1))
    await asyncio.sleep(2 * progress_module._GATHER_S)
    for _ in range(10):  # it has begun by now, and takes a round of the loop or two
        await asyncio.sleep(0)
    with pytest.raises(EtudeError, match="late"):
        await recorder.report(page(2))
    await recorder.abandon()


async def test_nothing_is_written_once_it_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "_GATHER_S", 0.05)
    written = Written()
    recorder = ProgressRecorder("omr", written, 60.0)
    await recorder.report(page(1))
    await recorder.abandon()
    await asyncio.sleep(0.1)
    assert written.batches == []

"""The engine alone, with steps that fail to be noted and runs that came to nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from orchestrator.engine import dbos
from orchestrator.engine.dbos import DbosEngine, sqlite_engine
from orchestrator.engine.port import Run
from orchestrator.repositories.jobs import JobRef

RUN = Run(JobRef("t1", "j1"), 1, 1)


@contextlib.asynccontextmanager
async def running(
    directory: Path, step: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DbosEngine]:
    monkeypatch.setattr(dbos, "_FIRST_PAUSE_S", 0.01)

    async def run_step(ref: JobRef, name: str) -> bool:
        return step(name)

    engine = DbosEngine(sqlite_engine(directory / "engine.sqlite"), "test", ["one", "two"], run_step)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def ended(engine: DbosEngine) -> None:
    async with asyncio.timeout(20):
        while await engine.pending():  # noqa: ASYNC110 - nothing here could set an event
            await asyncio.sleep(0.02)


async def test_a_step_that_cannot_be_noted_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def step(name: str) -> bool:
        calls.append(name)
        if calls.count(name) < 3:
            raise ConnectionError("the database is away")
        return True

    async with running(tmp_path, step, monkeypatch) as engine:
        await engine.submit(RUN)
        await ended(engine)
    assert calls == ["one"] * 3 + ["two"] * 3


async def test_a_run_that_came_to_nothing_is_revived_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def step(name: str) -> bool:
        calls.append(name)
        return False  # the run ends

    async with running(tmp_path, step, monkeypatch) as engine:
        await engine.submit(RUN)
        await ended(engine)
        await engine.submit(RUN)  # the same run
        await ended(engine)
        assert calls == ["one"]
        assert await engine.revive(RUN)
        await ended(engine)
        assert calls == ["one", "one"]


async def test_a_run_that_goes_on_is_not_revived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(name: str) -> bool:
        raise ConnectionError("the database is away")

    async with running(tmp_path, step, monkeypatch) as engine:
        await engine.submit(RUN)
        assert not await engine.revive(RUN)
        async with asyncio.timeout(5):  # although it is in the middle of a pause
            await engine.stop()

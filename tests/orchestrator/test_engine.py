"""The engine alone, with steps that fail to be noted and runs that came to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

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


def test_an_old_sqlite_tells_dbos_the_time_as_a_new_one_does(tmp_path):
    with sqlite_engine(tmp_path / "engine.sqlite").connect() as connection:
        now = connection.execute(sa.text("SELECT unixepoch('subsec')")).scalar_one()
    assert isinstance(now, float) and abs(now - time.time()) < 60


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
        await engine.submit(RUN)  # the same run, which is under way
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


def written_runs(directory: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(directory / "engine.sqlite")) as connection:
        return connection.execute("SELECT workflow_uuid, status FROM workflow_status").fetchall()


async def test_a_run_that_lasts_is_written_down_and_one_that_does_not_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbos, "_UNWRITTEN_S", 0.1)
    calls: list[str] = []
    lasting = asyncio.Event()

    async def run_step(ref: JobRef, name: str) -> bool:
        calls.append(f"{ref.job_id} {name}")
        if ref.job_id == "lasts":
            await lasting.wait()
        return True

    engine = DbosEngine(sqlite_engine(tmp_path / "engine.sqlite"), "test", ["one", "two"], run_step)
    await engine.start()
    try:
        await engine.submit(Run(JobRef("t1", "short"), 1, 1))
        await engine.submit(Run(JobRef("t1", "lasts"), 1, 1))
        async with asyncio.timeout(10):
            while not written_runs(tmp_path):  # noqa: ASYNC110 - nothing here could set an event
                await asyncio.sleep(0.02)
        assert written_runs(tmp_path) == [("lasts.1.1", "PENDING")]
        assert await engine.pending() == {"lasts"}
        lasting.set()
        await ended(engine)
        assert sorted(calls) == ["lasts one", "lasts two", "short one", "short two"]
    finally:
        await engine.stop()


async def test_a_run_handed_back_at_a_stop_goes_on_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbos, "_UNWRITTEN_S", 0.0)
    calls: list[str] = []

    async def stuck(ref: JobRef, name: str) -> bool:
        calls.append(name)
        await asyncio.Event().wait()
        return True

    engine = DbosEngine(sqlite_engine(tmp_path / "engine.sqlite"), "test", ["one", "two"], stuck)
    await engine.start()
    await engine.submit(RUN)
    async with asyncio.timeout(10):
        while not written_runs(tmp_path):  # noqa: ASYNC110 - nothing here could set an event
            await asyncio.sleep(0.02)
    await engine.stop()
    assert written_runs(tmp_path) == [("j1.1.1", "PENDING")]

    def step(name: str) -> bool:
        calls.append(name)
        return True

    async with running(tmp_path, step, monkeypatch) as engine:
        await ended(engine)
    assert calls == ["one", "one", "two"]
    assert written_runs(tmp_path) == [("j1.1.1", "SUCCESS")]

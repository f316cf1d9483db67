"""The write-ahead log of SQLite is copied into the database beside the event loop."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from orchestrator import checkpoints
from orchestrator.checkpoints import Checkpoints
from orchestrator.database import Database


async def commit(database: Database, times: int) -> None:
    for number in range(times):
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO notes VALUES (:number)"), {"number": number})


def rows_without_log(path: Path, scratch: Path) -> int:
    """What is in the file itself, as a copy without the log beside it tells."""
    shutil.copyfile(path, scratch)
    with sqlite3.connect(scratch) as connection:
        return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    database = Database(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE notes (number INTEGER)"))
    yield database
    await database.close()


async def test_after_so_many_commits_the_database_has_them_without_its_log(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in: list[threading.Thread] = []
    make = Checkpoints._checkpoint

    def seen(self: Checkpoints) -> None:
        made_in.append(threading.current_thread())
        make(self)

    monkeypatch.setattr(Checkpoints, "_checkpoint", seen)
    await commit(database, checkpoints._COMMITS)
    own = database._access._checkpoints  # type: ignore[union-attr]  # the fixture's is SQLite's
    assert own is not None
    await own.close()
    assert len(made_in) == 1
    assert made_in[0] is not threading.current_thread()
    assert rows_without_log(tmp_path / "jobs.sqlite", tmp_path / "copy.sqlite") >= checkpoints._COMMITS - 2


async def test_the_log_stays_bounded_when_no_checkpoint_can_be_made_beside(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Checkpoints) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Checkpoints, "_checkpoint", broken)
    page = "x" * 4000
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE pages (content TEXT)"))
    for _ in range(6):
        async with database.write() as connection:
            content = [{"content": page}] * 2000
            await connection.execute(text("INSERT INTO pages VALUES (:content)"), content)
    await commit(database, checkpoints._COMMITS)
    log = (tmp_path / "jobs.sqlite-wal").stat().st_size
    assert log < 2 * checkpoints.LARGEST_LOG_PAGES * 4096
    async with database.read() as connection:
        ((count,),) = await connection.execute(text("SELECT count(*) FROM notes"))
    assert count == checkpoints._COMMITS


async def test_a_checkpoint_makes_no_file_where_the_database_is_gone(tmp_path: Path) -> None:
    gone = Checkpoints(tmp_path / "gone.sqlite")
    for _ in range(checkpoints._COMMITS):
        gone.committed()
    await gone.close()
    assert not (tmp_path / "gone.sqlite").exists()

"""Rows that are written together, and jobs that are changed without being read before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from google.rpc import status_pb2
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from etude.stage.v1 import stage_pb2
from orchestrator import states, tables
from orchestrator.changes import Added, Changed
from orchestrator.database import Database
from orchestrator.notifier import Notifier
from orchestrator.repositories.artifacts import ArtifactRepository
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.jobs import JobRecord, find_job
from orchestrator.repositories.requests import Answer, RequestKey, find_answer, kept_answer
from orchestrator.repositories.wire import now
from orchestrator.states import Cause
from orchestrator.store import Store
from tests.orchestrator.conftest import refused
from tests.orchestrator.test_database import REF, events_of, insert_job, make_job, new_artifact

#: What JSON and PostgreSQL each have to write in another way.
HARD = "ä \"quoted\" \\ back\\u0041slash \n line, {brace}, 'one', \N{MUSICAL SYMBOL G CLEF}, NULL, \\x00"


def begun(*steps: str) -> Added:
    common = {"tenant_id": "t1", "job_id": "j1", "attempt": 1, "runs": 1, "start_time": now()}
    return Added(tables.job_steps, [{**common, "step": step} for step in steps])


def changed_job(expected_epoch: int, **values: Any) -> Changed:
    return Changed(tables.jobs, {"tenant_id": "t1", "job_id": "j1", "epoch": expected_epoch}, values)


async def steps_of(database: Database) -> list[str]:
    async with database.read() as connection:
        return sorted((await connection.execute(select(tables.job_steps.c.step))).scalars())


async def test_all_changes_are_made_or_none(database: Database) -> None:
    await insert_job(database, make_job())
    assert await database.apply([])
    assert not await database.apply([changed_job(7, state="FAILED"), begun("omr")])
    assert await steps_of(database) == []
    assert await database.apply([changed_job(1, state="FAILED", epoch=2), begun("omr", "fingering")])
    assert await steps_of(database) == ["fingering", "omr"]
    with pytest.raises(IntegrityError):
        await database.apply([changed_job(2, state="PENDING"), begun("rendering", "omr")])
    assert await steps_of(database) == ["fingering", "omr"]
    job = (await find_job(database, REF)).job
    assert (job.state, job.epoch) == (states.FAILED, 2)


async def test_changes_in_a_transaction_go_with_it(database: Database) -> None:
    await insert_job(database, make_job())
    with pytest.raises(RuntimeError):
        async with database.write() as connection:
            assert await connection.apply([changed_job(1, state="FAILED"), begun("omr")])
            raise RuntimeError
    assert await steps_of(database) == []
    assert (await find_job(database, REF)).job.state == states.PENDING


async def test_what_is_written_is_what_is_read(database: Database) -> None:
    job = make_job()
    job.options.filename = job.source.filename = HARD
    await insert_job(database, job, {"traceparent": HARD})
    editor = JobEditor(await find_job(database, REF), HARD)
    editor.remark(HARD)
    stored = editor.add_artifact(new_artifact("a", filename=HARD, parameters={"k": HARD}, size_bytes=5 << 40))
    error = status_pb2.Status(code=3, message=HARD)
    editor.transition(states.CANCELLED, Cause.CANCEL, HARD, error=error)
    assert await database.apply(editor.changes())
    record = await find_job(database, REF)
    assert record.job == editor.job
    assert record.job.error == error
    assert record.trace_context == {"traceparent": HARD}
    *_, remark, made, failed = await events_of(database)
    assert (remark.reason, remark.actor, failed.reason) == (HARD, HARD, HARD)
    assert made.time == editor.job.update_time
    async with database.read() as connection:
        assert await ArtifactRepository(connection, "t1").list("j1") == [stored]


@pytest.mark.parametrize(
    ("told", "kept"), [("a\0b\0", "a\ufffdb\ufffd"), ("\\u0000\\\0", "\\u0000\\\ufffd"), ("\\\\u0000", "\\\\u0000")]
)
async def test_what_a_stage_tells_may_hold_any_character(database: Database, told: str, kept: str) -> None:
    await insert_job(database, make_job())
    editor = JobEditor(await find_job(database, REF), "x")
    editor.remark(told)
    editor.progress(stage_pb2.Progress(stage="omr", message=told))
    assert await database.apply(editor.changes())
    _, remark, progress = await events_of(database)
    expected = told if database.is_sqlite else kept
    assert (remark.reason, progress.progress.message) == (expected, expected)


async def test_a_job_and_the_answer_about_it_are_made_together(database: Database) -> None:
    key = RequestKey("t1", "u1", "CreateJob", "r", "digest")
    for name in ("j1", "j2"):
        job = make_job()
        job.job_id = name
        editor = JobEditor(JobRecord(job, {}), "user:u1", new=True)
        editor.created("created")
        changes = [*editor.changes(), *kept_answer(key, Answer(name, b""))]
        if name == "j1":
            assert await database.apply(changes)
        else:  # the request was answered already
            with pytest.raises(IntegrityError):
                await database.apply(changes)
    assert await find_answer(database, key) == Answer("j1", b"")
    async with database.read() as connection:
        assert list((await connection.execute(select(tables.jobs.c.job_id))).scalars()) == ["j1"]


def remarking(text: str, seen: list[int]) -> Callable[[JobEditor], int]:
    def work(editor: JobEditor) -> int:
        seen.append(editor.job.last_sequence)
        editor.remark(text)
        return editor.job.last_sequence

    return work


async def test_a_job_that_another_process_changed_is_read_and_changed_anew(store: Store) -> None:
    await insert_job(store.database, make_job())
    other = Store(store.database, store.blobs, Notifier())
    seen: list[int] = []
    assert await store.change(REF, "one", remarking("1", seen)) == 2
    assert await other.change(REF, "two", remarking("2", seen)) == 3
    assert seen == [1, 2]
    assert await store.change(REF, "one", remarking("3", seen)) == 4
    assert seen == [1, 2, 2, 3]  # as it was left here, and then as it was
    assert [event.reason for event in await events_of(store.database)] == ["created", "1", "2", "3"]
    assert list((await find_job(store.database, REF)).job.summary.remarks) == ["1", "2", "3"]


async def test_what_is_refused_of_a_job_as_it_was_may_be_right_for_it_as_it_is(store: Store) -> None:
    await insert_job(store.database, make_job())
    other = Store(store.database, store.blobs, Notifier())
    await store.change(REF, "one", lambda editor: editor.remark("known here"))
    await other.change(REF, "two", lambda editor: editor.transition(states.OMR_PROCESSING, Cause.START, "begins"))

    def finish(editor: JobEditor) -> None:
        editor.transition(states.OMR_COMPLETED, Cause.FINISH, "ends", expected_epoch=2)

    await store.change(REF, "one", finish)
    assert (await find_job(store.database, REF)).job.state == states.OMR_COMPLETED
    with refused("STALE_EPOCH"):
        await store.change(REF, "one", finish)


async def test_many_changes_at_once_number_their_events_without_gaps(store: Store) -> None:
    await insert_job(store.database, make_job())
    other = Store(store.database, store.blobs, Notifier())
    both = (store, other)
    await asyncio.gather(*(both[n % 2].change(REF, f"w{n}", remarking(f"r{n}", [])) for n in range(40)))
    assert [event.sequence for event in await events_of(store.database)] == list(range(1, 42))
    assert len(set((await find_job(store.database, REF)).job.summary.remarks)) == 40


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
async def test_a_change_is_one_round_trip(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await insert_job(store.database, make_job())
    await store.change(REF, "x", lambda editor: editor.remark("known here"))
    asked: list[str] = []
    for name in ("execute", "executemany", "fetch", "fetchval"):
        method = getattr(asyncpg.Connection, name)

        async def counted(self: Any, query: str, *values: Any, _method: Any = method, **options: Any) -> Any:
            asked.append(query)
            return await _method(self, query, *values, **options)

        monkeypatch.setattr(asyncpg.Connection, name, counted)

    def work(editor: JobEditor) -> None:
        editor.transition(states.OMR_PROCESSING, Cause.START, "begins")
        editor.begin_step("omr")
        editor.add_artifact(new_artifact("src"))
        editor.add_artifact(new_artifact("ir", ("src",), score_index=1))

    await store.change(REF, "x", work)
    assert len(asked) == 1
    await find_job(store.database, REF)
    assert len(asked) == 2

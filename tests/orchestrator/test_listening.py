"""Changes by another orchestrator on the same PostgreSQL are heard of at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator import listening, states
from orchestrator.blobs.local import LocalBlobStore
from orchestrator.database import Database
from orchestrator.listening import Listener
from orchestrator.notifier import Notifier
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.states import Cause
from orchestrator.store import Store
from tests.orchestrator.test_database import REF, insert_job, make_job
from tests.support.postgres import PostgresDatabase


@contextlib.asynccontextmanager
async def listening_store(database: PostgresDatabase, directory: Path) -> AsyncIterator[Store]:
    store = Store(Database(database.url), LocalBlobStore(directory), Notifier())
    task = asyncio.create_task(Listener(store.database.url, store.database.name, store.notifier).run())
    try:
        yield store
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.database.close()


async def until_it_listens(store: Store) -> None:
    async with asyncio.timeout(20):
        while store.notifier.look_every_s != listening.LISTENING_LOOK_S:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def make_the_job(store: Store) -> None:
    await store.database.upgrade()
    async with store.database.write() as connection:
        await IdentityRepository(connection, "t1").ensure("Tenant", "u1", "One")
    await insert_job(store.database, make_job())


async def cancel(store: Store) -> None:
    async with store.edit(REF, "x") as editor:
        editor.transition(states.CANCELLED, Cause.CANCEL, "")


async def test_what_another_process_does_wakes_a_watcher(
    postgres_database: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "LISTENING_LOOK_S", 60.0)
    async with listening_store(postgres_database, tmp_path) as one, listening_store(postgres_database, tmp_path) as two:
        await make_the_job(one)
        await until_it_listens(one)
        await until_it_listens(two)
        with one.notifier.watch(REF.job_id) as here, two.notifier.watch(REF.job_id) as there:
            here.take(), there.take()
            started = time.monotonic()
            await cancel(one)
            async with asyncio.timeout(10):
                await there.wait(60)
            assert there.take() is None  # it has to look
            changes = here.take()
            assert changes is not None
            assert changes[0].state == states.CANCELLED
            await asyncio.sleep(0.2)
            assert here.take() == []  # it does not hear of it twice
            assert time.monotonic() - started < 10


async def test_a_listener_comes_back_after_its_connection_was_cut(
    postgres_database: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_ASK_EVERY_S", 0.1)
    monkeypatch.setattr(listening, "_AGAIN_AFTER_S", 0.3)
    async with listening_store(postgres_database, tmp_path) as store:
        await make_the_job(store)
        await until_it_listens(store)
        with store.notifier.watch(REF.job_id) as watch:
            watch.take()
            postgres_database.server.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres_database.name}'"
            )
            await watch.wait(10)
            assert watch.take() is None  # what happens meanwhile nobody tells
            await until_it_listens(store)

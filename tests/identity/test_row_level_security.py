"""On PostgreSQL the database itself keeps tenants apart, whatever a query forgets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from etude.job.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc
from orchestrator import states, tables
from orchestrator.changes import Changed
from orchestrator.database import Database
from orchestrator.postgres import PostgresConnection
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.repositories.jobs import JobRecord, find_job, news_of_job
from orchestrator.repositories.standing import standing
from orchestrator.statements import Prepared
from orchestrator.tenancy import ALL_TENANTS, set_tenant
from tests.identity.world import bearer, running_world
from tests.orchestrator.conftest import refused
from tests.orchestrator.test_database import JobRef, insert_job, make_job
from tests.support.postgres import PostgresDatabase

BOUND = sorted(name for name, table in tables.metadata.tables.items() if "tenant_id" in table.c)


@pytest.fixture
async def database(postgres_database: PostgresDatabase) -> AsyncIterator[Database]:
    database = Database(postgres_database.url)
    await database.upgrade()
    async with database.write() as connection:
        for tenant in ("t1", "t2"):
            await IdentityRepository(connection, tenant).ensure("", "u1", "")
    for tenant in ("t1", "t2"):
        await insert_job(database, make_job(JobRef(tenant, f"{tenant}-job")))
    yield database
    await database.close()


@contextlib.contextmanager
def as_tenant(tenant_id: str) -> Iterator[None]:
    set_tenant(tenant_id)
    yield
    set_tenant(ALL_TENANTS)


async def test_every_table_of_tenants_is_bound_also_for_its_owner(database: Database) -> None:
    query = text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY relname")
    async with database.read() as connection:
        assert list((await connection.execute(query)).scalars()) == BOUND


async def test_a_query_that_forgets_the_tenant_finds_only_its_own(database: Database) -> None:
    with as_tenant("t1"):
        async with database.read() as connection:
            for name in ("tenants", "users", "jobs", "job_events"):
                table = tables.metadata.tables[name]
                assert set((await connection.execute(select(table.c.tenant_id))).scalars()) == {"t1"}, name
    async with database.read() as connection:
        assert set((await connection.execute(select(tables.jobs.c.tenant_id))).scalars()) == {"t1", "t2"}


async def test_nothing_of_anothers_can_be_changed_or_made(database: Database) -> None:
    with as_tenant("t1"):
        async with database.write() as connection:
            changed = await connection.execute(update(tables.jobs).values(state="FAILED"))
            assert changed.rowcount == 1
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.write() as connection:
                await connection.execute(update(tables.jobs).values(tenant_id="t2"))
        with pytest.raises(DBAPIError, match="row-level security"):
            await insert_job(database, make_job(JobRef("t2", "smuggled")))
    async with database.read() as connection:
        states = dict((await connection.execute(select(tables.jobs.c.job_id, tables.jobs.c.state))).all())
    assert states == {"t1-job": "FAILED", "t2-job": "PENDING"}


async def test_a_statement_that_is_a_transaction_by_itself_is_held_to_its_tenant(database: Database) -> None:
    everywhere = Prepared(select(tables.jobs.c.tenant_id).order_by(tables.jobs.c.tenant_id))
    own, others = JobRef("t1", "t1-job"), JobRef("t2", "t2-job")
    others_key = {"tenant_id": "t2", "job_id": "t2-job"}
    smuggled = JobEditor(JobRecord(make_job(JobRef("t2", "smuggled")), {}), "x", new=True)
    for _ in range(8):  # also once PostgreSQL keeps the plan
        with as_tenant("t1"):
            assert [row.tenant_id for row in await database.fetch(everywhere, {})] == ["t1"]
            assert (await standing(database, "t1", "u1")).active_jobs == 1
            assert (await standing(database, "t2", "u1")).active_jobs == 0
            assert (await news_of_job(database, own, after=0, limit=9))[1]
            for asked in (find_job(database, others), news_of_job(database, others, after=0, limit=9)):
                with refused("JOB_NOT_FOUND"):
                    await asked
            assert await database.apply([Changed(tables.jobs, {"job_id": "t1-job"}, {"state": "OMR_PROCESSING"})])
            assert not await database.apply([Changed(tables.jobs, others_key, {"state": "FAILED"})])
            with pytest.raises(DBAPIError, match="row-level security"):
                await database.apply(smuggled.changes())
            with pytest.raises(DBAPIError, match="row-level security"):
                await database.apply([Changed(tables.jobs, {"job_id": "t1-job"}, {"tenant_id": "t2"})])
        assert [row.tenant_id for row in await database.fetch(everywhere, {})] == ["t1", "t2"]
        assert (await find_job(database, others)).job.state == states.PENDING


async def test_the_tenant_of_one_statement_is_not_that_of_the_next(database: Database) -> None:
    with as_tenant("t1"):
        await find_job(database, JobRef("t1", "t1-job"))
        async with database.read() as connection:
            driver = cast("PostgresConnection", connection).driver
            await driver.execute("COMMIT")
            assert await driver.fetchval("SELECT current_setting('etude.tenant_id', true)") == ""
            assert await driver.fetch("SELECT job_id FROM jobs") == []


async def test_a_connection_that_names_no_tenant_sees_nothing(
    database: Database, postgres_database: PostgresDatabase
) -> None:
    with as_tenant("t1"):
        async with database.read() as connection:
            await connection.execute(select(tables.jobs))
    engine = create_async_engine(postgres_database.url)
    async with engine.begin() as connection:
        for name in BOUND:
            assert (await connection.execute(select(tables.metadata.tables[name]))).all() == [], name
    await engine.dispose()


async def test_a_mesh_on_postgresql_runs_jobs_of_several_tenants(
    tmp_path: Path, postgres_database: PostgresDatabase
) -> None:
    async with running_world(tmp_path, database_url=postgres_database.url) as world:
        jobs = job_service_pb2_grpc.JobServiceStub(world.channel)
        seen = {}
        for person in (world.owner, world.colleague, world.stranger):
            answer = await jobs.ListJobs(
                job_service_pb2.ListJobsRequest(), metadata=bearer(person.access_token), timeout=60
            )
            seen[person.email] = [(job.job_id, job.state) for job in answer.jobs]
        assert seen[world.owner.email] == [(world.ids["job_id"], job_pb2.JOB_STATE_COMPLETED)]
        assert seen[world.colleague.email] == seen[world.stranger.email] == []

"""On PostgreSQL the database itself keeps tenants apart, whatever a query forgets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from etude.job.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc
from orchestrator import tables
from orchestrator.database import Database
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.tenancy import ALL_TENANTS, set_tenant
from tests.identity.world import bearer, running_world
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

"""Migrations, transactions, and the repositories' conformance suite.

A further database joins the suite by adding itself to `database`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from google.rpc import status_pb2
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import IntegrityError

from etude.identity.v1.identity_service_pb2 import UserPreferences
from etude.job.v1 import artifact_service_pb2, job_pb2
from etude.job.v1.artifact_service_pb2 import ArtifactKind
from etude.mesh.errors import EtudeError, to_status
from etude.stage.v1 import stage_pb2
from orchestrator import states, tables
from orchestrator.connection import Statements
from orchestrator.database import Database, alembic_config
from orchestrator.repositories import executors
from orchestrator.repositories.artifacts import ArtifactRepository
from orchestrator.repositories.editor import JobEditor, NewArtifact
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.repositories.jobs import (
    JobRecord,
    JobRef,
    JobRepository,
    Position,
    active_jobs,
    news_of_job,
)
from orchestrator.repositories.locked import LockedJobEditor
from orchestrator.repositories.models import ModelRepository
from orchestrator.repositories.requests import Answer, RequestKey, find_answer, kept_answer
from orchestrator.repositories.wire import now, timestamp
from orchestrator.states import Cause
from orchestrator.store import Store
from tests.orchestrator.conftest import refused
from tests.support.postgres import PostgresDatabase

REF = JobRef("t1", "j1")


def make_job(ref: JobRef = REF, user_id: str = "u1", created: datetime | None = None) -> job_pb2.Job:
    job = job_pb2.Job(job_id=ref.job_id, tenant_id=ref.tenant_id, user_id=user_id, state=states.PENDING)
    job.epoch = job.attempt = 1
    moment = timestamp(created or now())
    job.create_time.CopyFrom(moment)
    job.update_time.CopyFrom(moment)
    job.options.filename = "ä.pdf"
    job.options.hand_profile.size = 1
    job.source.filename = "ä.pdf"
    job.source.size_bytes = 5_000_000_000
    job.summary.SetInParent()
    return job


async def insert_job(database: Database, job: job_pb2.Job, trace: dict[str, str] | None = None) -> None:
    editor = JobEditor(JobRecord(job, trace or {}), "user:u1", new=True)
    editor.created("created")
    assert await database.apply(editor.changes())


async def events_of(statements: Statements, ref: JobRef = REF) -> Sequence[job_pb2.JobEvent]:
    return (await news_of_job(statements, ref, after=0, limit=100))[1]


def new_artifact(artifact_id: str, sources: tuple[str, ...] = (), **fields: Any) -> NewArtifact:
    values = {"kind": ArtifactKind.ARTIFACT_KIND_IR_V1, "revision": 1, "producer_version": "2.0", **fields}
    artifact = artifact_service_pb2.Artifact(artifact_id=artifact_id, sha256="0" * 64, media_type="x/y", **values)
    return NewArtifact(artifact, f"jobs/j1/artifacts/{artifact_id}.bin", sources, "omr")


# Migrations


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, tables.metadata))


async def test_migrations_make_the_tables_of_the_code_up_down_up(database: Database) -> None:
    async with database.read() as connection:
        assert await connection.run_sync(table_names) == set(tables.metadata.tables)
        assert await connection.run_sync(differences) == []
    await database.downgrade("base")
    async with database.read() as connection:
        assert await connection.run_sync(table_names) == set()
    await database.upgrade()
    await database.upgrade()  # again: nothing to do
    async with database.read() as connection:
        assert await connection.run_sync(table_names) == set(tables.metadata.tables)
        assert await connection.run_sync(differences) == []
    await database.check()


async def test_data_stays_through_every_revision_up_and_down(empty: Database) -> None:
    script = ScriptDirectory.from_config(alembic_config(empty.url))
    revisions = [revision.revision for revision in script.walk_revisions()][::-1]
    assert revisions[0] == "0001"
    await empty.upgrade("0001")
    async with empty.write() as connection:
        await IdentityRepository(connection, "t1").ensure("Tenant", "u1", "One")
        await IdentityRepository(connection, "t1").set_preferences("u1", UserPreferences(density=1))
    job = make_job()
    await insert_job(empty, job, {"traceparent": "00-1-2-01"})
    async with empty.write() as connection:
        editor = await LockedJobEditor.open(connection, REF, "x")
        editor.begin_step("omr")
        editor.transition(states.OMR_PROCESSING, Cause.START, "begins")
        stored = [editor.add_artifact(new_artifact("a")), editor.add_artifact(new_artifact("b", ("a",), score_index=1))]
        expected = job_pb2.Job()
        expected.CopyFrom(await editor.save())
        await connection.apply(kept_answer(RequestKey("t1", "u1", "M", "r", "d"), Answer("j1", b"answer")))
    for revision in [*revisions, *revisions[::-1], *revisions]:
        here = await _revision(empty)
        await (empty.upgrade if revision >= here else empty.downgrade)(revision)
        assert await _revision(empty) == revision
        async with empty.read() as connection:
            assert (await JobRepository(connection, "t1").get("j1")).job == expected, revision
            assert len(await events_of(connection)) == 4
            assert await ArtifactRepository(connection, "t1").list("j1") == stored
            assert len(await ArtifactRepository(connection, "t1").lineage("j1")) == 1
            assert await IdentityRepository(connection, "t1").preferences("u1") == UserPreferences(density=1)
            answer = await find_answer(connection, RequestKey("t1", "u1", "M", "r", "d"))
            assert answer == Answer("j1", b"answer")
    async with empty.read() as connection:
        assert await connection.run_sync(differences) == []


async def _revision(database: Database) -> str:
    async with database.read() as connection:
        return str((await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one())


async def test_several_processes_set_a_database_up_at_the_same_time(postgres_database: PostgresDatabase) -> None:
    databases = [Database(postgres_database.url) for _ in range(4)]
    await asyncio.gather(*(database.upgrade() for database in databases))
    async with databases[0].read() as connection:
        assert await connection.run_sync(differences) == []
    for database in databases:
        await database.close()


# Orchestrators of one database


async def test_the_silent_are_given_to_one_claimant_and_again_when_that_one_dies(
    postgres_database: PostgresDatabase,
) -> None:
    database = Database(postgres_database.url)
    await database.upgrade()
    silence = timedelta(seconds=0.4)
    async with database.write() as connection:
        await executors.join(connection, "a", "process-a")
        await executors.join(connection, "b", "process-b")
        assert await executors.claim_dead(connection, "process-b", silence) == []

    async def claim(instance: str) -> Any:
        async with database.write() as connection:
            return await executors.claim_dead(connection, instance, silence)

    await asyncio.sleep(0.5)
    async with database.write() as connection:
        assert await executors.beat(connection, "b", "process-b")
    claims = await asyncio.gather(*(claim(f"survivor-{number}") for number in range(5)))
    assert [names for names in claims if names] == [["a"]]
    async with database.write() as connection:
        assert not await executors.beat(connection, "a", "process-a")  # the zombie learns of it
        await executors.forget(connection, "a", "process-a")  # and has nothing to say any more
    await asyncio.sleep(0.5)
    async with database.write() as connection:
        assert sorted(await executors.claim_dead(connection, "process-c", silence)) == ["a", "b"]
        await executors.join(connection, "a", "process-a2")
        await executors.forget(connection, "a", "process-c")  # it has come back: it stays
        assert await executors.beat(connection, "a", "process-a2")
        await executors.forget(connection, "b", "process-c")
        assert not await executors.beat(connection, "b", "process-c")
    await database.close()


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'half.sqlite'}")
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE jobs (x INTEGER)"))  # in the way of the first migration
    with pytest.raises(Exception, match="jobs"):
        await database.upgrade()
    async with database.read() as connection:
        assert await connection.run_sync(table_names) == {"jobs"}
    await database.close()


def test_every_row_of_what_users_have_belongs_to_a_tenant() -> None:
    for name, table in tables.metadata.tables.items():
        assert ("tenant_id" in table.c) == (name not in ("models", "login_attempts", "executors")), name


async def test_sqlite_is_set_up_as_promised(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    async with database.read() as connection:
        found = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30000}
    await database.close()


# Transactions


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as connection:
            await connection.apply(JobEditor(JobRecord(make_job(), {}), "x", new=True).changes())
            raise RuntimeError
    async with database.read() as connection:
        assert (await connection.execute(select(tables.jobs))).all() == []


async def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    await insert_job(database, make_job())
    async with database.read() as reader:
        before = await news_of_job(reader, REF, after=0, limit=9)
        async with database.write() as connection:
            editor = await LockedJobEditor.open(connection, REF, "x")
            editor.transition(states.CANCELLED, Cause.CANCEL, "stop")
            await editor.save()
        assert await news_of_job(reader, REF, after=0, limit=9) == before
    async with database.read() as reader:
        assert (await news_of_job(reader, REF, after=0, limit=9))[0] == Position(states.CANCELLED, 2)


async def test_times_keep_microseconds_and_zone(database: Database) -> None:
    created = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    await insert_job(database, make_job(created=created))
    async with database.read() as connection:
        job = (await JobRepository(connection, "t1").get("j1")).job
    assert job.create_time.ToDatetime(tzinfo=UTC) == created
    with pytest.raises(Exception, match="naive"):
        async with database.write() as connection:
            await connection.execute(
                tables.tenants.insert().values(tenant_id="x", display_name="", create_time=datetime(2026, 1, 1))
            )


# Jobs


async def test_a_job_comes_back_as_it_was_stored(database: Database) -> None:
    job = make_job()
    await insert_job(database, job, {"traceparent": "00-1-2-01"})
    async with database.read() as connection:
        record = await JobRepository(connection, "t1").get("j1", user_id="u1")
    assert record.job == job  # `job` was numbered by the editor as it was stored
    assert record.trace_context == {"traceparent": "00-1-2-01"}
    assert record.ref == REF


async def test_jobs_of_others_do_not_exist(database: Database) -> None:
    await insert_job(database, make_job())
    async with database.read() as connection:
        for tenant, user in (("t2", None), ("t1", "u2"), ("t2", "u1")):
            with refused("JOB_NOT_FOUND"):
                await JobRepository(connection, tenant).get("j1", user_id=user)
        for ref, user in ((JobRef("t2", "j1"), None), (REF, "u2")):
            with refused("JOB_NOT_FOUND"):
                await news_of_job(connection, ref, after=0, limit=10, user_id=user)
        assert await JobRepository(connection, "t2").list("u1", limit=10) == []
    with refused("JOB_NOT_FOUND"):
        async with database.write() as connection:
            await LockedJobEditor.open(connection, JobRef("t2", "j1"), "x")
    async with database.write() as connection:
        await JobRepository(connection, "t2").delete("j1")
    async with database.read() as connection:
        assert (await JobRepository(connection, "t1").get("j1")).job.job_id == "j1"


async def test_listing_pages_through_equal_times_without_gap_or_repeat(database: Database) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(11):
        job = make_job(JobRef("t1", f"j{number:02}"), created=start + timedelta(seconds=number // 4))
        await insert_job(database, job)
    await insert_job(database, make_job(JobRef("t1", "other"), user_id="u2"))
    seen: list[str] = []
    before: tuple[datetime, str] | None = None
    async with database.read() as connection:
        while page := await JobRepository(connection, "t1").list("u1", before=before, limit=3):
            seen += [job.job_id for job in page]
            before = (page[-1].create_time.ToDatetime(tzinfo=UTC), page[-1].job_id)
        only = await JobRepository(connection, "t1").list("u1", states=[states.CANCELLED], limit=9)
    assert seen == [f"j{number:02}" for number in reversed(range(11))]
    assert only == []


async def test_a_change_is_one_transaction_with_its_event_and_artifacts(database: Database) -> None:
    await insert_job(database, make_job())
    async with database.write() as connection:
        editor = await LockedJobEditor.open(connection, REF, "orchestrator:x")
        assert await editor.begin_step_again("omr") == 0
        editor.transition(states.OMR_PROCESSING, Cause.START, "begins", expected_epoch=1)
        editor.progress(stage_pb2.Progress(stage="omr", page=1, page_count=2, fraction=0.5))
        editor.add_artifact(new_artifact("src", kind=ArtifactKind.ARTIFACT_KIND_SOURCE))
        editor.add_artifact(new_artifact("ir", ("src",)))
        editor.remark("a remark")
        error = to_status(EtudeError("NO_MUSIC", "nothing here", violations=[("a", "b")]))
        editor.transition(states.OMR_FAILED, Cause.FAIL, "nothing", expected_epoch=2, error=error)
        editor.end_step("omr", "FAILED", "NO_MUSIC")
        await editor.save()
    async with database.read() as connection:
        repository = JobRepository(connection, "t1")
        job = (await repository.get("j1")).job
        events = await events_of(connection)
        lineage = await ArtifactRepository(connection, "t1").lineage("j1")
        step = (await connection.execute(select(tables.job_steps))).one()
    assert (job.state, job.epoch, job.last_sequence) == (states.OMR_FAILED, 3, 7)
    assert job.error == error
    assert list(job.summary.remarks) == ["a remark"]
    assert job.progress.page == 1
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert [(event.from_state, event.state, event.epoch) for event in events if event.from_state] == [
        (states.PENDING, states.OMR_PROCESSING, 2),
        (states.OMR_PROCESSING, states.OMR_FAILED, 3),
    ]
    assert [event.artifact_id for event in events if event.artifact_id] == ["src", "ir"]
    assert [(edge.source_artifact_id, edge.derived_artifact_id, edge.transformation) for edge in lineage] == [
        ("src", "ir", "omr")
    ]
    assert (step.runs, step.outcome, step.error_reason) == (1, "FAILED", "NO_MUSIC")


async def test_the_error_goes_when_the_job_goes_on_and_the_end_is_timed_once(database: Database) -> None:
    await insert_job(database, make_job())
    error = status_pb2.Status(code=3, message="no")
    steps = [
        (states.OMR_PROCESSING, Cause.START, None),
        (states.OMR_FAILED, Cause.FAIL, error),
        (states.OMR_PROCESSING, Cause.RETRY, None),
        (states.CANCELLED, Cause.CANCEL, None),
    ]
    for target, cause, status in steps:
        async with database.write() as connection:
            editor = await LockedJobEditor.open(connection, REF, "x")
            editor.transition(target, cause, "", error=status)
            await editor.save()
        async with database.read() as connection:
            job = (await JobRepository(connection, "t1").get("j1")).job
        assert job.HasField("error") == (status is not None)
        assert job.HasField("complete_time") == (target == states.CANCELLED)
    completed = job.complete_time
    async with database.write() as connection:
        editor = await LockedJobEditor.open(connection, REF, "x")
        editor.remark("late")
        await editor.save()
    async with database.read() as connection:
        assert (await JobRepository(connection, "t1").get("j1")).job.complete_time == completed


async def test_of_two_writers_the_stale_one_is_refused(store: Store) -> None:
    await insert_job(store.database, make_job())
    async with store.edit(REF, "orchestrator:one") as editor:
        editor.transition(states.OMR_PROCESSING, Cause.START, "one begins", expected_epoch=1)
    async with store.edit(REF, "orchestrator:two") as editor:
        editor.transition(states.OMR_PROCESSING, Cause.TAKEOVER, "two takes over", expected_epoch=2)
    with refused("STALE_EPOCH"):
        async with store.edit(REF, "orchestrator:one") as editor:
            editor.transition(states.OMR_COMPLETED, Cause.FINISH, "one is late", expected_epoch=2)
    with refused("STALE_EPOCH"):
        async with store.edit(REF, "orchestrator:one") as editor:
            editor.require_epoch(2)
            editor.progress(stage_pb2.Progress(page=9))
    async with store.database.read() as connection:
        events = await events_of(connection)
    assert [event.reason for event in events] == ["created", "one begins", "two takes over"]


async def test_without_the_lock_the_update_itself_refuses(database: Database) -> None:
    await insert_job(database, make_job())
    async with database.read() as connection:
        record = await JobRepository(connection, "t1").get("j1")
    async with database.write() as connection:
        editor = await LockedJobEditor.open(connection, REF, "x")
        editor.remark("in between")
        await editor.save()
    with refused("STALE_EPOCH"):
        async with database.write() as connection:
            late = LockedJobEditor(connection, record, "y")
            late.transition(states.CANCELLED, Cause.CANCEL, "late")
            await late.save()


async def test_many_writers_number_their_events_without_gaps(store: Store) -> None:
    await insert_job(store.database, make_job())

    async def write(number: int) -> None:
        async with store.edit(REF, f"w{number}") as editor:
            editor.remark(f"r{number}")
            await asyncio.sleep(0)

    await asyncio.gather(*(write(number) for number in range(40)))
    async with store.database.read() as connection:
        events = await events_of(connection)
        job = (await JobRepository(connection, "t1").get("j1")).job
    assert [event.sequence for event in events] == list(range(1, 42))
    assert job.last_sequence == 41
    assert sorted(job.summary.remarks) == sorted(f"r{number}" for number in range(40))


async def test_deleting_a_job_leaves_no_row(database: Database) -> None:
    await insert_job(database, make_job())
    async with database.write() as connection:
        editor = await LockedJobEditor.open(connection, REF, "x")
        editor.begin_step("omr")
        editor.add_artifact(new_artifact("src", kind=ArtifactKind.ARTIFACT_KIND_SOURCE))
        editor.add_artifact(new_artifact("ir", ("src",)))
        await editor.save()
        await connection.apply(kept_answer(RequestKey("t1", "u1", "M", "r", "d"), Answer("j1", b"")))
    async with database.write() as connection:
        await JobRepository(connection, "t1").delete("j1")
    async with database.read() as connection:
        for table in (
            tables.jobs,
            tables.job_steps,
            tables.job_events,
            tables.artifacts,
            tables.artifact_lineage,
            tables.requests,
        ):
            assert (await connection.execute(select(table))).all() == [], table.name


async def test_active_jobs_and_counts(database: Database) -> None:
    await insert_job(database, make_job(JobRef("t1", "a")))
    await insert_job(database, make_job(JobRef("t2", "b")))
    await insert_job(database, make_job(JobRef("t1", "c")))
    async with database.write() as connection:
        editor = await LockedJobEditor.open(connection, JobRef("t1", "c"), "x")
        editor.transition(states.CANCELLED, Cause.CANCEL, "")
        await editor.save()
    async with database.read() as connection:
        active = await active_jobs(connection, unchanged_since=now())
        assert [record.ref for record in active] == [JobRef("t1", "a"), JobRef("t2", "b")]
        assert await active_jobs(connection, unchanged_since=now() - timedelta(hours=1)) == []


# Artifacts, requests, models, identity


async def test_artifacts_in_order_by_kind_and_latest(database: Database) -> None:
    await insert_job(database, make_job())
    svg, v2 = ArtifactKind.ARTIFACT_KIND_SVG, ArtifactKind.ARTIFACT_KIND_IR_V2
    async with database.write() as connection:
        editor = await LockedJobEditor.open(connection, REF, "x")
        made = [
            new_artifact("v2a", kind=v2, parameters={"b": "2", "a": "1"}, models=[{"name": "m", "version": "1"}]),
            new_artifact("p1a", kind=svg, page_number=1),
            new_artifact("p2a", kind=svg, page_number=2),
            new_artifact("v2b", kind=v2, revision=2),
            new_artifact("p1b", kind=svg, page_number=1, revision=2),  # one page less than before
            new_artifact("other", kind=svg, page_number=1, score_index=1),
        ]
        stored = [editor.add_artifact(each) for each in made]
        await editor.save()
    async with database.read() as connection:
        repository = ArtifactRepository(connection, "t1")
        everything = await repository.list("j1")
        assert everything == stored
        assert [each.artifact.artifact_id for each in await repository.list("j1", latest_only=True)] == [
            "v2b",
            "p1b",
            "other",
        ]
        assert [each.artifact.artifact_id for each in await repository.list("j1", kinds=[v2])] == ["v2a", "v2b"]
        second = await repository.list("j1", after=everything[1].position, limit=2)
        assert [each.artifact.artifact_id for each in second] == ["p2a", "v2b"]
        assert await repository.get("v2a", user_id="u1") == stored[0]
        for tenant, user in (("t2", None), ("t1", "u2")):
            with refused("ARTIFACT_NOT_FOUND"):
                await ArtifactRepository(connection, tenant).get("v2a", user_id=user)


async def test_the_same_revision_cannot_be_stored_twice(database: Database) -> None:
    await insert_job(database, make_job())
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            editor = await LockedJobEditor.open(connection, REF, "x")
            editor.add_artifact(new_artifact("a"))
            editor.add_artifact(new_artifact("b"))
            await editor.save()
    async with database.read() as connection:
        assert await ArtifactRepository(connection, "t1").list("j1") == []


async def test_requests_are_answered_once(database: Database) -> None:
    await insert_job(database, make_job())
    key = RequestKey("t1", "u1", "CreateJob", "r1", "digest")
    async with database.write() as connection:
        assert await find_answer(connection, key) is None
        await connection.apply(kept_answer(key, Answer("j1", b"extra")))
        assert await find_answer(connection, key) == Answer("j1", b"extra")
        with refused("REQUEST_ID_REUSED"):
            await find_answer(connection, RequestKey("t1", "u1", "CreateJob", "r1", "other"))
        for other in (("t2", "u1", "CreateJob"), ("t1", "u2", "CreateJob"), ("t1", "u1", "RetryJob")):
            assert await find_answer(connection, RequestKey(*other, "r1", "other")) is None
        none = RequestKey("t1", "u1", "CreateJob", "", "digest")
        await connection.apply(kept_answer(none, Answer("j1", b"")))
        assert await find_answer(connection, none) is None


async def test_models(database: Database) -> None:
    def info(name: str, version: str, stage: str, description: str = "") -> stage_pb2.ModelInfo:
        result = stage_pb2.ModelInfo(stage=stage, description=description, size_bytes=5_000_000_000)
        result.model.name, result.model.version = name, version
        return result

    async with database.write() as connection:
        repository = ModelRepository(connection)
        for each in (info("b", "1", "omr"), info("a", "1", "omr"), info("a", "2", "omr"), info("c", "1", "fingering")):
            await repository.register("svc", each)
        await repository.register("svc", info("a", "1", "omr", "better described"))
    async with database.read() as connection:
        repository = ModelRepository(connection)
        names = [(m.info.model.name, m.info.model.version) for m in await repository.list(limit=10)]
        assert names == [("c", "1"), ("a", "1"), ("a", "2"), ("b", "1")]
        assert len(await repository.list(stage="fingering", limit=10)) == 1
        assert len(await repository.list(after=("omr", "a", "1"), limit=10)) == 2
        assert (await repository.get("a")).info.model.version == "2"
        assert (await repository.get("a", "1")).info.description == "better described"
        with refused("MODEL_NOT_FOUND"):
            await repository.get("a", "9")


async def test_identity(database: Database) -> None:
    preferences = UserPreferences(density=2, formats=[1, 3])
    preferences.hand_profile.size = 3
    async with database.write() as connection:
        repository = IdentityRepository(connection, "t1")
        await repository.ensure("Other name", "u1", "Other")  # there already: nothing happens
        assert await repository.preferences("u1") == UserPreferences()
        await repository.set_preferences("u1", UserPreferences(density=1))
        await repository.set_preferences("u1", preferences)
        assert await repository.preferences("u1") == preferences
        assert await repository.preferences("u2") == UserPreferences()
        assert (await repository.user("u1")).display_name == "One"
        assert (await repository.tenant()).display_name == "Tenant t1"
        with refused("USER_NOT_FOUND"):
            await repository.user("nobody")

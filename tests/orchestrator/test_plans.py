"""How PostgreSQL finds what every job asks for, planned while it knows of no rows: it keeps to such plans."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Dialect, text

from orchestrator.changes import Changed, together
from orchestrator.database import Database
from orchestrator.postgres import PostgresConnection
from orchestrator.repositories import artifacts, jobs, locked, standing
from orchestrator.statements import Form, Prepared, compiled_form
from orchestrator.tables import jobs as table
from tests.support.postgres import PostgresDatabase

#: What every job asks, and the indexes it should lead through.
_ASKED: Sequence[tuple[str, Prepared, set[str]]] = (
    ("a job", jobs._GET, {"pk_jobs"}),
    ("a job, locked", jobs._GET_LOCKED, {"pk_jobs"}),
    ("a job's version", jobs._VERSION_LOCKED, {"pk_jobs"}),
    ("its news", jobs._NEWS, {"pk_jobs", "pk_job_events"}),
    ("how a user stands", standing._STANDING, {"ix_jobs_active", "pk_user_preferences"}),
    ("all jobs under way", jobs._COUNT_ALL_ACTIVE, {"ix_jobs_active"}),
    ("the runs of a step", locked._STEP_RUNS, {"pk_job_steps"}),
    ("an artifact's bytes", artifacts._CONTENT, {"pk_artifact_contents"}),
)


_ANY_JOB = {"b_tenant_id": "t", "b_job_id": "j"}


@pytest.fixture
async def plans(postgres_database: PostgresDatabase) -> Any:
    """Gives the plan that PostgreSQL keeps of a statement, whatever its parameters."""
    database = Database(postgres_database.url)
    await database.upgrade()

    async def plan(make: Callable[[Dialect], Form]) -> str:
        async with database.read() as connection:
            assert isinstance(connection, PostgresConnection)
            form = make(connection.outer.dialect)
            await connection.driver.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            await connection.driver.execute(f"PREPARE asked AS {form.sql}")
            values = f"({', '.join(['NULL'] * len(form.slots))})" if form.slots else ""
            rows = await connection.driver.fetch(f"EXPLAIN EXECUTE asked{values}")
            await connection.driver.execute("DEALLOCATE asked")
            return "\n".join(row[0] for row in rows)

    yield plan
    await database.close()


def _indexes(plan: str) -> set[str]:
    return set(re.findall(r"(?:Scan using|Bitmap Index Scan on) (\w+)", plan))


@pytest.mark.parametrize(("what", "statement", "indexes"), _ASKED, ids=[what for what, *_ in _ASKED])
async def test_every_question_has_its_index(plans: Any, what: str, statement: Prepared, indexes: set[str]) -> None:
    plan = await plans(partial(compiled_form, statement._statement))
    assert _indexes(plan) == indexes, plan
    assert "Seq Scan" not in plan


async def test_a_change_finds_its_job_by_the_key(plans: Any) -> None:
    key = {"tenant_id": "t", "job_id": "j", "epoch": 1, "last_sequence": 1}
    changed = [Changed(table, key, {"state": "COMPLETED"})]
    plan = await plans(lambda dialect: together(changed, dialect, "t")[0])
    assert _indexes(plan) == {"pk_jobs"}, plan


async def test_sqlite_takes_the_same_way(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'etude.sqlite'}")
    await database.upgrade()
    ways: Sequence[tuple[Any, dict[str, str], str]] = (
        (jobs.ACTIVE_JOBS, {}, "ix_jobs_active"),
        (jobs._GET._statement, _ANY_JOB, "sqlite_autoindex_jobs_1"),
    )
    async with database.read() as connection:
        for statement, values, index in ways:
            plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"), values)).all()
            assert index in str(plan), plan
    await database.close()

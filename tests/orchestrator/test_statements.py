"""Prepared statements give what SQLAlchemy gives, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Dialect, Integer, MetaData, Table, Text, bindparam, create_engine, select, update
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.changes import Added
from orchestrator.repositories.wire import now
from orchestrator.sqlite import Sqlite
from orchestrator.statements import Prepared
from orchestrator.tables import job_steps, jobs

KEY = {"b_job_id": "j"}
_OF_JOB = job_steps.c.job_id == bindparam("b_job_id")


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    if request.param == "sqlite":
        return create_engine("sqlite://").dialect
    return create_async_engine("postgresql+asyncpg://nobody@nowhere/none").dialect


def test_values_are_converted_and_stand_in_the_order_of_the_placeholders(dialect: Dialect) -> None:
    statement = Prepared(update(jobs).where(jobs.c.job_id == bindparam("b_job_id"), jobs.c.tenant_id == "t"))
    given: dict[str, Any] = {"b_job_id": "j", "summary": {"a": 1}, "update_time": datetime(2026, 1, 2, tzinfo=UTC)}
    form = statement.form(dialect, given)
    names = [name for name, _ in form.slots]
    assert sorted(names) == ["b_job_id", "summary", "tenant_id_1", "update_time"]
    values = dict(zip(names, form.values(given), strict=True))
    assert (values["b_job_id"], values["tenant_id_1"], values["summary"]) == ("j", "t", '{"a": 1}')
    places = [form.sql.index("?" if "?" in form.sql else f"${n}") for n in range(1, len(names) + 1)]
    assert places == sorted(places)
    with pytest.raises(KeyError):
        form.values({"b_job_id": "j"})


def test_a_form_is_made_once_for_each_set_of_parameters(dialect: Dialect) -> None:
    statement = Prepared(update(job_steps).where(_OF_JOB))
    one = statement.form(dialect, {**KEY, "runs": 2})
    assert statement.form(dialect, {**KEY, "runs": 3}) is one
    other = statement.form(dialect, {**KEY, "outcome": "FINISHED"})
    assert "runs" not in other.sql
    assert "outcome" in other.sql


def test_a_statement_that_changes_with_its_values_is_refused(dialect: Dialect) -> None:
    statement = Prepared(select(jobs.c.job_id).where(jobs.c.state.in_(["PENDING"])))
    with pytest.raises(NotImplementedError):
        statement.form(dialect, {})


async def test_rows_are_what_sqlalchemy_gives(tmp_path: Path) -> None:
    metadata = MetaData()
    table = Table("things", metadata, Column("number", Integer, primary_key=True), Column("name", Text))
    kinds = Table(
        "kinds", metadata, *(column._copy() for column in (jobs.c.job_id, jobs.c.options, jobs.c.create_time))
    )
    everything = Prepared(select(kinds).order_by(kinds.c.job_id))
    sqlite = Sqlite(f"sqlite:///{tmp_path / 'x.sqlite'}", 1.0)
    try:
        async with sqlite.write() as connection:
            await connection.run_sync(metadata.create_all)
            rows = [{"job_id": str(n), "options": {"n": n}, "create_time": now()} for n in range(3)]
            await connection.apply([Added(kinds, rows), Added(table, [{"number": 1, "name": "one"}])])
            await connection.apply([])
            assert (
                await connection.run(
                    Prepared(update(table).where(table.c.number == bindparam("b"))), {"b": 2, "name": "x"}
                )
                == 0
            )
        async with sqlite.read() as connection:
            found = await connection.fetch(everything, {})
            assert [row._asdict() for row in found] == rows
            assert found == [tuple(row) for row in await connection.execute(select(kinds).order_by(kinds.c.job_id))]
    finally:
        await sqlite.close()

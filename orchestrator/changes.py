"""Rows that are added and changed together, or not at all.

A job moves on by a handful of rows: its own, its events, its artifacts, their lineage, its steps. On SQLite they are
written one statement after the other. On PostgreSQL, where the way to the server and back costs more than the writing,
all of them are one statement (`together`): the first change is a common table expression, and every other one is made
only where the first found its row. As one statement is a transaction by itself, it needs no other one to begin or end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    ColumnElement,
    Dialect,
    Insert,
    LargeBinary,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    update,
)

from orchestrator.statements import HELD_TO, Form, Prepared, compiled_form, is_held
from orchestrator.tables import UtcDateTime


@dataclass(frozen=True, slots=True)
class Added:
    """Rows to be added, each with a value for every column that must have one; all of the same columns."""

    table: Table
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Changed:
    """A row to be changed: what it is found by, and the new values."""

    table: Table
    key: Mapping[str, Any]
    values: Mapping[str, Any]

    def parameters(self, prefix: str = "") -> dict[str, Any]:
        """The values for the statement that makes the change."""
        found_by = {f"{prefix}b_{name}": value for name, value in self.key.items()}
        return found_by | {f"{prefix}{name}": value for name, value in self.values.items()}


RowChange = Added | Changed


@cache
def adding(table: Table) -> Prepared:
    """The statement that adds a row."""
    return Prepared(insert(table))


@cache
def changing(table: Table, key: tuple[str, ...]) -> Prepared:
    """The statement that changes the row found by some columns."""
    return Prepared(update(table).where(*(table.c[name] == bindparam(f"b_{name}") for name in key)))


#: U+0000 as JSON writes it, after whole pairs of backslashes.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

_forms: dict[tuple[Any, ...], Form] = {}


def together(changes: Sequence[RowChange], dialect: Dialect, held_to: str | None) -> tuple[Form, dict[str, Any]]:
    """One statement for PostgreSQL that makes all changes, and its parameters. Its only value is the number of rows the
    first change made or found; when there are none, nothing is changed.

    Args:
        changes: What to change. No row may occur twice.
        dialect: PostgreSQL's.
        held_to: The tenant to whose rows the statement is held; None where its transaction is held to one already.
    """
    key = (held_to is not None, *(_shape(change) for change in changes))
    form = _forms.get(key)
    if form is None:
        form = _forms[key] = _one_statement(changes, dialect, held=held_to is not None)
    parameters: dict[str, Any] = {} if held_to is None else {HELD_TO: held_to}
    for number, change in enumerate(changes):
        if isinstance(change, Added):
            parameters[f"rows_{number}"] = _as_json(change)
        else:
            parameters |= change.parameters(f"c{number}_")
    return form, parameters


def _shape(change: RowChange) -> tuple[Any, ...]:
    if isinstance(change, Added):
        return (change.table.name,)
    return (change.table.name, *change.key, None, *change.values)


def _one_statement(changes: Sequence[RowChange], dialect: Dialect, *, held: bool) -> Form:
    first = _made(changes[0], 0, is_held() if held else None)
    rest = [_made(change, number, select(first).exists()) for number, change in enumerate(changes[1:], 1)]
    count = select(func.count().label("count")).select_from(first)
    return compiled_form(count.add_cte(*rest), dialect)


def _made(change: RowChange, number: int, condition: ColumnElement[bool] | None) -> CTE:
    table, conditions = change.table, [] if condition is None else [condition]
    if isinstance(change, Changed):
        found = [table.c[name] == bindparam(f"c{number}_b_{name}", type_=table.c[name].type) for name in change.key]
        values = {name: bindparam(f"c{number}_{name}", type_=table.c[name].type) for name in change.values}
        changed = update(table).where(*found, *conditions).values(values)
        return changed.returning(literal_column("1").label("made")).cte(f"change_{number}")
    # One value for all rows, whatever their number: the statement stays the same. PostgreSQL knows the columns' types.
    given = func.json_populate_recordset(
        literal_column(f"NULL::{table.name}"), cast(bindparam(f"rows_{number}", type_=Text), JSON)
    ).table_valued(*(column.name for column in table.columns))
    rows = select(*(given.c[column.name] for column in table.columns)).where(*conditions)
    added: Insert = insert(table).from_select([column.name for column in table.columns], rows)
    return added.returning(literal_column("1").label("made")).cte(f"change_{number}")


def _as_json(added: Added) -> str:
    encode = _encoder(added.table)
    rows = json.dumps([encode(row) for row in added.rows], separators=(",", ":"))
    # PostgreSQL has no place for U+0000 in a text, and a stage of other make may tell of anything.
    return _NUL.sub(r"\1\\ufffd", rows) if r"\u0000" in rows else rows


@cache
def _encoder(table: Table) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Makes of a row what JSON can hold and PostgreSQL reads as the types of the columns."""
    moments = [column.name for column in table.columns if isinstance(column.type, UtcDateTime)]
    binary = [column.name for column in table.columns if isinstance(column.type, LargeBinary)]

    def encode(row: Mapping[str, Any]) -> Mapping[str, Any]:
        encoded = dict(row)
        for name in moments:
            if encoded.get(name) is not None:
                encoded[name] = _iso(encoded[name])
        for name in binary:
            if encoded.get(name) is not None:
                encoded[name] = rf"\x{encoded[name].hex()}"
        return encoded

    return encode


def _iso(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a naive datetime cannot be stored; give it a time zone")
    return moment.astimezone(UTC).isoformat()

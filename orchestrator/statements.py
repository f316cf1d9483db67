"""Statements that every job runs, compiled once and run past SQLAlchemy's execution layer.

They are written in SQLAlchemy's language like all others, once for both databases, and SQLAlchemy compiles them and
converts their values. What is left out is what it does around every single execution: a context, a cursor result, rows,
events, on PostgreSQL a greenlet. On SQLite that takes longer than the statement itself.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Dialect,
    Insert,
    Select,
    String,
    Update,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.types import TypeEngine

_Convert = Callable[[Any], Any] | None

#: Parameter of a statement that holds itself to a tenant: the tenant's id.
HELD_TO = "held_to"


def is_held() -> ColumnElement[bool]:
    """On PostgreSQL, a condition that holds a statement which is a transaction by itself to the rows of `HELD_TO`.

    It depends on no row, so PostgreSQL tries it before it looks at any (a "one-time filter"). Were it tried later,
    row-level security would let nothing be seen.
    """
    setting = func.set_config(
        literal_column("'etude.tenant_id'"), bindparam(HELD_TO, type_=String), literal_column("true")
    )
    return select(setting).scalar_subquery().is_not(None)


@dataclass(frozen=True, slots=True)
class Form:
    """A statement as a driver takes it.

    Attributes:
        sql: Its text, with the driver's placeholders.
        slots: Name and conversion of the value for each placeholder, in order.
        fixed: Values that are part of the statement, by name.
        row: Makes a row, a named tuple, of its values; None for a statement that gives no rows.
        conversions: What is done to each value of a row first; empty when nothing is.
    """

    sql: str
    slots: Sequence[tuple[str, _Convert]]
    fixed: Mapping[str, Any]
    row: Callable[[Iterable[Any]], Any] | None
    conversions: Sequence[_Convert]

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The values for the placeholders.

        Raises:
            KeyError: A parameter is missing.
        """
        given = {**self.fixed, **parameters} if self.fixed else parameters
        return [given[name] if convert is None else convert(given[name]) for name, convert in self.slots]

    def rows(self, found: Iterable[Iterable[Any]]) -> list[Any]:
        """The driver's rows as named tuples."""
        assert self.row is not None, "the statement gives no rows"
        if not self.conversions:
            return [self.row(values) for values in found]
        return [
            self.row(
                value if convert is None else convert(value)
                for value, convert in zip(values, self.conversions, strict=True)
            )
            for values in found
        ]


class Prepared:
    """A statement that is run often, to be made once, when its module is imported."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        """Prepare a statement: its parameters by `bindparam`, or the columns that are given for it to set."""
        # No primary keys made by the database: they would have to be asked for.
        self._statement = statement.inline() if isinstance(statement, Insert) else statement
        self._forms: dict[tuple[Any, ...], Form] = {}

    def form(self, dialect: Dialect, names: Iterable[str], *, alone: bool = False) -> Form:
        """How a database takes it with the parameters of these names.

        Args:
            dialect: The database's.
            names: Names of the parameters, `HELD_TO` not among them.
            alone: On PostgreSQL, a transaction by itself, held to the rows of `HELD_TO`; for a `Select`.

        Raises:
            NotImplementedError: SQLAlchemy would have to write it anew for each execution (`in_` with values).
        """
        names = tuple(names)
        key = (dialect.name, alone, *names)
        form = self._forms.get(key)
        if form is None:
            statement = self._statement
            if alone:
                assert isinstance(statement, Select), "only what reads can be a transaction by itself"
                statement = statement.where(is_held())
            given = [*names, HELD_TO] if alone else list(names)
            form = self._forms[key] = compiled_form(statement, dialect, given)
        return form


def compiled_form(
    statement: Select[Any] | Insert | Update | Delete, dialect: Dialect, names: Sequence[str] | None = None
) -> Form:
    """How a database takes a statement.

    Args:
        statement: The statement.
        dialect: The database's.
        names: Names of the parameters that will be given; None for all.

    Raises:
        NotImplementedError: The statement's text depends on its values (`in_` with values): it has no one form.
    """
    compiled: Any = statement.compile(dialect=dialect, column_keys=None if names is None else list(names))
    if compiled.post_compile_params or compiled.literal_execute_params:
        raise NotImplementedError(f"its text depends on its values, so it cannot be prepared: {compiled.string}")
    order: Sequence[str] = compiled.positiontup
    columns = list(statement.selected_columns) if isinstance(statement, Select) else []
    conversions = [_from_database(column.type, dialect) for column in columns]
    # mypy wants to know the fields of a named tuple, which only the statement tells
    named: Any = namedtuple("Row", [column.name for column in columns])  # type: ignore[misc]
    fixed = {
        name: compiled.binds[name].value
        for name in order
        if (not compiled.binds[name].required if names is None else name not in names)
    }
    return Form(
        sql=compiled.string,
        slots=tuple((name, _to_database(compiled.binds[name].type, dialect)) for name in order),
        fixed=fixed,
        row=named._make if columns else None,
        conversions=conversions if any(conversions) else (),
    )


def _to_database(kind: TypeEngine[Any], dialect: Dialect) -> _Convert:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _from_database(kind: TypeEngine[Any], dialect: Dialect) -> _Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)

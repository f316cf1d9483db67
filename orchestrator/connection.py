"""What the repositories need of a connection to either database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.base import Executable

from orchestrator.changes import RowChange
from orchestrator.statements import Prepared

_T = TypeVar("_T")

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Statements(Protocol):
    """What runs statements: a connection, in its transaction; or a database, each in a transaction by itself."""

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a prepared statement, as named tuples."""
        ...

    async def apply(self, changes: Sequence[RowChange]) -> bool:
        """Make changes, all or none; False, and nothing is changed, when the first one is of a row that is not there.

        Raises:
            sqlalchemy.exc.IntegrityError: A constraint forbids it.
        """
        ...


class Connection(Statements, Protocol):
    """A connection in a transaction."""

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> sa.CursorResult[Any]:
        """Run any statement, once or for each of several parameters; its rows, all fetched."""
        ...

    async def run(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        """Run a prepared statement; the number of rows it changed.

        Raises:
            sqlalchemy.exc.IntegrityError: A constraint forbids it.
        """
        ...

    async def run_sync(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Run a function that works on a plain connection."""
        ...

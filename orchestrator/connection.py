"""What the repositories need of a connection to either database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.base import Executable

from orchestrator.statements import Prepared

_T = TypeVar("_T")

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Connection(Protocol):
    """A connection in a transaction."""

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> sa.CursorResult[Any]:
        """Run any statement, once or for each of several parameters; its rows, all fetched."""
        ...

    async def fetch(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a prepared statement, as named tuples."""
        ...

    async def run(self, statement: Prepared, parameters: Mapping[str, Any]) -> int:
        """Run a prepared statement; the number of rows it changed.

        Raises:
            sqlalchemy.exc.IntegrityError: A constraint forbids it.
        """
        ...

    async def run_all(self, statement: Prepared, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run a prepared statement for each of several parameters, all of the same names.

        Raises:
            sqlalchemy.exc.IntegrityError: A constraint forbids it.
        """
        ...

    async def run_sync(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Run a function that works on a plain connection."""
        ...

"""Failures of the orchestrator's own memory (database, blobs), as opposed to those of the work on a job.

They say nothing about the job and pass: a server that is started again, a disk that has room again. What they
interrupted is done once more.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import SQLAlchemyError

from etude.mesh.errors import EtudeError
from orchestrator.blobs.port import BlobExistsError

_RETRY_AFTER_S = 2.0


class StorageUnavailableError(EtudeError, OSError):
    """The database or the object store cannot be used for now. To a caller: DEPENDENCY_UNAVAILABLE."""

    def __init__(self, store: str, why: str) -> None:
        """Say which store; `why` is for the log and the operator alone, it may name hosts."""
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            f"the {store} cannot be used for the moment; try again",
            retry_after_s=_RETRY_AFTER_S,
        )
        self._why = why

    def __str__(self) -> str:
        return f"{self.message} ({self._why})"


def is_of_storage(error: BaseException) -> bool:
    """True when rows or bytes could not be kept or read for now."""
    return isinstance(error, (SQLAlchemyError, sqlite3.Error, OSError)) and not isinstance(error, BlobExistsError)

"""Database, blobs and notifier together: the orchestrator's memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from orchestrator.blobs.port import BlobStore
from orchestrator.database import Database
from orchestrator.notifier import Notifier
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.jobs import JobRef


@dataclass(frozen=True, slots=True)
class Store:
    """What is kept, and who is told when it changes."""

    database: Database
    blobs: BlobStore
    notifier: Notifier

    async def check(self) -> None:
        """Do nothing when rows and bytes can be kept.

        Raises:
            sqlite3.Error, sqlalchemy.exc.SQLAlchemyError, OSError: When they cannot.
        """
        await self.database.check()
        await self.blobs.check()

    @contextlib.asynccontextmanager
    async def edit(self, ref: JobRef, actor: str, *, user_id: str | None = None) -> AsyncIterator[JobEditor]:
        """Change a job in one transaction: saved, committed and published when the block ends, undone if it raises.

        Raises:
            EtudeError: JOB_NOT_FOUND.
        """
        async with self.database.write() as connection:
            editor = await JobEditor.open(connection, ref, actor, user_id)
            yield editor
            await editor.save()
        self.notifier.publish(ref.job_id)

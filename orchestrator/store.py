"""Database, blobs and notifier together: the orchestrator's memory.

The bytes of small artifacts are stored with their rows, in the same transaction; those of larger ones in the blob
store, before their rows. Both kinds are read here.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from etude.mesh.errors import EtudeError
from orchestrator.blobs.port import BlobRangeError, BlobStore
from orchestrator.changes import RowChange
from orchestrator.database import Database
from orchestrator.notifier import Change, Notifier
from orchestrator.repositories.artifacts import StoredArtifact, content_of, contents, drop_contents
from orchestrator.repositories.editor import JobEditor
from orchestrator.repositories.jobs import JobRecord, JobRef
from orchestrator.repositories.locked import LockedJobEditor

_T = TypeVar("_T")

#: Bytes of the largest artifact whose bytes may lie in the database. Larger ones are not looked for there: there may be
#: such of earlier versions, so it must not become less.
MOST_INLINE_BYTES = 32 << 10
#: Artifacts whose bytes are moved out of the database at a time.
_MOVED_TOGETHER = 100


class _Recent:
    """The jobs changed last, as they were left. Whether they still are so, only the database can tell."""

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._records: OrderedDict[JobRef, JobRecord] = OrderedDict()

    def get(self, ref: JobRef) -> JobRecord | None:
        """The job as it was left, if it is still here."""
        return self._records.get(ref)

    def put(self, record: JobRecord) -> None:
        """Keep a copy of a job."""
        self._records[record.ref] = record.copy()
        self._records.move_to_end(record.ref)
        while len(self._records) > self._capacity:
            self._records.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Store:
    """What is kept, and who is told when it changes.

    Attributes:
        database: Rows, and the bytes of small artifacts.
        blobs: The bytes of larger ones.
        notifier: Who is told.
        inline_bytes: Largest artifact that is stored with its row.
    """

    database: Database
    blobs: BlobStore
    notifier: Notifier
    inline_bytes: int = MOST_INLINE_BYTES
    _recent: _Recent = field(default_factory=_Recent)

    async def check(self) -> None:
        """Do nothing when rows and bytes can be kept.

        Raises:
            sqlite3.Error, sqlalchemy.exc.SQLAlchemyError, OSError: When they cannot.
        """
        await self.database.check()
        await self.blobs.check()

    async def read(self, stored: StoredArtifact, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of an artifact from `offset` on, at most `length` of them, wherever they lie; see `BlobStore.read`.

        Raises:
            BlobNotFoundError: They are gone.
            BlobRangeError: `offset` is beyond their end.
        """
        content = stored.content
        if content is None and stored.artifact.size_bytes <= MOST_INLINE_BYTES:
            content = await content_of(self.database, stored.artifact)
        if content is None:
            async for chunk in self.blobs.read(stored.blob_key, offset, length):
                yield chunk
            return
        if not 0 <= offset <= len(content):
            raise BlobRangeError(f"byte {offset} of {len(content)} bytes")
        part = content[offset : None if length is None else offset + length]
        if part:
            yield part

    async def is_in_database(self, stored: StoredArtifact) -> bool:
        """True when the bytes of an artifact lie beside its row."""
        small = stored.artifact.size_bytes <= MOST_INLINE_BYTES
        return small and await content_of(self.database, stored.artifact) is not None

    async def move_out(self) -> int:
        """Move all bytes that lie in the database to the blob store; of how many artifacts. For a start."""
        moved = 0
        while True:
            async with self.database.read() as connection:
                found = await contents(connection, limit=_MOVED_TOGETHER)
            if not found:
                return moved
            await self.blobs.put({blob_key: content for _, blob_key, content in found})
            async with self.database.write() as connection:
                await drop_contents(connection, [artifact_id for artifact_id, _, _ in found])
            moved += len(found)

    @contextlib.asynccontextmanager
    async def edit(self, ref: JobRef, actor: str, *, user_id: str | None = None) -> AsyncIterator[LockedJobEditor]:
        """Change a job in one transaction: saved, committed and published when the block ends, undone if it raises.

        Raises:
            EtudeError: JOB_NOT_FOUND.
        """
        async with self.database.write() as connection:
            editor = await LockedJobEditor.open(connection, ref, actor, user_id, self._recent.get(ref))
            yield editor
            await editor.save()
        self.committed(editor)

    async def change(self, ref: JobRef, actor: str, work: Callable[[JobEditor], _T]) -> _T:
        """Change a job in one transaction, and publish it; what `work` gives.

        A job that this process changed lately is taken to be still as it was left, and what becomes of it is written at
        once. When it was not, nothing is written, and `work` is done anew with the job as it is: it may be called
        twice, and has no other effect than on its editor.

        Raises:
            EtudeError: JOB_NOT_FOUND; what `work` raises over the job as it is.
        """
        known = self._recent.get(ref)
        if known is not None:
            editor = JobEditor(known.copy(), actor)
            try:
                done = work(editor)
            except EtudeError:
                pass  # of what may no longer be so: the database has the last word
            else:
                if await self.database.apply(editor.changes()):
                    editor.applied()
                    self.committed(editor)
                    return done
        async with self.edit(ref, actor) as locked:
            return work(locked)

    async def create(self, editor: JobEditor, *also: RowChange) -> None:
        """Write a new job, with what has to become true together with it, and publish it.

        Raises:
            sqlalchemy.exc.IntegrityError: A constraint forbids it: nothing is written.
        """
        await self.database.apply([*editor.changes(), *also])
        editor.applied()
        self.committed(editor)

    def lately(self, ref: JobRef) -> JobRecord | None:
        """A job as this process left it, if that was lately; it may have been changed by another one since."""
        return self._recent.get(ref)

    def committed(self, editor: JobEditor) -> None:
        """Tell those who watch the job of an editor whose transaction is committed."""
        self._recent.put(editor.record)
        if editor.saved_events:
            self.notifier.publish(editor.job.job_id, Change(editor.saved_events, editor.job.state))

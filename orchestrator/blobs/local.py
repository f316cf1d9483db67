"""Blobs as files of a directory.

Layout: `<root>/blobs/<key>` for what is there, `<root>/uploads/` for what is in the making. Bytes are written whole
under a temporary name and then linked to their final one, so that a reader sees all of a blob or none of it. A blob
counts as stored, and its row may be written, once file and directories were forced to the disk. They are forced at the
same time by several threads: the file system makes one flush of it, and flushes are what storing costs (milliseconds
each). What a power cut leaves behind before that has no row and is swept.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from orchestrator.blobs.port import (
    CHUNK_BYTES,
    BlobExistsError,
    BlobInfo,
    BlobNotFoundError,
    BlobRangeError,
    PresignedUrl,
    StoredBlob,
    check_key,
)
from orchestrator.failures import StorageUnavailableError

#: An upload stays in memory up to here. Every way to a thread and back costs more than these bytes do.
_IN_MEMORY_BYTES = 256 << 10
#: Files of one `put` that are open at a time: a long document has more pages than a process may open files.
_MOST_OPEN = 64


class LocalUpload:
    """A blob in the making: in memory while it is small, then in a file."""

    def __init__(self, store: LocalBlobStore) -> None:
        self._store = store
        self._head = bytearray()
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""
        return self._size

    @property
    def sha256(self) -> str:
        """SHA-256 over the bytes written so far, hexadecimal."""
        return self._hash.hexdigest()

    async def write(self, data: bytes) -> None:
        """Append bytes."""
        if self._file is None and self._size + len(data) <= _IN_MEMORY_BYTES:
            self._head += data
            self._hash.update(data)
            self._size += len(data)
            return
        with _told_unavailable():
            if self._file is None:
                # Not in a thread: one that is cancelled would leave a file nobody knows of.
                self._file = self._store.temporary_file()
                self._file.write(self._head)
                self._head.clear()
            await asyncio.to_thread(self._write, self._file, data)

    def _write(self, file: BinaryIO, data: bytes) -> None:
        file.write(data)
        self._hash.update(data)
        self._size += len(data)

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes written so far; see the port."""
        if self._file is None:
            if self._head:
                yield bytes(self._head)
            return
        await asyncio.to_thread(self._file.flush)
        with await asyncio.to_thread(Path(self._file.name).open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk

    async def commit(self, key: str) -> StoredBlob:
        """Make the bytes durable and visible under `key`; see the port."""
        check_key(key)
        with _told_unavailable():
            await asyncio.to_thread(self._commit, key)
        return StoredBlob(key, self._size, self.sha256)

    def _commit(self, key: str) -> None:
        if self._file is None:
            self._store.write({key: bytes(self._head)})
        else:
            self._file.flush()
            named = self._store.link(self._file.name, key, self._size, self.sha256)
            self._store.flush([self._file.fileno()], named)

    def discard(self) -> None:
        """Remove the file, if there is one."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # no room for the last of what is thrown away
                self._file.close()
            Path(self._file.name).unlink(missing_ok=True)


class LocalBlobStore:
    """The blob store on a local file system."""

    def __init__(self, root: Path) -> None:
        """Use `root`, which is made if need be, readable by its owner only."""
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"
        for directory in (root, self._blobs, self._uploads):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Threads are only made when there is something to flush.
        self._flushers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="blob-flush")

    @contextlib.asynccontextmanager
    async def upload(self) -> AsyncIterator[LocalUpload]:
        """Begin a blob; see the port."""
        upload = LocalUpload(self)
        try:
            yield upload
        finally:
            # Not in a thread: the removal must happen even while the task is being cancelled.
            upload.discard()

    def temporary_file(self) -> BinaryIO:
        """A new file under a temporary name, to be linked to its key; for uploads."""
        name, descriptor = self._temporary()
        os.close(descriptor)
        return Path(name).open("wb")

    def _temporary(self) -> tuple[str, int]:
        """A new file under a temporary name, readable by its owner only: the name, and a descriptor to write to."""
        name = f"{self._uploads}/{uuid.uuid4().hex}"
        return name, os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    async def put(self, blobs: Mapping[str, bytes]) -> Sequence[StoredBlob]:
        """Store blobs; see the port."""
        return await self.put_made(lambda: blobs)

    async def put_made(self, make: Callable[[], Mapping[str, bytes]]) -> Sequence[StoredBlob]:
        """Store blobs that are made in the thread that writes them; see the port."""
        with _told_unavailable():
            return await asyncio.to_thread(lambda: self.write(make()))

    def write(self, blobs: Mapping[str, bytes]) -> Sequence[StoredBlob]:
        """Store blobs. Blocks; for uploads and this class itself."""
        for key in blobs:
            check_key(key)
        stored: list[StoredBlob] = []
        descriptors: list[int] = []
        named: set[Path] = set()
        try:
            for key, data in blobs.items():
                blob = StoredBlob(key, len(data), hashlib.sha256(data).hexdigest())
                name, descriptor = self._temporary()
                descriptors.append(descriptor)
                try:
                    _write(descriptor, data)
                    named |= self.link(name, key, blob.size_bytes, blob.sha256)
                finally:
                    Path(name).unlink()
                stored.append(blob)
                if len(descriptors) == _MOST_OPEN:
                    self.flush(descriptors, ())
                    _close(descriptors)
            self.flush(descriptors, named)
        finally:
            _close(descriptors)
        return stored

    def link(self, source: str, key: str, size_bytes: int, sha256: str) -> set[Path]:
        """Give the finished file `source` its name; what must be flushed, beside the file, before it counts as stored.

        Raises:
            BlobExistsError: The key holds other content.
        """
        target = self._blobs / key
        changed = {target.parent}
        while True:
            try:
                # A hard link fails when the name is taken, which a rename would silently replace.
                os.link(source, target)
                return changed
            except FileExistsError:
                if target.stat().st_size != size_bytes or _sha256_of(target) != sha256:
                    raise BlobExistsError(f"{key} already holds other content") from None
                return {target, *changed}
            except FileNotFoundError:
                # The directory is new, or a deletion removed it because it was empty. A lost source is not that.
                if not Path(source).exists():
                    raise
                changed |= set(self._make_directories(target.parent))

    def flush(self, descriptors: Sequence[int], paths: Collection[Path]) -> None:
        """Force open files, and files and directories by their paths, to the disk, all at the same time. Blocks."""
        flushed = [self._flushers.submit(_sync, path) for path in paths]
        flushed += [self._flushers.submit(os.fsync, descriptor) for descriptor in descriptors[1:]]
        try:
            for descriptor in descriptors[:1]:
                os.fsync(descriptor)
        finally:
            wait(flushed)  # nobody may close what is still being flushed
        for each in flushed:
            each.result()

    def _make_directories(self, directory: Path) -> list[Path]:
        """Makes a directory; the directories that hold a new name because of it."""
        if directory.is_dir():
            return []
        changed = [*self._make_directories(directory.parent), directory.parent]
        directory.mkdir(mode=0o700, exist_ok=True)
        return changed

    async def read(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a blob; see the port."""
        path = self._blobs / check_key(key)
        # What is small is read where the coroutine stands, as SQLite is: the way to a thread and back costs more.
        if _size_of(path) <= _IN_MEMORY_BYTES:
            file, chunk, left = _open_at(key, path, offset, length)
        else:
            file, chunk, left = await asyncio.to_thread(_open_at, key, path, offset, length)
        with file:
            while chunk:
                yield chunk
                if not left:
                    return
                chunk = await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))
                left -= len(chunk)

    async def stat(self, key: str) -> BlobInfo:
        """What is known of a blob; see the port."""
        path = self._blobs / check_key(key)
        if not path.is_file():
            raise BlobNotFoundError(key)
        return _info(key, path)

    def presigned_url(self, key: str, *, filename: str, media_type: str) -> PresignedUrl | None:
        """None: files of this machine are given out by the orchestrator only; see the port."""
        check_key(key)
        return None

    async def delete(self, key: str) -> None:
        """Remove a blob, and the directories it leaves empty; see the port."""
        await asyncio.to_thread(self._delete, check_key(key))

    def _delete(self, key: str) -> None:
        path = self._blobs / key
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        for directory in path.parents:
            if directory == self._blobs:
                return
            try:
                directory.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return  # something else lies in it

    async def scan(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """All blobs under `prefix`; see the port."""
        for info in await asyncio.to_thread(self._scan, prefix):
            yield info

    def _scan(self, prefix: str) -> list[BlobInfo]:
        start = self._blobs / check_key(prefix.rstrip("/")) if prefix else self._blobs
        found = []
        for path in start.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                if path.is_file():
                    found.append(_info(path.relative_to(self._blobs).as_posix(), path))
        return sorted(found, key=lambda info: info.key)

    async def clear_uploads(self) -> int:
        """Remove what dead processes left behind; see the port."""
        return await asyncio.to_thread(self._clear_uploads)

    def _clear_uploads(self) -> int:
        count = 0
        for path in self._uploads.iterdir():
            path.unlink(missing_ok=True)
            count += 1
        return count

    async def check(self) -> None:
        """Do nothing when the directory can be written to; see the port."""
        for directory in (self._blobs, self._uploads):
            if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
                raise OSError("the directory of artifacts is gone or cannot be written to")


def _open_at(key: str, path: Path, offset: int, length: int | None) -> tuple[BinaryIO, bytes, int]:
    """A file opened at an offset, the first piece from there, and the number of bytes wanted after it.

    Raises:
        BlobNotFoundError: There is no such file.
        BlobRangeError: The offset is beyond its end.
    """
    try:
        file = path.open("rb")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise BlobNotFoundError(key) from None
    try:
        size = os.fstat(file.fileno()).st_size
        if offset < 0 or offset > size:
            raise BlobRangeError(f"byte {offset} of a blob of {size} bytes")
        file.seek(offset)
        left = size - offset if length is None else min(length, size - offset)
        chunk = file.read(min(left, CHUNK_BYTES))
    except BaseException:
        file.close()
        raise
    return file, chunk, left - len(chunk)


def _size_of(path: Path) -> int:
    """Size of a file in bytes; 0 where there is none."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _info(key: str, path: Path) -> BlobInfo:
    status = path.stat()
    return BlobInfo(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _close(descriptors: list[int]) -> None:
    """Closes open files and forgets them."""
    while descriptors:
        os.close(descriptors.pop())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _told_unavailable() -> Iterator[None]:
    """That the disk is full, broken or not to be written to as StorageUnavailableError."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE):
            raise
        raise StorageUnavailableError("store of artifacts", str(error)) from error

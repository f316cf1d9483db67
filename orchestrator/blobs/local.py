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
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from orchestrator.blobs.port import (
    CHUNK_BYTES,
    BlobExistsError,
    BlobInfo,
    BlobNotFoundError,
    BlobRangeError,
    StoredBlob,
    check_key,
)


class LocalUpload:
    """A file in the making."""

    def __init__(self, store: LocalBlobStore, file: BinaryIO, path: Path) -> None:
        self._store = store
        self._file = file
        self._path = path
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
        await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes written so far; see the port."""
        await asyncio.to_thread(self._file.flush)
        with await asyncio.to_thread(self._path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk

    async def commit(self, key: str) -> StoredBlob:
        """Make the bytes durable and visible under `key`; see the port."""
        await asyncio.to_thread(self._commit, check_key(key))
        return StoredBlob(key, self._size, self.sha256)

    def _commit(self, key: str) -> None:
        self._file.flush()
        self._store.publish(self._path, key, self._size, self.sha256)


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
        descriptor, name = await asyncio.to_thread(tempfile.mkstemp, dir=self._uploads)
        file = os.fdopen(descriptor, "wb")
        try:
            yield LocalUpload(self, file, Path(name))
        finally:
            # Not in a thread: the removal must happen even while the task is being cancelled.
            file.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108

    async def put(self, key: str, data: bytes) -> StoredBlob:
        """Store `data` under `key`; see the port."""
        return await asyncio.to_thread(self._put, check_key(key), data)

    def _put(self, key: str, data: bytes) -> StoredBlob:
        sha256 = hashlib.sha256(data).hexdigest()
        descriptor, name = tempfile.mkstemp(dir=self._uploads)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            self.publish(Path(name), key, len(data), sha256)
        finally:
            Path(name).unlink(missing_ok=True)
        return StoredBlob(key, len(data), sha256)

    def publish(self, source: Path, key: str, size_bytes: int, sha256: str) -> None:
        """Give the finished file `source` its name, durably. Blocks; for this module's own use."""
        target = self._blobs / key
        while True:
            changed = self._make_directories(target.parent)
            try:
                # A hard link fails when the name is taken, which a rename would silently replace.
                os.link(source, target)
                break
            except FileExistsError:
                if target.stat().st_size != size_bytes or _sha256_of(target) != sha256:
                    raise BlobExistsError(f"{key} already holds other content") from None
                break
            except FileNotFoundError:
                # A deletion removed the directory because it was empty: make it again. A lost source is not that.
                if not source.exists():
                    raise
        list(self._flushers.map(_sync, [target, target.parent, *changed]))

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
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise BlobNotFoundError(key) from None
        with file:
            size = os.fstat(file.fileno()).st_size
            if offset < 0 or offset > size:
                raise BlobRangeError(f"byte {offset} of a blob of {size} bytes")
            file.seek(offset)
            left = size - offset if length is None else min(length, size - offset)
            while left > 0:
                chunk = await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk

    async def stat(self, key: str) -> BlobInfo:
        """What is known of a blob; see the port."""
        path = self._blobs / check_key(key)
        if not path.is_file():
            raise BlobNotFoundError(key)
        return _info(key, path)

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


def _info(key: str, path: Path) -> BlobInfo:
    status = path.stat()
    return BlobInfo(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The port to the store of artifact bytes.

A blob is immutable: it appears whole under its key or not at all, and is never overwritten with other content.
Keys are relative paths of ASCII letters, digits and `-_.` with `/` between the segments.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from etude.mesh.limits import MAX_CHUNK_BYTES

#: Bytes read, written and sent at a time; also the limit of one chunk on the wire.
CHUNK_BYTES = MAX_CHUNK_BYTES

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class BlobNotFoundError(LookupError):
    """There is no blob under the key."""


class BlobExistsError(FileExistsError):
    """The key already holds a blob of other content."""


class BlobRangeError(ValueError):
    """The range begins beyond the end of the blob."""


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What a store knows of a blob without reading it."""

    key: str
    size_bytes: int
    modify_time: datetime


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What came of an upload: size, and SHA-256 over the content in hexadecimal."""

    key: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that answers a GET with a blob's bytes, without credentials, until `expire_time`."""

    url: str
    expire_time: datetime


class Upload(Protocol):
    """A blob in the making. Nobody sees it before `commit`."""

    async def write(self, data: bytes) -> None:
        """Append bytes."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 over the bytes written so far, hexadecimal."""
        ...

    def read(self) -> AsyncIterator[bytes]:
        """The bytes written so far, in pieces of at most `CHUNK_BYTES`."""
        ...

    async def commit(self, key: str) -> StoredBlob:
        """Make the bytes durable and visible under `key`, at once. At most once per upload; they may be read meanwhile.

        A key that already holds the very same content is left as it is.

        Raises:
            BlobExistsError: The key holds other content.
        """
        ...


class BlobStore(Protocol):
    """A place for blobs."""

    def upload(self) -> AbstractAsyncContextManager[Upload]:
        """Begin a blob. What was not committed when the block ends is gone without a trace."""
        ...

    async def put(self, blobs: Mapping[str, bytes]) -> Sequence[StoredBlob]:
        """Store blobs, by their keys; what came of each, in the same order. Together they cost little more than one.

        Raises:
            BlobExistsError: A key holds other content. Blobs before it may be stored.
        """
        ...

    async def put_made(self, make: Callable[[], Mapping[str, bytes]]) -> Sequence[StoredBlob]:
        """Store the blobs that `make` makes, as `put` does. It is called in a thread, on the same way as the storing.

        Raises:
            BlobExistsError: As `put`; and what `make` raises.
        """
        ...

    def read(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `offset` on, at most `length` of them, in pieces of at most `CHUNK_BYTES`.

        Raises:
            BlobNotFoundError: There is no such blob.
            BlobRangeError: `offset` is beyond its end.
        """
        ...

    async def stat(self, key: str) -> BlobInfo:
        """What is known of a blob.

        Raises:
            BlobNotFoundError: There is no such blob.
        """
        ...

    def presigned_url(self, key: str, *, filename: str, media_type: str) -> PresignedUrl | None:
        """Where a blob can be read past this process, saved under a name, as a type; None where it cannot.

        Whether there is such a blob is not looked up.
        """
        ...

    async def delete(self, key: str) -> None:
        """Remove a blob. Does nothing when there is none."""
        ...

    def scan(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """All blobs whose key begins with `prefix` (whole segments: "" or ending in "/"), in the order of the keys."""
        ...

    async def clear_uploads(self) -> int:
        """Remove what uploads of processes that died left behind; the number of them. Call before any upload."""
        ...

    async def check(self) -> None:
        """Do nothing when the store can be written to.

        Raises:
            OSError: When it cannot.
        """
        ...


def check_key(key: str) -> str:
    """The key itself when it is well formed.

    Raises:
        ValueError: It is not; nothing outside the store can be meant by a well-formed key.
    """
    if len(key) > 512 or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a blob")
    return key

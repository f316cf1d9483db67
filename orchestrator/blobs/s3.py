"""Blobs as objects of an S3 bucket, on any service that speaks S3 (the MinIO client).

The key of a blob is the name of its object; its SHA-256 lies beside it as metadata. S3 shows an object whole or not at
all. What is sent is checked by the service: every request of a plain connection is signed over the SHA-256 of its body,
over TLS each part carries its MD5. Large blobs go in parts.

S3 has no portable way to create an object only if there is none. Blobs are looked for before they are written; of two
writers at the same moment the later one would win. Both write the same bytes, because keys are made from the content.

The client blocks, so calls are made in threads of this module. It tries again for half a minute what fails on the way.
What a dead process had not finished sending in parts is invisible; a rule of the bucket
(`AbortIncompleteMultipartUpload`) gives the space back.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import IO, Any, BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from etude.content_disposition import content_disposition
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

_T = TypeVar("_T")

_PART_BYTES = 8 << 20
_IN_MEMORY_BYTES = 1 << 20
_THREADS = 32
_SHA256 = "x-amz-meta-sha256"
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NotFound"})


@dataclass(frozen=True, slots=True)
class S3Location:
    """Where a bucket is, and who may use it.

    Attributes:
        endpoint: URL of the service, "https://s3.example.org" or "http://127.0.0.1:9000".
        region: Region that requests are signed for.
        bucket: Name of the bucket.
        access_key: Public half of the credentials.
        secret_key: Secret half of the credentials.
        public_endpoint: URL of the same service as those who download reach it, where that is another one.
        presigned_s: Seconds that a URL to download from is good for; 0 when none is given out.
    """

    endpoint: str
    region: str
    bucket: str
    access_key: str
    secret_key: str
    public_endpoint: str = ""
    presigned_s: int = 0


class S3Upload:
    """A blob in the making: kept here, in memory or in a file without a name, until it is committed."""

    def __init__(self, store: S3BlobStore, file: IO[bytes]) -> None:
        self._store = store
        self._file = file
        self._lock = threading.Lock()  # the file has one position
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
        await self._store.in_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        with self._lock:
            self._file.seek(self._size)
            self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes written so far; see the port."""
        position = 0
        while chunk := await self._store.in_thread(self._read, position):
            position += len(chunk)
            yield chunk

    def _read(self, position: int) -> bytes:
        with self._lock:
            self._file.seek(position)
            return self._file.read(CHUNK_BYTES)

    async def commit(self, key: str) -> StoredBlob:
        """Make the bytes durable and visible under `key`; see the port."""
        blob = StoredBlob(check_key(key), self._size, self.sha256)
        await self._store.in_thread(self._commit, blob)
        return blob

    def _commit(self, blob: StoredBlob) -> None:
        with self._lock:
            self._file.seek(0)
            self._store.send(blob, self._file)


class S3BlobStore:
    """The blob store in a bucket."""

    def __init__(self, location: S3Location) -> None:
        """Use the bucket, which `prepare` makes if need be. Nothing is sent yet.

        Raises:
            ValueError: An endpoint is no URL.
        """
        retry = urllib3.Retry(total=6, backoff_factor=0.5, status_forcelist=(500, 502, 503, 504))
        timeout = urllib3.Timeout(connect=5.0, read=60.0)
        self._bucket = location.bucket
        http = urllib3.PoolManager(maxsize=_THREADS, retries=retry, timeout=timeout)
        self._client = _client(location, location.endpoint, http)
        # A signature is over the host too. This one only signs and never sends.
        self._signer = _client(location, location.public_endpoint or location.endpoint, http)
        self._presigned_for = timedelta(seconds=location.presigned_s)
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="blob-s3")

    async def in_thread(self, call: Callable[..., _T], *arguments: Any) -> _T:
        """What a blocking call gives; for uploads and this class itself."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, *arguments))

    async def prepare(self) -> None:
        """Make the bucket unless it is there.

        Raises:
            OSError: The service cannot be reached, or refuses.
        """
        with _as_os_error():
            if not await self.in_thread(self._client.bucket_exists, self._bucket):
                await self.in_thread(self._make_bucket)

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":  # another orchestrator that starts now was quicker
                raise

    @contextlib.asynccontextmanager
    async def upload(self) -> AsyncIterator[S3Upload]:
        """Begin a blob; see the port."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
            yield S3Upload(self, file)

    async def put(self, blobs: Mapping[str, bytes]) -> Sequence[StoredBlob]:
        """Store blobs, several at a time; see the port."""
        made = [StoredBlob(check_key(key), len(data), hashlib.sha256(data).hexdigest()) for key, data in blobs.items()]
        await asyncio.gather(*(self.in_thread(self.send, blob, io.BytesIO(blobs[blob.key])) for blob in made))
        return made

    async def put_made(self, make: Callable[[], Mapping[str, bytes]]) -> Sequence[StoredBlob]:
        """Store blobs that are made in a thread; see the port."""
        return await self.put(await self.in_thread(make))

    def send(self, blob: StoredBlob, content: IO[bytes]) -> None:
        """Store a blob unless it is there. Blocks; for uploads and this class itself.

        Raises:
            BlobExistsError: The key holds other content.
        """
        with _as_os_error():
            try:
                there = self._client.stat_object(self._bucket, blob.key)
            except S3Error as error:
                if error.code not in _MISSING:
                    raise
            else:
                if there.size != blob.size_bytes or (there.metadata or {}).get(_SHA256) != blob.sha256:
                    raise BlobExistsError(f"{blob.key} already holds other content")
                return
            metadata: dict[str, str | list[str] | tuple[str]] = {_SHA256: blob.sha256}
            body = cast("BinaryIO", content)
            self._client.put_object(
                self._bucket, blob.key, body, blob.size_bytes, metadata=metadata, part_size=_PART_BYTES
            )

    async def read(self, key: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a blob; see the port."""
        check_key(key)
        if offset or length is not None:
            size = (await self.stat(key)).size_bytes
            if not 0 <= offset <= size:
                raise BlobRangeError(f"byte {offset} of a blob of {size} bytes")
            left = size - offset if length is None else min(length, size - offset)
            if left == 0:
                return
            length = left
        with _as_os_error(key):
            response = await self.in_thread(
                partial(self._client.get_object, self._bucket, key, offset=offset, length=length or 0)
            )
        try:
            while chunk := await self._next_chunk(response):
                yield chunk
        finally:
            response.close()
            response.release_conn()

    async def _next_chunk(self, response: urllib3.BaseHTTPResponse) -> bytes:
        with _as_os_error():
            return await self.in_thread(response.read, CHUNK_BYTES)

    async def stat(self, key: str) -> BlobInfo:
        """What is known of a blob; see the port."""
        with _as_os_error(key):
            there = await self.in_thread(self._client.stat_object, self._bucket, check_key(key))
        assert there.size is not None and there.last_modified is not None
        return BlobInfo(key, there.size, there.last_modified)

    def presigned_url(self, key: str, *, filename: str, media_type: str) -> PresignedUrl | None:
        """Where a blob can be read from the bucket itself, if that is wanted; see the port."""
        check_key(key)
        if not self._presigned_for:
            return None
        now = datetime.now(UTC).replace(microsecond=0)  # signatures are dated to the second
        url = self._signer.get_presigned_url(
            "GET",
            self._bucket,
            key,
            expires=self._presigned_for,
            request_date=now,
            response_headers={
                "response-content-type": media_type,
                "response-content-disposition": content_disposition("attachment", filename),
                "response-cache-control": "private, no-store",
            },
        )
        return PresignedUrl(url, now + self._presigned_for)

    async def delete(self, key: str) -> None:
        """Remove a blob; see the port."""
        with _as_os_error():
            await self.in_thread(self._client.remove_object, self._bucket, check_key(key))

    async def scan(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """All blobs under `prefix`; see the port."""
        if prefix:
            check_key(prefix.rstrip("/"))
        listing = self._client.list_objects(self._bucket, prefix=prefix or None, recursive=True)
        while (entry := await self._next_entry(listing)) is not None:
            if not entry.is_dir:
                assert entry.object_name is not None and entry.size is not None and entry.last_modified is not None
                yield BlobInfo(entry.object_name, entry.size, entry.last_modified)

    async def _next_entry(self, listing: Iterator[Any]) -> Any:
        with _as_os_error():
            return await self.in_thread(next, listing, None)

    async def clear_uploads(self) -> int:
        """0: what is not committed has no name anywhere; see the port."""
        return 0

    async def check(self) -> None:
        """Do nothing when the bucket can be reached; see the port."""
        with _as_os_error():
            if not await self.in_thread(self._client.bucket_exists, self._bucket):
                raise OSError(f"there is no bucket {self._bucket!r}")

    async def close(self) -> None:
        """End the threads; no call may be under way."""
        self._threads.shutdown(wait=False)


def _client(location: S3Location, endpoint: str, http: urllib3.PoolManager) -> Minio:
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.netloc or url.path not in ("", "/"):
        raise ValueError(f"{endpoint!r} is not the URL of an S3 service, like https://s3.example.org")
    return Minio(
        url.netloc,
        access_key=location.access_key,
        secret_key=location.secret_key,
        secure=url.scheme == "https",
        region=location.region,
        http_client=http,
    )


@contextlib.contextmanager
def _as_os_error(key: str | None = None) -> Iterator[None]:
    """What goes wrong with the service as StorageUnavailableError; that there is no object, where a key is given, as
    that."""
    try:
        yield
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        if key is not None and isinstance(error, S3Error) and error.code in _MISSING:
            raise BlobNotFoundError(key) from None
        raise StorageUnavailableError("object store", str(error)) from error

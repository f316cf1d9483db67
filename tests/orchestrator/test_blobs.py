"""What every blob store must do. A further adapter joins by adding itself to `store`."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from minio import Minio

from etude.content_disposition import content_disposition
from orchestrator.blobs.local import LocalBlobStore
from orchestrator.blobs.port import (
    CHUNK_BYTES,
    BlobExistsError,
    BlobNotFoundError,
    BlobRangeError,
    BlobStore,
    PresignedUrl,
)
from orchestrator.blobs.s3 import S3BlobStore, S3Location

KEY = "jobs/j1/artifacts/a1.pdf"


@pytest.fixture(params=["local", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    if request.param == "local":
        yield LocalBlobStore(tmp_path / "store")
        return
    store = S3BlobStore(request.getfixturevalue("s3_location"))
    await store.prepare()
    yield store
    await store.close()


async def content(store: BlobStore, key: str = KEY, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, offset, length)])


async def keys(store: BlobStore, prefix: str = "") -> list[str]:
    return [info.key async for info in store.scan(prefix)]


def s3_client(location: S3Location) -> Minio:
    return Minio(location.endpoint.removeprefix("http://"), location.access_key, location.secret_key, secure=False)


@pytest.mark.parametrize("size", [0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 17])
async def test_put_and_read(store: BlobStore, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    (stored,) = await store.put({KEY: data})
    assert (stored.key, stored.size_bytes, stored.sha256) == (KEY, size, hashlib.sha256(data).hexdigest())
    assert await content(store) == data
    assert [len(chunk) <= CHUNK_BYTES async for chunk in store.read(KEY)] == [True] * -(-size // CHUNK_BYTES)
    info = await store.stat(KEY)
    assert (info.key, info.size_bytes) == (KEY, size)
    assert info.modify_time.tzinfo is not None


async def test_what_is_stored_may_be_made_beside_the_event_loop(store: BlobStore) -> None:
    makers: list[int] = []

    def make() -> dict[str, bytes]:
        makers.append(threading.get_ident())
        return {KEY: b"made"}

    (stored,) = await store.put_made(make)
    assert (stored.key, stored.size_bytes) == (KEY, 4)
    assert await content(store) == b"made"
    assert len(makers) == 1
    assert makers[0] != threading.get_ident()

    def fail() -> dict[str, bytes]:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await store.put_made(fail)


async def test_several_at_once_in_their_order(store: BlobStore) -> None:
    blobs = {f"jobs/j1/artifacts/{number}.svg": str(number).encode() for number in reversed(range(12))}
    stored = await store.put(blobs)
    assert [blob.key for blob in stored] == list(blobs)
    for key, data in blobs.items():
        assert await content(store, key) == data
    with pytest.raises(ValueError, match="no key"):
        await store.put({"jobs/j1/artifacts/new.svg": b"x", "../out": b"x"})
    assert await keys(store) == sorted(blobs)


@pytest.mark.parametrize("size", [1 << 10, 1 << 19, 5 << 20])
async def test_a_large_upload_is_read_back_while_it_grows(store: BlobStore, size: int) -> None:
    piece = bytes(range(256)) * 512  # 128 KiB
    async with store.upload() as upload:
        for start in range(0, size, len(piece)):
            await upload.write(piece[: size - start])
            assert upload.size_bytes == min(start + len(piece), size)
        data = b"".join([chunk async for chunk in upload.read()])
        assert hashlib.sha256(data).hexdigest() == upload.sha256
        assert len(data) == size
        await upload.commit(KEY)
    assert await content(store) == data
    assert await store.clear_uploads() == 0


async def test_upload_in_pieces(store: BlobStore) -> None:
    async with store.upload() as upload:
        for piece in (b"abc", b"", b"def"):
            await upload.write(piece)
        assert upload.size_bytes == 6
        assert upload.sha256 == hashlib.sha256(b"abcdef").hexdigest()
        assert await keys(store) == []  # nothing is visible before the commit
        stored = await upload.commit(KEY)
        assert stored.size_bytes == 6
        assert await content(store) == b"abcdef"  # and everything after it
    assert await content(store) == b"abcdef"


async def test_upload_without_commit_leaves_nothing(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        async with store.upload() as upload:
            await upload.write(b"x" * 1000)
            raise RuntimeError
    async with store.upload() as upload:
        await upload.write(b"y")
    assert await keys(store) == []
    assert await store.clear_uploads() == 0


async def test_cancelled_upload_leaves_nothing(store: BlobStore) -> None:
    written = asyncio.Event()

    async def endless() -> None:
        async with store.upload() as upload:
            while True:
                await upload.write(b"x" * 100)
                written.set()

    task = asyncio.create_task(endless())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(store) == []
    assert await store.clear_uploads() == 0


@pytest.mark.parametrize(
    ("offset", "length", "wanted"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 4, b"3456"), (8, 100, b"89"), (10, None, b""), (0, 0, b"")],
)
async def test_ranges(store: BlobStore, offset: int, length: int | None, wanted: bytes) -> None:
    await store.put({KEY: b"0123456789"})
    assert await content(store, offset=offset, length=length) == wanted


@pytest.mark.parametrize("offset", [-1, 11])
async def test_range_beyond_the_end(store: BlobStore, offset: int) -> None:
    await store.put({KEY: b"0123456789"})
    with pytest.raises(BlobRangeError):
        await content(store, offset=offset)


async def test_blobs_are_immutable(store: BlobStore) -> None:
    await store.put({KEY: b"one"})
    await store.put({KEY: b"one"})  # the same again is no change
    with pytest.raises(BlobExistsError):
        await store.put({KEY: b"two"})
    with pytest.raises(BlobExistsError):
        await store.put({KEY: b"longer"})
    assert await content(store) == b"one"


async def test_missing_blob(store: BlobStore) -> None:
    with pytest.raises(BlobNotFoundError):
        await content(store)
    with pytest.raises(BlobNotFoundError):
        await store.stat(KEY)
    await store.put({KEY: b"x"})
    with pytest.raises(BlobNotFoundError):
        await content(store, "jobs/j1/artifacts")  # a prefix is no blob
    with pytest.raises(BlobNotFoundError):
        await content(store, KEY + "/below")


async def test_delete_and_scan(store: BlobStore) -> None:
    for key in ("jobs/b/artifacts/2.svg", "jobs/a/artifacts/1.pdf", "jobs/ab/artifacts/3.mid"):
        await store.put({key: key.encode()})
    assert await keys(store) == sorted(["jobs/a/artifacts/1.pdf", "jobs/ab/artifacts/3.mid", "jobs/b/artifacts/2.svg"])
    assert await keys(store, "jobs/a/") == ["jobs/a/artifacts/1.pdf"]
    assert await keys(store, "jobs/none/") == []
    await store.delete("jobs/a/artifacts/1.pdf")
    await store.delete("jobs/a/artifacts/1.pdf")  # again: nothing to do
    assert await keys(store) == ["jobs/ab/artifacts/3.mid", "jobs/b/artifacts/2.svg"]
    await store.put({"jobs/a/artifacts/1.pdf": b"anew"})
    assert await content(store, "jobs/a/artifacts/1.pdf") == b"anew"


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a b", "ä", "a\n", "a\x00b", "x" * 513],
)
async def test_keys_that_lead_elsewhere_are_refused(store: BlobStore, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        await store.put({key: b"x"})
    with pytest.raises(ValueError, match="no key"):
        await content(store, key)
    with pytest.raises(ValueError, match="no key"):
        await store.delete(key)
    assert await keys(store) == []


async def test_many_at_once(store: BlobStore) -> None:
    async def cycle(number: int) -> None:
        key = f"jobs/{number % 5}/artifacts/{number}.bin"
        await store.put({key: str(number).encode()})
        assert await content(store, key) == str(number).encode()
        await store.delete(key)

    await asyncio.gather(*(cycle(number) for number in range(60)))
    assert await keys(store) == []


async def test_same_key_at_once_is_stored_once(store: BlobStore) -> None:
    results = await asyncio.gather(*(store.put({KEY: b"same"}) for _ in range(8)))
    assert len({result.sha256 for (result,) in results}) == 1
    assert await content(store) == b"same"


def test_local_files_are_private_and_uploads_of_the_dead_are_cleared(tmp_path: Path) -> None:
    store = LocalBlobStore(tmp_path / "store")
    (tmp_path / "store" / "uploads" / "tmpdead").write_bytes(b"half")
    assert asyncio.run(store.clear_uploads()) == 1
    asyncio.run(store.put({KEY: b"x"}))
    assert list((tmp_path / "store" / "uploads").iterdir()) == []
    assert (tmp_path / "store").stat().st_mode & 0o077 == 0


async def test_s3_checks_who_asks(s3_location: S3Location) -> None:
    store = S3BlobStore(s3_location)
    await store.prepare()
    await store.put({KEY: b"x"})
    await store.check()
    forged = S3BlobStore(dataclasses.replace(s3_location, secret_key="not the secret"))
    with pytest.raises(OSError, match="cannot be used"):
        await forged.check()
    with pytest.raises(OSError, match=r"denied|signature"):
        await content(forged)
    assert await content(store) == b"x"
    for each in (store, forged):
        await each.close()


async def test_s3_bucket_is_made_once_by_those_who_start_together(s3_location: S3Location) -> None:
    stores = [S3BlobStore(s3_location) for _ in range(8)]
    for _ in range(3):
        await asyncio.gather(*(store.prepare() for store in stores))
        await stores[0].check()
        await asyncio.to_thread(s3_client(s3_location).remove_bucket, s3_location.bucket)
    for store in stores:
        await store.close()


async def test_s3_bucket_that_is_not_there(s3_location: S3Location) -> None:
    store = S3BlobStore(s3_location)
    with pytest.raises(OSError, match="no bucket"):
        await store.check()
    await store.close()


def test_local_files_have_no_url(tmp_path: Path) -> None:
    assert LocalBlobStore(tmp_path).presigned_url(KEY, filename="a.pdf", media_type="application/pdf") is None


async def test_s3_has_no_url_unless_it_is_wanted(s3_location: S3Location) -> None:
    store = S3BlobStore(s3_location)
    assert store.presigned_url(KEY, filename="a.pdf", media_type="application/pdf") is None
    await store.close()


@pytest.fixture
async def presigning(s3_location: S3Location) -> AsyncIterator[S3BlobStore]:
    store = S3BlobStore(dataclasses.replace(s3_location, presigned_s=30))
    await store.prepare()
    await store.put({KEY: b"0123456789", "jobs/j1/artifacts/other.mid": b"another's"})
    yield store
    await store.close()


def presigned(store: S3BlobStore, filename: str = 'Étude "1".pdf') -> PresignedUrl:
    made = store.presigned_url(KEY, filename=filename, media_type="application/pdf")
    assert made is not None
    return made


async def test_s3_url_gives_the_bytes_as_a_file(presigning: S3BlobStore, s3_location: S3Location) -> None:
    made = presigned(presigning)
    left = (made.expire_time - datetime.now(UTC)).total_seconds()
    assert 20 < left <= 30
    assert s3_location.secret_key not in made.url
    async with httpx.AsyncClient() as http:
        answer = await http.get(made.url)
        assert (answer.status_code, answer.content) == (200, b"0123456789")
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == content_disposition("attachment", 'Étude "1".pdf')
        assert answer.headers["cache-control"] == "private, no-store"
        part = await http.get(made.url, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Amz-Signature", "0" * 64),
        ("X-Amz-Signature", None),
        ("X-Amz-Expires", "3600"),
        ("X-Amz-Date", "20200101T000000Z"),
        ("response-content-type", "text/html"),
        ("response-content-disposition", "inline"),
        ("response-content-disposition", None),
    ],
)
async def test_s3_url_cannot_be_changed(presigning: S3BlobStore, name: str, value: str | None) -> None:
    url = urlsplit(presigned(presigning).url)
    query = dict(parse_qsl(url.query))
    changed = {field: text for field, text in {**query, name: value}.items() if text is not None}
    assert changed != query

    def asking(fields: dict[str, str]) -> str:
        return urlunsplit(url._replace(query=urlencode(fields, quote_via=quote)))

    async with httpx.AsyncClient() as http:
        assert (await http.get(asking(query))).status_code == 200
        answer = await http.get(asking(changed))
    assert answer.status_code in (400, 403), answer.text
    assert b"0123456789" not in answer.content


async def test_s3_url_is_for_reading_one_blob_only(presigning: S3BlobStore) -> None:
    url = presigned(presigning).url
    async with httpx.AsyncClient() as http:
        assert (await http.get(url)).status_code == 200
        assert (await http.get(url.replace(KEY, "jobs/j1/artifacts/other.mid"))).status_code == 403
        assert (await http.put(url, content=b"mine")).status_code == 403
        assert (await http.delete(url)).status_code == 403
    assert await content(presigning) == b"0123456789"


async def test_s3_url_ends(s3_location: S3Location) -> None:
    store = S3BlobStore(dataclasses.replace(s3_location, presigned_s=2))
    await store.prepare()
    await store.put({KEY: b"x"})
    made = presigned(store)
    async with httpx.AsyncClient() as http:
        assert (await http.get(made.url)).status_code == 200
        await asyncio.sleep((made.expire_time - datetime.now(UTC)).total_seconds() + 1.1)
        assert (await http.get(made.url)).status_code == 403
    await store.close()


async def test_s3_url_is_signed_for_the_address_that_clients_use(s3_location: S3Location) -> None:
    public = s3_location.endpoint.replace("127.0.0.1", "localhost")
    assert public != s3_location.endpoint
    store = S3BlobStore(dataclasses.replace(s3_location, public_endpoint=public, presigned_s=30))
    await store.prepare()
    await store.put({KEY: b"x"})
    url = presigned(store).url
    assert url.startswith(public)
    async with httpx.AsyncClient() as http:
        assert (await http.get(url)).content == b"x"
        # The name is part of what is signed.
        assert (await http.get(url.replace("localhost", "127.0.0.1"))).status_code == 403
    await store.close()


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "ftp://host", "https://", "https://host/path"])
def test_s3_endpoint_must_be_a_url(endpoint: str) -> None:
    with pytest.raises(ValueError, match="URL of an S3 service"):
        S3BlobStore(S3Location(endpoint, "us-east-1", "bucket", "a", "s"))
    with pytest.raises(ValueError, match="URL of an S3 service"):
        S3BlobStore(S3Location("https://host", "us-east-1", "bucket", "a", "s", public_endpoint=endpoint))


async def test_s3_large_blob_goes_in_parts(s3_location: S3Location) -> None:
    store = S3BlobStore(s3_location)
    await store.prepare()
    piece = hashlib.sha256(b"seed").digest() * (1 << 15)  # 1 MiB
    async with store.upload() as upload:
        for _ in range(20):
            await upload.write(piece)
        stored = await upload.commit(KEY)
    assert stored.size_bytes == 20 << 20
    assert hashlib.sha256(await content(store)).hexdigest() == stored.sha256 == hashlib.sha256(piece * 20).hexdigest()
    assert await content(store, offset=(8 << 20) - 1, length=2) == piece[-1:] + piece[:1]
    client = s3_client(s3_location)
    assert client.stat_object(s3_location.bucket, KEY).etag.endswith("-3")  # the mark of an object of three parts
    await store.close()

"""A real S3 service for tests: SeaweedFS, one per test process, a bucket of its own for every test that asks."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from etude.production.seaweedfs import ACCESS_KEY, S3Server
from orchestrator.blobs.s3 import S3Location


def location(server: S3Server, bucket: str) -> S3Location:
    """A bucket of a server, with credentials that are good."""
    return S3Location(server.endpoint, "us-east-1", bucket, ACCESS_KEY, server.secret_key)


@contextlib.contextmanager
def running_s3() -> Iterator[S3Server]:
    """A server without a bucket."""
    directory = Path(tempfile.mkdtemp(prefix="etude-s3-"))
    try:
        server = S3Server(directory, uuid.uuid4().hex)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The server that all tests of this process share. Do not stop it: `running_s3` gives one of your own."""
    with running_s3() as server:
        yield server


@pytest.fixture
def s3_location(s3: S3Server) -> S3Location:
    """A bucket of the test's own, which is not made yet."""
    return location(s3, f"test-{uuid.uuid4().hex}")

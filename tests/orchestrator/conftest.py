"""A whole orchestrator with three test stages, in one process, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from etude.identity.v1 import identity_service_pb2_grpc
from etude.job.v1 import (
    artifact_service_pb2,
    artifact_service_pb2_grpc,
    job_pb2,
    job_service_pb2,
    job_service_pb2_grpc,
    model_service_pb2_grpc,
)
from etude.mesh.channels import open_channel
from etude.mesh.errors import EtudeError, from_rpc_error
from etude.mesh.server import ServerHandle, running_server
from orchestrator.blobs.local import LocalBlobStore
from orchestrator.database import Database
from orchestrator.definition import DEFINITION
from orchestrator.notifier import Notifier
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.settings import OrchestratorSettings
from orchestrator.store import Store
from tests.orchestrator.stage_servers import Journal, running_stages
from tests.support.stored import stored_names


class Client:
    """Calls an orchestrator as a client would; errors come as EtudeError."""

    def __init__(self, target: str) -> None:
        self.channel = open_channel(target)
        self.jobs: Any = job_service_pb2_grpc.JobServiceStub(self.channel)
        self.artifacts: Any = artifact_service_pb2_grpc.ArtifactServiceStub(self.channel)
        self.models: Any = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.identity: Any = identity_service_pb2_grpc.IdentityServiceStub(self.channel)

    async def close(self) -> None:
        await self.channel.close(None)

    async def create(
        self, content: bytes, *, chunk_bytes: int = 1 << 20, request_id: str = "", **options: Any
    ) -> job_pb2.Job:
        async def requests() -> AsyncIterator[job_service_pb2.CreateJobRequest]:
            head = job_service_pb2.CreateJobOptions(
                options=job_pb2.JobOptions(**{"filename": "piece.pdf", **options}), request_id=request_id
            )
            yield job_service_pb2.CreateJobRequest(create=head)
            for start in range(0, len(content), chunk_bytes):
                yield job_service_pb2.CreateJobRequest(chunk=content[start : start + chunk_bytes])

        with errors():
            return (await self.jobs.CreateJob(requests(), timeout=30)).job

    async def get(self, job_id: str) -> job_pb2.Job:
        with errors():
            return (await self.jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id), timeout=10)).job

    async def watch(self, job_id: str, after: int = 0, seconds: float = 30) -> list[job_pb2.JobEvent]:
        """All events until the job is at rest."""
        request = job_service_pb2.WatchJobRequest(job_id=job_id, after_sequence=after)
        with errors():
            return [
                response.event
                async for response in self.jobs.WatchJob(request, timeout=seconds)
                if response.HasField("event")
            ]

    async def settled(self, job_id: str, seconds: float = 30) -> job_pb2.Job:
        await self.watch(job_id, seconds=seconds)
        return await self.get(job_id)

    async def until(self, job_id: str, state: job_pb2.JobState.ValueType, seconds: float = 30) -> job_pb2.Job:
        """The job as soon as it has been in a state."""
        request = job_service_pb2.WatchJobRequest(job_id=job_id)
        call = self.jobs.WatchJob(request, timeout=seconds)
        with errors():
            async for response in call:
                if response.HasField("event") and response.event.state == state:
                    break
            else:
                raise AssertionError(f"the job came to rest without having been in {state}")
        call.cancel()
        return await self.get(job_id)

    async def cancel(self, job_id: str, reason: str = "") -> job_pb2.Job:
        with errors():
            request = job_service_pb2.CancelJobRequest(job_id=job_id, reason=reason)
            return (await self.jobs.CancelJob(request, timeout=10)).job

    async def retry(self, job_id: str, request_id: str = "") -> job_pb2.Job:
        with errors():
            request = job_service_pb2.RetryJobRequest(job_id=job_id, request_id=request_id)
            return (await self.jobs.RetryJob(request, timeout=10)).job

    async def delete(self, job_id: str) -> None:
        with errors():
            await self.jobs.DeleteJob(job_service_pb2.DeleteJobRequest(job_id=job_id), timeout=10)

    async def update(self, **fields: Any) -> job_service_pb2.UpdateFingeringResponse:
        with errors():
            return await self.jobs.UpdateFingering(job_service_pb2.UpdateFingeringRequest(**fields), timeout=20)

    async def list_artifacts(self, job_id: str, **fields: Any) -> list[artifact_service_pb2.Artifact]:
        request = artifact_service_pb2.ListArtifactsRequest(job_id=job_id, page_size=1000, **fields)
        with errors():
            return list((await self.artifacts.ListArtifacts(request, timeout=10)).artifacts)

    async def download(self, artifact_id: str, offset: int = 0, length: int = 0) -> bytes:
        request = artifact_service_pb2.DownloadArtifactRequest(artifact_id=artifact_id, offset=offset, length=length)
        data = bytearray()
        with errors():
            async for response in self.artifacts.DownloadArtifact(request, timeout=20):
                assert len(response.chunk) <= 1 << 20
                data += response.chunk
        return bytes(data)


@contextlib.contextmanager
def errors() -> Any:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


@contextlib.contextmanager
def refused(reason: str) -> Any:
    """The block fails for this reason."""
    with pytest.raises(EtudeError) as caught:
        yield caught
    assert caught.value.reason == reason, caught.value


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # it may be about a file or another process
            await asyncio.sleep(0.01)


def database_dump(data_dir: Path) -> str:
    """Everything in the orchestrator's databases, as text."""
    text = []
    for path in data_dir.glob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            text.extend(connection.iterdump())
    return "\n".join(text)


@dataclass
class Mesh:
    client: Client
    journal: Journal
    data_dir: Path
    stages: dict[str, ServerHandle]
    settings: OrchestratorSettings

    def files(self) -> set[str]:
        """All that is stored of artifacts and uploads, by the names it has, or would have, as files."""
        return set(stored_names(self.data_dir))


def settings_for(data_dir: Path, stages: dict[str, ServerHandle], **overrides: Any) -> OrchestratorSettings:
    return OrchestratorSettings(
        **{
            "address": "127.0.0.1:0",
            "data_dir": data_dir,
            "omr_target": stages["omr"].address,
            "fingering_target": stages["fingering"].address,
            "renderer_target": stages["renderer"].address,
            "stage_patience_seconds": 5.0,
            "drain_seconds": 1.0,
            **overrides,
        }
    )


@contextlib.asynccontextmanager
async def running_orchestrator(settings: OrchestratorSettings) -> AsyncIterator[Client]:
    async with running_server(DEFINITION, settings) as handle:
        client = Client(handle.address)
        try:
            yield client
        finally:
            await client.close()


@pytest.fixture
async def make_mesh(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    async with contextlib.AsyncExitStack() as stack:
        journal = Journal(tmp_path / "journal")
        stages = await stack.enter_async_context(running_stages(journal))

        async def make(**overrides: Any) -> Mesh:
            settings = settings_for(tmp_path / "data", stages, **overrides)
            client = await stack.enter_async_context(running_orchestrator(settings))
            return Mesh(client, journal, tmp_path / "data", stages, settings)

        yield make


@pytest.fixture
async def mesh(make_mesh: Callable[..., Any]) -> Mesh:
    return await make_mesh()


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database without a table."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    else:
        database = Database(request.getfixturevalue("postgres_database").url)
    yield database
    await database.close()


@pytest.fixture
async def database(empty: Database) -> Database:
    """A database with all tables, two tenants, and two users in each."""
    database = empty
    await database.upgrade()
    async with database.write() as connection:
        for tenant in ("t1", "t2"):
            await IdentityRepository(connection, tenant).ensure(f"Tenant {tenant}", "u1", "One")
            await IdentityRepository(connection, tenant).ensure(f"Tenant {tenant}", "u2", "Two")
    return database


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    return Store(database, LocalBlobStore(tmp_path / "blobs"), Notifier())

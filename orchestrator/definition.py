"""The orchestrator as a service of the mesh: what it opens, offers and closes."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import grpc.aio

from etude.identity.v1 import auth_service_pb2_grpc, identity_service_pb2_grpc
from etude.job.v1 import (
    artifact_service_pb2_grpc,
    job_service_pb2_grpc,
    model_service_pb2_grpc,
    system_service_pb2_grpc,
)
from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.logging import get_logger
from etude.mesh.tasks import end_task
from orchestrator.blobs.local import LocalBlobStore
from orchestrator.blobs.port import BlobStore
from orchestrator.caller import LOCAL
from orchestrator.corrections import Corrections
from orchestrator.database import Database
from orchestrator.engine.dbos import DbosEngine, postgres_engine, sqlite_engine
from orchestrator.identity.assembly import Identity, identity
from orchestrator.jobs import Jobs
from orchestrator.lease import Lease
from orchestrator.lock import data_dir_lock
from orchestrator.membership import Membership
from orchestrator.notifier import Notifier
from orchestrator.pipeline import PIPELINE, PipelineRunner
from orchestrator.registry import ModelRegistry
from orchestrator.repositories.identity import IdentityRepository
from orchestrator.repositories.jobs import JobRef
from orchestrator.service.artifacts import ArtifactService
from orchestrator.service.auth import AuthService
from orchestrator.service.identity import IdentityService
from orchestrator.service.jobs import JobService
from orchestrator.service.models import ModelService
from orchestrator.service.system import SystemService
from orchestrator.settings import OrchestratorSettings
from orchestrator.stages import Stages
from orchestrator.steps.base import Workshop
from orchestrator.store import Store
from orchestrator.sweeper import sweep
from orchestrator.tenancy import set_tenant

_log = get_logger(__name__)

#: Age from which bytes without a row belong to nobody, when other orchestrators may be storing some right now.
_ORPHAN_AGE = timedelta(days=1)


@contextlib.asynccontextmanager
async def start(settings: OrchestratorSettings) -> AsyncIterator[Sequence[Servicer]]:
    """The servicers of an orchestrator, on a migrated database and swept store, with its jobs running on.

    Raises:
        OSError: Another orchestrator works on the data directory.
    """
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(_store(settings))
        stages = Stages(settings)
        stack.push_async_callback(stages.close)
        workshop = Workshop(store, stages)
        jobs = await stack.enter_async_context(_jobs(settings, workshop))

        registry = ModelRegistry(store, stages)
        stack.push_async_callback(end_task, asyncio.create_task(registry.run()))

        known = await stack.enter_async_context(identity(settings, store.database))

        yield _servicers(store, workshop, jobs, registry, known)


@contextlib.asynccontextmanager
async def _store(settings: OrchestratorSettings) -> AsyncIterator[Store]:
    """The migrated database and the swept store.

    Raises:
        OSError: Another orchestrator works on the data directory.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(data_dir_lock(settings.data_dir))
        database = Database(settings.resolved_database_url)
        stack.push_async_callback(database.close)
        await database.upgrade()
        async with database.exclusive() as connection:
            await IdentityRepository(connection, LOCAL.tenant_id).ensure("This machine", LOCAL.user_id, "Local user")
        blobs = await stack.enter_async_context(_blobs(settings))
        store = Store(database, blobs, Notifier(), settings.inline_artifact_bytes)
        if not settings.inline_artifact_bytes:
            await store.move_out()
        await sweep(database, blobs, older_than=timedelta(0) if database.is_sqlite else _ORPHAN_AGE)
        yield store


@contextlib.asynccontextmanager
async def _jobs(settings: OrchestratorSettings, workshop: Workshop) -> AsyncIterator[Jobs]:
    """The jobs, those under way running on; with other orchestrators where the database is shared."""
    store, stages = workshop.store, workshop.stages
    database, alone = store.database, store.database.is_sqlite
    lease = Lease(math.inf if alone else settings.silence_seconds)
    runner = PipelineRunner(workshop, settings, lease)
    steps = {step.name: step for step in PIPELINE}

    async def run_step(ref: JobRef, step_name: str) -> bool:
        set_tenant(ref.tenant_id)
        return await runner.run(ref, steps[step_name])

    sql = sqlite_engine(settings.data_dir / "engine.sqlite") if alone else postgres_engine(database.url)
    engine = DbosEngine(sql, settings.executor_id, list(steps), run_step)
    jobs = Jobs(
        store,
        engine,
        runner,
        stages,
        max_upload_bytes=settings.max_upload_bytes,
        max_active_jobs=settings.max_active_jobs,
        max_active_jobs_in_all=settings.max_active_jobs_in_all,
    )
    membership = Membership(
        database,
        engine,
        jobs,
        lease,
        settings.executor_id,
        heartbeat_s=settings.heartbeat_seconds,
        silence_s=settings.silence_seconds,
    )
    async with contextlib.AsyncExitStack() as stack:
        if not alone:
            await membership.join()
        await engine.start()
        stack.push_async_callback(engine.stop)
        resumed = await jobs.resume()
        if resumed:
            _log.info("submitted jobs the engine did not know of", jobs=resumed)
        if not alone:
            stack.push_async_callback(end_task, asyncio.create_task(membership.run()))
            from orchestrator.listening import Listener  # with PostgreSQL's driver

            listener = Listener(database.url, database.name, store.notifier)
            stack.push_async_callback(end_task, asyncio.create_task(listener.run()))
        stack.push_async_callback(end_task, asyncio.create_task(jobs.keep_driven()))
        yield jobs


def _servicers(
    store: Store, workshop: Workshop, jobs: Jobs, registry: ModelRegistry, known: Identity
) -> Sequence[Servicer]:
    """All services of an orchestrator, each behind the same guard."""

    def servicer(full_name: str, add_to_server: Callable[[Any, grpc.aio.Server], None], service: object) -> Servicer:
        return Servicer(full_name, partial(add_to_server, service), store.check, known.authenticator.guard)

    return (
        servicer(
            "etude.job.v1.JobService",
            job_service_pb2_grpc.add_JobServiceServicer_to_server,
            JobService(store, jobs, Corrections(workshop)),
        ),
        servicer(
            "etude.job.v1.ArtifactService",
            artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server,
            ArtifactService(store),
        ),
        servicer(
            "etude.job.v1.ModelService",
            model_service_pb2_grpc.add_ModelServiceServicer_to_server,
            ModelService(store, registry),
        ),
        servicer(
            "etude.job.v1.SystemService",
            system_service_pb2_grpc.add_SystemServiceServicer_to_server,
            SystemService(store, workshop.stages),
        ),
        servicer(
            "etude.identity.v1.IdentityService",
            identity_service_pb2_grpc.add_IdentityServiceServicer_to_server,
            IdentityService(store),
        ),
        servicer(
            "etude.identity.v1.AuthService",
            auth_service_pb2_grpc.add_AuthServiceServicer_to_server,
            AuthService(store, known.accounts),
        ),
    )


@contextlib.asynccontextmanager
async def _blobs(settings: OrchestratorSettings) -> AsyncIterator[BlobStore]:
    """The store of artifacts, ready to be used.

    Raises:
        OSError, ValueError: The settings name an S3 service that cannot be used.
    """
    if not settings.s3_endpoint:
        yield LocalBlobStore(settings.data_dir / "artifacts")
        return
    # With its client, which takes a tenth of a second to import, for nothing where artifacts are files.
    from orchestrator.blobs.s3 import S3BlobStore, S3Location

    store = S3BlobStore(
        S3Location(
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            bucket=settings.s3_bucket,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            public_endpoint=settings.s3_public_endpoint,
            presigned_s=settings.s3_presigned_seconds,
        )
    )
    try:
        await store.prepare()
        yield store
    finally:
        await store.close()


DEFINITION = ServiceDefinition(
    name="orchestrator", package="orchestrator", settings_class=OrchestratorSettings, start=start
)

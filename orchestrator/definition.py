"""The orchestrator as a service of the mesh: what it opens, offers and closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
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
from orchestrator.blobs.local import LocalBlobStore
from orchestrator.caller import LOCAL
from orchestrator.corrections import Corrections
from orchestrator.database import Database
from orchestrator.engine.dbos import DbosEngine
from orchestrator.identity.assembly import identity
from orchestrator.jobs import Jobs
from orchestrator.lock import data_dir_lock
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


@contextlib.asynccontextmanager
async def start(settings: OrchestratorSettings) -> AsyncIterator[Sequence[Servicer]]:
    """The servicers of an orchestrator, on a migrated database and swept store, with its jobs running on.

    Raises:
        OSError: Another orchestrator works on the data directory.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(data_dir_lock(settings.data_dir))
        database = Database(settings.resolved_database_url)
        stack.push_async_callback(database.close)
        await database.upgrade()
        async with database.write() as connection:
            await IdentityRepository(connection, LOCAL.tenant_id).ensure("This machine", LOCAL.user_id, "Local user")
        store = Store(database, LocalBlobStore(settings.data_dir / "artifacts"), Notifier())
        await sweep(database, store.blobs)

        stages = Stages(settings)
        stack.push_async_callback(stages.close)
        workshop = Workshop(store, stages)
        runner = PipelineRunner(workshop, settings)
        steps = {step.name: step for step in PIPELINE}

        async def run_step(ref: JobRef, step_name: str) -> bool:
            set_tenant(ref.tenant_id)
            return await runner.run(ref, steps[step_name])

        engine = DbosEngine(settings.data_dir / "engine.sqlite", settings.executor_id, list(steps), run_step)
        jobs = Jobs(store, engine, stages, max_upload_bytes=settings.max_upload_bytes)
        await engine.start()
        stack.push_async_callback(engine.stop)
        resumed = await jobs.resume()
        if resumed:
            _log.info("submitted jobs the engine did not know of", jobs=resumed)

        registry = ModelRegistry(store, stages)
        looking = asyncio.create_task(registry.run())
        stack.push_async_callback(_cancelled, looking)

        known = await stack.enter_async_context(identity(settings, database))

        def servicer(
            full_name: str, add_to_server: Callable[[Any, grpc.aio.Server], None], service: object
        ) -> Servicer:
            return Servicer(full_name, partial(add_to_server, service), store.check, known.authenticator.guard)

        yield (
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
                SystemService(store, stages),
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


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


DEFINITION = ServiceDefinition(
    name="orchestrator", package="orchestrator", settings_class=OrchestratorSettings, start=start
)

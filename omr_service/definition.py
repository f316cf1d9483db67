"""The OMR service, as the chassis sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.workers import WorkerPool
from etude.stage.v1.omr_service_pb2_grpc import add_OmrServiceServicer_to_server
from omr_service.service import OmrServicer
from omr_service.settings import OmrSettings


@asynccontextmanager
async def start(settings: OmrSettings) -> AsyncIterator[Sequence[Servicer]]:
    """Opens the worker pools; gives the servicer; closes the pools again."""
    readers = WorkerPool(settings.workers, preload=["omr_service.work"], queue_limit=100_000, name="omr")
    inspectors = WorkerPool(1, preload=["omr_service.work"], name="omr-inspect")
    async with readers, inspectors:
        servicer = OmrServicer(settings, readers, inspectors)
        yield [Servicer("etude.stage.v1.OmrService", partial(add_OmrServiceServicer_to_server, servicer))]


DEFINITION = ServiceDefinition(name="omr", package="omr_service", settings_class=OmrSettings, start=start)

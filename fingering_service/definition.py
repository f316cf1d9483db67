"""The fingering service, as the chassis sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.workers import WorkerPool
from etude.stage.v1.fingering_service_pb2_grpc import add_FingeringServiceServicer_to_server
from fingering_service.service import FingeringServicer
from fingering_service.settings import FingeringSettings
from fingering_service.work import registry


@asynccontextmanager
async def start(settings: FingeringSettings) -> AsyncIterator[Sequence[Servicer]]:
    """Opens the worker pool; gives the servicer; closes the pool again."""
    pool = WorkerPool(settings.workers, preload=["fingering_service.work"], warm_up=registry, name="fingering")
    async with pool:
        servicer = FingeringServicer(settings, pool)
        yield [
            Servicer(
                "etude.stage.v1.FingeringService",
                partial(add_FingeringServiceServicer_to_server, servicer),
            )
        ]


DEFINITION = ServiceDefinition(
    name="fingering", package="fingering_service", settings_class=FingeringSettings, start=start
)

"""The renderer, as the chassis sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.workers import WorkerPool
from etude.stage.v1.renderer_service_pb2_grpc import add_RendererServiceServicer_to_server
from renderer_service.service import RendererServicer
from renderer_service.settings import RendererSettings
from renderer_service.steps import warm_up


@asynccontextmanager
async def start(settings: RendererSettings) -> AsyncIterator[Sequence[Servicer]]:
    """Opens the worker pool; gives the servicer; closes the pool again."""
    async with WorkerPool(settings.workers, warm_up=warm_up, name="renderer") as pool:
        servicer = RendererServicer(settings, pool)
        yield [
            Servicer(
                "etude.stage.v1.RendererService",
                partial(add_RendererServiceServicer_to_server, servicer),
            )
        ]


DEFINITION = ServiceDefinition(
    name="renderer", package="renderer_service", settings_class=RendererSettings, start=start
)

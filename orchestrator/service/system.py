"""SystemService."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio

from etude.job.v1 import system_service_pb2, system_service_pb2_grpc
from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from orchestrator.stages import Stages
from orchestrator.store import Store

_Context = grpc.aio.ServicerContext[Any, Any]
_TIMEOUT_S = 2.0
_log = get_logger(__name__)


class SystemService(system_service_pb2_grpc.SystemServiceServicer):
    """See proto/etude/job/v1/system_service.proto."""

    def __init__(self, store: Store, stages: Stages) -> None:
        self._checks: dict[str, Callable[[], Awaitable[None]]] = {
            "database": store.database.check,
            "object_store": store.blobs.check,
            **{name: _stage_check(stages, name) for name in stages.names},
        }

    async def GetSystemHealth(
        self, request: system_service_pb2.GetSystemHealthRequest, context: _Context
    ) -> system_service_pb2.GetSystemHealthResponse:
        """Ask everything at once."""
        components = await asyncio.gather(*(_component(name, check) for name, check in self._checks.items()))
        serving = system_service_pb2.COMPONENT_STATUS_SERVING
        return system_service_pb2.GetSystemHealthResponse(
            healthy=all(component.status == serving for component in components), components=components
        )


def _stage_check(stages: Stages, name: str) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        if not await stages.serves(name, timeout_s=_TIMEOUT_S):
            raise EtudeError("DEPENDENCY_UNAVAILABLE", f"the stage {name} does not say that it serves")

    return check


async def _component(name: str, check: Callable[[], Awaitable[None]]) -> system_service_pb2.ComponentHealth:
    started = time.perf_counter()
    status = system_service_pb2.COMPONENT_STATUS_SERVING
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await check()
    except Exception as error:  # whatever is wrong with it is the answer; what exactly is for the log alone
        _log.warning("a component is not serving", component=name, error=str(error) or type(error).__name__)
        status = system_service_pb2.COMPONENT_STATUS_NOT_SERVING
    health = system_service_pb2.ComponentHealth(name=name, status=status)
    health.latency.FromNanoseconds(round((time.perf_counter() - started) * 1e9))
    return health

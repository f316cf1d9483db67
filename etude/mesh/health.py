"""`grpc.health.v1` on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class HealthServicer(health.aio.HealthServicer):  # type: ignore[misc, name-defined]  # untyped
    """Health by service name and "" for the whole server; its watches end when the server stops.

    The one of grpcio-health-checking keeps watches open, and every health-checked client holds one, so that a stopping
    server would wait for its whole grace period.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self._names = ("", *names)
        self._ended = asyncio.Event()

    async def set_serving(self) -> None:
        """Says SERVING for every name."""
        for name in self._names:
            await self.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def end_watches(self) -> None:
        """Ends all watches; call it after `enter_graceful_shutdown`."""
        self._ended.set()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:  # noqa: N802
        """Streams the status until the caller or the server goes."""
        watch = asyncio.ensure_future(super().Watch(request, context))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({watch, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            if not watch.done():
                watch.cancel()
            await asyncio.gather(watch, ended, return_exceptions=True)


async def check_health(channel: grpc.aio.Channel, service: str = "", *, timeout_s: float = 2.0) -> bool:
    """True when the server answers SERVING for a service name ("" for the whole server) in time."""
    stub = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=timeout_s)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

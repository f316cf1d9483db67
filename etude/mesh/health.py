"""`grpc.health.v1` on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from etude.mesh.logging import get_logger

Check = Callable[[], Awaitable[None]]

_log = get_logger(__name__)


class HealthServicer(health.aio.HealthServicer):  # type: ignore[misc, name-defined]  # untyped
    """Health by service name and "" for the whole server; its watches end when the server stops.

    The one of grpcio-health-checking keeps watches open, and every health-checked client holds one, so that a stopping
    server would wait for its whole grace period.
    """

    def __init__(self, checks: Mapping[str, Check | None]) -> None:
        """Answers for services by name; each is as healthy as its check says, or healthy when it has none."""
        super().__init__()
        self._checks = checks
        self._serving: set[str] = set()
        self._failing: set[Check] = set()
        self._ended = asyncio.Event()

    async def refresh(self, timeout_s: float) -> None:
        """Asks every check once, giving it so many seconds, and says what came of it.

        The server as a whole serves while all of its services do.
        """
        checks = {check for check in self._checks.values() if check is not None}
        failed = {check for check in checks if not await self._passes(check, timeout_s)}
        for name, check in self._checks.items():
            await self._say(name, check not in failed)
        await self._say("", not failed)
        self._failing = failed

    async def keep_fresh(self, interval_s: float) -> None:
        """Refreshes at an interval until cancelled; returns at once when there is nothing to check."""
        while any(self._checks.values()):
            await asyncio.sleep(interval_s)
            await self.refresh(interval_s)

    async def _passes(self, check: Check, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await check()
        except Exception as error:
            if check not in self._failing:
                _log.error("not healthy", services=self._names(check), error=str(error) or type(error).__name__)
            return False
        if check in self._failing:
            _log.info("healthy again", services=self._names(check))
        return True

    def _names(self, check: Check) -> list[str]:
        return [name for name, own in self._checks.items() if own == check]

    def serves(self, name: str) -> bool:
        """True while a service, or "" for the whole server, is healthy and the server does not stop."""
        return name in self._serving

    async def enter_graceful_shutdown(self) -> None:
        """Says NOT_SERVING for everything, for good."""
        self._serving.clear()
        await super().enter_graceful_shutdown()

    async def _say(self, name: str, serving: bool) -> None:
        status = health_pb2.HealthCheckResponse
        await self.set(name, status.SERVING if serving else status.NOT_SERVING)
        if serving and not self._gracefully_shutting_down:
            self._serving.add(name)
        else:
            self._serving.discard(name)

    async def end_watches(self) -> None:
        """Ends all watches; call it after `enter_graceful_shutdown`."""
        self._ended.set()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:
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

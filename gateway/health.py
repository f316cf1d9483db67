"""Whether the gateway lives, and whether what it stands on answers."""

import asyncio
from collections.abc import Mapping

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway import models

PROBE_TIMEOUT_S = 2.0


async def probe(channel: grpc.aio.Channel) -> str:
    """What a server says of itself by `grpc.health.v1`: SERVING, NOT_SERVING, or why there is no answer."""
    stub = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=PROBE_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


async def readiness(dependencies: Mapping[str, grpc.aio.Channel]) -> models.Readiness:
    """Asks all dependencies at once; ready when every one of them serves."""
    answers = await asyncio.gather(*(probe(channel) for channel in dependencies.values()))
    said = dict(zip(dependencies, answers, strict=True))
    return models.Readiness(ready=all(answer == "SERVING" for answer in answers), dependencies=said)

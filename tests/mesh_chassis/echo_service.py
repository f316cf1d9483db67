"""A small service on the real contract whose handlers do what the request's `model` says; what is tested is its server.

`python -m tests.mesh_chassis.echo_service` runs it as a process of its own.
"""

import asyncio
import sys
from contextlib import asynccontextmanager
from functools import partial

import grpc
from pydantic_settings import SettingsConfigDict

from etude.job.v1 import job_service_pb2, job_service_pb2_grpc
from etude.mesh.calls import drain_started
from etude.mesh.channels import cancelled_on_exit, open_channel, remaining_timeout
from etude.mesh.definition import ServiceDefinition, Servicer
from etude.mesh.errors import EtudeError
from etude.mesh.logging import get_logger
from etude.mesh.server import run
from etude.mesh.settings import ServiceSettings
from etude.mesh.workers import WorkerPool
from etude.stage.v1 import (
    fingering_service_pb2,
    fingering_service_pb2_grpc,
    omr_service_pb2,
    omr_service_pb2_grpc,
    stage_pb2,
)
from tests.mesh_chassis import tasks

FINGERING = "etude.stage.v1.FingeringService"
OMR = "etude.stage.v1.OmrService"
JOB = "etude.job.v1.JobService"

_log = get_logger(__name__)


class EchoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ETUDE_ECHO_")

    relay_target: str = ""
    pool: bool = False


class EchoState:
    """What handlers tell the test."""

    def __init__(self):
        self.attempts = 0
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.remaining = None


def _raise(kind):
    if kind == "etude":
        raise EtudeError(
            "RATE_LIMITED",
            "Too much at once; wait a little.",
            violations=[("score.parts", "too many")],
            metadata={"limit": "7"},
            retry_after_s=1.5,
        )
    if kind == "unexpected":
        raise ValueError("the password is swordfish")
    if kind == "many_violations":
        violations = [(f"note-{n}", "the bar does not add up " * 20) for n in range(5000)]
        raise EtudeError("INVALID_SCORE", "The score is broken. " * 5000, violations=violations)


async def _behave(model, context, settings, state, request):
    kind, _, argument = model.partition(":")
    _raise(kind)
    if kind == "abort":
        await context.abort(grpc.StatusCode.ALREADY_EXISTS, "the handler's own words")
    if kind == "sleep":
        state.started.set()
        try:
            await asyncio.sleep(float(argument))
        except asyncio.CancelledError:
            state.cancelled.set()
            raise
    if kind == "remaining":
        state.remaining = remaining_timeout(context)
    if kind == "flaky":
        state.attempts += 1
        if state.attempts <= int(argument):
            raise EtudeError("DEPENDENCY_UNAVAILABLE", "not yet")
    if kind == "watch":
        state.started.set()
        await drain_started().wait()
    if kind == "log":
        _log.warning("said by the handler", password="swordfish")
    if kind == "die":
        tasks.mark(argument)
        await asyncio.sleep(3600)


class EchoFingering(fingering_service_pb2_grpc.FingeringServiceServicer):
    def __init__(self, settings, state, relay, pool):
        self.settings, self.state, self.relay, self.pool = settings, state, relay, pool

    async def Annotate(self, request, context):
        yield fingering_service_pb2.AnnotateResponse(progress=stage_pb2.Progress(stage="fingering", message="begun"))
        if request.model.startswith("relay:"):
            inner = fingering_service_pb2.AnnotateRequest(model=request.model.removeprefix("relay:"))
            with cancelled_on_exit(self.relay.Annotate(inner, timeout=remaining_timeout(context))) as call:
                async for response in call:
                    yield response
            return
        if request.model == "pool":
            await self.pool.run(tasks.double, 1)
        await _behave(request.model, context, self.settings, self.state, request)
        result = fingering_service_pb2.AnnotateResult(score=request.score)
        yield fingering_service_pb2.AnnotateResponse(result=result)

    async def GetStageInfo(self, request, context):
        model = dict(context.invocation_metadata()).get("x-test-model", "")
        await _behave(model, context, self.settings, self.state, request)
        info = stage_pb2.StageInfo(name="echo")
        return fingering_service_pb2.FingeringServiceGetStageInfoResponse(info=info)


class EchoOmr(omr_service_pb2_grpc.OmrServiceServicer):
    def __init__(self, settings, state):
        self.settings, self.state = settings, state

    async def Recognize(self, request_iterator, context):
        """Not a generator: grpc.aio allows both."""
        received = 0
        async for request in request_iterator:
            received += len(request.chunk)
            await _behave(request.options.filename, context, self.settings, self.state, request)
        progress = stage_pb2.Progress(stage="omr", message=str(received))
        await context.write(omr_service_pb2.RecognizeResponse(progress=progress))


class EchoJobs(job_service_pb2_grpc.JobServiceServicer):
    def __init__(self, settings, state):
        self.settings, self.state = settings, state

    async def CreateJob(self, request_iterator, context):
        received = 0
        async for request in request_iterator:
            received += len(request.chunk)
        await _behave(
            dict(context.invocation_metadata()).get("x-test-model", ""), context, self.settings, self.state, None
        )
        response = job_service_pb2.CreateJobResponse()
        response.job.job_id = str(received)
        return response


@asynccontextmanager
async def start(settings, state=None):
    state = state or EchoState()
    relay = open_channel(settings.relay_target or "127.0.0.1:1")
    pool = WorkerPool(1, name="echo") if settings.pool else None
    stub = fingering_service_pb2_grpc.FingeringServiceStub(relay)
    async with relay:
        if pool is not None:
            await pool.__aenter__()
        try:
            yield (
                _servicer(FINGERING, fingering_service_pb2_grpc, EchoFingering(settings, state, stub, pool)),
                _servicer(OMR, omr_service_pb2_grpc, EchoOmr(settings, state)),
                _servicer(JOB, job_service_pb2_grpc, EchoJobs(settings, state)),
            )
        finally:
            if pool is not None:
                await pool.__aexit__(None, None, None)


def _servicer(full_name, module, implementation):
    add = getattr(module, f"add_{full_name.rpartition('.')[2]}Servicer_to_server")
    return Servicer(full_name, partial(add, implementation))


def definition(state=None):
    return ServiceDefinition("echo", "tests.mesh_chassis.echo_service", EchoSettings, partial(start, state=state))


if __name__ == "__main__":
    sys.exit(run(definition()))

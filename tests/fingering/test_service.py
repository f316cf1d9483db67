"""The fingering service over a real channel, with its real worker processes."""

from __future__ import annotations

from contextlib import asynccontextmanager

import grpc
import pytest

from etude.mesh.channels import open_channel
from etude.mesh.errors import from_rpc_error
from etude.mesh.server import running_server
from etude.stage.v1 import fingering_service_pb2, fingering_service_pb2_grpc
from fingering_service.definition import DEFINITION
from fingering_service.settings import FingeringSettings
from tests.fingering.support import build, pin

Request = fingering_service_pb2.AnnotateRequest


@asynccontextmanager
async def service(**settings):
    chosen = FingeringSettings(address="127.0.0.1:0", **settings)
    async with running_server(DEFINITION, chosen) as server, open_channel(server.address) as channel:
        yield fingering_service_pb2_grpc.FingeringServiceStub(channel)


async def annotate(stub, request):
    answers = [answer async for answer in stub.Annotate(request, timeout=60)]
    return [a.progress for a in answers[:-1]], answers[-1].result


def small_score():
    return build("c5/8 d5/8 e5/8 f5/8 g5/8 a5/8 b5/8 c6/8", "c3+e3+g3/1").score()


async def test_answers_with_progress_and_one_result_and_says_how_it_was_made():
    async with service() as stub:
        info = (await stub.GetStageInfo(fingering_service_pb2.FingeringServiceGetStageInfoRequest(), timeout=30)).info
        progress, result = await annotate(stub, Request(score=small_score(), alternative_count=2))
    fractions = [p.fraction for p in progress]
    assert fractions == sorted(fractions) and len(fractions) >= 2
    assert all(n.fingering.finger for e in result.score.events for n in e.notes)
    assert len(result.alternatives) == 4
    default = next(m for m in info.models if m.is_default)
    step = result.score.provenance.steps[-1]
    assert (step.stage, list(step.models)) == ("fingering", [default.model])
    assert step.source_digest.startswith("sha256:")
    assert "ergonomic" in [m.model.name for m in info.models]


async def test_every_model_can_be_asked_for():
    async with service() as stub:
        info = (await stub.GetStageInfo(fingering_service_pb2.FingeringServiceGetStageInfoRequest(), timeout=30)).info
        for model in info.models:
            _, result = await annotate(stub, Request(score=small_score(), model=model.model.name))
            assert result.score.provenance.steps[-1].models[0].name == model.model.name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": "of nobody"}, "MODEL_NOT_FOUND"),
        ({"alternative_count": 11}, "INVALID_REQUEST"),
        ({"hand_profile": {"max_span_semitones": 30}}, "INVALID_REQUEST"),
        ({"pins": [pin("nowhere", 1)]}, "INVALID_CONSTRAINT"),
        ({"pins": [pin("n9", 1), pin("n10", 5)]}, "IMPOSSIBLE_CONSTRAINT"),
        ({"score": None}, "INVALID_REQUEST"),
    ],
)
async def test_wrong_requests_are_refused_with_their_reason(change, reason):
    async with service() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await annotate(stub, Request(**({"score": small_score()} | change)))
    assert from_rpc_error(caught.value).reason == reason


async def test_invalid_score_is_refused_naming_what_is_broken():
    score = small_score()
    score.events[0].notes[0].midi_pitch = 200
    async with service() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await annotate(stub, Request(score=score))
    error = from_rpc_error(caught.value)
    assert error.reason == "INVALID_SCORE"
    assert error.violations


async def test_a_score_may_not_take_longer_than_allowed():
    bars = " | ".join(["c5+e5/16 d5+f5/16 e5+g5/16 f5+a5/16 " * 4] * 120)
    async with service(score_seconds=0.02) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await annotate(stub, Request(score=build(bars, "r/1").score()))
    assert from_rpc_error(caught.value).reason == "TIME_LIMIT"

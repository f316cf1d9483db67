"""What is particular to calls within one process; test_server.py has what they share with those over sockets."""

import asyncio
import contextvars

import grpc
import pytest

from etude.job.v1 import job_service_pb2, job_service_pb2_grpc
from etude.mesh.channels import open_channel
from etude.mesh.near_servers import near_target
from etude.score.v1 import score_pb2
from etude.stage.v1 import omr_service_pb2, omr_service_pb2_grpc
from etude.stage.v1.fingering_service_pb2 import AnnotateRequest, FingeringServiceGetStageInfoRequest
from etude.stage.v1.fingering_service_pb2_grpc import FingeringServiceStub
from tests.mesh_chassis.conftest import eventually
from tests.mesh_chassis.echo_service import FINGERING


@pytest.fixture
def way():
    return "near"


_mine = contextvars.ContextVar("mine", default="")


def _peers(log_lines):
    return [line["peer"] for line in log_lines() if line["message"] == "rpc"]


async def _info(channel, **metadata):
    given = tuple((key.replace("_", "-"), value) for key, value in metadata.items())
    return await FingeringServiceStub(channel).GetStageInfo(
        FingeringServiceGetStageInfoRequest(), metadata=given, timeout=10
    )


async def test_no_socket_is_used(served, log_lines):
    await _info(served.channel)
    assert _peers(log_lines) == ["in-process"]
    assert served.channel.get_state() is grpc.ChannelConnectivity.IDLE


async def test_a_server_that_is_not_in_this_process_is_called_over_its_socket(spawn):
    process = await spawn()
    async with open_channel(near_target(process.socket)) as channel:
        assert (await _info(channel)).info.name == "echo"
        assert channel.get_state() is grpc.ChannelConnectivity.READY


async def test_a_server_of_another_event_loop_is_called_over_its_socket(served, log_lines):
    async def elsewhere():
        async with open_channel(served.target) as channel:
            return (await _info(channel)).info.name

    assert await asyncio.to_thread(asyncio.run, elsewhere()) == "echo"
    (peer,) = _peers(log_lines)
    assert peer.startswith("ipv4:")


async def test_a_server_that_drains_refuses_as_over_its_socket(serve):
    served = await serve(drain_seconds=0.1)
    await served.handle.drain()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _info(served.channel)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_server_started_anew_at_the_address_is_found(serve, tmp_path, log_lines):
    address = f"unix:{tmp_path / 'echo.sock'}"
    first = await serve(address=address, drain_seconds=0.1)
    await _info(first.channel)
    await first.handle.drain()
    second = await serve(address=address)
    await _info(first.channel, x_test_model="sleep:0")
    assert second.state.started.is_set()
    assert _peers(log_lines) == ["in-process"] * 2


async def test_a_service_that_is_not_healthy_gets_no_calls(served):
    async with open_channel(served.target, health_service=FINGERING) as channel:
        await _info(channel)
        await served.handle._health._say(FINGERING, serving=False)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _info(channel)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_the_handler_sees_nothing_of_the_callers_context(served):
    seen = {}
    served.state.started.set = lambda: seen.update(mine=_mine.get())
    _mine.set("the caller's")
    await _info(served.channel, x_test_model="sleep:0")
    assert seen == {"mine": ""}


async def test_neither_side_holds_an_object_of_the_other(served):
    request = AnnotateRequest(score=score_pb2.Score(score_id="before"), model="sleep:0.2")
    call = FingeringServiceStub(served.channel).Annotate(request, timeout=10)
    await served.state.started.wait()
    request.score.score_id = "after"
    responses = [response async for response in call]
    assert responses[-1].result.score.score_id == "before"


async def test_who_writes_more_than_is_read_waits(served):
    written = 0

    async def requests():
        nonlocal written
        yield omr_service_pb2.RecognizeRequest(options=omr_service_pb2.RecognizeOptions(filename="sleep:3600"))
        for _ in range(1000):
            written += 1
            yield omr_service_pb2.RecognizeRequest(chunk=b"x")

    call = omr_service_pb2_grpc.OmrServiceStub(served.channel).Recognize(requests(), timeout=3600)
    await served.state.started.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    assert 0 < written < 20
    call.cancel()


async def test_requests_that_cannot_be_made_cancel_the_call(served):
    async def requests():
        yield job_service_pb2.CreateJobRequest(chunk=b"x")
        raise OSError("the disk is gone")

    call = job_service_pb2_grpc.JobServiceStub(served.channel).CreateJob(requests(), timeout=10)
    with pytest.raises(asyncio.CancelledError):
        await call
    assert call.cancelled()
    assert await call.code() is grpc.StatusCode.CANCELLED


async def test_requests_may_be_written_by_hand(served):
    stub = job_service_pb2_grpc.JobServiceStub(served.channel)
    call = stub.CreateJob(timeout=10)
    for _ in range(100):
        await call.write(job_service_pb2.CreateJobRequest(chunk=b"abc"))
    await call.done_writing()
    assert (await call).job.job_id == "300"
    with pytest.raises(asyncio.InvalidStateError):
        await call.write(job_service_pb2.CreateJobRequest(chunk=b"late"))


async def test_closing_the_channel_cancels_its_calls(served):
    async with open_channel(served.target) as channel:
        call = FingeringServiceStub(channel).Annotate(AnnotateRequest(model="sleep:3600"), timeout=3600)
        await served.state.started.wait()
    await asyncio.wait_for(served.state.cancelled.wait(), 10)
    assert call.cancelled()


async def test_what_is_asked_of_an_ended_call_is_told(served):
    call = FingeringServiceStub(served.channel).Annotate(AnnotateRequest(), timeout=10)
    ended = []
    call.add_done_callback(ended.append)
    responses = [await call.read(), await call.read(), await call.read()]
    assert [response is grpc.aio.EOF for response in responses] == [False, False, True]
    assert await call.code() is grpc.StatusCode.OK
    assert "x-request-id" in dict(await call.trailing_metadata())
    call.add_done_callback(ended.append)
    await eventually(lambda: ended == [call, call])
    assert not call.cancel()

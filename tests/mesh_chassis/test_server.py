"""A server and its callers, on real sockets and in one process: errors, ids, cancellation, deadlines, drain, limits."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from etude.job.v1 import job_service_pb2, job_service_pb2_grpc
from etude.mesh.channels import open_channel
from etude.mesh.errors import STATUS_DETAILS_KEY, from_rpc_error
from etude.mesh.health import check_health
from etude.mesh.limits import MAX_SCORE_BYTES
from etude.mesh.server import running_server
from etude.stage.v1 import omr_service_pb2, omr_service_pb2_grpc
from etude.stage.v1.fingering_service_pb2 import AnnotateRequest, FingeringServiceGetStageInfoRequest
from tests.mesh_chassis.conftest import eventually
from tests.mesh_chassis.echo_service import FINGERING, JOB, OMR, EchoSettings, definition

GRPCURL = str(Path(sys.executable).with_name("grpcurl"))
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def _unary(served, model):
    await served.fingering.GetStageInfo(
        FingeringServiceGetStageInfoRequest(), metadata=(("x-test-model", model),), timeout=20
    )


async def _server_stream(served, model):
    async for _ in served.fingering.Annotate(AnnotateRequest(model=model), timeout=20):
        pass


async def _client_stream(served, model):
    stub = job_service_pb2_grpc.JobServiceStub(served.channel)
    requests = iter([job_service_pb2.CreateJobRequest(chunk=b"x")])
    await stub.CreateJob(requests, metadata=(("x-test-model", model),), timeout=20)


async def _bidi_stream(served, model):
    stub = omr_service_pb2_grpc.OmrServiceStub(served.channel)
    options = omr_service_pb2.RecognizeOptions(filename=model)
    async for _ in stub.Recognize(iter([omr_service_pb2.RecognizeRequest(options=options)]), timeout=20):
        pass


OVER_ITS_SOCKET = pytest.mark.parametrize("way", ["over its socket"], indirect=True)
NEAR = pytest.mark.parametrize("way", ["near"], indirect=True)
KINDS = pytest.mark.parametrize("call", [_unary, _server_stream, _client_stream, _bidi_stream])


@KINDS
async def test_calls_of_every_kind_are_answered(served, call):
    await call(served, "")


@KINDS
async def test_an_error_of_the_contract_arrives_whole(served, call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(served, "etude")
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    error = from_rpc_error(caught.value)
    assert (error.reason, error.message) == ("RATE_LIMITED", "Too much at once; wait a little.")
    assert error.violations == (("score.parts", "too many"),)
    assert error.retry_after_s == 1.5
    assert error.metadata["limit"] == "7"


@KINDS
async def test_an_unexpected_error_is_internal_and_leaks_nothing(log_lines, served, call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(served, "unexpected")
    error = from_rpc_error(caught.value)
    assert (caught.value.code(), error.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "swordfish" not in repr(caught.value) + repr(caught.value.trailing_metadata())
    (line,) = (line for line in log_lines() if "unexpected" in line["message"])
    assert "swordfish" in line["exception"]  # the log has what the caller does not get


@KINDS
async def test_a_handler_may_abort_by_itself(served, call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(served, "abort")
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert caught.value.details() == "the handler's own words"


async def test_an_error_with_thousands_of_violations_still_fits_into_headers(served):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _server_stream(served, "many_violations")
    error = from_rpc_error(caught.value)
    assert error.reason == "INVALID_SCORE"
    assert error.violations
    assert len(error.violations) + int(error.metadata["violations_omitted"]) == 5000


async def test_the_wire_form_is_that_of_google_rpc(served):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _unary(served, "etude")
    raw = dict(caught.value.trailing_metadata())[STATUS_DETAILS_KEY]
    status = status_pb2.Status.FromString(raw)
    info, bad_request, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    assert [status.details[0].Unpack(info), status.details[1].Unpack(bad_request), status.details[2].Unpack(retry)] == [
        True
    ] * 3
    assert (info.domain, info.reason) == ("etude", "RATE_LIMITED")
    assert retry.retry_delay.ToMilliseconds() == 1500


async def test_an_error_of_a_server_further_down_keeps_its_reason(serve):
    down = await serve()
    up = await serve(relay_target=down.target)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _server_stream(up, "relay:etude")
    error = from_rpc_error(caught.value)
    assert (error.reason, error.violations) == ("RATE_LIMITED", (("score.parts", "too many"),))


async def test_an_unknown_method_is_unimplemented(served):
    call = served.channel.unary_unary("/etude.stage.v1.FingeringService/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_the_request_id_comes_back_or_is_made(served):
    for sent, check in (("r-17", lambda got: got == "r-17"), ("a b\x7f", lambda got: len(got) == 32)):
        call = served.fingering.GetStageInfo(
            FingeringServiceGetStageInfoRequest(),
            metadata=(("x-request-id", sent),) if check("r-17") else (),
            timeout=10,
        )
        await call
        assert check(dict(await call.trailing_metadata())["x-request-id"])


async def test_an_error_carries_the_request_id_too(served):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.fingering.GetStageInfo(
            FingeringServiceGetStageInfoRequest(),
            metadata=(("x-request-id", "r-18"), ("x-test-model", "etude")),
            timeout=10,
        )
    assert dict(caught.value.trailing_metadata())["x-request-id"] == "r-18"


async def test_cancelling_a_call_cancels_its_handler(served):
    call = served.fingering.Annotate(AnnotateRequest(model="sleep:3600"), timeout=3600)
    await served.state.started.wait()
    call.cancel()
    await asyncio.wait_for(served.state.cancelled.wait(), 10)


async def test_cancelling_the_task_that_waits_for_a_call_cancels_its_handler(served):
    waiting = asyncio.create_task(_unary(served, "sleep:3600"))
    await served.state.started.wait()
    waiting.cancel()
    await asyncio.wait_for(served.state.cancelled.wait(), 10)


async def test_cancellation_reaches_the_server_further_down(serve):
    down = await serve()
    up = await serve(relay_target=down.target)
    call = up.fingering.Annotate(AnnotateRequest(model="relay:sleep:3600"), timeout=3600)
    await down.state.started.wait()
    call.cancel()
    await asyncio.wait_for(down.state.cancelled.wait(), 10)


async def test_a_deadline_is_handed_down(serve):
    down = await serve()
    up = await serve(relay_target=down.target)
    async for _ in up.fingering.Annotate(AnnotateRequest(model="relay:remaining"), timeout=60):
        pass
    assert 50 < down.state.remaining < 61  # the wire rounds up


async def test_a_deadline_that_passes_cancels_both_handlers(serve):
    down = await serve()
    up = await serve(relay_target=down.target)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in up.fingering.Annotate(AnnotateRequest(model="relay:sleep:3600"), timeout=1):
            pass
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert from_rpc_error(caught.value).reason == "TIME_LIMIT"
    await asyncio.wait_for(down.state.cancelled.wait(), 10)


@OVER_ITS_SOCKET
async def test_unavailable_is_retried(served):
    await _unary(served, "flaky:2")
    assert served.state.attempts == 3


@NEAR
async def test_a_server_of_this_process_is_not_asked_again(served):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _unary(served, "flaky:2")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert served.state.attempts == 1


async def test_a_stream_that_has_begun_is_not_retried(served):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _server_stream(served, "flaky:1")
    assert from_rpc_error(caught.value).reason == "DEPENDENCY_UNAVAILABLE"
    assert served.state.attempts == 1


@OVER_ITS_SOCKET
async def test_other_errors_are_not_retried(served):
    served.state.attempts = 0
    with pytest.raises(grpc.aio.AioRpcError):
        await _unary(served, "etude")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _unary(served, "flaky:99")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert served.state.attempts == 4


async def test_nobody_there_is_dependency_unavailable(tmp_path):
    async with open_channel(f"unix:{tmp_path / 'nobody'}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert not await check_health(channel)
    assert from_rpc_error(caught.value).reason == "DEPENDENCY_UNAVAILABLE"


async def test_health_is_told_by_name_and_as_a_whole(served):
    for name in ("", FINGERING, OMR, JOB):
        assert await check_health(served.channel, name)
    assert not await check_health(served.channel, "etude.stage.v1.Nothing")


@OVER_ITS_SOCKET
async def test_grpcurl_lists_describes_checks_and_calls(served):
    def grpcurl(*arguments):
        ran = subprocess.run(
            [GRPCURL, "-plaintext", *arguments], capture_output=True, text=True, timeout=30, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    address = served.handle.address
    listed = await asyncio.to_thread(grpcurl, address, "list")
    assert {FINGERING, OMR, JOB, "grpc.health.v1.Health"} <= set(listed.split())
    assert "rpc Annotate" in await asyncio.to_thread(grpcurl, address, "describe", FINGERING)
    health = await asyncio.to_thread(grpcurl, "-d", f'{{"service": "{OMR}"}}', address, "grpc.health.v1.Health/Check")
    assert "SERVING" in health
    assert '"echo"' in await asyncio.to_thread(grpcurl, address, f"{FINGERING}/GetStageInfo")


async def test_a_score_at_its_limit_passes_and_one_far_beyond_does_not(served):
    request = AnnotateRequest()
    request.score.schema_version = "x" * (MAX_SCORE_BYTES - 16)
    assert MAX_SCORE_BYTES - 16 < request.score.ByteSize() <= MAX_SCORE_BYTES
    responses = [response async for response in served.fingering.Annotate(request, timeout=60)]
    assert responses[-1].result.score.ByteSize() == request.score.ByteSize()
    request.score.schema_version += "x" * (2 << 20)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in served.fingering.Annotate(request, timeout=60):
            pass
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_call_in_flight_finishes_while_the_server_drains(served):
    call = asyncio.create_task(_unary(served, "sleep:0.5"))
    await served.state.started.wait()
    await served.handle.drain()
    await call


async def test_a_call_that_does_not_finish_is_told_that_the_server_stops(serve):
    served = await serve(drain_seconds=0.3)
    call = asyncio.create_task(_server_stream(served, "sleep:3600"))
    await served.state.started.wait()
    await served.handle.drain()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert from_rpc_error(caught.value).reason == "SHUTTING_DOWN"
    assert served.state.cancelled.is_set()


async def test_a_watch_ends_by_itself_when_the_server_drains(serve):
    served = await serve(drain_seconds=60)
    call = asyncio.create_task(_server_stream(served, "watch"))
    await served.state.started.wait()
    await asyncio.wait_for(served.handle.drain(), 20)
    await call


async def test_a_health_watch_sees_the_drain_and_does_not_hold_it_up(serve):
    served = await serve(drain_seconds=60, drain_notice_seconds=0.2)
    watch = health_pb2_grpc.HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest(service=OMR))
    seen = watch.__aiter__()
    assert (await anext(seen)).status == SERVING
    draining = asyncio.create_task(served.handle.drain())
    assert (await anext(seen)).status == NOT_SERVING
    with pytest.raises(StopAsyncIteration):
        await anext(seen)
    await asyncio.wait_for(draining, 20)


async def test_a_health_checked_channel_finds_the_server_and_does_not_hold_up_its_drain(serve):
    served = await serve(drain_seconds=60)
    async with open_channel(served.target, health_service=FINGERING) as channel:
        served.fingering = type(served.fingering)(channel)
        await _unary(served, "")
        await asyncio.wait_for(served.handle.drain(), 20)


@OVER_ITS_SOCKET
async def test_round_robin_spreads_calls_and_leaves_out_a_server_that_drains(serve):
    first, second = await serve(), await serve()
    target = f"ipv4:{first.handle.address},{second.handle.address}"
    async with open_channel(target, health_service=FINGERING) as channel:
        stub = type(first.fingering)(channel)

        async def peers(count):
            calls = [stub.GetStageInfo(FingeringServiceGetStageInfoRequest(), timeout=10) for _ in range(count)]
            await asyncio.gather(*calls)
            return first.state, second.state

        async def hits():
            first.state.started.clear()
            second.state.started.clear()
            for _ in range(8):
                await stub.GetStageInfo(
                    FingeringServiceGetStageInfoRequest(), metadata=(("x-test-model", "sleep:0"),), timeout=10
                )
            return first.state.started.is_set(), second.state.started.is_set()

        await peers(4)
        for _ in range(100):
            if (both := await hits()) == (True, True):
                break
        assert both == (True, True)
        await first.handle.drain()
        assert await hits() == (False, True)


@OVER_ITS_SOCKET
async def test_a_taken_port_is_an_error_of_the_system(served):
    with pytest.raises(OSError, match="cannot listen on"):
        async with running_server(definition(), EchoSettings(address=served.handle.address)):
            pass


@OVER_ITS_SOCKET
async def test_a_unix_socket_serves(serve, tmp_path):
    served = await serve(address=f"unix:{tmp_path / 's'}")
    assert served.handle.address.startswith("unix:")
    await _unary(served, "")


async def test_sigterm_drains_a_process(spawn):
    process = await spawn(ETUDE_DRAIN_SECONDS="30")
    async with open_channel(process.socket) as channel:
        stub = omr_service_pb2_grpc.OmrServiceStub(channel)
        options = omr_service_pb2.RecognizeOptions(filename="sleep:1.5")
        request = omr_service_pb2.RecognizeRequest(options=options)
        call = stub.Recognize(iter([request]), timeout=30)
        await call.wait_for_connection()
        await asyncio.sleep(0.3)
        process.popen.send_signal(signal.SIGTERM)
        assert [response.progress.stage async for response in call] == ["omr"]
    assert await process.ended() == 0
    log = process.log.read_text()
    assert "draining" in log
    assert "stopped" in log
    assert not list(process.log.parent.glob("*.sock"))


async def test_a_second_signal_cuts_calls_short(spawn, tmp_path):
    process = await spawn(ETUDE_DRAIN_SECONDS="300")
    marker = tmp_path / "marker"
    async with open_channel(process.socket) as channel:
        stub = omr_service_pb2_grpc.OmrServiceStub(channel)
        request = omr_service_pb2.RecognizeRequest(options=omr_service_pb2.RecognizeOptions(filename=f"die:{marker}"))
        call = stub.Recognize(iter([request]), timeout=300)
        reading = asyncio.ensure_future(anext(call.__aiter__()))
        await eventually(marker.exists)
        process.popen.send_signal(signal.SIGTERM)
        await eventually(lambda: "draining" in process.log.read_text())
        process.popen.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await reading
    # The caller retried, as it should with a replica, and found nobody.
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert '"code": "UNAVAILABLE"' in process.log.read_text()
    assert await process.ended() == 0


async def test_settings_that_make_no_sense_end_with_a_sentence():
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.mesh_chassis.echo_service"],
        env={**os.environ, "ETUDE_ECHO_DRAIN_SECONDS": "swordfish"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "ETUDE_ECHO_DRAIN_SECONDS" in ran.stderr
    assert "swordfish" not in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_a_port_that_is_taken_ends_a_process_with_a_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.mesh_chassis.echo_service"],
            env={**os.environ, "ETUDE_ECHO_ADDRESS": f"127.0.0.1:{taken.getsockname()[1]}"},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 2
    assert "cannot listen on" in ran.stderr


async def test_a_container_asks_its_server_for_its_health(spawn, tmp_path):
    process = await spawn()

    async def probe(*arguments):
        command = [sys.executable, "-m", "etude.mesh.probe", *arguments]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)

    assert (await probe(process.socket)).returncode == 0
    missing = await probe(process.socket, "etude.stage.v1.Nothing")
    assert missing.returncode == 1
    assert "is not serving" in missing.stderr
    assert (await probe(f"unix:{tmp_path / 'nobody'}")).returncode == 1
    assert (await probe()).returncode == 2

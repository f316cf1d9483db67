"""Logs, metrics and traces as they leave real servers."""

import asyncio
import contextlib
import io
import json
import logging
import socket
import urllib.request

import grpc
import pytest
from opentelemetry.trace.status import StatusCode
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from etude.mesh.channels import open_channel
from etude.mesh.logging import bound_context, configure_logging, get_logger
from etude.mesh.telemetry import TelemetrySettings, configure_telemetry
from etude.production.ports import free_ports
from etude.stage.v1 import fingering_service_pb2_grpc
from etude.stage.v1.fingering_service_pb2 import AnnotateRequest, FingeringServiceGetStageInfoRequest
from tests.mesh_chassis.conftest import eventually

TRACE_ID, ROOT_SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{ROOT_SPAN_ID}-01"


async def _annotate(target, model, metadata=()):
    async with open_channel(target) as channel:
        stub = fingering_service_pb2_grpc.FingeringServiceStub(channel)
        call = stub.Annotate(AnnotateRequest(model=model), metadata=metadata, timeout=30)
        responses = [response async for response in call]
        return responses, dict(await call.trailing_metadata())


@contextlib.asynccontextmanager
async def _receiver():
    """A real OTLP receiver: its endpoint and the spans it has got so far."""
    (port,), spans = free_ports(1), []
    async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)) as receiver:

        async def collect():
            async for span in receiver.stream_traces():
                spans.append(span)

        collecting = asyncio.create_task(collect())
        yield f"http://127.0.0.1:{port}", spans
        collecting.cancel()


def _telemetry(endpoint):
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}


async def test_one_trace_over_two_servers_and_a_worker(spawn):
    async with _receiver() as (endpoint, spans):
        down = await spawn(ETUDE_ECHO_POOL="true", **_telemetry(endpoint))
        up = await spawn(ETUDE_ECHO_RELAY_TARGET=down.socket, **_telemetry(endpoint))
        metadata = (("traceparent", TRACEPARENT), ("x-etude-job-id", "job-9"))
        _, trailing = await _annotate(up.socket, "relay:pool", metadata)
        mine = lambda: [span for span in spans if span.trace_id.hex() == TRACE_ID]  # noqa: E731
        await eventually(lambda: len(mine()) >= 4)

    assert trailing["x-etude-trace-id"] == TRACE_ID
    by_id = {span.span_id.hex(): span for span in mine()}
    (work,) = (span for span in mine() if span.name == "double")
    chain = [work]
    while (parent := by_id.get(chain[-1].parent_span_id.hex())) is not None:
        chain.append(parent)
    method = "etude.stage.v1.FingeringService/Annotate"
    kinds = [(span.name, span.kind) for span in chain]
    internal, server, client = 1, 2, 3
    assert kinds == [("double", internal), (method, server), (method, client), (method, server)]
    assert chain[-1].parent_span_id.hex() == ROOT_SPAN_ID
    attributes = {item.key: item.value for item in chain[1].attributes}
    assert attributes["rpc.system"].string_value == "grpc"
    assert attributes["rpc.method"].string_value == "Annotate"
    assert attributes["etude.job_id"].string_value == "job-9"  # handed on by the first server


async def test_spans_of_cancelled_and_failed_calls_end(spawn):
    async with _receiver() as (endpoint, spans):
        down = await spawn(**_telemetry(endpoint))
        up = await spawn(ETUDE_ECHO_RELAY_TARGET=down.socket, **_telemetry(endpoint))
        with pytest.raises(grpc.aio.AioRpcError):
            await _annotate(up.socket, "relay:unexpected", (("traceparent", TRACEPARENT),))
        mine = lambda: [span for span in spans if span.trace_id.hex() == TRACE_ID]  # noqa: E731
        await eventually(lambda: len(mine()) == 3)
        assert {span.status.code for span in mine()} == {StatusCode.ERROR.value}
        async with open_channel(up.socket) as channel:
            stub = fingering_service_pb2_grpc.FingeringServiceStub(channel)
            other = TRACE_ID[::-1]
            traceparent = (("traceparent", TRACEPARENT.replace(TRACE_ID, other)),)
            call = stub.Annotate(AnnotateRequest(model="relay:sleep:3600"), metadata=traceparent, timeout=3600)
            responses = call.__aiter__()
            await anext(responses)
            await anext(responses)
            call.cancel()
        await eventually(lambda: sum(span.trace_id.hex() == other for span in spans) == 3)


async def test_logs_are_json_and_carry_the_ids(spawn):
    async with _receiver() as (endpoint, _):
        process = await spawn(**_telemetry(endpoint))
        ids = (("traceparent", TRACEPARENT), ("x-request-id", "r-1"), ("x-etude-job-id", "job-1"))
        await _annotate(process.socket, "log", ids)
        await eventually(lambda: process.log.read_text().count("job-1") >= 2)
    lines = [json.loads(line) for line in process.log.read_text().splitlines()]
    said = next(line for line in lines if line["message"] == "said by the handler")
    ended = next(line for line in lines if line["message"] == "rpc")
    for line in (said, ended):
        assert (line["trace_id"], line["request_id"], line["job_id"]) == (TRACE_ID, "r-1", "job-1")
        assert len(line["span_id"]) == 16
    assert (ended["code"], said["level"]) == ("OK", "warning")
    assert "swordfish" not in process.log.read_text()


async def test_ids_of_one_call_do_not_stick_to_the_next(served, log_lines):
    for request_id in ("r-1", "r-2"):
        await served.fingering.GetStageInfo(
            FingeringServiceGetStageInfoRequest(), metadata=(("x-request-id", request_id),), timeout=10
        )
    assert [line["request_id"] for line in log_lines() if line["message"] == "rpc"] == ["r-1", "r-2"]


async def test_metrics_are_scraped_by_method_and_code(serve):
    served = await serve(metrics_port=0)
    for model in ("", "etude"):
        with contextlib.suppress(grpc.aio.AioRpcError):
            await served.fingering.GetStageInfo(
                FingeringServiceGetStageInfoRequest(), metadata=(("x-test-model", model),), timeout=10
            )
    port = served.handle.metrics
    url = f"http://{port.host}:{port.port}/metrics"
    text = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read().decode())
    method = 'grpc_method="GetStageInfo",grpc_service="etude.stage.v1.FingeringService",grpc_type="unary"'
    for code in ("OK", "RESOURCE_EXHAUSTED"):
        assert f'grpc_server_handled_total{{grpc_code="{code}",{method}}}' in text
    assert f"grpc_server_handling_seconds_count{{{method}}}" in text
    assert f"grpc_server_in_flight{{{method}}} 0.0" in text
    await served.handle.drain()


async def test_the_metrics_port_closes_with_the_server(serve):
    from etude.mesh.metrics import serve_metrics

    with serve_metrics("127.0.0.1", 0) as port:
        pass
    with socket.socket() as probe:
        assert probe.connect_ex((port.host, port.port)) != 0


def test_the_standard_variables_decide(monkeypatch):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    assert TelemetrySettings().exporters == ()
    assert configure_telemetry("nothing-asked-for") is False
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert TelemetrySettings().exporters == ("otlp",)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console, otlp")
    assert TelemetrySettings().exporters == ("console", "otlp")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert TelemetrySettings().exporters == ()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(ValueError, match="zipkin"):
        configure_telemetry("unknown-exporter")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert TelemetrySettings().exporters == ()


def test_lines_of_libraries_have_the_same_form_and_secrets_are_left_out():
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    try:
        with bound_context(request_id="r-5"):
            logging.getLogger("library").warning("from %s", "elsewhere", extra={"api_key": "swordfish"})
            get_logger("own").info(
                "signed in", user="u", access_token="swordfish", headers={"Authorization": "swordfish"}
            )
            get_logger("own").debug("too detailed")
    finally:
        configure_logging("info", "json")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["from elsewhere", "signed in"]
    assert all(line["request_id"] == "r-5" for line in lines)
    assert "swordfish" not in stream.getvalue()


def test_what_went_wrong_is_logged_with_its_traceback():
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    try:
        try:
            raise KeyError("lost")
        except KeyError:
            get_logger("own").exception("unexpected error", stage="omr")
    finally:
        configure_logging("info", "json")
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (line["level"], line["logger"], line["stage"]) == ("error", "own", "omr")
    assert "KeyError: 'lost'" in line["exception"]


def test_a_log_that_cannot_be_written_stops_nobody(capsys):
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    stream.close()
    try:
        get_logger("own").info("nobody reads this")
    finally:
        configure_logging("info", "json")
    assert "Logging error" in capsys.readouterr().err

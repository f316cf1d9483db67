"""What holds for every answer: the envelope, ids, headers, limits; and what operators ask."""

import asyncio
import re
import socket
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI

from etude.job.v1 import artifact_service_pb2, job_pb2, job_service_pb2, model_service_pb2
from etude.mesh.channels import open_channel
from gateway import models
from gateway.app import create_app
from gateway.openapi import DEFAULT_PATH, openapi_document, openapi_text
from gateway.server import http_server
from gateway.settings import GatewaySettings


def assert_envelope(answer: httpx.Response, status: int, reason: str) -> dict:
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    assert set(error) == {"code", "reason", "message", "details", "trace_id"}
    assert error["reason"] == reason
    assert error["message"].endswith(".")
    assert re.fullmatch("[0-9a-f]{32}", error["trace_id"])
    assert answer.headers["x-request-id"]
    return error


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/nothing", 404, "INVALID_REQUEST"),
        ("GET", "/api/v1/jobs/none", 404, "JOB_NOT_FOUND"),
        ("PUT", "/api/v1/jobs", 405, "INVALID_REQUEST"),
        ("GET", "/api/v1/jobs?page_size=x", 422, "INVALID_REQUEST"),
        ("GET", "/api/v1/jobs?state=SLEEPING", 422, "INVALID_REQUEST"),
        ("POST", "/api/v1/jobs", 422, "INVALID_REQUEST"),
    ],
)
async def test_every_failure_has_the_envelope(http, method, path, status, reason):
    assert_envelope(await http.request(method, path), status, reason)


async def test_wrong_fields_are_named(http):
    answer = await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"%PDF")}, data={"hand_size": "XXL"})
    error = assert_envelope(answer, 400, "INVALID_REQUEST")
    assert error["details"]["violations"][0]["field"] == "hand_size"
    missing = assert_envelope(await http.post("/api/v1/jobs", data={"hand_size": "S"}), 422, "INVALID_REQUEST")
    assert missing["details"]["violations"][0]["field"] == "file"


async def test_an_empty_file_is_said_to_be_empty(http):
    answer = await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"")})
    assert_envelope(answer, 400, "EMPTY_FILE")


async def test_a_file_beyond_the_limit_is_refused(http, store):
    answer = await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"x" * (8 << 20))})
    assert_envelope(answer, 413, "FILE_TOO_LARGE")
    assert not store.jobs


async def test_a_file_without_an_announced_length_is_refused_while_it_comes(http, store):
    async def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        for _ in range(20):
            yield b"x" * (1 << 20)

    answer = await http.post(
        "/api/v1/jobs", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert_envelope(answer, 413, "FILE_TOO_LARGE")
    assert not store.jobs


async def test_a_file_the_orchestrator_refuses_while_it_comes(http):
    answer = await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"x" * (11 << 19))})
    assert_envelope(answer, 413, "FILE_TOO_LARGE")


async def test_request_ids_come_back_and_go_on(http, store):
    await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"%PDF")}, headers={"X-Request-ID": "mine-1"})
    assert store.metadata[-1]["x-request-id"] == "mine-1"
    answer = await http.get("/healthz", headers={"X-Request-ID": "mine-2"})
    assert answer.headers["x-request-id"] == "mine-2"
    made = {(await http.get("/healthz")).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    unfit = await http.get("/healthz", headers={"X-Request-ID": "x" * 500})
    assert len(unfit.headers["x-request-id"]) < 100


async def test_credentials_and_the_trace_go_on(http, store):
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"Authorization": "Bearer abc", "traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    await http.post("/api/v1/jobs", files={"file": ("a.pdf", b"%PDF")}, headers=headers)
    assert store.metadata[-1]["authorization"] == "Bearer abc"
    assert store.metadata[-1]["traceparent"].split("-")[1] == trace_id
    answer = await http.get("/api/v1/jobs/none", headers=headers)
    assert answer.json()["error"]["trace_id"] == trace_id


async def test_security_headers(http):
    for path in ("/", "/docs", "/api/v1/jobs", "/nothing"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


async def test_a_head_without_end_is_refused(http):
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Filler: " + b"x" * (20 << 10))
    answer = await asyncio.wait_for(reader.read(), 20)
    assert answer.startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_pages_need_nothing_from_elsewhere(http):
    for path in ("/", "/docs"):
        page = (await http.get(path)).text
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert (await http.get("/docs/assets/swagger-ui-bundle.js")).headers["content-type"].startswith("text/javascript")
    assert (await http.get("/docs/assets/../settings.py")).status_code == 404


async def test_health_readiness_and_metrics(http):
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "dependencies": {"orchestrator": "SERVING"}})
    await http.get("/api/v1/jobs/none")
    text = (await http.get("/metrics")).text
    assert 'route="/api/v1/jobs/{job_id}",status="404"' in text


async def test_without_its_dependencies_the_gateway_lives_and_is_not_ready():
    settings = GatewaySettings(orchestrator_target="127.0.0.1:9", call_timeout_s=3)
    async with open_channel(settings.orchestrator_target) as channel:
        app = create_app(settings, channel, {"orchestrator": channel})
        async with (
            http_server(app, "127.0.0.1:0") as address,
            httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http,
        ):
            assert (await http.get("/healthz")).status_code == 200
            ready = await http.get("/readyz")
            assert ready.status_code == 503
            assert ready.json()["dependencies"]["orchestrator"] in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
            answer = await http.get("/api/v1/jobs")
            assert_envelope(answer, 503, "DEPENDENCY_UNAVAILABLE")
            assert answer.headers["retry-after"] == "1"


async def test_an_answer_does_not_wait_for_the_caller_to_acknowledge_its_head(monkeypatch):
    listeners = []
    create_server = socket.create_server

    def recorded(*arguments, **options):
        listeners.append(create_server(*arguments, **options))
        return listeners[-1]

    monkeypatch.setattr(socket, "create_server", recorded)
    app = FastAPI()
    app.state.closing = asyncio.Event()
    async with http_server(app, "127.0.0.1:0"):
        (listener,) = listeners
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "what it accepts inherits it"


async def test_a_fault_is_logged_and_tells_the_caller_nothing(http):
    @http.app.get("/fault")
    async def fault() -> None:
        raise RuntimeError("the password is hunter2")

    with structlog.testing.capture_logs() as lines:
        answer = await http.get("/fault")
    assert "hunter2" not in answer.text
    assert_envelope(answer, 500, "INTERNAL")
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["unhandled error"]


async def test_a_watcher_does_not_hold_up_the_shutdown(target, store):
    settings = GatewaySettings(orchestrator_target=target)
    async with open_channel(target) as channel:
        app = create_app(settings, channel, {})
        async with httpx.AsyncClient(timeout=20) as http:
            async with http_server(app, "127.0.0.1:0") as address:
                base = f"http://{address}/api/v1/jobs"
                job_id = (await http.post(base, files={"file": ("a.pdf", b"%PDF")})).json()["job_id"]
                stream = http.stream("GET", f"{base}/{job_id}/events")
                answer = await stream.__aenter__()
                assert answer.status_code == 200
                closing = asyncio.get_running_loop().time()
            assert asyncio.get_running_loop().time() - closing < 4
            await stream.__aexit__(None, None, None)


def test_the_openapi_document_is_stable_and_names_each_operation_once():
    assert openapi_text() == openapi_text()
    committed = Path(__file__).parents[2] / DEFAULT_PATH
    assert committed.read_text("utf-8") == openapi_text(), "run python -m gateway.openapi and commit the difference"
    operations = [
        operation["operationId"] for path in openapi_document()["paths"].values() for operation in path.values()
    ]
    assert len(operations) == len(set(operations))
    assert {"create_job", "watch_job", "update_fingering", "download_artifact", "readyz"} <= set(operations)


@pytest.mark.parametrize(
    ("message", "model"),
    [
        (job_pb2.Job, models.Job),
        (job_pb2.JobEvent, models.JobEvent),
        (job_service_pb2.ListJobsResponse, models.JobList),
        (job_service_pb2.UpdateFingeringResponse, models.FingeringUpdated),
        (artifact_service_pb2.ListArtifactsResponse, models.ArtifactList),
        (artifact_service_pb2.GetLineageResponse, models.Lineage),
        (model_service_pb2.ListModelsResponse, models.ModelList),
    ],
)
def test_the_json_models_have_the_fields_and_values_of_the_contract(message, model):
    compare(message.DESCRIPTOR, model)


def compare(descriptor, model) -> None:
    """Field by field; what a field holds is compared through the JSON schema, which also has the enum values."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolve(node: dict) -> dict:
        for alternative in node.get("anyOf", [node]):
            found = definitions[alternative["$ref"].rsplit("/", 1)[1]] if "$ref" in alternative else alternative
            if found.get("type") != "null":
                return found
        return node

    def walk(message, node: dict) -> None:
        node = resolve(node)
        if message.full_name == "google.rpc.Status":
            assert list(node["properties"]) == ["code", "reason", "message", "details"]
            return
        assert list(node["properties"]) == [field.name for field in message.fields], message.full_name
        for field in message.fields:
            value = resolve(node["properties"][field.name])
            if field.is_repeated and "items" in value:
                value = resolve(value["items"])
            if field.enum_type is not None:
                prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
                names = [entry.name.removeprefix(prefix) for entry in field.enum_type.values if entry.number]
                assert value["enum"] == names
            elif field.message_type is not None and "properties" in value:
                walk(field.message_type, value)

    walk(descriptor, schema)

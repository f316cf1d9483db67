"""One trace from the HTTP request to each stage, at a real OTLP receiver."""

import asyncio
import base64
import secrets

import pytest

from tests.e2e.conftest import SHORT, ServedMesh, TraceFile, finished

pytestmark = pytest.mark.xdist_group("e2e")


def hexadecimal(value: str | None) -> str:
    """An id as hexadecimal, whether the receiver writes it so or in base64."""
    value = value or ""
    try:
        bytes.fromhex(value)
    except ValueError:
        return base64.b64decode(value).hex()
    return value


async def test_http_request_to_orchestrator_to_each_stage(mesh: ServedMesh, http, traces):
    received: TraceFile = traces[0]
    trace_id, parent_id = secrets.token_hex(16), secrets.token_hex(8)
    answer = await http.post(
        "/api/v1/jobs",
        files={"file": (SHORT.name, SHORT.read_bytes())},
        headers={"traceparent": f"00-{trace_id}-{parent_id}-01"},
    )
    await finished(http, answer.json()["job_id"])
    calls = {
        "etude.job.v1.JobService/SubmitJob": "POST /api/v1/jobs",
        "etude.stage.v1.OmrService/RecognizeFile": "etude.job.v1.JobService/SubmitJob",
        "etude.stage.v1.FingeringService/Annotate": "etude.job.v1.JobService/SubmitJob",
        "etude.stage.v1.RendererService/RenderScores": "etude.job.v1.JobService/SubmitJob",
    }

    def of_this_trace() -> dict[str, dict]:
        spans = (span for span in received.spans() if hexadecimal(span.get("traceId")) == trace_id)
        return {hexadecimal(span["spanId"]): span for span in spans}

    def servers(spans: dict[str, dict], name: str) -> list[dict]:
        return [span for span in spans.values() if span["name"] == name and span["kind"] in (2, "SPAN_KIND_SERVER")]

    def is_whole(spans: dict[str, dict]) -> bool:
        """A span is sent when it ends, so those around it come after it."""
        parents = {hexadecimal(span.get("parentSpanId")) for span in spans.values()}
        return all(servers(spans, name) for name in calls) and parents <= {*spans, parent_id}

    async with asyncio.timeout(60):
        while not is_whole(spans := of_this_trace()):  # noqa: ASYNC110 - written by another process
            await asyncio.sleep(0.2)

    def ancestors(span: dict) -> list[dict]:
        found = []
        while (parent := spans.get(hexadecimal(span.get("parentSpanId")))) is not None:
            found.append(parent)
            span = parent
        return found

    (root,) = servers(spans, "POST /api/v1/jobs")
    assert hexadecimal(root["parentSpanId"]) == parent_id
    for name, caller in calls.items():
        (server,) = servers(spans, name)
        parent = spans[hexadecimal(server["parentSpanId"])]
        assert (parent["name"], parent["kind"]) in ((name, 3), (name, "SPAN_KIND_CLIENT"))
        line = [span["name"] for span in ancestors(server)]
        assert caller in line
        assert line[-1] == "POST /api/v1/jobs"

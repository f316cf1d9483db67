"""One trace from the caller through the orchestrator into each stage, also when a job is retried."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from etude.job.v1.job_pb2 import JobState
from tests.orchestrator.conftest import Mesh, until
from tests.orchestrator.stage_servers import document


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    yield exporter
    processor.shutdown()


def parents(trace_id: int, exporter: InMemorySpanExporter) -> dict[tuple[str, str], tuple[str, str] | None]:
    """(name, kind) of the parent by (name, kind), for the spans of one trace."""
    found = [span for span in exporter.get_finished_spans() if span.context.trace_id == trace_id]
    by_id: dict[int, ReadableSpan] = {span.context.span_id: span for span in found}

    def label(span: ReadableSpan) -> tuple[str, str]:
        kind = {SpanKind.CLIENT: "client", SpanKind.SERVER: "server"}.get(span.kind, "")
        return span.name.rsplit(".", 1)[-1], kind

    return {label(span): label(by_id[span.parent.span_id]) if span.parent else None for span in found}


STAGES = {
    "omr": "OmrService/RecognizeFile",
    "fingering": "FingeringService/Annotate",
    "rendering": "RendererService/RenderScores",
}


async def test_one_trace_from_the_caller_into_each_stage(mesh: Mesh, spans: InMemorySpanExporter) -> None:
    with trace.get_tracer("test").start_as_current_span("request") as root:
        job = await mesh.client.create(document(fingering_error="TIME_LIMIT", fingering_errors=1))
    await mesh.client.settled(job.job_id)
    trace_id = root.get_span_context().trace_id
    await until(lambda: ("fingering", "") in parents(trace_id, spans))
    family = parents(trace_id, spans)
    assert family["JobService/CreateJob", "client"] == ("request", "")
    assert family["JobService/CreateJob", "server"] == ("JobService/CreateJob", "client")
    for stage in ("omr", "fingering"):
        assert family[stage, ""] == ("JobService/CreateJob", "server")
        assert family[STAGES[stage], "client"] == (stage, "")
        assert family[STAGES[stage], "server"] == (STAGES[stage], "client")
    assert ("rendering", "") not in family

    with trace.get_tracer("test").start_as_current_span("second request") as second:
        await mesh.client.retry(job.job_id)
    assert (await mesh.client.settled(job.job_id)).state == JobState.JOB_STATE_COMPLETED
    trace_id = second.get_span_context().trace_id
    await until(lambda: ("rendering", "") in parents(trace_id, spans))
    family = parents(trace_id, spans)
    for stage in ("fingering", "rendering"):
        assert family[stage, ""] == ("JobService/RetryJob", "server")
        assert family[STAGES[stage], "server"] == (STAGES[stage], "client")
    assert ("omr", "") not in family

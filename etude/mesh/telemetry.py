"""Tracing: OpenTelemetry set up from the standard `OTEL_*` variables, and the spans around calls.

Nothing is exported, and spans cost next to nothing, unless an endpoint is given (`OTEL_EXPORTER_OTLP_ENDPOINT` or
`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) or an exporter is named (`OTEL_TRACES_EXPORTER=otlp|console|none`). Headers,
sampling, batching and further resource attributes are read by the SDK itself.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Literal

from opentelemetry import context, propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

TRACER_NAME = "etude.mesh"

_provider: TracerProvider | None = None


class TelemetrySettings(BaseSettings):
    """The standard variables that decide whether and how spans leave the process."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", extra="ignore", frozen=True, env_ignore_empty=True)

    sdk_disabled: bool = Field(default=False, description="Turns tracing off.")
    service_name: str | None = Field(default=None, description="service.name of the resource.")
    traces_exporter: str | None = Field(
        default=None,
        description="otlp, console, none, or several separated by commas; not set: otlp if there is an endpoint.",
    )
    exporter_otlp_endpoint: str | None = Field(default=None, description="Where OTLP goes.")
    exporter_otlp_traces_endpoint: str | None = Field(default=None, description="Where OTLP traces go.")
    exporter_otlp_protocol: Literal["grpc", "http/protobuf"] = Field(
        default="http/protobuf", description="Protocol of OTLP."
    )
    exporter_otlp_traces_protocol: Literal["grpc", "http/protobuf"] | None = Field(
        default=None, description="Protocol of OTLP traces; not set: that of OTLP."
    )

    @property
    def exporters(self) -> tuple[str, ...]:
        """Names of the exporters asked for."""
        if self.sdk_disabled:
            return ()
        if self.traces_exporter is not None:
            return tuple(name for name in self.traces_exporter.replace(" ", "").split(",") if name not in ("", "none"))
        return ("otlp",) if self.exporter_otlp_endpoint or self.exporter_otlp_traces_endpoint else ()


def configure_telemetry(service_name: str, *, settings: TelemetrySettings | None = None) -> bool:
    """Sets up tracing for this process, once; later calls change nothing. True when spans are exported.

    Args:
        service_name: `service.name` unless `OTEL_SERVICE_NAME` says otherwise.
        settings: Read from the environment when not given.

    Raises:
        ValueError: `OTEL_TRACES_EXPORTER` names an exporter that does not exist.
    """
    global _provider
    if _provider is not None:
        return True
    found = settings or TelemetrySettings()
    exporters = [_exporter(name, found) for name in found.exporters]
    if not exporters:
        return False
    resource = Resource.create(
        {
            "service.name": found.service_name or service_name,
            "service.namespace": "etude",
            "service.version": version("etude"),
        }
    )
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for exporter in exporters:
        console = isinstance(exporter, ConsoleSpanExporter)
        _provider.add_span_processor(SimpleSpanProcessor(exporter) if console else BatchSpanProcessor(exporter))
    trace.set_tracer_provider(_provider)
    atexit.register(_provider.shutdown)
    return True


def telemetry_is_on() -> bool:
    """True when this process exports spans."""
    return _provider is not None


def flush_telemetry(timeout_s: float = 5.0) -> None:
    """Sends the spans that have ended; returns when they are sent or the time is up."""
    if _provider is not None:
        _provider.force_flush(int(timeout_s * 1000))


def inject_trace() -> dict[str, str]:
    """The current trace context as W3C headers (`traceparent`), to be stored with a job or sent to a process."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def extract_trace(carrier: Mapping[str, str] | Iterable[tuple[str, str | bytes]]) -> context.Context:
    """The context that W3C headers or gRPC metadata stand for; the current one's parent-less form if there are none."""
    pairs = carrier.items() if isinstance(carrier, Mapping) else carrier
    headers = {key.lower(): value for key, value in pairs if isinstance(value, str)}
    return propagate.extract(headers, context.Context())


def current_trace_id() -> str:
    """The current trace id as 32 hexadecimal digits; empty outside a trace."""
    span = trace.get_current_span().get_span_context()
    return trace.format_trace_id(span.trace_id) if span.is_valid else ""


def _exporter(name: str, settings: TelemetrySettings) -> SpanExporter:
    if name == "console":
        return ConsoleSpanExporter(out=sys.stderr)
    if name != "otlp":
        raise ValueError(f"OTEL_TRACES_EXPORTER names {name!r}; Étude knows otlp, console and none")
    # Each exporter takes a tenth of a second to import, so only the one that is used is imported.
    if (settings.exporter_otlp_traces_protocol or settings.exporter_otlp_protocol) == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter()

"""Structured logs: JSON lines on standard error (or a readable form on a terminal) that carry the ids of the call.

Every line has `trace_id` and `span_id` of the current span and whatever `bound_context` holds: `request_id`, `job_id`.
Lines of libraries that log through the standard library come out in the same form.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from functools import lru_cache
from typing import Any, TextIO

import structlog
from opentelemetry import trace

_SECRET_KEY = re.compile(r"(?i)(password|secret|token|authorization|api[-_]?key|credential|cookie)")
_REDACTED = "[redacted]"

_configured: tuple[str, str] | None = None


def configure_logging(level: str = "info", form: str = "auto", stream: TextIO | None = None) -> None:
    """Makes this process log to `stream` (standard error by default); may be called again to change it.

    Args:
        level: "debug", "info", "warning" or "error".
        form: "json", "console", or "auto": console when `stream` is a terminal.
        stream: Where lines go.
    """
    target = stream if stream is not None else sys.stderr
    console = form == "console" or (form == "auto" and target.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_trace,
        _redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if console:
        # tracebacks without the values of variables: pages of music are millions of characters of them
        plain = structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback)
        rendering: list[structlog.typing.Processor] = [plain]
    else:
        rendering = [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    global _configured
    _configured = (level, form)
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logging_configuration() -> tuple[str, str] | None:
    """Level and form this process was configured with, to be repeated in its workers; None before that."""
    return _configured


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes an event and key-value pairs: `log.info("page read", page=3)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextlib.contextmanager
def bound_context(**values: str) -> Iterator[None]:
    """Adds values (`request_id`, `job_id`) to every line logged within, in this task and those it starts.

    The chassis hands `request_id` and `job_id` on to the servers that are called within.
    """
    tokens = structlog.contextvars.bind_contextvars(**values)
    try:
        yield
    finally:
        # A generator that is closed by the garbage collector ends in another context, where there is nothing to undo.
        with contextlib.suppress(ValueError):
            structlog.contextvars.reset_contextvars(**tokens)


def context_value(name: str) -> str:
    """The value `bound_context` holds under a name; empty when there is none."""
    return str(structlog.contextvars.get_contextvars().get(name, ""))


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event


def _redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _without_secrets(key, value) for key, value in event.items()}


@lru_cache(maxsize=1024)
def _names_a_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _without_secrets(key: str, value: Any) -> Any:
    if _names_a_secret(key):
        return _REDACTED
    if isinstance(value, dict):
        return {inner: _without_secrets(str(inner), content) for inner, content in value.items()}
    return value

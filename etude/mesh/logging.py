"""Structured logs: JSON lines on standard error (or a readable form on a terminal) that carry the ids of the call.

Every line has `trace_id` and `span_id` of the current span and whatever `bound_context` holds: `request_id`, `job_id`.
Lines of libraries that log through the standard library come out in the same form.
"""

from __future__ import annotations

import contextlib
import json
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
            structlog.processors.JSONRenderer(serializer=_as_json),
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
    # Lines of our own do not go by way of the standard library, whose records cost twice what the rest of a line does.
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=lambda name: _Lines(name, handler),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )


class _Lines:
    """Writes lines to where a handler of the standard library does, and as that: a log that fails stops nobody."""

    def __init__(self, name: str, handler: logging.StreamHandler[TextIO]) -> None:
        self.name = name
        self._handler = handler

    def msg(self, line: str) -> None:
        """Write a line."""
        handler = self._handler
        with handler.lock or contextlib.nullcontext():
            try:
                handler.stream.write(f"{line}{handler.terminator}")
                handler.stream.flush()
            except Exception:  # whatever a stream raises: as in the standard library, it is told, and no caller fails
                handler.handleError(logging.LogRecord(self.name, logging.ERROR, "", 0, line, None, None))

    debug = info = warning = error = critical = fatal = msg


def _as_json(event: Any, default: Any) -> str:
    return json.dumps(event, ensure_ascii=False, default=default)


def logging_configuration() -> tuple[str, str] | None:
    """Level and form this process was configured with, to be repeated in its workers; None before that."""
    return _configured


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that takes an event and key-value pairs: `log.info("page read", page=3)`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
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
    for key, value in event.items():
        if isinstance(value, dict) or _names_a_secret(key):
            event[key] = _without_secrets(key, value)
    return event


@lru_cache(maxsize=1024)
def _names_a_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _without_secrets(key: str, value: Any) -> Any:
    if _names_a_secret(key):
        return _REDACTED
    if isinstance(value, dict):
        return {inner: _without_secrets(str(inner), content) for inner, content in value.items()}
    return value

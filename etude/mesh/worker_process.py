"""The inside of a worker process: takes one task after the other from its pipe, runs it, sends what came of it.

Messages on the pipe are pickled `(kind, payload)` tuples of the kinds below.
"""

from __future__ import annotations

import contextlib
import ctypes
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace

from etude.mesh.logging import bound_context, configure_logging
from etude.mesh.memory import settle_memory
from etude.mesh.telemetry import TRACER_NAME, configure_telemetry, extract_trace, flush_telemetry

READY, PROGRESS, RESULT, ERROR, OUT_OF_MEMORY = "ready", "progress", "result", "error", "out of memory"
IDLE_S = 1.0
"""Seconds without a task after which a worker gives freed memory back to the system. At once would cost the next task
of a busy worker a fault for each page that it had a moment ago."""


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker does before its first task.

    Attributes:
        warm_up: Called once; loads models and the like.
        logging: Level and form of the parent's logs; None leaves them alone.
        service_name: `service.name` of the worker's spans; None when the parent exports none.
    """

    warm_up: Callable[[], object] | None
    logging: tuple[str, str] | None
    service_name: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """One call of a function in a worker.

    Attributes:
        function: Function, picklable by name.
        args: Its arguments.
        memory_bytes: Data memory the call may use beyond what the worker already has; None for no bound.
        trace: W3C headers of the caller's span.
        ids: Request and job id for the worker's logs.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    memory_bytes: int | None
    trace: dict[str, str]
    ids: dict[str, str]


class WorkerError(Exception):
    """An exception of a worker that cannot be pickled, or the traceback of one that can (as its cause)."""


_connection: Connection | None = None


def report_progress(message: object) -> None:
    """Sends a picklable message to the `on_progress` of the call being run; does nothing outside a worker."""
    if _connection is not None:
        _connection.send_bytes(pickle.dumps((PROGRESS, message), pickle.HIGHEST_PROTOCOL))


def main(connection: Connection, setup: WorkerSetup) -> None:
    """Works until the pipe is closed."""
    global _connection
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which drains
    _die_with_parent()
    if setup.logging is not None:
        configure_logging(*setup.logging)
    if setup.service_name is not None:
        configure_telemetry(setup.service_name)
    try:
        if setup.warm_up is not None:
            setup.warm_up()
    except Exception as error:
        connection.send_bytes(_outcome(ERROR, error))
        return
    settle_memory()
    connection.send_bytes(_outcome(READY, None))
    _connection = connection
    with contextlib.suppress(EOFError, OSError):  # the parent closed the pipe or died
        while True:
            connection.send_bytes(_run(connection.recv_bytes()))
            flush_telemetry(1.0)
            if not connection.poll(IDLE_S):
                _give_back_memory()


def _run(request: bytes) -> bytes:
    try:
        task: Task = pickle.loads(request)
        name = getattr(task.function, "__qualname__", type(task.function).__name__)
        token = otel_context.attach(extract_trace(task.trace))
        try:
            with bound_context(**task.ids), trace.get_tracer(TRACER_NAME).start_as_current_span(name):
                with _memory_bound(task.memory_bytes):
                    result = task.function(*task.args)
                return _outcome(RESULT, result)
        finally:
            otel_context.detach(token)
    except MemoryError:
        return _outcome(OUT_OF_MEMORY, None)
    except Exception as error:
        return _outcome(ERROR, error)


def _outcome(kind: str, payload: object) -> bytes:
    """The message for a result or an exception; a result that cannot be pickled becomes an exception."""
    if isinstance(payload, BaseException):
        return _pickled_error(kind, payload)
    try:
        return pickle.dumps((kind, payload), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return _pickled_error(ERROR, error)


def _pickled_error(kind: str, error: BaseException) -> bytes:
    text = "".join(traceback.format_exception(error))
    try:
        message = pickle.dumps((kind, (error, text)), pickle.HIGHEST_PROTOCOL)
        pickle.loads(message)  # many exceptions pickle and then do not come back
    except Exception:
        wrapped = WorkerError(f"{type(error).__name__}: {error}")
        message = pickle.dumps((kind, (wrapped, text)), pickle.HIGHEST_PROTOCOL)
    return message


@contextlib.contextmanager
def _memory_bound(memory_bytes: int | None) -> Iterator[None]:
    """Makes allocations beyond the bound fail with MemoryError.

    The bound is on data memory (RLIMIT_DATA: heap and private writable mappings), not on address space: numerical
    libraries and thread stacks reserve gigabytes of address space that they never touch. It is counted from what the
    worker has when the call begins, so that a loaded model is not held against a page. Linux only.
    """
    used = data_bytes("self")
    if memory_bytes is None or used is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + memory_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _give_back_memory() -> None:
    """Hands freed memory to the system: glibc keeps that of a large page of pixels, some 250 MB, for the next one."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have no such call, nor keep as much
    if trim is not None:
        trim(0)


def data_bytes(pid: int | str) -> int | None:
    """Data memory (VmData) of a process in bytes; None when it cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return None


def _die_with_parent() -> None:
    """Asks Linux to kill this process with the one that forked it, so that kill -9 of a service leaves no worker."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)

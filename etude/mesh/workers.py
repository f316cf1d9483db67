"""A pool of processes for CPU work, each task with a bound on time and memory.

gRPC and fork do not go together: workers are forked from a fork server, a process without threads that is started
afresh and imports what workers need once. Each worker has a pipe of its own, so that one that is
killed in the middle of a message takes nothing down with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Self, TypeVar

from etude.mesh import worker_process
from etude.mesh.errors import EtudeError
from etude.mesh.logging import context_value, get_logger, logging_configuration
from etude.mesh.telemetry import inject_trace, telemetry_is_on
from etude.mesh.worker_process import (
    ERROR,
    OUT_OF_MEMORY,
    PROGRESS,
    READY,
    Task,
    WorkerError,
    WorkerSetup,
    report_progress,
)

__all__ = ["WorkerError", "WorkerPool", "report_progress"]

_log = get_logger(__name__)
_ALWAYS_PRELOADED = ("etude.mesh.worker_environment", "etude.mesh.worker_process")
_preloaded: list[str] = list(_ALWAYS_PRELOADED)

T = TypeVar("T")
ProgressCallback = Callable[[Any], Awaitable[None]]


class WorkerPool:
    """Processes that run one function at a time each. Use as an asynchronous context manager."""

    def __init__(
        self,
        size: int,
        *,
        preload: Sequence[str] = (),
        warm_up: Callable[[], object] | None = None,
        queue_limit: int = 256,
        name: str = "workers",
    ) -> None:
        """Does not start anything yet.

        Args:
            size: Number of processes, at least 1.
            preload: Modules workers need; imported once and shared by all (their threads are not: no module may start
                any on import). Takes effect for pools made before the first one of the process is entered.
            warm_up: Module-level function called once in each new worker, to load models.
            queue_limit: Number of tasks that may wait for a free worker before `run` refuses.
            name: For logs and process names.
        """
        if size < 1:
            raise ValueError("a pool needs at least one worker")
        self._size = size
        self._warm_up = warm_up
        self._queue_limit = queue_limit
        self._name = name
        self._waiting = 0
        self._slots: deque[asyncio.Task[_Worker] | None] = deque()
        self._free = asyncio.Semaphore(size)
        self._threads = ThreadPoolExecutor(2 * size, thread_name_prefix=name)
        self._workers: set[_Worker] = set()
        self._ran_last: dict[Callable[..., Any], _Worker] = {}
        self._closing = False
        _preloaded.extend(module for module in preload if module not in _preloaded)

    async def __aenter__(self) -> Self:
        """Starts the workers without waiting for them."""
        self._slots.extend(asyncio.create_task(self._spawn()) for _ in range(self._size))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Kills the workers, also those at work."""
        self._closing = True
        for slot in self._slots:
            if slot is not None:
                slot.cancel()
        await asyncio.gather(*(slot for slot in self._slots if slot is not None), return_exceptions=True)
        self._kill_all()
        for _ in range(self._size):
            await self._free.acquire()  # every `run` has ended; those that waited have been refused
        await asyncio.to_thread(self._threads.shutdown)
        self._kill_all()  # those that a thread was just starting
        for worker in tuple(self._workers):
            await asyncio.to_thread(worker.reap)
        self._workers.clear()

    def _kill_all(self) -> None:
        for worker in tuple(self._workers):
            worker.kill()

    async def ready(self) -> None:
        """Waits until every idle worker is warm.

        Raises:
            EtudeError: WORKER_DIED: a worker died while warming up.
            Exception: What `warm_up` raised.
        """
        await asyncio.gather(*(asyncio.shield(slot) for slot in self._slots if slot is not None))

    async def run(
        self,
        function: Callable[..., T],
        *args: Any,
        timeout_s: float | None = None,
        memory_bytes: int | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> T:
        """Runs `function(*args)` in a worker and returns its result. Cancelling the caller kills the worker.

        Where several are idle, it is the one that ran the function last, which may have kept something of it.

        Args:
            function: Module-level function (or partial of one); it, its arguments and its result are pickled.
            args: Arguments.
            timeout_s: Seconds the function may run; waiting for a free worker does not count.
            memory_bytes: Data memory the function may use beyond what the warm worker has.
            on_progress: Awaited, in order, with what the function passes to `report_progress`.

        Raises:
            EtudeError: TIME_LIMIT, MEMORY_LIMIT; WORKER_DIED when the process crashed; RATE_LIMITED when too many tasks
                wait; SHUTTING_DOWN when the pool is closed; or one the function raised.
            Exception: What the function raised; `WorkerError` in place of an exception that cannot be pickled.
        """
        if self._waiting >= self._queue_limit:
            raise EtudeError("RATE_LIMITED", "The server has too much to do; try again later.", retry_after_s=5.0)
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            result: T = await self._run_on_free_worker(_task(function, args, memory_bytes), timeout_s, on_progress)
            return result
        finally:
            self._free.release()

    async def _run_on_free_worker(
        self, task: Task, timeout_s: float | None, on_progress: ProgressCallback | None
    ) -> Any:
        if self._closing:
            raise _shutting_down()
        loop = asyncio.get_running_loop()
        request = await loop.run_in_executor(self._threads, pickle.dumps, task, pickle.HIGHEST_PROTOCOL)
        function = getattr(task.function, "func", task.function)
        slot, worker = await self._take(self._ran_last.get(function))
        self._ran_last[function] = worker
        healthy = False
        try:
            outcome = await self._supervised(worker, request, task.memory_bytes, timeout_s, on_progress)
            healthy = outcome[0] != OUT_OF_MEMORY  # what else failed for want of memory is not known
        except _WorkerDiedError as death:
            raise self._explained(worker, task, death) from None
        finally:
            if healthy:
                self._slots.append(slot)
            else:
                self._dispose(worker)
                self._slots.append(None if self._closing else asyncio.create_task(self._spawn()))
        return _unpacked(outcome, task)

    async def _take(self, wanted: _Worker | None) -> tuple[asyncio.Task[_Worker], _Worker]:
        """A living worker, the wanted one where it is idle, and its slot, which is the caller's to give back."""
        idle = [slot for slot in self._slots if slot is not None and _succeeded(slot)]
        slot = next((each for each in idle if each.result() is wanted), None)
        if slot is not None:
            self._slots.remove(slot)
        else:
            # The longest idle first would wake cold workers; the last one used has its caches warm.
            slot = self._slots.pop() or asyncio.create_task(self._spawn())
        while True:
            try:
                worker = await asyncio.shield(slot)
            except BaseException:
                # Cancelled while the worker starts: the next task has it. Failed to start: the next task tries anew.
                self._slots.append(slot if not slot.done() or _succeeded(slot) else None)
                if self._closing and slot.cancelled():
                    raise _shutting_down() from None  # it is the pool that was cancelled, not the caller
                raise
            if worker.is_alive():
                return slot, worker
            self._dispose(worker)  # something killed it while it was idle
            slot = asyncio.create_task(self._spawn())

    async def _supervised(
        self,
        worker: _Worker,
        request: bytes,
        memory_bytes: int | None,
        timeout_s: float | None,
        on_progress: ProgressCallback | None,
    ) -> tuple[str, Any]:
        """What the worker answered; hands on progress meanwhile."""
        loop = asyncio.get_running_loop()
        messages: asyncio.Queue[tuple[bool, Any]] = asyncio.Queue()

        def deliver(message: object) -> None:
            loop.call_soon_threadsafe(messages.put_nowait, (True, message))

        exchange = loop.run_in_executor(self._threads, worker.exchange, request, memory_bytes, deliver)

        def end(done: asyncio.Future[tuple[str, Any]]) -> None:
            if not done.cancelled():
                done.exception()  # asked for here, because nobody asks when the worker is killed
            messages.put_nowait((False, None))

        exchange.add_done_callback(end)
        try:
            async with asyncio.timeout(timeout_s):
                while (entry := await messages.get())[0]:
                    if on_progress is not None:
                        await on_progress(entry[1])
        except TimeoutError:
            if not exchange.done():  # else only the listener to the progress was slow
                raise EtudeError(
                    "TIME_LIMIT", f"The work took longer than its limit of {timeout_s:g} seconds and was stopped."
                ) from None
        return await exchange

    def _explained(self, worker: _Worker, task: Task, death: _WorkerDiedError) -> EtudeError:
        """Why a worker is dead, as far as the outside can tell."""
        if self._closing:
            return _shutting_down()
        exit_code = worker.exit_code()
        how = f"signal {signal.Signals(-exit_code).name}" if exit_code and exit_code < 0 else f"exit code {exit_code}"
        _log.warning("worker died", pool=self._name, how=how, function=repr(task.function))
        # A library in C that is refused memory aborts or follows a null pointer instead of raising MemoryError. That
        # it had much is seen by looking now and then, so that one that is very quick about it counts as a crash.
        if death.near_bound and exit_code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
            return _memory_limit(task)
        return EtudeError("WORKER_DIED", f"The process that did the work died ({how}).")

    async def _spawn(self) -> _Worker:
        setup = WorkerSetup(
            warm_up=self._warm_up,
            logging=logging_configuration(),
            service_name=f"etude-{self._name}" if telemetry_is_on() else None,
        )
        loop = asyncio.get_running_loop()
        worker = await loop.run_in_executor(self._threads, self._start_worker, setup)
        try:
            kind, payload = await loop.run_in_executor(self._threads, worker.receive)
        except _WorkerDiedError:
            self._dispose(worker)
            raise EtudeError("WORKER_DIED", "A worker process died while it started.") from None
        except asyncio.CancelledError:
            self._dispose(worker)
            raise
        if kind != READY:
            self._dispose(worker)
            raise _with_remote_cause(*payload)
        return worker

    def _start_worker(self, setup: WorkerSetup) -> _Worker:
        worker = _Worker(setup, self._name)
        self._workers.add(worker)  # here, in the thread: whoever waits for it may be cancelled
        return worker

    def _dispose(self, worker: _Worker) -> None:
        worker.kill()
        self._workers.discard(worker)
        with contextlib.suppress(RuntimeError):  # the threads are gone when the pool is closed; init reaps then
            self._threads.submit(worker.reap)


class _WorkerDiedError(Exception):
    """The worker's end of the pipe is closed. `near_bound`: it was last seen near its bound of memory."""

    def __init__(self, near_bound: bool) -> None:
        super().__init__()
        self.near_bound = near_bound


class _Worker:
    """One process and its pipe. All methods but `kill` and `is_alive` block."""

    def __init__(self, setup: WorkerSetup, name: str) -> None:
        methods = multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            context.set_forkserver_preload(_preloaded)  # without effect once the fork server runs
        ours, theirs = context.Pipe(duplex=True)
        self._connection: Connection = ours
        self._process: BaseProcess = context.Process(
            target=worker_process.main, args=(theirs, setup), name=f"etude-{name}", daemon=True
        )
        self._process.start()
        theirs.close()  # so that its death closes the pipe

    def exchange(self, request: bytes, memory_bytes: int | None, deliver: Callable[[object], None]) -> tuple[str, Any]:
        """Sends a pickled task, delivers progress, returns the outcome.

        Raises:
            _WorkerDiedError: The worker is gone.
        """
        before = worker_process.data_bytes(self._pid) if memory_bytes else None
        try:
            self._connection.send_bytes(request)
        except OSError:
            raise _WorkerDiedError(near_bound=False) from None
        near = False
        while True:
            if memory_bytes and before is not None:
                while not self._connection.poll(0.05):
                    now = worker_process.data_bytes(self._pid)
                    near = near or (now is not None and now - before > memory_bytes // 2)
            kind, payload = self.receive(near)
            if kind != PROGRESS:
                return kind, payload
            deliver(payload)

    def receive(self, near_bound: bool = False) -> tuple[str, Any]:
        """The next message.

        Raises:
            _WorkerDiedError: The worker is gone.
        """
        try:
            message: tuple[str, Any] = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            raise _WorkerDiedError(near_bound) from None
        return message

    @property
    def _pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    def is_alive(self) -> bool:
        """True while the process runs; does not wait."""
        return self._process.is_alive()

    def kill(self) -> None:
        """Ends the process at once; does not wait."""
        self._process.kill()

    def exit_code(self) -> int | None:
        """How it ended; negative for a signal. Waits a moment for a process whose pipe is closed already."""
        self._process.join(1.0)
        return self._process.exitcode

    def reap(self) -> None:
        """Waits for a killed process and frees its pipe."""
        self._process.join()
        self._process.close()
        self._connection.close()


def _task(function: Callable[..., Any], args: tuple[Any, ...], memory_bytes: int | None) -> Task:
    ids = {name: value for name in ("request_id", "job_id") if (value := context_value(name))}
    return Task(function, args, memory_bytes, inject_trace(), ids)


def _unpacked(outcome: tuple[str, Any], task: Task) -> Any:
    kind, payload = outcome
    if kind == ERROR:
        raise _with_remote_cause(*payload)
    if kind == OUT_OF_MEMORY:
        raise _memory_limit(task)
    return payload


def _shutting_down() -> EtudeError:
    return EtudeError("SHUTTING_DOWN", "The server is shutting down; try again.", retry_after_s=1.0)


def _memory_limit(task: Task) -> EtudeError:
    limit = f" of {task.memory_bytes / 2**20:.0f} MiB" if task.memory_bytes else ""
    return EtudeError("MEMORY_LIMIT", f"The work needed more memory than its limit{limit} and was stopped.")


def _with_remote_cause(error: BaseException, text: str) -> BaseException:
    error.__cause__ = WorkerError(f"in the worker:\n{text}")
    return error


def _succeeded(slot: asyncio.Task[_Worker]) -> bool:
    return slot.done() and not slot.cancelled() and slot.exception() is None

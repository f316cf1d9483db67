import asyncio
import os
from functools import partial

import pytest

from etude.mesh.errors import EtudeError
from etude.mesh.logging import bound_context
from etude.mesh.worker_process import IDLE_S
from etude.mesh.workers import WorkerError, WorkerPool
from tests.mesh_chassis import tasks
from tests.mesh_chassis.conftest import eventually


@pytest.fixture
async def pool():
    async with WorkerPool(2, preload=("tests.mesh_chassis.tasks",), warm_up=tasks.warm_up, name="test") as pool:
        yield pool


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_runs_functions_in_other_processes(pool):
    assert await pool.run(tasks.double, 21) == 42
    assert await pool.run(partial(tasks.double, 4)) == 8
    assert await pool.run(tasks.pid) != os.getpid()


async def test_runs_as_many_at_a_time_as_it_has_workers(pool):
    pids = await asyncio.gather(*(pool.run(tasks.pid) for _ in range(20)))
    assert len(set(pids)) <= 2


async def test_a_worker_is_warm_once_and_kept(pool):
    await pool.ready()
    assert await pool.run(tasks.warmed_in) == await pool.run(tasks.pid)


async def test_a_function_goes_to_the_worker_that_ran_it_last(pool, tmp_path):
    await pool.ready()
    marker = tmp_path / "pid"
    sleeping = asyncio.create_task(pool.run(tasks.sleep, 0.3, str(marker)))
    await eventually(lambda: marker.exists() and marker.read_text())
    other = await pool.run(tasks.pid)
    await sleeping
    sleeper = int(marker.read_text())
    assert other != sleeper
    for _ in range(2):  # each time the other one was used last
        assert await pool.run(tasks.pid) == other
        await pool.run(tasks.sleep, 0.0, str(marker))
        assert int(marker.read_text()) == sleeper


async def test_numerical_libraries_get_one_thread(pool):
    assert await pool.run(tasks.threads_per_library) == os.environ.get("OPENBLAS_NUM_THREADS", "1")


async def test_a_warm_up_that_fails_is_told():
    async with WorkerPool(1, warm_up=tasks.broken_warm_up) as pool:
        with pytest.raises(ValueError, match="no model here"):
            await pool.ready()
        with pytest.raises(ValueError, match="no model here"):
            await pool.run(tasks.pid)
        with pytest.raises(ValueError, match="no model here"):
            await pool.run(tasks.pid)


async def test_a_worker_that_dies_while_starting_is_told():
    async with WorkerPool(1, warm_up=tasks.dying_warm_up) as pool:
        with pytest.raises(EtudeError) as caught:
            await pool.run(tasks.pid)
    assert caught.value.reason == "WORKER_DIED"


async def test_time_limit_kills_the_worker_and_spares_the_pool(pool, tmp_path):
    marker = tmp_path / "pid"
    with pytest.raises(EtudeError) as caught:
        await pool.run(tasks.spin, str(marker), timeout_s=0.5)
    assert caught.value.reason == "TIME_LIMIT"
    assert "0.5 seconds" in caught.value.message
    await eventually(lambda: not _alive(int(marker.read_text())))
    assert await pool.run(tasks.double, 1) == 2


async def test_waiting_for_a_worker_does_not_count_as_running():
    async with WorkerPool(1) as pool:
        first = asyncio.create_task(pool.run(tasks.sleep, 1.0))
        assert await pool.run(tasks.double, 1, timeout_s=0.9) == 2
        await first


async def test_cancelling_the_caller_kills_the_worker(pool, tmp_path):
    marker = tmp_path / "pid"
    running = asyncio.create_task(pool.run(tasks.spin, str(marker)))
    await eventually(lambda: marker.exists() and marker.read_text())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await eventually(lambda: not _alive(int(marker.read_text())))
    assert await asyncio.gather(*(pool.run(tasks.double, n) for n in range(4))) == [0, 2, 4, 6]


async def test_cancelling_while_waiting_leaves_the_running_task_alone():
    async with WorkerPool(1) as pool:
        running = asyncio.create_task(pool.run(tasks.sleep, 0.5))
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(pool.run(tasks.pid))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await running
        assert await pool.run(tasks.double, 3) == 6


async def test_cancelling_while_the_workers_start_loses_none():
    async with WorkerPool(1) as pool:
        early = asyncio.create_task(pool.run(tasks.pid))
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.gather(early, return_exceptions=True)
        assert await pool.run(tasks.double, 3) == 6


async def test_memory_limit_stops_python(pool):
    with pytest.raises(EtudeError) as caught:
        await pool.run(tasks.allocate, 512, memory_bytes=64 << 20)
    assert caught.value.reason == "MEMORY_LIMIT"
    assert "64 MiB" in caught.value.message
    assert await pool.run(tasks.allocate, 16, memory_bytes=64 << 20) == 16 << 20
    assert await pool.run(tasks.allocate, 512) == 512 << 20


async def test_memory_limit_stops_a_library_that_aborts(pool):
    with pytest.raises(EtudeError) as caught:
        await pool.run(tasks.allocate_in_c, 512, memory_bytes=64 << 20)
    assert caught.value.reason == "MEMORY_LIMIT"
    assert await pool.run(tasks.double, 1) == 2


async def test_reserved_address_space_is_not_held_against_a_task(pool):
    assert await pool.run(tasks.reserve_address_space, 16 << 10, memory_bytes=64 << 20)


async def test_an_idle_worker_gives_freed_memory_back():
    async with WorkerPool(1) as pool:
        full = await pool.run(tasks.leave_holes, 200)
        assert full >= 200
        await asyncio.sleep(IDLE_S + 1.0)
        assert await pool.run(tasks.resident_mebibytes) < full - 150


@pytest.mark.parametrize(
    ("function", "how"), [(tasks.segfault, "SIGSEGV"), (tasks.killed, "SIGKILL"), (tasks.exits, "exit code 7")]
)
async def test_a_crash_costs_the_task_and_not_its_neighbours(pool, function, how):
    neighbour = asyncio.create_task(pool.run(tasks.sleep, 0.5))
    with pytest.raises(EtudeError) as caught:
        await pool.run(function, memory_bytes=64 << 20)
    assert caught.value.reason == "WORKER_DIED"
    assert how in caught.value.message
    await neighbour
    assert await asyncio.gather(*(pool.run(tasks.double, n) for n in range(4))) == [0, 2, 4, 6]


async def test_an_idle_worker_that_dies_is_replaced_unnoticed(pool):
    await pool.ready()
    victim = await pool.run(tasks.pid)
    os.kill(victim, 9)
    await eventually(lambda: not _alive(victim))
    assert await asyncio.gather(*(pool.run(tasks.double, n) for n in range(4))) == [0, 2, 4, 6]


async def test_errors_of_the_contract_come_back_whole(pool):
    with pytest.raises(EtudeError) as caught:
        await pool.run(tasks.fails)
    error = caught.value
    assert (error.reason, error.message, error.retry_after_s) == ("CORRUPT_FILE", "broken", 2.0)
    assert error.violations == (("file", "truncated"),)
    assert error.metadata == {"page": "3"}


async def test_other_errors_come_back_with_the_traceback_of_the_worker(pool):
    with pytest.raises(ValueError, match="bad value") as caught:
        await pool.run(tasks.raises_value_error)
    assert "raises_value_error" in str(caught.value.__cause__)


async def test_an_error_that_does_not_unpickle_is_told_in_words(pool):
    with pytest.raises(WorkerError, match="StubbornError: this and that"):
        await pool.run(tasks.raises_what_does_not_unpickle)


async def test_a_result_that_does_not_pickle_is_an_error_and_spares_the_pool(pool):
    with pytest.raises(Exception, match=r"(?i)pickle|local object"):
        await pool.run(tasks.returns_what_does_not_pickle)
    with pytest.raises(Exception, match=r"(?i)pickle|local object"):
        await pool.run(lambda: 1)
    assert await pool.run(tasks.double, 1) == 2


async def test_large_arguments_and_results_pass(pool):
    content = os.urandom(24 << 20)
    assert await pool.run(bytes, content) == content


async def test_progress_comes_in_order_before_the_result(pool):
    seen = []

    async def on_progress(message):
        await asyncio.sleep(0)
        seen.append(message)

    assert await pool.run(tasks.progresses, 50, on_progress=on_progress) == "done"
    assert seen == list(range(50))
    assert await pool.run(tasks.progresses, 5) == "done"  # nobody listens


async def test_a_listener_that_fails_stops_the_work(pool):
    async def on_progress(message):
        raise ConnectionError("the caller is gone")

    with pytest.raises(ConnectionError):
        await pool.run(tasks.progresses, 3, on_progress=on_progress)
    assert await pool.run(tasks.double, 1) == 2


async def test_ids_of_the_call_reach_the_worker_and_leave_it_again(pool):
    with bound_context(request_id="r-1", job_id="j-1"):
        assert await pool.run(tasks.bound_ids) == {"request_id": "r-1", "job_id": "j-1"}
    assert await pool.run(tasks.bound_ids) == {}


async def test_what_is_loaded_is_left_alone_by_the_collector(pool):
    frozen, threshold = await pool.run(tasks.left_to_the_collector)
    assert frozen > 10_000
    assert threshold > 700  # the interpreter's own; that of this process may have been set by another test


async def test_a_full_queue_refuses():
    async with WorkerPool(1, queue_limit=1) as pool:
        running = asyncio.create_task(pool.run(tasks.sleep, 0.5))
        waiting = asyncio.create_task(pool.run(tasks.sleep, 0.0))
        await asyncio.sleep(0.1)
        with pytest.raises(EtudeError) as caught:
            await pool.run(tasks.pid)
        assert caught.value.reason == "RATE_LIMITED"
        assert caught.value.retry_after_s
        await asyncio.gather(running, waiting)


async def test_closing_ends_what_runs_and_leaves_no_process(tmp_path):
    marker = tmp_path / "pid"
    async with WorkerPool(2) as pool:
        running = asyncio.create_task(pool.run(tasks.spin, str(marker)))
        await eventually(lambda: marker.exists() and marker.read_text())
    with pytest.raises(EtudeError) as caught:
        await running
    assert caught.value.reason == "SHUTTING_DOWN"
    await eventually(lambda: not _alive(int(marker.read_text())))


async def test_closing_at_once_is_quiet():
    async with WorkerPool(2):
        pass


async def test_closing_refuses_what_waits_or_is_about_to_start():
    async with WorkerPool(1) as pool:
        calls = [asyncio.create_task(pool.run(tasks.sleep, 60)) for _ in range(3)]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [getattr(outcome, "reason", outcome) for outcome in outcomes] == ["SHUTTING_DOWN"] * 3

